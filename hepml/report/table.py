"""Tables of methods and of their differences, numbers with their errors, the same in terminal, log and report."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["comparison_table", "matching_lines", "methods_table", "with_error", "without_error"]

_NOTHING = "not computable"
_MOST_DIGITS = 8


def with_error(value: float | None, error: float | None) -> str:
    """Return value and error rounded to the error's two leading digits, e.g. ``0.8731 +- 0.0024``.

    Parameters
    ----------
    value, error : float or None
        None or NaN where not computable.

    Returns
    -------
    str
        ``not computable`` if there is no value; the value with four digits if there is no error, which is said, or if it
        is zero. An error that takes more than eight digits of the value to show stands in powers of ten: ``1 +- 7e-17``.
    """
    if value is None or not math.isfinite(value):
        return _NOTHING
    if error is None or not math.isfinite(error):
        return f"{value:.4g} (error {_NOTHING})"
    if error <= 0:
        return f"{value:.4g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    leading = math.floor(math.log10(abs(value))) if value != 0.0 else 0
    if digits and digits + leading >= _MOST_DIGITS:
        return f"{value:.{_MOST_DIGITS}g} ± {error:.1g}"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def without_error(value: float | None) -> str:
    """Return a number that has no error, such as a threshold or a time, with four digits; ``not computable`` without it."""
    return with_error(value, 0.0)


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


def comparison_table(comparison: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the differences of areas.

    Parameters
    ----------
    comparison : dict
        Content of ``comparison.json``.

    Returns
    -------
    header : list of str
        Names of the columns.
    rows : list of list of str
        One a pair of methods; none for a single method.
    """
    rows = []
    for pair in comparison.get("comparisons", []):
        found = pair["auc"]
        if found["p_value"] is None:
            difference, p_value = f"{found['difference']:+.4g}", found["reason"] or _NOTHING
        else:
            difference = with_error(found["difference"], found["difference_error"])
            p_value = f"{found['p_value']:.2g}"
        rows.append([pair["a"], pair["b"], difference, "" if found["z"] is None else f"{found['z']:+.1f}", p_value])
    return ["a", "b", "AUC of b - a", "in errors", "p-value"], rows


def matching_lines(comparison: dict[str, Any]) -> list[str]:
    """Return sentences on which events were compared.

    Parameters
    ----------
    comparison : dict
        Content of ``comparison.json``.

    Returns
    -------
    list of str
        Plain text.
    """
    matching, events = comparison["matching"], comparison["events"]
    columns = ":".join(matching["identity"])
    how = {
        "identity": f"by {columns}",
        "identity as float32": f"by {columns}, rounded to float32 and found unique",
        "order": "by their order, as nothing identifies them in all sources",
    }[matching["by"]]
    agree = matching["columns_that_agree"]
    checked = f"{', '.join(agree)} agree" if agree else "there was no feature in common to check them by"
    of_classes = f"{events['signal']['n_events']} signal, {events['background']['n_events']} background"
    lines = [
        f"{matching['n_compared']} events ({of_classes}) are in the test part of every source.",
        f"They were matched {how}; {checked}." if len(comparison["sources"]) > 1 else "They are of one source.",
        f"Weights are those of {comparison['weights']['of']} ({comparison['weights']['kind']}).",
    ]
    lines += [
        f"{source['n_trained']} test events of {source['name']} were left out, since a source was trained on them."
        for source in comparison["sources"]
        if source["n_trained"]
    ]
    return lines
