"""How results show themselves in notebooks: a table of their numbers with errors."""

from __future__ import annotations

import math
from html import escape
from typing import Any, Protocol

__all__ = ["Displayed"]

_MOST_ROWS = 40


class _Result(Protocol):
    """What shows itself: every result has its plain form."""

    def to_dict(self) -> dict[str, Any]: ...


class Displayed:
    """Base of results: shows the single numbers of ``to_dict()`` as an HTML table."""

    __slots__ = ()

    def _repr_html_(self: _Result) -> str:
        rows = "".join(
            f'<tr style="background:transparent"><td style="text-align:left;color:inherit">{escape(name)}</td>'
            f'<td style="text-align:right;color:inherit">{escape(value)}</td></tr>'
            for name, value in _numbers(self.to_dict())[:_MOST_ROWS]
        )
        title = f"<strong>{escape(type(self).__name__)}</strong>"
        return f'<div style="color:inherit;background:transparent;font-size:90%">{title}<table>{rows}</table></div>'


def _numbers(content: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return name and text of each single number, those of nested results after a point; lists are left out."""
    found: list[tuple[str, str]] = []
    for name, value in content.items():
        if name.endswith("_error") and name.removesuffix("_error") in content:
            continue
        if isinstance(value, dict):
            found += _numbers(value, f"{prefix}{name}.")
        elif value is None or isinstance(value, (bool, int, float, str)):
            found.append((f"{prefix}{name}".replace("_", " "), _text(value, content.get(f"{name}_error"))))
    return found


def _text(value: Any, error: Any) -> str:
    if value is None:
        return "not computable"
    if isinstance(error, float) and math.isfinite(error) and error > 0 and isinstance(value, (int, float)):
        digits = max(0, 1 - math.floor(math.log10(error)))
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
