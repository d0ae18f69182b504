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
    if metrics.get("task", "binary") != "binary":
        return _of_classes(metrics) if metrics["task"] == "multiclass" else _of_targets(metrics)
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


def _of_classes(metrics: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    header = ["method", "mean AUC, one against one", *(f"AUC of {name}" for name in metrics["classes"])]
    header += ["accuracy, classes alike", "log-loss", "overtraining"]
    rows = []
    for name in metrics["method_order"]:
        method = metrics["methods"][name]
        area, matrix, loss = method["multiclass_auc"], method["confusion_matrix"], method["class_log_loss"]
        nothing = [None] * len(metrics["classes"])
        row = [name, with_error(area.get("macro_one_vs_one"), area.get("macro_one_vs_one_error"))]
        row += [
            with_error(value, error)
            for value, error in zip(
                area.get("one_vs_rest", nothing), area.get("one_vs_rest_error", nothing), strict=True
            )
        ]
        row += [
            with_error(matrix.get("balanced_accuracy"), matrix.get("balanced_accuracy_error")),
            with_error(loss.get("value"), loss.get("error")),
            _worst(method["class_overtraining"]),
        ]
        rows.append(row)
    return header, rows


def _worst(judged: list[dict[str, Any]] | dict[str, Any]) -> str:
    """Return the verdicts on the classes, each with the classes that it is of."""
    if isinstance(judged, dict):
        return _NOTHING
    verdicts: dict[str, list[str]] = {}
    for one in judged:
        verdicts.setdefault(one.get("verdict", _NOTHING), []).append(one["class"])
    return (
        verdicts.popitem()[0] if len(verdicts) == 1 else "; ".join(f"{k}: {', '.join(v)}" for k, v in verdicts.items())
    )


def _of_targets(metrics: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    header = ["method", "target", "bias", "RMS", "68 % half width", "correlation", "RMS (training)"]
    rows = []
    for name in metrics["method_order"]:
        method = metrics["methods"][name]
        listed, before = method["regression"], method["regression_training"]
        if isinstance(listed, dict):
            rows.append([name, "", *[_NOTHING] * 5])
            continue
        trained = {} if isinstance(before, dict) else {one["target"]: one for one in before}
        for one in listed:
            own = trained.get(one["target"], {})
            row = [name, one["target"]]
            row += [with_error(one[key], one[f"{key}_error"]) for key in ("bias", "rms", "resolution", "correlation")]
            rows.append([*row, with_error(own.get("rms"), own.get("rms_error"))])
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
