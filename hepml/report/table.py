"""The methods' table: one row a method, numbers with their errors, the same in terminal, log and report."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["methods_table", "with_error"]

_NOTHING = "not computable"


def with_error(value: float | None, error: float | None) -> str:
    """Return value and error rounded to the error's two leading digits, e.g. ``0.8731 +- 0.0024``.

    Parameters
    ----------
    value, error : float or None
        None or NaN where not computable.

    Returns
    -------
    str
        ``not computable`` if there is no value; the value with four digits if there is no error.
    """
    if value is None or not math.isfinite(value):
        return _NOTHING
    if error is None or not math.isfinite(error) or error <= 0:
        return f"{value:.4g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def methods_table(metrics: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the methods' table.

    Parameters
    ----------
    metrics : dict
        Content of ``metrics.json``.

    Returns
    -------
    header : list of str
        Names of the columns.
    rows : list of list of str
        One a method, in the order of the analysis file.
    """
    order = metrics["method_order"]
    points = metrics["methods"][order[0]]["working_points"] if order else []
    # in place of what cannot be computed stands a mapping with the reason
    points = points if isinstance(points, list) else []
    header = ["method", "AUC (test)"]
    header += [f"background rejection at {100 * point['target']:g}% signal" for point in points]
    header += ["overtraining"]
    rows = []
    for name in order:
        method = metrics["methods"][name]
        row = [name, with_error(method["roc"]["auc"], method["roc"]["auc_error"])]
        found = method["working_points"] if isinstance(method["working_points"], list) else [{}] * len(points)
        row += [
            with_error(point.get("background_rejection"), point.get("background_rejection_error")) for point in found
        ]
        comparison = method["overtraining"]
        gap = with_error(comparison.get("auc_gap"), comparison.get("auc_gap_error"))
        row += [f"{comparison.get('verdict', _NOTHING)} (AUC gap {gap})"]
        rows.append(row)
    return header, rows
