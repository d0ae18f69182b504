"""Scoring files with trained models: one friend file for each input, in constant memory."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hepml.data.columns import required_branches
from hepml.errors import (
    BranchNotFoundError,
    ExpressionError,
    FeatureMismatchError,
    HepmlError,
    IdentityError,
    InvalidInputError,
    OutputError,
)
from hepml.readers import FriendRequest, SampleRequest, TreeLocation, TreeSource, expand_files, root_writer
from hepml.readers.friends import Friends, JoinedSource
from hepml.readers.writing import check_format
from hepml.workflow.ranges import OutsideRange, add_up, range_warning
from hepml.workflow.scoring import Scorers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hepml.readers.writing import RootFormat

__all__ = ["AppliedFile", "apply_model"]

_LOG = logging.getLogger("hepml.workflow")

_CHUNK_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """What was made of one input: its file and tree, the friend file, entries, and those that a method cannot score.

    ``ranges`` has the entries outside of the ranges of the training, by feature; it is empty for models that know none.
    """

    source: str
    output: Path
    n_entries: int
    n_not_scored: int
    ranges: tuple[OutsideRange, ...] = ()


@dataclass(frozen=True, slots=True)
class _Task:
    """An input that has been looked at: which tree, where among all inputs, and what is to be written."""

    location: TreeLocation
    position: int
    first_entry: int
    n_entries: int
    output: Path
    format: RootFormat


def apply_model(
    model: str | os.PathLike[str],
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    tree: str | None = None,
    sample: str | None = None,
    average: bool = False,
    signal_efficiency: float | None = None,
    friends: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = (),
    index: str | Iterable[str] = (),
    format: RootFormat | None = None,
    overwrite: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> list[AppliedFile]:
    """Score ROOT files.

    Each input gets a friend file: a tree of the same name with the same entries in the same order, holding the identity
    branches and for each method ``METHOD`` (float64 score; NaN where a feature is infinite) and ``METHOD_seen`` (int32: 0
    unseen, 1 trained, 2 validation, 3 test; -1 not known, for models of other programs; for models of folds the number of
    the model that scored the event, which has not seen it, or -2 for the average). All entries are scored, selected or not.
    All inputs are opened and checked before the first file is written.

    Parameters
    ----------
    model : path-like
        A run folder (all its methods), the folder of one model, or a model file of another program: ``weights.xml`` of
        TMVA, XGBoost, LightGBM, ONNX.
    files : path-like or iterable of path-like
        Files or globs, each optionally with ``:tree``.
    out : path-like
        Folder for the friend files, which get the names of their inputs; or a name that ends in ``.root`` for one input.
    tree : str, optional
        Tree of files that name none. Default: that of the training if the file has it, else the only one.
    sample : str, optional
        Sample of the training that the events belong to; ``none`` states that they are new. Default: an event counts as
        seen if any sample of the training had its identity.
    average : bool
        For models of folds: score by the mean of the models of all folds instead of each event by the one that has not seen
        it. Only for events that were in no part of the training.
    signal_efficiency : float, optional
        For cuts of TMVA, which are chosen by it.
    friends : path-like or iterable of path-like
        Trees with further branches of the same events: files or globs, each optionally with ``:tree``; ``:tree`` alone is
        another tree of the inputs. A branch of an input comes before one of a friend.
    index : str or iterable of str
        Integer expressions that find the partner of an entry in each friend. Default: entries are in the same order, with
        one file for each input or as many entries in all.
    format : {"ttree", "rntuple"}, optional
        What the friends are written as. Default: what the input is, since ROOT joins only trees of one kind.
    overwrite : bool
        Whether existing friend files may be replaced.
    progress : callable, optional
        Called with the input's name and the fraction done.

    Returns
    -------
    list of AppliedFile
        One for each input.

    Raises
    ------
    FeatureMismatchError
        If an input lacks a branch that the model needs, or has one of a type that it cannot use.
    IdentityError
        If it cannot be said which events the model has seen, the average of folds is asked for events of their training, or
        a friend has other events than its input.
    InvalidInputError
        If several inputs would go into one file, or a method has the name of a branch that identifies an event.
    ModelFormatError
        If a model is damaged.
    OutputError
        If an output exists, is an input, or would be written twice.
    UnknownNameError
        If there is no such format.
    """
    wanted = None if format is None else check_format(format)
    scorers = Scorers(Path(model), sample, average=average, signal_efficiency=signal_efficiency)
    locations = [_with_tree(location, scorers.trees) for location in expand_files(files, tree)]
    requests = _friend_requests(friends, index, locations, scorers.trees)
    joined = [location for request in requests for location in request.files]
    outputs = _output_paths(locations, Path(out), overwrite=overwrite, read=joined)
    together = Friends(SampleRequest("the inputs", "apply_only", locations, friends=requests), threads=1)
    tasks: list[_Task] = []
    first_entry = 0
    for position, (location, output) in enumerate(zip(locations, outputs, strict=True)):
        with together.open(location, position, first_entry) as source:
            kind = wanted or ("rntuple" if _main(source).is_rntuple else "ttree")
            check_format(kind, scorers.names)
            _require(source, scorers, has_friends=bool(requests))
            tasks.append(_Task(location, position, first_entry, source.n_entries, output, kind))
        first_entry += tasks[-1].n_entries
    together.check_length(first_entry)
    tell = progress or (lambda _step, _fraction: None)
    applied = [_apply_to_file(scorers, together, task, tell, overwrite=overwrite) for task in tasks]
    if warning := range_warning(add_up([one.ranges for one in applied])):
        _LOG.warning("%s", warning)
    return applied


def _with_tree(location: TreeLocation, names: Sequence[str]) -> TreeLocation:
    """Choose the tree of a file that names none: one of ``names`` if the file has it, else the only one."""
    for name in names if location.tree is None else ():
        try:
            with TreeSource(TreeLocation(location.path, name)):
                return TreeLocation(location.path, name)
        except KeyError:
            continue
    return location


def _friend_requests(
    friends: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    index: str | Iterable[str],
    locations: Sequence[TreeLocation],
    trees: Sequence[str],
) -> list[FriendRequest]:
    keys = (index,) if isinstance(index, str) else tuple(index)
    listed = [friends] if isinstance(friends, (str, os.PathLike)) else list(friends)
    if keys and not listed:
        msg = f"`index` ({', '.join(keys)}) finds the partners of entries in friends, but no friend is given (--friend)"
        raise InvalidInputError(msg)
    requests = []
    for item in listed:
        text = str(item)
        if text.startswith(":"):
            found = [TreeLocation(path, text[1:]) for path in dict.fromkeys(location.path for location in locations)]
        else:
            found = [_with_tree(location, trees) for location in expand_files(text)]
        requests.append(FriendRequest(found, keys))
    return requests


def _output_paths(
    locations: Sequence[TreeLocation], out: Path, *, overwrite: bool, read: Sequence[TreeLocation] = ()
) -> list[Path]:
    if out.suffix == ".root":
        if len(locations) != 1:
            msg = f"{len(locations)} inputs cannot go into one file {out}: give a folder"
            raise InvalidInputError(msg)
        outputs = [out]
    else:
        outputs = [out / _file_name(location.path) for location in locations]
    inputs = {Path(location.path).resolve() for location in (*locations, *read) if "://" not in location.path}
    for number, output in enumerate(outputs):
        if output.resolve() in inputs:
            msg = f"{output} is an input: choose another folder, inputs are never overwritten"
            raise OutputError(msg)
        if output in outputs[:number]:
            first = locations[outputs.index(output)]
            msg = (
                f"{locations[number]} and {first} would both be written to {output}: apply them into different folders"
            )
            raise OutputError(msg)
        if output.exists() and not overwrite:
            msg = f"{output} exists already: choose another folder or allow it to be overwritten (--overwrite)"
            raise OutputError(msg)
    return outputs


def _file_name(path: str) -> str:
    """Return the name of a file; an address may end in a query (``f.root?token=...``)."""
    return Path(urlsplit(path).path if "://" in path else path).name


def _require(source: TreeSource | JoinedSource, scorers: Scorers, *, has_friends: bool) -> None:
    """Refuse an input that lacks what the models need, or has it in a form that they cannot use."""
    of_identity = set(required_branches(scorers.identity))
    for name in scorers.branches:
        try:
            source.numeric_branch(name)
        except HepmlError as error:
            if name in of_identity:
                msg = (
                    f"{error}. It identifies an event for the model; if these events are new, state it by --sample none"
                )
                raise IdentityError(msg) from error
            msg = f"the model cannot be applied to {source}: {error}"
            if isinstance(error, BranchNotFoundError) and not has_friends:
                msg += "; if it is in a friend tree, give that as well: --friend FILE[:TREE]"
            raise FeatureMismatchError(msg) from error
    # no entries tell all about types: lists that are not reduced, an identity in floating numbers
    columns = source.read(scorers.branches, 0, 0)
    for compute, kind in ((scorers.identify, IdentityError), (scorers.features, FeatureMismatchError)):
        try:
            compute(columns, 0)
        except ExpressionError as error:
            msg = f"the model cannot be applied to {source}: {error}"
            raise kind(msg) from error


def _apply_to_file(
    scorers: Scorers, friends: Friends, task: _Task, tell: Callable[[str, float], None], *, overwrite: bool
) -> AppliedFile:
    n_not_scored = 0
    name = _file_name(task.location.path)
    with (
        friends.open(task.location, task.position, task.first_entry) as source,
        root_writer(task.output, format=task.format, overwrite=overwrite) as writer,
    ):
        # a cycle says which version of the tree was read and is no part of its name
        tree = _main(source).tree_name.strip("/").partition(";")[0]
        for start, stop in pairwise(source.chunk_edges(scorers.branches, _CHUNK_BYTES)):
            written, n_bad = scorers.evaluate(source.read(scorers.branches, start, stop), stop - start)
            n_not_scored += n_bad
            writer.extend(tree, written)
            tell(name, stop / max(task.n_entries, 1))
        ranges = scorers.ranges.take()
        facts = {"format": "hepml-friend", "version": 1, "of": name, "tree": tree}
        writer.note(facts | {"ranges": [one.to_dict() for one in ranges]})
    if n_not_scored:
        _LOG.warning("%s: %d entries have NaN for a score because a feature is infinite", source, n_not_scored)
    return AppliedFile(str(source), task.output, task.n_entries, n_not_scored, ranges)


def _main(source: TreeSource | JoinedSource) -> TreeSource:
    return source.main if isinstance(source, JoinedSource) else source
