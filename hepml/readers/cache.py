"""Converted columns on disk, so that what was read once is mapped the next time.

An entry is one file. It gets its name when it is complete, and is mapped as a whole: several processes may read, write and
evict at once without waiting for each other, and an entry that is in use stays readable when it is evicted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from hepml.data import Dataset, Feature, parse_size
from hepml.data.tables import describe, sample_from_dict
from hepml.errors import FileUnreadableError, HepmlError, OutputError
from hepml.readers.cache_key import key_of
from hepml.readers.column_file import check_sections, read_description, write_description
from hepml.readers.mapped_block import MappedBlock, dataset_of
from hepml.readers.schema import warn_of_fallback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hepml.readers.block import Plan

__all__ = ["Cache", "as_cache"]

_LOG = logging.getLogger("hepml.readers")

_SUFFIX = ".hepml-columns"
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# where locks do not tell that a process has died
_ABANDONED_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder with the columns of earlier readings.

    An entry holds all columns of one reading. It is used again only if the files (size, times, UUID), what is asked of them,
    hepml and the libraries that compute are the same. Damaged entries are made again. When the folder exceeds its limit,
    the entries that were not used for the longest time are deleted. Readings that skipped a file are not kept.

    Parameters
    ----------
    folder : path-like
        Where entries are; made if it is not there. Several processes, also on several machines, may use it at once.
    limit : int or str
        Largest size of all entries, in bytes or as text such as ``"20 GB"``.
    """

    folder: str | os.PathLike[str]
    limit: int | str = "20 GB"

    def __post_init__(self) -> None:
        parse_size(self.limit, "limit of the cache")

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder).expanduser()

    def dataset(
        self,
        describe_reading: Callable[[], dict[str, Any]],
        read: Callable[[Callable[[int, Plan], MappedBlock]], Dataset],
    ) -> Dataset:
        """Return the dataset of a reading, read now or before.

        Parameters
        ----------
        describe_reading : callable
            Gives what the columns depend on, as :func:`~hepml.readers.cache_key.describe_reading`.
        read : callable
            Reads into the block that it makes by its argument.

        Returns
        -------
        Dataset
            All columns are read-only :class:`numpy.memmap`, whether they were read now or before.

        Raises
        ------
        OutputError
            If the folder cannot be written, or its disk is full.
        HepmlError
            As ``read``.
        """
        facts = describe_reading()
        final = self.path / f"{key_of(facts)}{_SUFFIX}"
        is_known = all(facts["files"].values())
        if is_known and (found := _load(final, facts)) is not None:
            with contextlib.suppress(OSError):
                # when it was used last
                os.utime(final)
            if found.identity.is_fallback:
                warn_of_fallback()
            return found
        with _disk_errors(self.path), _partial(self.path, final.stem) as stream:
            blocks: list[MappedBlock] = []

            def make_block(capacity: int, plan: Plan) -> MappedBlock:
                blocks.append(MappedBlock(capacity, plan, stream))
                return blocks[-1]

            dataset = read(make_block)
            if any(info.skipped for info in dataset.samples):
                _LOG.warning("%s: nothing is kept, since files were skipped", self.path)
            elif not is_known or describe_reading() != facts:
                _LOG.warning("%s: nothing is kept, since files changed or could not be identified", self.path)
            else:
                write_description(stream, blocks[-1].sections, {"facts": facts, "dataset": describe(dataset)})
                Path(stream.name).replace(final)
                self._evict(final)
        return dataset

    def _evict(self, newest: Path) -> None:
        """Delete what was not used for the longest time, until the limit is kept."""
        entries = []
        for path in self.path.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                entries.append((path == newest, status.st_mtime_ns, path, status.st_size))
        total, limit = sum(size for *_, size in entries), parse_size(self.limit)
        for is_newest, _, path, size in sorted(entries):
            if total <= limit:
                break
            if is_newest:
                _LOG.warning("%s: an entry of %d bytes is not kept, since the limit is %s", self.path, size, self.limit)
            path.unlink(missing_ok=True)
            total -= size


def as_cache(cache: Cache | str | os.PathLike[str]) -> Cache:
    """Return a cache for a folder."""
    return cache if isinstance(cache, Cache) else Cache(cache)


def _load(path: Path, facts: dict[str, Any]) -> Dataset | None:
    """Map an entry; None if there is none that can be used."""
    try:
        with path.open("rb") as stream:
            sections, content = read_description(stream)
            if content.get("facts") != facts:
                msg = "it is of another reading"
                raise FileUnreadableError(msg)
            check_sections(stream, sections)
            description = content["dataset"]
            return dataset_of(
                stream,
                sections,
                features=tuple(Feature.from_dict(item) for item in description["features"]),
                samples=tuple(sample_from_dict(item) for item in description["samples"]),
                identity=tuple(description["identity"]),
                spectators=tuple(description["spectators"]),
            )
    except FileNotFoundError:
        return None
    except (HepmlError, OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        _LOG.warning("the cached columns in %s cannot be used and are made again: %s", path, error)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return None


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except HepmlError:
        raise
    except OSError as error:
        named = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
        if error.errno not in _NO_SPACE and not named.startswith(str(folder)):
            raise
        why = error.strerror or error
        msg = f"cannot write to the cache in {folder}: {why}. Name another folder, or read without a cache"
        raise OutputError(msg) from error


@contextlib.contextmanager
def _partial(folder: Path, stem: str) -> Iterator[BinaryIO]:
    """Give a file that is locked while it is written, and deleted unless it was renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    while True:
        path = folder / f".{stem}.{secrets.token_hex(4)}.partial"
        with path.open("x+b") as stream:
            with contextlib.suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_EX)
            # another process may have swept it before it was locked
            if not path.exists():
                continue
            try:
                yield stream
            finally:
                path.unlink(missing_ok=True)
        return


def _sweep(folder: Path) -> None:
    """Delete what processes that were killed left half-written."""
    for path in folder.glob(".*.partial"):
        with contextlib.suppress(OSError), path.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError:
                if time.time() - path.stat().st_mtime < _ABANDONED_SECONDS:
                    continue
            path.unlink(missing_ok=True)
