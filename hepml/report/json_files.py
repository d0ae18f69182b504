"""JSON files that are stable and strict: sorted keys, no NaN, written whole."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.atomic import write_text
from hepml.errors import ModelFormatError

if TYPE_CHECKING:
    import os

__all__ = ["dump_json", "read_json", "write_json"]


def dump_json(content: Any) -> str:
    """Return plain data as JSON text; NaN and infinities become null, since JSON has no word for them."""
    return json.dumps(_finite(content), indent=1, sort_keys=True, allow_nan=False) + "\n"


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write plain data as JSON; see :func:`dump_json`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    write_text(path, dump_json(content))


def read_json(path: str | os.PathLike[str], kind: str, version: int) -> dict[str, Any]:
    """Read a JSON file of a known format.

    Parameters
    ----------
    path : path-like
        The file.
    kind : str
        Value that its key ``format`` must have.
    version : int
        Newest ``version`` that is known.

    Returns
    -------
    dict
        Its content.

    Raises
    ------
    ModelFormatError
        If it is missing, not JSON, of another format or newer.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} cannot be read as {kind}: {error}"
        raise ModelFormatError(msg) from error
    if not isinstance(content, dict) or content.get("format") != kind:
        msg = f"{path} is not a {kind} file"
        raise ModelFormatError(msg)
    if not isinstance(content.get("version"), int) or content["version"] > version:
        msg = f"{path} has version {content.get('version')} of {kind}; this hepml knows up to {version}: update hepml"
        raise ModelFormatError(msg)
    return content


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
