"""What the files of a sample agree on, found before anything is read."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from hepml.data import SkippedFile, default_identity
from hepml.data.columns import required_branches
from hepml.errors import (
    BranchNotFoundError,
    FileUnreadableError,
    HepmlError,
    IdentityError,
    InvalidInputError,
    MissingFileError,
    SchemaMismatchError,
    TreeNotFoundError,
)
from hepml.readers.friends import Friends
from hepml.readers.normalisation import generated_of
from hepml.readers.remote import with_retries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.data import Feature
    from hepml.readers.files import TreeLocation
    from hepml.readers.friends import JoinedSource
    from hepml.readers.normalisation import Generated
    from hepml.readers.request import SampleRequest
    from hepml.readers.source import BranchInfo, TreeSource

__all__ = [
    "BAD_FILE_ERRORS",
    "FileFacts",
    "Schema",
    "common_identity",
    "identity_by_convention",
    "inspect_sample",
    "warn_of_fallback",
]

_LOG = logging.getLogger("hepml.readers")


# what a damaged, lost or unfinished file raises; a branch of another type is a mistake, no damage
BAD_FILE_ERRORS = (FileUnreadableError, MissingFileError, TreeNotFoundError)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file of a sample: where, its place among the files and entries, its fixed part, what it says of generated events."""

    location: TreeLocation
    position: int
    first_entry: int
    part: int
    n_entries: int
    generated: Generated | None


@dataclass(slots=True)
class Schema:
    """What the files of one sample agree on, the files that can be read, and those that cannot."""

    branches: tuple[str, ...]
    identity: tuple[str, ...]
    first_file: str
    friends: Friends
    files: list[FileFacts] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    infos: dict[str, BranchInfo] = field(default_factory=dict)

    @property
    def n_entries(self) -> int:
        """Entries of all files that can be read."""
        return sum(item.n_entries for item in self.files)


def inspect_sample(
    request: SampleRequest,
    features: Sequence[Feature],
    spectators: Sequence[Feature],
    *,
    selection: str,
    weight: str,
    identity: Sequence[str] | None,
    threads: int,
) -> Schema:
    """Open every file of a sample once: count entries, and find what is missing or different before reading begins."""
    texts = [item.expression for item in (*features, *spectators)]
    texts += [selection, request.selection, weight, request.weight, *(identity or ())]
    needed = required_branches(texts)
    schema: Schema | None = None
    friends = Friends(request, threads=threads)
    skipped: list[SkippedFile] = []
    last_error: HepmlError | None = None
    for position, location in enumerate(request.files):
        if schema is not None and request.max_events is not None and schema.n_entries >= request.max_events:
            break
        try:
            schema, facts = with_retries(
                location.path,
                partial(_inspect_file, request, position, schema, needed, identity=identity, friends=friends),
            )
        except BAD_FILE_ERRORS as error:
            if request.bad_files == "error":
                raise
            last_error = error
            skipped.append(SkippedFile(str(location), str(error)))
            _LOG.warning("sample %s: %s is skipped: %s", request.name, location, error)
            continue
        schema.files.append(facts)
    if schema is None:
        if last_error is not None:
            msg = f"sample {request.name!r}: none of its {len(skipped)} files can be read; the last one: {last_error}"
            raise FileUnreadableError(msg) from last_error
        msg = f"sample {request.name!r} has no files"
        raise InvalidInputError(msg)
    schema.skipped = skipped
    if len(schema.files) == len(request.files):
        friends.check_length(schema.n_entries)
    return schema


def _inspect_file(
    request: SampleRequest,
    position: int,
    schema: Schema | None,
    needed: tuple[str, ...],
    *,
    identity: Sequence[str] | None,
    friends: Friends,
) -> tuple[Schema, FileFacts]:
    location = request.files[position]
    first_entry = 0 if schema is None else schema.n_entries
    with friends.open(location, position, first_entry) as source:
        if schema is None:
            chosen = tuple(identity) if identity else identity_by_convention(source)
            schema = Schema(tuple(dict.fromkeys((*needed, *required_branches(chosen)))), chosen, str(source), friends)
        found = {name: _numeric_branch(source, name, schema.first_file) for name in schema.branches}
        for name, info in found.items():
            known = schema.infos.get(name, info)
            if info.kind != known.kind:
                msg = (
                    f"branch {name!r} is {known.kind} ({known.typename}) in {schema.first_file}, but {info.kind} "
                    f"({info.typename}) in {source}: files of one sample must agree"
                )
                raise SchemaMismatchError(msg)
            if info.dtype != known.dtype:
                _LOG.info(
                    "branch %s is %s in %s and %s in %s", name, known.dtype, schema.first_file, info.dtype, source
                )
        n_entries = source.n_entries
    friends.keep(position, source)
    generated = None if request.normalise is None else generated_of(location.path, request.normalise)
    schema.infos = found | schema.infos
    part = request.parts[position] if request.parts else 0
    return schema, FileFacts(location, position, first_entry, part, n_entries, generated)


def _numeric_branch(source: TreeSource | JoinedSource, name: str, first_file: str) -> BranchInfo:
    try:
        return source.numeric_branch(name)
    except BranchNotFoundError as error:
        if str(source) == first_file:
            raise
        msg = f"{error}, but there is one in {first_file}: files of one sample must agree"
        raise SchemaMismatchError(msg) from error


def identity_by_convention(source: TreeSource | JoinedSource) -> tuple[str, ...]:
    """Return the branches of usual names that hold one integer per entry; a luminosity in pb is no lumi block."""
    usable = source.branch_names
    while True:
        chosen = default_identity(usable)
        bad = [name for name in chosen if source.branch(name).kind != "scalar integer"]
        if not bad:
            return chosen
        for name in bad:
            _LOG.info("branch %s of %s is %s and identifies no event", name, source, source.branch(name).kind)
        usable = [name for name in usable if name not in bad]


def common_identity(schemas: Sequence[Schema]) -> tuple[str, ...]:
    """Return what identifies the events of all samples; empty for file and entry, with a warning."""
    found = {schema.identity for schema in schemas}
    if len(found) > 1:
        listed = ", ".join(":".join(names) or "none" for names in sorted(found))
        msg = f"samples have different branches that identify an event ({listed}): state `identity:` for all"
        raise IdentityError(msg)
    names = found.pop()
    if not names:
        warn_of_fallback()
    return names


def warn_of_fallback() -> None:
    """Say what follows if file name and entry identify events."""
    _LOG.warning(
        "no branches identify an event (run, event number, ...): file name and entry are used instead. Parts then depend "
        "on how the files were written, and models cannot tell later which events they have seen. State `identity:`"
    )
