"""Forests on disk: one ``.npz`` file of plain arrays with a JSON header, checked in full before it is a forest again."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.atomic import atomic_path
from hepml.errors import MissingFileError, ModelFormatError
from hepml.forest.forest import ARRAYS, Forest
from hepml.forest.medians import MEDIANS
from hepml.forest.safe_json import parse_json
from hepml.forest.safe_npy import array_from_npy

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["from_bytes", "load", "save", "to_bytes"]

_FORMAT = "hepml-forest"
# the second knows medians; a forest is written in the first version that holds it, for older readers
_VERSIONS = (1, 2)
_HEADER = "forest.json"
_LARGEST_HEADER = 16 * 2**20
# thresholds and leaves shrink by less than 10; a short file that unpacks to much more is an attack
_LARGEST_RATIO = 60
_ALWAYS_ALLOWED = 64 * 2**20
_HEADER_TYPES: dict[str, type] = {"feature_names": list, "metadata": dict, "takes_missing": bool}
# so that every writing of one forest gives the same bytes
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


def save(forest: Forest, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a forest; see :meth:`hepml.forest.Forest.save`."""
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(to_bytes(forest))


def load(path: str | os.PathLike[str]) -> Forest:
    """Read a forest; see :meth:`hepml.forest.Forest.load`."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError as error:
        msg = f"no such file: {path}"
        raise MissingFileError(msg) from error
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise ModelFormatError(msg) from error
    return from_bytes(content, str(path))


def to_bytes(forest: Forest) -> bytes:
    """Return the content of a ``.npz`` file: the same bytes for equal forests."""
    version = 2 if forest.aggregate in MEDIANS else 1
    header = {"format": _FORMAT, "version": version} | {
        item.name: getattr(forest, item.name) for item in fields(forest) if item.name not in ARRAYS
    }
    header |= {"metadata": dict(forest.metadata), "feature_names": list(forest.feature_names)}
    files = {_HEADER: json.dumps(header, sort_keys=True, allow_nan=False).encode()}
    for name in ARRAYS:
        array = io.BytesIO()
        np.lib.format.write_array(array, getattr(forest, name), version=(1, 0), allow_pickle=False)
        files[f"{name}.npy"] = array.getvalue()
    content = _packed(files, zipfile.ZIP_DEFLATED)
    # many equal trees shrink like an attack does
    small = sum(map(len, files.values())) <= _LARGEST_RATIO * len(content) + _ALWAYS_ALLOWED
    return content if small else _packed(files, zipfile.ZIP_STORED)


def _packed(files: dict[str, bytes], compression: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _TIMESTAMP)
            entry.compress_type = zipfile.ZIP_STORED if name == _HEADER else compression
            archive.writestr(entry, content)
    return stream.getvalue()


def from_bytes(content: bytes, name: str) -> Forest:
    """Read what :func:`to_bytes` returned; ``name`` is for the messages."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            header, files = _unpack(archive, len(content), name)
    except ModelFormatError:
        raise
    except Exception as error:  # of a damaged archive, zipfile raises what its reading happens to meet
        # which repeats names of members, that may be of any length
        msg = f"{name} is damaged, or no .npz file: {error!s:.300}"
        raise ModelFormatError(msg) from error
    arrays = {
        array: array_from_npy(file, ARRAYS[array], f"{name}: its array {array!r}", dimensions=2)
        for array, file in files.items()
    }
    return _forest(header, arrays, name)


def _unpack(archive: zipfile.ZipFile, n_bytes: int, name: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the header and the files of the arrays; a short archive may promise much, and only so much is unpacked."""
    sizes = {info.filename: info.file_size for info in archive.infolist()}
    if set(sizes) != {_HEADER, *(f"{array}.npy" for array in ARRAYS)} or len(sizes) != len(archive.namelist()):
        msg = f"{name} is no forest that hepml wrote: it holds {', '.join(sorted(sizes))[:200] or 'nothing'}"
        raise ModelFormatError(msg)
    if sum(sizes.values()) > _LARGEST_RATIO * n_bytes + _ALWAYS_ALLOWED:
        msg = f"{name} is damaged: its {n_bytes} bytes would unpack to {sum(sizes.values())}"
        raise ModelFormatError(msg)
    header = parse_json(_read(archive, _HEADER, _LARGEST_HEADER), f"the header of {name}")
    return header, {array: _read(archive, f"{array}.npy", sizes[f"{array}.npy"]) for array in ARRAYS}


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        msg = f"{name} is longer than it says"
        raise ValueError(msg)
    return content


def _forest(header: dict[str, Any], arrays: dict[str, NDArray[Any]], name: str) -> Forest:
    if header.pop("format", None) != _FORMAT:
        msg = f"{name} is no forest that hepml wrote: its format is not {_FORMAT!r}"
        raise ModelFormatError(msg)
    version = header.pop("version", None)
    if version not in _VERSIONS:
        known = " and ".join(map(str, _VERSIONS))
        msg = f"{name} has version {version!r} of {_FORMAT}; this hepml knows versions {known}: update hepml"
        raise ModelFormatError(msg)
    kinds = {item.name: _HEADER_TYPES.get(item.name, str) for item in fields(Forest) if item.name not in ARRAYS}
    wrong = [key for key, kind in kinds.items() if not isinstance(header.get(key), kind)]
    if set(header) != set(kinds) or wrong or not all(isinstance(item, str) for item in header["feature_names"]):
        msg = f"the header of {name} is damaged: {', '.join(wrong or sorted(set(header) ^ set(kinds))) or 'feature_names'}"
        raise ModelFormatError(msg)
    parts: dict[str, Any] = header | arrays | {"feature_names": tuple(header["feature_names"])}
    return Forest(**parts)
