"""A smaller ROOT file of what an analysis reads: selected events with features, weights, identities; in constant memory."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import refuse_existing, write_text
from hepml.config import dump_yaml
from hepml.data import Dataset, Feature, Identity, Part, SampleInfo, check_weights
from hepml.data.cutflow import Tally
from hepml.data.tables import event_columns
from hepml.errors import EmptySelectionError, InvalidInputError, OutputError, WeightError
from hepml.expressions import parse, split_selection
from hepml.readers import root_writer
from hepml.readers.block import Block, Chunk, Plan
from hepml.readers.schema import common_identity, inspect_sample
from hepml.report import file_record, library_versions
from hepml.workflow.blinding import blind_spectators

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence

    from hepml.config import AnalysisConfig
    from hepml.readers import RootWriter, SampleRequest
    from hepml.readers.schema import Schema
    from hepml.workflow.analysis import Analysis

__all__ = ["Skim", "SkimmedSample", "skim"]

_LOG = logging.getLogger("hepml.workflow")

_CHUNK_BYTES = 16_000_000
# a basket of fewer events costs more to read than it saves in memory
_ROWS_AT_ONCE = 100_000
# these count events over all files of a sample, in one go
_NOT_POSSIBLE = ("normalise", "max_events")


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
    overwrite : bool
        Whether existing files may be replaced.
    threads : int
        Threads that decompress.
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
        If two trees or branches would have the same name, or a sample is normalised by its files.
    HepmlError
        As :func:`hepml.read`.
    """
    config = analysis.config
    # what could not be read would be missing for good
    requests = [replace(request, bad_files="error") for request in analysis.requests()]
    target = Path(out)
    companion = target.with_suffix(".yaml")
    _check_outputs(target, companion, requests, overwrite=overwrite)
    trees = _trees(config, requests)
    spectators = [
        Feature(item.name, expression=item.expression, unit=item.unit, title=item.title, missing=item.missing or ())
        for item in config.spectators
    ]
    spectators += [Feature(name, expression=text) for name, text in blind_spectators(config).items()]
    for item in (*analysis.features(), *spectators):
        _require_branch_name(item.name)
    schemas = [
        inspect_sample(
            request,
            analysis.features(),
            spectators,
            selection=config.selection,
            weight=config.weight,
            identity=config.identity,
            threads=threads,
        )
        for request in requests
    ]
    plan = Plan(analysis.features(), tuple(spectators), common_identity(schemas))
    names = _identity_names(plan)
    tell = _Meter(sum(schema.n_entries for schema in schemas), progress)
    samples, facts = [], []
    with root_writer(target, overwrite=overwrite) as writer:
        for request, schema in zip(requests, schemas, strict=True):
            reader = _SampleSkimmer(config, request, plan, schema, tell)
            for position, tree in enumerate(trees[request.name]):
                _write_tree(writer, tree, reader.events(position), names)
            samples.append(reader.result(trees[request.name]))
            facts.append(reader.facts(trees[request.name]))
        writer.note(
            {
                "format": "hepml-skim",
                "version": 1,
                "analysis": config.name,
                "selection": config.selection,
                "weight": config.weight,
                "features": [feature.to_dict() for feature in plan.features],
                "spectators": [feature.to_dict() for feature in plan.spectators],
                "identity": dict(zip(names, plan.identity, strict=True)),
                "samples": facts,
                "libraries": library_versions(),
            }
        )
    write_text(companion, _analysis_of_skim(config, target.name, trees, names), overwrite=overwrite)
    return Skim(target, companion, tuple(samples))


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


def _trees(config: AnalysisConfig, requests: Sequence[SampleRequest]) -> dict[str, tuple[str, ...]]:
    """Return the trees of each sample, one for each part that was fixed beforehand."""
    trees = {}
    for sample, request in zip(config.samples, requests, strict=True):
        for key in _NOT_POSSIBLE:
            if getattr(sample, key) is not None:
                msg = f"sample {sample.name!r} has `{key}`, which a skim cannot hold: take it out of the analysis file"
                raise InvalidInputError(msg)
        parts = dict.fromkeys(request.parts)
        trees[sample.name] = tuple(f"{sample.name}_{Part(part).name.lower()}" for part in parts) or (sample.name,)
    names = [name for of_sample in trees.values() for name in of_sample]
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


def _identity_names(plan: Plan) -> tuple[str, ...]:
    """Return names of branches for what identifies an event, which may be expressions."""
    taken = {item.name for item in (*plan.features, *plan.spectators)}
    plain = [bool(re.fullmatch(r"[A-Za-z_]\w*", text)) for text in plan.identity]
    names = tuple(
        text if good else f"identity_{number}"
        for number, (text, good) in enumerate(zip(plan.identity, plain, strict=True))
    )
    for name, good in zip(names, plain, strict=True):
        if not good and name in taken:
            msg = f"{name!r} would name two branches: rename the feature or spectator"
            raise InvalidInputError(msg)
    return names


class _Meter:
    """Entries that are done, of all samples."""

    def __init__(self, total: int, progress: Callable[[str, float], None] | None) -> None:
        self._total, self._progress, self._done = max(total, 1), progress, 0

    def __call__(self, name: str, n_entries: int) -> None:
        self._done += n_entries
        if self._progress is not None:
            self._progress(name, self._done / self._total)


class _SampleSkimmer:
    """Reads one sample chunk by chunk, and counts."""

    def __init__(
        self,
        config: AnalysisConfig,
        request: SampleRequest,
        plan: Plan,
        schema: Schema,
        tell: _Meter,
    ) -> None:
        self._request, self._plan, self._schema, self._tell = request, plan, schema, tell
        self._cuts = (*split_selection(config.selection), *split_selection(request.selection))
        self._factor = "*".join(f"({text})" for text in (config.weight, request.weight) if text)
        self._tally = Tally(self._cuts)
        self._n_entries, self._n_events, self._sum, self._any_weight = 0, 0, 0.0, False

    def events(self, tree_number: int) -> Iterator[Dataset]:
        """Give the selected events of the files that belong to one tree."""
        wanted = list(dict.fromkeys(self._request.parts))[tree_number] if self._request.parts else 0
        branches = self._schema.branches
        for facts in self._schema.files:
            if facts.part != wanted:
                continue
            with self._schema.friends.open(facts.location, facts.position, facts.first_entry) as source:
                for start, stop in pairwise(source.chunk_edges(branches, _CHUNK_BYTES)):
                    yield self._select(Chunk(source, branches, start, stop))
                    self._tell(self._request.name, stop - start)

    def _select(self, chunk: Chunk) -> Dataset:
        request = self._request
        block = Block(len(chunk), self._plan)
        block.append(chunk, self._tally, sample=0, part=0, cuts=self._cuts, factor=self._factor, scale=request.scale)
        if block.n_rows:
            block.check_finite(slice(0, block.n_rows), request.name)
        weight = block.weight[: block.n_rows]
        if not np.isfinite(weight).all():
            check_weights(weight, f"sample {request.name!r}, weight {self._factor}, {chunk.source}")
        self._n_entries += len(chunk)
        self._n_events += len(weight)
        self._sum += float(weight.sum())
        self._any_weight |= bool(weight.any())
        return block.finish((SampleInfo(request.name, request.role),))

    def result(self, trees: tuple[str, ...]) -> SkimmedSample:
        """Return what was written; a sample of which nothing is left is an error, as in a run."""
        name = self._request.name
        if not self._n_events:
            cut = " && ".join(f"({text})" for text in self._cuts)
            msg = f"sample {name!r}: none of {self._n_entries} entries passes the selection {cut!r}"
            raise EmptySelectionError(msg)
        if not self._any_weight:
            msg = f"sample {name!r}: all {self._n_events} weights are zero: is {self._factor!r} the right expression?"
            raise WeightError(msg)
        return SkimmedSample(name, trees, self._n_entries, self._n_events, self._sum)

    def facts(self, trees: tuple[str, ...]) -> dict[str, Any]:
        """Return what the note of the file tells of the sample."""
        request = self._request
        friends = [location for friend in request.friends for location in friend.files]
        paths = dict.fromkeys(location.path for location in (*request.files, *friends))
        return asdict(self.result(trees)) | {
            "role": request.role,
            "title": request.title,
            "selection": request.selection,
            "weight": request.weight,
            "scale": request.scale,
            "cutflow": self._tally.cutflow().to_dict(),
            "files": [file_record(path) for path in paths],
        }


def _write_tree(writer: RootWriter, tree: str, events: Iterator[Dataset], names: tuple[str, ...]) -> None:
    """Append the chunks to a tree, several at once where few events of each are left."""
    pending: list[Dataset] = []
    for dataset in events:
        pending.append(dataset)
        if sum(map(len, pending)) >= _ROWS_AT_ONCE:
            writer.extend(tree, _columns(Dataset.concatenate(pending), names))
            pending = []
    if pending:
        writer.extend(tree, _columns(Dataset.concatenate(pending), names))


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
        sample["blind"] = blind.get(sample["blind"], sample["blind"])
    for item in (*content["features"], *content["spectators"]):
        item |= {"expression": "", "missing": []}
    content |= {"tree": None, "selection": "", "weight": "weight", "missing": []}
    content["identity"] = list(names) or None
    return dump_yaml(content)
