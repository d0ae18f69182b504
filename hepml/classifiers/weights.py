"""Signed weights before training: checks, what a policy makes of negative ones, and what that shifts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data.mapped import release
from hepml.errors import EmptyClassError, WeightError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["POLICIES", "TrainingWeights", "checked_weights", "prepare_weights"]

POLICIES = ("signed", "ignore", "abs")

# a net class sum smaller than this many of its own standard deviations says nothing about the prevalence
_SIGNIFICANCE = 3.0

_log = logging.getLogger("hepml.classifiers")


@dataclass(frozen=True, slots=True)
class TrainingWeights:
    """What a method trains on.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_used,), or None
        Events that are used; None for all.
    weight : ndarray of float64, shape (n_used,)
        Weights after the policy, divided by the mean of their absolute values.
    report : dict
        Plain JSON types: policy, counts, sums, shifts.
    """

    rows: NDArray[np.int64] | None
    weight: NDArray[np.float64]
    report: dict[str, Any]


def checked_weights(weight: object, n_events: int, what: str = "sample_weight") -> NDArray[np.float64]:
    """Return weights as float64 of shape (n_events,), 1 where none are given.

    Raises
    ------
    WeightError
        If the shape is wrong, a weight is NaN or infinite, or all are zero.
    """
    if weight is None:
        return np.ones(n_events)
    array = np.asarray(weight, dtype=np.float64)
    if array.ndim == 0:
        array = np.full(n_events, float(array))
    if array.shape != (n_events,):
        msg = f"{what} must have the shape ({n_events},), one weight an event, not {array.shape}"
        raise WeightError(msg)
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        msg = f"{what} holds {bad} NaN or infinite values among {n_events}"
        raise WeightError(msg)
    if not array.any():
        msg = f"all {n_events} values of {what} are zero"
        raise WeightError(msg)
    return array


def prepare_weights(
    X: NDArray[np.float32],
    group: NDArray[np.int64],
    weight: NDArray[np.float64],
    policy: str,
    *,
    feature_names: Sequence[str],
    class_names: tuple[str, ...],
) -> TrainingWeights:
    """Apply a policy for negative weights and normalise.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Features, NaN where missing; only for the shifts.
    group : ndarray of int64, shape (n_events,)
        Number of the event's class; all 0 without classes.
    weight : ndarray of float64, shape (n_events,)
        Signed weights from :func:`checked_weights`.
    policy : {"signed", "ignore", "abs"}
        Keep the signs, drop the events of negative weight, or take absolute values.
    feature_names : sequence of str
        For the messages.
    class_names : tuple of str
        Names of the classes; one empty name without classes.

    Returns
    -------
    TrainingWeights
        Events, weights and the report.

    Raises
    ------
    EmptyClassError
        If the weights of a class sum to zero or less, or (with negative ones among them) to less than 3 standard
        deviations of that sum.

    Notes
    -----
    Events of weight zero are never trained on. Dividing by the mean of |w| makes the regularisation (``min_child_weight``,
    ``reg_lambda``) mean the same whatever the luminosity.
    """
    negative = weight < 0.0
    n_negative = int(np.count_nonzero(negative))
    if policy == "abs":
        used = np.abs(weight)
    elif policy == "ignore":
        used = np.where(negative, 0.0, weight)
    else:
        used = weight
    report: dict[str, Any] = {
        "policy": policy,
        "n_events": int(weight.size),
        "n_used": int(np.count_nonzero(used)),
        "n_negative": n_negative,
        "n_zero": int(np.count_nonzero(weight == 0.0)),
        "classes": {},
        "shifts": {},
    }
    for number, name in enumerate(class_names):
        members = group == number
        report["classes"][name or "all"] = _class_sums(name, weight[members], used[members])
    if n_negative and policy != "signed":
        report["shifts"] = _mean_shifts(X, group, weight, used, feature_names=feature_names, class_names=class_names)
        _warn(report, class_names)
    rows = np.flatnonzero(used) if report["n_used"] < weight.size else None
    selected = used if rows is None else used[rows]
    return TrainingWeights(rows, selected / np.abs(selected).mean(), report)


def _class_sums(name: str, weight: NDArray[np.float64], used: NDArray[np.float64]) -> dict[str, Any]:
    total = float(used.sum())
    sigma = float(np.sqrt(np.square(used).sum()))
    if total <= 0.0:
        msg = (
            f"{_of_class(name)}the weights of its {weight.size} training events sum to {total:g}; "
            "training needs a positive sum in each class"
        )
        raise EmptyClassError(msg)
    if (used < 0.0).any() and total < _SIGNIFICANCE * sigma:
        msg = (
            f"{_of_class(name)}the signed weights of its training events sum to {total:g} +- {sigma:g}, less than "
            f"{_SIGNIFICANCE:g} standard deviations: too few events for their cancellation"
        )
        raise EmptyClassError(msg)
    return {
        "n_events": int(weight.size),
        "n_negative": int(np.count_nonzero(weight < 0.0)),
        "sum_of_weights": float(weight.sum()),
        "sum_of_used_weights": total,
        "effective_events": total**2 / sigma**2,
    }


def _of_class(name: str) -> str:
    return f"class {name!r}: " if name else ""


def _mean_shifts(
    X: NDArray[np.float32],
    group: NDArray[np.int64],
    weight: NDArray[np.float64],
    used: NDArray[np.float64],
    *,
    feature_names: Sequence[str],
    class_names: tuple[str, ...],
) -> dict[str, dict[str, float | None]]:
    """Return (mean with the used weights - mean with the signed ones) / sigma of the latter, by feature and class."""
    shifts: dict[str, dict[str, float | None]] = {}
    for index, feature in enumerate(feature_names):
        column = X[:, index].astype(np.float64)
        release(X[:, index])
        present = ~np.isnan(column)
        shifts[feature] = {}
        for number, name in enumerate(class_names):
            rows = (group == number) & present
            shifts[feature][name or "all"] = _shift(column[rows], weight[rows], used[rows])
    return shifts


def _shift(x: NDArray[np.float64], weight: NDArray[np.float64], used: NDArray[np.float64]) -> float | None:
    total, used_total = float(weight.sum()), float(used.sum())
    if total == 0.0 or used_total == 0.0:
        return None
    mean = float((weight * x).sum()) / total
    sigma = float(np.sqrt((weight**2 * (x - mean) ** 2).sum())) / abs(total)
    return (float((used * x).sum()) / used_total - mean) / sigma if sigma > 0.0 else None


def _warn(report: dict[str, Any], class_names: tuple[str, ...]) -> None:
    def text(value: float | None) -> str:
        return "-" if value is None else f"{value:+.1f}"

    listed = ", ".join(
        f"{feature} {' / '.join(text(shift[name or 'all']) for name in class_names)}"
        for feature, shift in report["shifts"].items()
    )
    _log.warning(
        "negative_weights=%r: %d of %d training events have negative weights and are %s; the weighted means of the "
        "features shift by (in standard deviations, class %s): %s",
        report["policy"],
        report["n_negative"],
        report["n_events"],
        "not used" if report["policy"] == "ignore" else "used with their absolute value",
        " / ".join(name or "all" for name in class_names),
        listed,
    )
