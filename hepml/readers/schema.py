"""What the files of a sample agree on, found before anything is read."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hepml.data import default_identity
from hepml.data.columns import required_branches
from hepml.errors import BranchNotFoundError, IdentityError, InvalidInputError, SchemaMismatchError
from hepml.readers.source import BranchInfo, TreeSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.data import Feature
    from hepml.readers.request import SampleRequest

__all__ = ["Schema", "common_identity", "inspect_sample"]

_LOG = logging.getLogger("hepml.readers")


@dataclass(slots=True)
class Schema:
    """What the files of one sample agree on: branches, their types, the identity, and how many entries there are."""

    n_entries: int
    branches: tuple[str, ...]
    identity: tuple[str, ...]
    infos: dict[str, BranchInfo] = field(default_factory=dict)


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
    first_file = ""
    for location in request.files:
        with TreeSource(location, threads=threads) as source:
            if schema is None:
                first_file = str(source)
                chosen = tuple(identity) if identity else _identity_by_convention(source)
                names = tuple(dict.fromkeys((*needed, *required_branches(chosen))))
                schema = Schema(0, names, chosen)
            for name in schema.branches:
                info = _numeric_branch(source, name, first_file)
                known = schema.infos.setdefault(name, info)
                if info.kind != known.kind:
                    msg = (
                        f"branch {name!r} is {known.kind} ({known.typename}) in {first_file}, but {info.kind} "
                        f"({info.typename}) in {source}: files of one sample must agree"
                    )
                    raise SchemaMismatchError(msg)
                if info.dtype != known.dtype:
                    _LOG.info("branch %s is %s in %s and %s in %s", name, known.dtype, first_file, info.dtype, source)
            schema.n_entries += source.n_entries
    if schema is None:
        msg = f"sample {request.name!r} has no files"
        raise InvalidInputError(msg)
    return schema


def _numeric_branch(source: TreeSource, name: str, first_file: str) -> BranchInfo:
    try:
        return source.numeric_branch(name)
    except BranchNotFoundError as error:
        if str(source) == first_file:
            raise
        msg = f"{error}, but there is one in {first_file}: files of one sample must agree"
        raise SchemaMismatchError(msg) from error


def _identity_by_convention(source: TreeSource) -> tuple[str, ...]:
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
        _LOG.warning(
            "no branches identify an event (run, event number, ...): file name and entry are used instead. Parts then "
            "depend on how the files were written, and models cannot tell later which events they have seen. "
            "State `identity:`"
        )
    return names
