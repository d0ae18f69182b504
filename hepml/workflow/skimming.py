"""A smaller ROOT file of what an analysis reads: selected events with features, weights, identities; in constant memory."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import asdict, dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import refuse_existing, write_text
from hepml.config import dump_yaml
from hepml.data import Dataset, Identity, Part
from hepml.data.tables import event_columns
from hepml.errors import InvalidInputError, OutputError
from hepml.expressions import parse
from hepml.readers import root_writer
from hepml.report import file_record, library_versions
from hepml.workflow.blinding import blind_spectators

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from hepml.config import AnalysisConfig
    from hepml.data import SampleInfo
    from hepml.readers import RootWriter, SampleRequest, Stream
    from hepml.readers.writing import RootFormat
    from hepml.workflow.analysis import Analysis

__all__ = ["Skim", "SkimmedSample", "skim"]

_CHUNK_BYTES = 16_000_000
# a basket of fewer events costs more to read than it saves in memory
_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class SkimmedSample:
    """One sample of a skim: its trees, entries before the selection, events after it and their signed sum of weights."""

    name: str
    trees: tuple[str, ...]
    n_entries: int
    n_events: int
    sum_weights: float


@dataclass(frozen=True, slots=True)
class Skim:
    """What was written: the ROOT file, an analysis file that reads it, and the samples."""

    path: Path
    analysis: Path
    samples: tuple[SkimmedSample, ...]


def skim(
    analysis: Analysis,
    out: str | os.PathLike[str],
    *,
    format: RootFormat = "ttree",
    overwrite: bool = False,
    threads: int = 1,
    progress: Callable[[str, float], None] | None = None,
) -> Skim:
    """Write the events that an analysis selects to one smaller ROOT file, and beside it an analysis file that reads it.

    Each sample gets a tree of its name (``NAME_train`` and so on where parts were fixed beforehand) with the features as
    float32, spectators, the identity in 64-bit integers, and ``weight``, which is the whole signed weight (float64). The
    note of the file (TObjString ``hepml``, JSON) tells where it came from.

    Parameters
    ----------
    analysis : Analysis
        Says what is read and selected.
    out : path-like
        The ROOT file. The analysis file gets its name with the suffix ``.yaml``.
    format : {"ttree", "rntuple"}
        What the trees are.
    overwrite : bool
        Whether existing files may be replaced.
    threads : int
        Threads that decompress. With more than one, the next chunk is read while one is written.
    progress : callable, optional
        Called with the sample's name and the fraction that is done of all entries.

    Returns
    -------
    Skim
        Files and samples. Data are written as they are selected: blinding is for runs, and the new analysis file blinds as
        the old one did.

    Raises
    ------
    OutputError
        If an output exists and may not be replaced, is an input, or cannot be written.
    InvalidInputError
        If two trees or branches would have the same name.
    HepmlError
        As :func:`hepml.read`.
    """
    config = analysis.config
    requests = analysis.requests()
    target = Path(out)
    companion = target.with_suffix(".yaml")
    _check_outputs(target, companion, requests, overwrite=overwrite)
    trees = _trees(config, requests)
    for item in (*analysis.features(), *analysis.spectators()):
        _require_branch_name(item.name)

    def tell(done: int, total: int) -> None:
        if progress is not None:
            ends = list(accumulate(stream.n_entries))
            progress(requests[min(bisect_left(ends, done), len(ends) - 1)].name, done / max(total, 1))

    stream = analysis.iterate(chunk=_CHUNK_BYTES, threads=threads, read_ahead=threads > 1, progress=tell)
    names = _identity_names(stream)
    with root_writer(target, format=format, overwrite=overwrite) as writer:
        _write_events(writer, stream, [trees[request.name] for request in requests], names)
        samples = tuple(_skimmed(info, trees[info.name]) for info in stream.samples)
        writer.note(
            {
                "format": "hepml-skim",
                "version": 1,
                "analysis": config.name,
                "selection": config.selection,
                "weight": config.weight,
                "features": [feature.to_dict() for feature in stream.features],
                "spectators": [feature.to_dict() for feature in stream.spectators],
                "identity": dict(zip(names, stream.identity, strict=True)),
                "samples": [
                    asdict(sample) | _facts(request, info)
                    for sample, request, info in zip(samples, requests, stream.samples, strict=True)
                ],
                "libraries": library_versions(),
            }
        )
    of_sample = {name: tuple(by_part.values()) for name, by_part in trees.items()}
    write_text(companion, _analysis_of_skim(config, target.name, of_sample, names), overwrite=overwrite)
    return Skim(target, companion, samples)


def _check_outputs(target: Path, companion: Path, requests: Sequence[SampleRequest], *, overwrite: bool) -> None:
    if target.suffix != ".root":
        msg = f"{target} must be the name of a ROOT file (.root)"
        raise OutputError(msg)
    read = [location for request in requests for location in request.files]
    read += [location for request in requests for friend in request.friends for location in friend.files]
    inputs = {Path(location.path).resolve() for location in read}
    if target.resolve() in inputs:
        msg = f"{target} is an input: choose another name, inputs are never overwritten"
        raise OutputError(msg)
    for path in (target, companion):
        refuse_existing(path, overwrite=overwrite)


def _trees(config: AnalysisConfig, requests: Sequence[SampleRequest]) -> dict[str, dict[int, str]]:
    """Return the trees of each sample, one for each part that was fixed beforehand, or one for part 0."""
    trees = {}
    for sample, request in zip(config.samples, requests, strict=True):
        parts = dict.fromkeys(request.parts)
        named = {part: f"{sample.name}_{Part(part).name.lower()}" for part in parts}
        trees[sample.name] = named or {0: sample.name}
    names = [name for of_sample in trees.values() for name in of_sample.values()]
    for name in names:
        if names.count(name) > 1:
            msg = f"two samples would be written to a tree {name!r}: rename one"
            raise InvalidInputError(msg)
    return trees


def _require_branch_name(name: str) -> None:
    expression = parse(name)
    if not expression.is_branch or set(expression.branches) != {name}:
        msg = f"a branch named {name!r} would be read as an expression: rename the feature or spectator"
        raise InvalidInputError(msg)


def _identity_names(stream: Stream) -> tuple[str, ...]:
    """Return names of branches for what identifies an event, which may be expressions."""
    taken = {item.name for item in (*stream.features, *stream.spectators)}
    plain = [bool(re.fullmatch(r"[A-Za-z_]\w*", text)) for text in stream.identity]
    names = tuple(
        text if good else f"identity_{number}"
        for number, (text, good) in enumerate(zip(stream.identity, plain, strict=True))
    )
    for name, good in zip(names, plain, strict=True):
        if not good and name in taken:
            msg = f"{name!r} would name two branches: rename the feature or spectator"
            raise InvalidInputError(msg)
    return names


def _write_events(writer: RootWriter, stream: Stream, trees: Sequence[dict[int, str]], names: tuple[str, ...]) -> None:
    """Append the chunks to the trees of their samples, several at once where few events of each are left."""
    pending: list[Dataset] = []
    pending_tree = ""
    written: set[str] = set()
    nothing: dict[int, Dataset] = {}

    def flush() -> None:
        if pending:
            writer.extend(pending_tree, _columns(Dataset.concatenate(pending), names))
            written.add(pending_tree)
            pending.clear()

    for dataset in stream:
        number = int(dataset.sample[0])
        # all events of a chunk are of one file
        tree = trees[number][0 if dataset.fixed_part is None else int(dataset.fixed_part[0])]
        if number not in nothing:
            nothing[number] = dataset[np.zeros(0, dtype=np.int64)]
        if tree != pending_tree or sum(map(len, pending)) + len(dataset) > _ROWS_AT_ONCE:
            flush()
        pending_tree = tree
        pending.append(dataset)
        # the list keeps it
        del dataset
    flush()
    for number, of_sample in enumerate(trees):
        for tree in of_sample.values():
            if tree not in written:
                writer.extend(tree, _columns(nothing[number], names))


def _skimmed(info: SampleInfo, trees: dict[int, str]) -> SkimmedSample:
    selected = info.cutflow.steps[-1]
    return SkimmedSample(
        info.name, tuple(trees.values()), info.n_entries, int(selected.n_events or 0), selected.sum_weights
    )


def _facts(request: SampleRequest, info: SampleInfo) -> dict[str, Any]:
    """Return what the note of the file tells of a sample beside what was written."""
    friends = [location for friend in request.friends for location in friend.files]
    read = [location for location in request.files if str(location) in info.files]
    return {
        "role": request.role,
        "title": request.title,
        "selection": request.selection,
        "weight": request.weight,
        "scale": request.scale,
        "normalise": None if request.normalise is None else asdict(request.normalise),
        "max_events": request.max_events,
        "bad_files": request.bad_files,
        "skipped": [asdict(file) for file in info.skipped],
        "cutflow": info.cutflow.to_dict(),
        "files": [file_record(path) for path in dict.fromkeys(location.path for location in (*read, *friends))],
    }


def _columns(dataset: Dataset, names: tuple[str, ...]) -> dict[str, Any]:
    if names:
        dataset = replace(dataset, identity=Identity(names, dataset.identity.columns))
    columns = event_columns(dataset)
    # each tree is one sample; without an identity, its place in the file is all that tells an event
    dropped = {"sample"} if names else {"sample", *dataset.identity.names}
    return {name: column for name, column in columns.items() if name not in dropped}


def _analysis_of_skim(
    config: AnalysisConfig, file_name: str, trees: dict[str, tuple[str, ...]], names: tuple[str, ...]
) -> str:
    """Return the analysis file of the skim: nothing is left to be selected or computed."""
    blind = {text: name for name, text in blind_spectators(config).items()}
    content = config.model_dump(mode="json")
    for sample in content["samples"]:
        of_sample = trees[sample["name"]]
        files = sample["files"]
        if isinstance(files, dict):
            sample["files"] = {part: f"{file_name}:{tree}" for part, tree in zip(files, of_sample, strict=True)}
        else:
            sample["files"] = f"{file_name}:{of_sample[0]}"
        sample |= {"tree": None, "selection": "", "weight": "", "scale": 1.0, "friends": []}
        # the weights are final, and what could not be read or was not wanted is not there
        sample |= {"normalise": None, "max_events": None, "bad_files": "error"}
        sample["blind"] = blind.get(sample["blind"], sample["blind"])
    for item in (*content["features"], *content["spectators"]):
        item |= {"expression": "", "missing": []}
    content |= {"tree": None, "selection": "", "weight": "weight", "missing": []}
    content["identity"] = list(names) or None
    return dump_yaml(content)
