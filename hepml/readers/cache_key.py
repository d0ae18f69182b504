"""What columns that were read depend on: files as they are now, what was asked of them, and the code that computes."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.errors import HepmlError
from hepml.readers.remote import is_remote, with_retries
from hepml.readers.source import open_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.data import Feature
    from hepml.readers.request import SampleRequest

__all__ = ["describe_reading", "file_identity", "key_of"]

# grows when what is written, or how it is computed, changes
_VERSION = 1
_LIBRARIES = ("hepml-framework", "numpy", "uproot", "awkward")
# rooms whose code makes columns of files
_ROOMS = ("data", "expressions", "readers")
# header, with the file's UUID, and the record of the top folder; list of keys and of free bytes
_HEAD_BYTES, _TAIL_BYTES = 1024, 4096
_SECONDS = 20.0


def describe_reading(
    requests: Sequence[SampleRequest],
    *,
    features: Sequence[Feature],
    spectators: Sequence[Feature],
    selection: str,
    weight: str,
    identity: Sequence[str] | None,
    reader: str,
) -> dict[str, Any]:
    """Return all that the columns of a reading depend on.

    Returns
    -------
    dict
        Plain JSON types. ``files`` holds for each file what tells it from any other, None where it cannot be opened.
    """
    locations = [
        location
        for request in requests
        for location in (*request.files, *(friend for item in request.friends for friend in item.files))
    ]
    facts = {
        "version": _VERSION,
        "libraries": {name: _installed(name) for name in _LIBRARIES},
        "code": _code(),
        "machine": [platform.machine(), sys.byteorder],
        "reader": [reader, _root() if reader == "root" else None],
        "requests": [asdict(request) for request in requests],
        "features": [asdict(feature) for feature in features],
        "spectators": [asdict(feature) for feature in spectators],
        "selection": selection,
        "weight": weight,
        "identity": None if identity is None else list(identity),
        "files": {path: file_identity(path) for path in dict.fromkeys(location.path for location in locations)},
    }
    # as it comes back from a file
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain


def key_of(facts: dict[str, Any]) -> str:
    """Return a hash of what :func:`describe_reading` gave."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def file_identity(path: str) -> list[Any] | None:
    """Return what tells a file from every other, and from itself after a change; None if it cannot be opened.

    Returns
    -------
    list or None
        Of a local file: real path, size, times of the last change of content and of status (which nobody can set), and a
        hash of its first and last bytes, which hold the UUID that ROOT gives each file. Of a remote one: size, UUID, length
        and places of its records, and what the server says of its version.
    """
    try:
        return with_retries(path, functools.partial(_remote, path)) if is_remote(path) else _local(path)
    except (HepmlError, OSError):
        # reading says what is wrong with it
        return None


def _local(path: str) -> list[Any]:
    with Path(path).open("rb") as stream:
        status = os.fstat(stream.fileno())
        digest = hashlib.sha256(stream.read(_HEAD_BYTES))
        stream.seek(max(0, status.st_size - _TAIL_BYTES))
        digest.update(stream.read(_TAIL_BYTES))
    return [os.path.realpath(path), status.st_size, status.st_mtime_ns, status.st_ctime_ns, digest.hexdigest()]


def _remote(path: str) -> list[Any]:
    with open_file(path) as directory:
        file = directory.file
        places = [int(number) for number in (file.fEND, file.fSeekFree, file.fNbytesFree, file.fSeekInfo)]
        found = [path, str(file.uuid), *places]
    return found + _http_version(path)


def _http_version(path: str) -> list[str | None]:
    if not path.startswith(("http://", "https://")):
        return []
    # costs as long to import as all the rest of this room
    import urllib.request

    request = urllib.request.Request(path, method="HEAD")  # noqa: S310  (the scheme is checked above)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            return [answer.headers.get(name) for name in ("ETag", "Last-Modified", "Content-Length")]
    except OSError:
        # not every server answers this; the UUID remains
        return []


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@functools.cache
def _code() -> str:
    """Return a hash of the modules that make columns: a checkout changes without changing its version."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(file for room in _ROOMS for file in (package / room).glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _root() -> list[Any] | None:
    """Return what tells one installation of ROOT from another, without starting it."""
    found = importlib.util.find_spec("ROOT")
    if found is None or found.origin is None:
        return None
    return [_installed("root"), found.origin, Path(found.origin).stat().st_mtime_ns]
