"""Model files of every kind: recognised by their content, never by their name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hepml.errors import MissingFileError, ModelFormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from hepml.forest.forest import Forest

__all__ = ["FORMATS", "FileFormat", "open_forest", "read_model_file"]


@dataclass(frozen=True)
class FileFormat:
    """A kind of file that holds a forest.

    Parameters
    ----------
    name : str
        For messages.
    recognises : callable
        Whether the first bytes of a file are those of this kind.
    reader : str
        ``module:function``; the function takes the content and a name for messages, and returns the forest.
    """

    name: str
    recognises: Callable[[bytes], bool]
    reader: str


def _is_json(head: bytes) -> bool:
    return head[:1] == b"{" and head[1:].lstrip()[:1] == b'"'


def _is_ubjson(head: bytes) -> bool:
    # the length of the first key follows
    return head[:1] == b"{" and head[1:2] in {b"i", b"U", b"I", b"l", b"L"}


def _is_lightgbm(head: bytes) -> bool:
    return head.split(b"\n", 1)[0].strip() == b"tree"


def _is_tmva(head: bytes) -> bool:
    # plain XML, or packed by gzip
    return head.lstrip()[:1] == b"<" or head[:3] == b"\x1f\x8b\x08"


# as many bytes as each has to be told by
_HEAD = 256

# a door for another kind of file is one more line
FORMATS = (
    FileFormat("forest of hepml (.npz)", lambda head: head[:4] == b"PK\x03\x04", "hepml.forest.storage:from_bytes"),
    FileFormat("XGBoost JSON", _is_json, "hepml.forest.from_xgboost:from_json"),
    FileFormat("XGBoost UBJSON", _is_ubjson, "hepml.forest.from_xgboost:from_ubjson"),
    FileFormat("LightGBM text", _is_lightgbm, "hepml.forest.from_lightgbm:from_text"),
    FileFormat("TMVA weights.xml", _is_tmva, "hepml.forest.from_tmva:from_content"),
)


def open_forest(path: str | os.PathLike[str]) -> Forest:
    """Read a forest from a model file of any kind that hepml knows, recognised by its content.

    Parameters
    ----------
    path : str or path
        A forest that hepml saved, or a model file of XGBoost (JSON, UBJSON), LightGBM (text) or TMVA
        (``weights.xml``, plain or gzipped).

    Returns
    -------
    Forest
        Nothing in the file is executed.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If its content is of no known kind, is damaged, or is a model that a forest cannot express.
    """
    content = read_model_file(path)
    head = content[:_HEAD]
    for kind in FORMATS:
        if kind.recognises(head):
            module, _, function = kind.reader.partition(":")
            reader = cast("Callable[[bytes, str], Forest]", getattr(import_module(module), function))
            try:
                return reader(content, str(path))
            except ModelFormatError as error:
                if str(path) in str(error):
                    raise
                msg = f"{path}: {error}"
                raise ModelFormatError(msg) from error
    known = ", ".join(kind.name for kind in FORMATS)
    msg = f"{path} holds no forest of a known kind: it begins with {head[:16]!r} (known: {known})"
    raise ModelFormatError(msg)


def read_model_file(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file.

    Parameters
    ----------
    path : str or path
        Where it is.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError as error:
        msg = f"no such file: {path}"
        raise MissingFileError(msg) from error
    except (OSError, ValueError) as error:
        msg = f"{path} cannot be read: {error}"
        raise ModelFormatError(msg) from error
