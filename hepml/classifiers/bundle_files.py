"""The files of a bundle on disk: the model file as checked JSON, and everything beside it by size and checksum."""

from __future__ import annotations

import hashlib
import json
import stat
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from hepml.errors import InvalidInputError, ModelFormatError, did_you_mean
from hepml.forest.safe_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "MODEL_FILE",
    "check_document",
    "check_keys",
    "document_text",
    "is_plain",
    "library_versions",
    "list_files",
    "read_document",
    "read_file",
    "read_files",
]

MODEL_FILE = "model.json"
_LARGEST_MODEL_FILE = 16 * 2**20

_LARGEST_PAYLOAD = 2 * 2**30
_LIBRARIES = ("hepml-framework", "numpy", "scipy", "scikit-learn")


def list_files(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Return name, size and SHA-256 of each file."""
    return [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]


def library_versions(*libraries: str) -> dict[str, str]:
    """Return the versions of what scores depend on, and of further libraries."""
    versions = {}
    for name in dict.fromkeys((*_LIBRARIES, *libraries)):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # run from a checkout that is not installed
            versions[name] = "unknown"
    return versions


def document_text(document: Mapping[str, Any]) -> str:
    """Return the text of a model file.

    Raises
    ------
    InvalidInputError
        If it is not JSON, or too long to be read again.
    """
    try:
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"the model cannot be written as JSON (is everything in `context` plain and finite?): {error}"
        raise InvalidInputError(msg) from error
    if len(text) > _LARGEST_MODEL_FILE:
        msg = f"{MODEL_FILE} would have {len(text)} bytes, more than the {_LARGEST_MODEL_FILE} allowed: use attachments"
        raise InvalidInputError(msg)
    return text


def read_document(folder: Path) -> dict[str, Any]:
    """Read the model file of a bundle, of whatever format."""
    path = folder / MODEL_FILE
    return parse_json(read_file(path, _LARGEST_MODEL_FILE), str(path))


def check_document(document: Mapping[str, Any], form: str, newest: int, keys: Mapping[str, type], name: str) -> None:
    """Refuse a model file of another format, of a newer version, or with other keys than ``keys``."""
    if document.get("format") != form:
        msg = f"{name} is not a hepml model: its format is {document.get('format')!r}, not {form!r}"
        raise ModelFormatError(msg)
    found = document.get("version")
    if type(found) is int and found > newest:
        msg = f"{name} has version {found} of the format {form!r}; this hepml reads up to {newest}: use a newer hepml"
        raise ModelFormatError(msg)
    if type(found) is not int or found < 1:
        msg = f"{name}: {found!r} is no version of the format {form!r}"
        raise ModelFormatError(msg)
    check_keys(document, keys, name)


def check_keys(content: object, keys: Mapping[str, type], where: str) -> None:
    """Refuse anything but a mapping with exactly these keys, each of its type."""
    if not isinstance(content, dict):
        msg = f"{where} is not a JSON object"
        raise ModelFormatError(msg)
    for key, kind in keys.items():
        if key not in content:
            msg = f"{where}: the key {key!r} is missing"
            raise ModelFormatError(msg)
        if type(content[key]) is not kind:
            msg = f"{where}: {key!r} is not of type {kind.__name__}"
            raise ModelFormatError(msg)
    for key in content:
        if key not in keys:
            msg = f"{where}: unknown key {key!r}{did_you_mean(key, keys)}"
            raise ModelFormatError(msg)


def read_files(folder: Path, document: Mapping[str, Any], key: str) -> dict[str, bytes]:
    """Read the files that a document lists under a key; each must have the size and checksum that stand there."""
    payloads: dict[str, bytes] = {}
    for index, entry in enumerate(document[key]):
        where = f"{MODEL_FILE}: {key}[{index}]"
        check_keys(entry, {"name": str, "size": int, "sha256": str}, where)
        name = entry["name"]
        if not is_plain(name) or name in payloads:
            msg = f"{where}: {name!r} is not a plain file name inside the folder, or stands twice"
            raise ModelFormatError(msg)
        content = read_file(folder / name, _LARGEST_PAYLOAD)
        if len(content) != entry["size"]:
            msg = f"{folder / name} has {len(content)} bytes instead of {entry['size']}: truncated or changed"
            raise ModelFormatError(msg)
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            msg = f"{folder / name} does not have the checksum that {MODEL_FILE} states: it was changed or damaged"
            raise ModelFormatError(msg)
        payloads[name] = content
    return payloads


def is_plain(name: str) -> bool:
    """Whether it names a file inside the folder on every system, and not the model file."""
    return bool(name) and name not in {".", "..", MODEL_FILE} and not set(name) & set("/\\:") and name.isprintable()


def read_file(path: Path, largest: int) -> bytes:
    """Read a regular file of the bundle, never through a link, never more than ``largest`` bytes."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            msg = f"{path} is not a regular file (links are not followed)"
            raise ModelFormatError(msg)
        if status.st_size > largest:
            msg = f"{path} has {status.st_size} bytes, more than the {largest} allowed"
            raise ModelFormatError(msg)
        with path.open("rb") as stream:
            return stream.read(largest + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, ModelFormatError):
            raise
        msg = f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"
        raise ModelFormatError(msg) from error
