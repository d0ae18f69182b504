"""XML parsed by expat straight into what takes its elements; document types are refused, and with them all entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol
from xml.parsers import expat

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType

__all__ = ["XML_ERRORS", "Target", "parser_into", "size_of_next_chunk"]

_CHUNK = 2**18

# what a parser raises for files that no XML is; an encoding that is not known is a LookupError or ValueError
XML_ERRORS = (expat.ExpatError, ValueError, LookupError)


class Target(Protocol):
    """Takes elements as they begin and end."""

    def start(self, tag: str, attributes: dict[str, str], /) -> object:
        """Take the beginning of an element."""

    def end(self, tag: str, /) -> object:
        """Take its end."""

    def data(self, text: str, /) -> object:
        """Take a piece of text."""


def parser_into(target: Target) -> XMLParserType:
    """Return a parser that hands elements to a target.

    Parameters
    ----------
    target : Target
        What it raises comes out of ``Parse``.

    Returns
    -------
    pyexpat parser
        ``Parse(chunk)`` it, and ``Parse(b"", True)`` at the end. It raises one of :data:`XML_ERRORS` for what is no XML, or
        has a document type: without one there are no entities that could grow, or name files.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = target.start
    parser.EndElementHandler = target.end
    parser.CharacterDataHandler = target.data
    parser.StartDoctypeDeclHandler = _refuse
    return parser


def size_of_next_chunk(parser: XMLParserType, n_bytes: int) -> int:
    """Return how many bytes to parse next, after ``n_bytes`` of them.

    Expat before 2.6 starts an unfinished token again with every chunk, which takes quadratic time for one that is endless.
    So there are more the longer the token is.
    """
    return max(_CHUNK, 2 * (n_bytes - parser.CurrentByteIndex))


def _refuse(*_: object) -> NoReturn:
    msg = "it has a document type, which is not allowed"
    raise ValueError(msg)
