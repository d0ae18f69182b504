"""Content of a ``weights.xml``, plain or gzipped: read, unpacked and parsed in chunks, never to more than TMVA writes."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hepml.errors import MissingFileError, ModelFormatError
from hepml.forest.safe_xml import XML_ERRORS, size_of_next_chunk

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO
    from xml.parsers.expat import XMLParserType

__all__ = ["DEEPEST", "TEXT", "UNPACKING_ERRORS", "content_of", "parse_into", "refuse", "unpacked"]

# what content is called that has no file
TEXT = "the weights.xml"
DEEPEST = 1000
_LARGEST = 2**29
# numbers of 17 digits shrink by 5 to 12; a short file that unpacks to much more is an attack
_LARGEST_RATIO = 60
_ALWAYS_ALLOWED = 2**21
UNPACKING_ERRORS = (*XML_ERRORS, EOFError, OSError, OverflowError, zlib.error)


def content_of(source: str | bytes | os.PathLike[str]) -> tuple[bytes, str]:
    """Return the bytes of a file, or of a text as they are, and what to call it in messages.

    Parameters
    ----------
    source : str, bytes or path-like
        Path of a file; or its content, which begins with ``<`` or is bytes.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If it cannot be read, or is larger than any that TMVA writes.
    """
    if isinstance(source, bytes):
        return source, TEXT
    if isinstance(source, str) and source.lstrip()[:1] == "<":
        return source.encode("utf-8", "surrogatepass"), TEXT
    name = os.fspath(source)
    try:
        with Path(source).open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except FileNotFoundError as error:
        msg = f"no such file: {name[:1000]}"
        raise MissingFileError(msg) from error
    except (OSError, ValueError) as error:
        # a path with a null character is a ValueError
        msg = f"{name[:1000]} cannot be read: {error}"
        raise ModelFormatError(msg) from error
    if len(content) > _LARGEST:
        refuse(name, f"it has more than {_LARGEST} bytes")
    return content, name


def unpacked(content: bytes) -> BinaryIO | gzip.GzipFile:
    """Return a stream of the content as it is without packing; reading it raises one of UNPACKING_ERRORS if damaged."""
    stream = io.BytesIO(content)
    return gzip.GzipFile(fileobj=stream) if content[:2] == b"\x1f\x8b" else stream


def parse_into(
    parser: XMLParserType, content: bytes, name: str, check: Callable[[bytes, int], None] | None = None
) -> None:
    """Hand content to a parser, in chunks and to its end.

    Parameters
    ----------
    parser : pyexpat parser
        Of :func:`hepml.forest.safe_xml.parser_into`.
    content : bytes
        Plain or gzipped.
    name : str
        What to call it in messages.
    check : callable, optional
        Sees each chunk, and the number of bytes with it, before it is parsed.

    Raises
    ------
    ModelFormatError
        If it is no XML, is damaged or grows too large; and what the parser's target or ``check`` raise.
    """
    limit = min(_LARGEST, _LARGEST_RATIO * len(content) + _ALWAYS_ALLOWED)
    total = 0
    try:
        stream = unpacked(content)
        while chunk := stream.read(size_of_next_chunk(parser, total)):
            total += len(chunk)
            if total > limit:
                refuse(name, f"it would unpack to more than {limit} bytes")
            if check is not None:
                check(chunk, total)
            parser.Parse(chunk)
        parser.Parse(b"", True)
    except ModelFormatError:
        raise
    except UNPACKING_ERRORS as error:
        msg = f"{name} is not XML that TMVA could have written: {error}"
        raise ModelFormatError(msg) from error


def refuse(name: str, problem: str) -> NoReturn:
    """Raise ModelFormatError."""
    msg = f"{name} is no weights file of TMVA: {problem}"
    raise ModelFormatError(msg)
