"""Scoring files with trained models: one friend file for each input, in constant memory."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from hepml import classifiers
from hepml.data import FALLBACK_NAMES, Identity
from hepml.data.columns import evaluate_feature, required_branches
from hepml.errors import (
    FeatureMismatchError,
    HepmlError,
    IdentityError,
    InvalidInputError,
    ModelFormatError,
    OutputError,
)
from hepml.expressions import parse
from hepml.readers import TreeLocation, TreeSource, expand_files, root_writer
from hepml.workflow.run import Run
from hepml.workflow.seen import SEEN_FILE, SeenEvents

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["AppliedFile", "apply_model"]

_LOG = logging.getLogger("hepml.workflow")

_CHUNK_BYTES = 16_000_000
_NEW_EVENTS = "none"


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """What was made of one input: its file and tree, the friend file, entries, and those that a method cannot score."""

    source: str
    output: Path
    n_entries: int
    n_not_scored: int


def apply_model(
    model: str | os.PathLike[str],
    files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    tree: str | None = None,
    sample: str | None = None,
    overwrite: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> list[AppliedFile]:
    """Score ROOT files.

    Each input gets a friend file: a tree of the same name with the same entries in the same order, holding the identity
    branches and for each method ``METHOD`` (float64 score; NaN where a feature is infinite) and ``METHOD_seen`` (int32: 0
    unseen, 1 trained, 2 validation, 3 test). All entries are scored, selected or not.

    Parameters
    ----------
    model : path-like
        A run folder (all its methods) or the folder of one model.
    files : path-like or iterable of path-like
        Files or globs, each optionally with ``:tree``.
    out : path-like
        Folder for the friend files, which get the names of their inputs; or a name that ends in ``.root`` for one input.
    tree : str, optional
        Tree of files that name none. Default: that of the training if the file has it, else the only one.
    sample : str, optional
        Sample of the training that the events belong to; ``none`` states that they are new. Default: an event counts as
        seen if any sample of the training had its identity.
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
        If an input lacks a branch that the model needs.
    IdentityError
        If it cannot be said which events the model has seen.
    InvalidInputError
        If several inputs would go into one file, or a method has the name of a branch that identifies an event.
    ModelFormatError
        If a model is damaged.
    OutputError
        If an output exists, is an input, or would be written twice.
    """
    scorers = _load_scorers(Path(model), sample)
    locations = expand_files(files, tree)
    outputs = _output_paths(locations, Path(out), overwrite=overwrite)
    tell = progress or (lambda _step, _fraction: None)
    return [
        _apply_to_file(scorers, location, output, tell, overwrite=overwrite)
        for location, output in zip(locations, outputs, strict=True)
    ]


class _Scorer:
    """One model and what it needs from a file."""

    def __init__(self, name: str, model: Any, sample: str | None) -> None:
        self.name = name
        self.features = model.features
        tree = model.context.get("tree")
        self.tree = tree if isinstance(tree, str) else None
        self._model = model
        self.identity = _texts(model, "identity")
        self._seen: SeenEvents | None = None
        if self.identity == FALLBACK_NAMES or not self.identity:
            if sample != _NEW_EVENTS:
                msg = (
                    f"{name} was trained without branches that identify an event, so it cannot be said which events it has "
                    f"seen: state `identity:` in the analysis file and train again, or state that all events are new by "
                    f"--sample {_NEW_EVENTS}"
                )
                raise IdentityError(msg)
            self.identity = ()
        elif sample != _NEW_EVENTS:
            if SEEN_FILE not in model.attachments:
                msg = (
                    f"{name} holds no table of the events it was trained on; state that events are new by --sample none"
                )
                raise ModelFormatError(msg)
            table = SeenEvents.from_bytes(model.attachments[SEEN_FILE], self.identity, _texts(model, "samples"))
            self._seen = table.within(sample)

    def scores(self, columns: Mapping[str, Any], n_entries: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Return scores and the mask of entries that have none, since a feature is infinite."""
        X = np.empty((n_entries, len(self.features)), dtype=np.float32, order="F")
        with np.errstate(over="ignore"):
            for number, feature in enumerate(self.features):
                X[:, number] = evaluate_feature(feature, columns, n_entries)
        infinite = np.zeros(n_entries, dtype=bool)
        for number in range(len(self.features)):
            infinite |= np.isinf(X[:, number])
        X[infinite] = np.nan
        score = np.asarray(self._model.evaluate(X), dtype=np.float64)
        score[infinite] = np.nan
        return score, infinite

    def seen(self, identity: Identity | None, n_entries: int) -> NDArray[np.int32]:
        if self._seen is None or identity is None:
            return np.zeros(n_entries, dtype=np.int32)
        return self._seen.lookup(identity).astype(np.int32)


def _texts(model: Any, key: str) -> tuple[str, ...]:
    """Return a list of texts that a model remembers; a model is not trusted to remember anything."""
    found = model.context.get(key, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        msg = f"the model's {key!r} is not a list of texts: it is damaged"
        raise ModelFormatError(msg)
    return tuple(found)


def _load_scorers(path: Path, sample: str | None) -> list[_Scorer]:
    if (path / "metrics.json").is_file():
        run = Run(path)
        models = {name: run.model(name) for name in run.method_names}
    else:
        model = classifiers.load(path)
        models = {str(model.context.get("method", path.name)): model}
    scorers = [_Scorer(name, model, sample) for name, model in models.items()]
    if len({scorer.identity for scorer in scorers}) != 1:
        msg = f"the models of {path} identify events differently: apply them one by one"
        raise IdentityError(msg)
    for scorer in scorers:
        for name in (scorer.name, f"{scorer.name}_seen"):
            if name in scorer.identity:
                msg = f"{name!r} would name two branches of the friend, a score and what identifies an event"
                raise InvalidInputError(msg)
    return scorers


def _output_paths(locations: Sequence[TreeLocation], out: Path, *, overwrite: bool) -> list[Path]:
    if out.suffix == ".root":
        if len(locations) != 1:
            msg = f"{len(locations)} inputs cannot go into one file {out}: give a folder"
            raise InvalidInputError(msg)
        outputs = [out]
    else:
        outputs = [out / _file_name(location.path) for location in locations]
    inputs = {Path(location.path).resolve() for location in locations if "://" not in location.path}
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


def _apply_to_file(
    scorers: list[_Scorer], location: TreeLocation, output: Path, tell: Callable[[str, float], None], *, overwrite: bool
) -> AppliedFile:
    identity_names = scorers[0].identity
    texts = [feature.expression for scorer in scorers for feature in scorer.features]
    names = required_branches([*texts, *identity_names])
    n_not_scored = 0
    with _open(location, scorers) as source:
        _require(source, names, identity_names)
        edges = source.chunk_edges(names, _CHUNK_BYTES)
        # a cycle says which version of the tree was read and is no part of its name
        tree = source.tree_name.strip("/").partition(";")[0]
        with root_writer(output, overwrite=overwrite) as writer:
            writer.note({"format": "hepml-friend", "version": 1, "of": _file_name(source.path), "tree": tree})
            for start, stop in pairwise(edges):
                columns = source.read(names, start, stop)
                n_entries = stop - start
                written: dict[str, Any] = {}
                identity = None
                if identity_names:
                    integers = tuple(parse(name).evaluate_integer(columns, n_entries) for name in identity_names)
                    identity = Identity(identity_names, integers)
                    written |= dict(zip(identity_names, integers, strict=True))
                not_scored = np.zeros(n_entries, dtype=bool)
                for scorer in scorers:
                    score, infinite = scorer.scores(columns, n_entries)
                    not_scored |= infinite
                    written[scorer.name] = score
                    written[f"{scorer.name}_seen"] = scorer.seen(identity, n_entries)
                n_not_scored += int(not_scored.sum())
                writer.extend(tree, written)
                tell(_file_name(source.path), stop / max(source.n_entries, 1))
        if n_not_scored:
            _LOG.warning("%s: %d entries have NaN for a score because a feature is infinite", source, n_not_scored)
        return AppliedFile(str(source), output, source.n_entries, n_not_scored)


def _open(location: TreeLocation, scorers: list[_Scorer]) -> TreeSource:
    if location.tree is None:
        for name in dict.fromkeys(scorer.tree for scorer in scorers if scorer.tree):
            try:
                return TreeSource(TreeLocation(location.path, name))
            except KeyError:
                continue
    return TreeSource(location)


def _require(source: TreeSource, names: Sequence[str], identity_names: Sequence[str]) -> None:
    """Refuse an input that lacks a branch, before anything is written."""
    for name in names:
        try:
            source.numeric_branch(name)
        except HepmlError as error:
            if name in required_branches(identity_names):
                msg = (
                    f"{error}. It identifies an event for the model; if these events are new, state it by --sample none"
                )
                raise IdentityError(msg) from error
            msg = f"the model cannot be applied to {source}: {error}"
            raise FeatureMismatchError(msg) from error
