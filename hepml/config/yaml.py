"""YAML as configuration wants it: YAML 1.2 scalars, no duplicate keys, no surprises from size or depth."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from hepml.errors import AnalysisFileError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Document", "dump_yaml", "parse_yaml", "read_yaml"]

# PyYAML parses some 100 kB a second: larger documents would look like a hang
_MAX_BYTES = 300_000
_MAX_DEPTH = 30
_MAX_NODES = 30_000

# YAML 1.2 core schema, section 10.3.2
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITY = re.compile(r"[-+]?(\.inf|\.Inf|\.INF)")
_NAN = re.compile(r"\.nan|\.NaN|\.NAN")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Document:
    """A parsed YAML document that remembers on which line each key stands.

    Parameters
    ----------
    content : object
        Dictionaries, lists and scalars.
    lines : dict
        From the path of a value (a tuple of keys and indices) to its line, counted from 1.
    """

    def __init__(self, content: Any, lines: dict[tuple[str | int, ...], int]) -> None:
        self.content = content
        self._lines = lines

    def line(self, path: tuple[str | int, ...]) -> int | None:
        """Return the line of the value at ``path``, or of the nearest value around it."""
        for length in range(len(path), -1, -1):
            if (line := self._lines.get(path[:length])) is not None:
                return line
        return None


def read_yaml(path: Path) -> Document:
    """Read a YAML file; see :func:`parse_yaml`.

    Raises
    ------
    AnalysisFileError
        If the file is missing, too large, not UTF-8 or not valid YAML.
    """
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            msg = f"{path} has {size} bytes; a configuration may have {_MAX_BYTES} at most"
            raise AnalysisFileError(msg)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        msg = f"cannot read {path}: {reason}"
        raise AnalysisFileError(msg) from error
    return parse_yaml(text, where=str(path))


def parse_yaml(text: str, *, where: str = "YAML text") -> Document:
    """Parse one YAML document with YAML 1.2 scalars.

    ``1e-3`` is a number, ``NO`` a string. Tags, duplicate keys, keys that are not text, and documents that are too
    large, too deep or grow too much by aliases are refused.

    Parameters
    ----------
    text : str
        The document.
    where : str
        Name for messages.

    Returns
    -------
    Document
        Content and lines.

    Raises
    ------
    AnalysisFileError
        If the text is refused; the message names the line.
    """
    if len(text) > _MAX_BYTES:
        msg = f"{where} has {len(text)} characters; a configuration may have {_MAX_BYTES} at most"
        raise AnalysisFileError(msg)
    try:
        _check_events(text, where)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except AnalysisFileError:
        raise
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        problem = " ".join(part for part in (error.context, error.problem) if part)
        msg = f"{where}{line}: not valid YAML: {problem}"
        raise AnalysisFileError(msg) from error
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        msg = f"{where}:{number}: not valid YAML: the character U+{ord(text[error.position]):04X} is not allowed"
        raise AnalysisFileError(msg) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # PyYAML lets the errors of chr() and int() pass for escapes and directives out of range
        msg = f"{where}: not valid YAML: {error}"
        raise AnalysisFileError(msg) from error
    builder = _Builder(where)
    content = builder.build(node, ()) if node is not None else None
    return Document(content, builder.lines)


def dump_yaml(content: Any) -> str:
    """Write plain data (keys are text) as YAML that :func:`parse_yaml` reads back to the same values."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Quotes every string that YAML 1.2 would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002  (the signature is PyYAML's)
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    quoted = '"' if not isinstance(_plain_scalar(text), str) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=quoted)


def _represent_float(dumper: yaml.SafeDumper, value: float) -> yaml.Node:
    text = {float("inf"): ".inf", float("-inf"): "-.inf"}.get(value, ".nan" if value != value else repr(value))  # noqa: PLR0124
    if "e" in text and "." not in text:
        # PyYAML knows floats of YAML 1.1 only, and would tag and quote 1e-05
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_float)


def _check_events(text: str, where: str) -> None:
    """Refuse deep nesting before the recursive composer sees it, and tags, which composed nodes no longer show."""
    depth = count = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if not isinstance(event, yaml.NodeEvent) and not isinstance(event, yaml.CollectionEndEvent):
            continue
        place = f"{where}:{event.start_mark.line + 1}" if event.start_mark is not None else where
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            continue
        count += 1
        if count > _MAX_NODES:
            msg = f"{place}: more than {_MAX_NODES} values"
            raise AnalysisFileError(msg)
        tag = getattr(event, "tag", None)
        if tag is not None:
            msg = f"{place}: the tag {tag!r} is not allowed: plain values only"
            raise AnalysisFileError(msg)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                msg = f"{place}: nested deeper than {_MAX_DEPTH} levels"
                raise AnalysisFileError(msg)


def _plain_scalar(text: str) -> Any:  # noqa: PLR0911  (one return for each type of the schema)
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    for pattern, base in ((_INTEGER, 10), (_OCTAL, 8), (_HEXADECIMAL, 16)):
        if pattern.fullmatch(text):
            # Python refuses to convert very long digits; no configuration needs them
            return int(text, base) if len(text) < 100 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITY.fullmatch(text):
        return float(text.replace(".", ""))
    if _NAN.fullmatch(text):
        return float("nan")
    return text


class _Builder:
    """Turns composed nodes into plain data."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._count = 0
        self.lines: dict[tuple[str | int, ...], int] = {}

    def _refuse(self, node: yaml.Node, reason: str) -> AnalysisFileError:
        return AnalysisFileError(f"{self._where}:{node.start_mark.line + 1}: {reason}")

    def build(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self._count += 1
        if self._count > _MAX_NODES:
            raise self._refuse(node, f"more than {_MAX_NODES} values")
        if len(path) > _MAX_DEPTH:
            raise self._refuse(node, f"nested deeper than {_MAX_DEPTH} levels")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        self._check_text(node)
        return node.value if getattr(node, "style", None) in {"'", '"', "|", ">"} else _plain_scalar(node.value)

    def _check_text(self, node: yaml.Node) -> None:
        if _SURROGATE.search(node.value):
            raise self._refuse(node, "half a character (a surrogate) is not text")

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._refuse(key_node, "a key must be plain text")
            self._check_text(key_node)
            key = key_node.value
            if key in result:
                first = self.lines[*path, key]
                raise self._refuse(key_node, f"duplicate key {key!r} (first on line {first})")
            self.lines[*path, key] = key_node.start_mark.line + 1
            result[key] = self.build(value_node, (*path, key))
        return result
