"""How results show themselves in notebooks: tables of their numbers with errors."""

from __future__ import annotations

import math
from html import escape
from typing import Any, Protocol

__all__ = ["Displayed"]

_MOST_ROWS = 40
_MOST_VALUES = 20
_CELL = "color:inherit;background:transparent"


class _Result(Protocol):
    """What shows itself: every result has its plain form."""

    def to_dict(self) -> dict[str, Any]: ...


class Displayed:
    """Base of results: shows ``to_dict()`` as HTML tables, single numbers first, then what is a list; errors beside numbers.

    Lists of one length make one table, and so do entries of one kind. Of longer lists, those of curves and histograms, only
    the length is said.
    """

    __slots__ = ()

    def _repr_html_(self: _Result) -> str:
        numbers, tables = _tables(self.to_dict())
        shown = [_table([], numbers), *(f"<div>{escape(title)}</div>{_table(*table)}" for title, table in tables)]
        title = f"<strong>{escape(type(self).__name__)}</strong>"
        return f'<div style="{_CELL};font-size:90%">{title}{"".join(shown)}</div>'


_Rows = list[list[str]]


def _tables(content: dict[str, Any], prefix: str = "") -> tuple[_Rows, list[tuple[str, tuple[list[str], _Rows]]]]:
    """Return rows of the single numbers, those of nested results after a point, and title, head and rows of each table."""
    errors = {name: _error_name(name, content) for name in content}
    numbers: _Rows = []
    tables: list[tuple[str, tuple[list[str], _Rows]]] = []
    columns: dict[int, dict[str, list[str]]] = {}
    for name, value in content.items():
        if name in errors.values():
            continue
        path, error = f"{prefix}{_title(name)}", content.get(errors[name] or "")
        if isinstance(value, dict):
            more = _tables(value, f"{path}.")
            numbers += more[0]
            tables += more[1]
        elif not isinstance(value, (list, tuple)):
            numbers.append([path, _text(value, error)])
        elif not value or len(value) > (_MOST_ROWS if isinstance(value[0], dict) else _MOST_VALUES):
            numbers.append([path, f"{len(value)} values"])
        elif all(isinstance(item, dict) for item in value):
            entries = [dict(_tables(item)[0]) for item in value]
            head = list(dict.fromkeys(key for entry in entries for key in entry))
            tables.append((path, (head, [[entry.get(key, "") for key in head] for entry in entries])))
        elif all(isinstance(item, list) for item in value):
            rows = [
                [_text(cell, beside) for cell, beside in zip(row, _beside(row, of_row), strict=True)]
                for row, of_row in zip(value, _beside(value, error), strict=True)
            ]
            tables.append((path, ([], rows)))
        else:
            cells = [_text(cell, beside) for cell, beside in zip(value, _beside(value, error), strict=True)]
            columns.setdefault(len(value), {})[_title(name)] = cells
    where = prefix.removesuffix(".")
    tables += [
        (where, (list(columned), [list(row) for row in zip(*columned.values(), strict=True)]))
        for columned in columns.values()
    ]
    return numbers, tables


def _error_name(name: str, content: dict[str, Any]) -> str | None:
    """Return the key of a number's error, ``auc_error`` of ``auc`` and ``error_a`` of ``value_a``; None if it has none."""
    names = [f"{name}_error", *([name.replace("value", "error", 1)] if name.startswith("value") else [])]
    return next((key for key in names if key in content), None)


def _beside(values: Any, errors: Any) -> Any:
    fits = isinstance(errors, (list, tuple)) and len(errors) == len(values)
    return errors if fits else [None] * len(values)


def _title(name: str) -> str:
    return name.replace("_", " ")


def _text(value: Any, error: Any) -> str:
    if value is None:
        return "not computable"
    if isinstance(error, float) and math.isfinite(error) and error > 0 and isinstance(value, (int, float)):
        digits = max(0, 1 - math.floor(math.log10(error)))
        return f"{value:.{digits}f} ± {error:.{digits}f}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(head: list[str], rows: _Rows) -> str:
    top = "".join(f'<th style="text-align:right;{_CELL}">{escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr style="background:transparent">{"".join(_cell(text, is_first=not at) for at, text in enumerate(row))}</tr>'
        for row in rows[:_MOST_ROWS]
    )
    more = f"<caption>and {len(rows) - _MOST_ROWS} more</caption>" if len(rows) > _MOST_ROWS else ""
    return f"<table>{more}{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>"


def _cell(text: str, *, is_first: bool) -> str:
    return f'<td style="text-align:{"left" if is_first else "right"};{_CELL}">{escape(text)}</td>'
