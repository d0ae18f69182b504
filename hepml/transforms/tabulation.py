"""Cumulative distributions from events, bin by bin as TMVA makes them (``VariableGaussTransform::GetCumulativeDist``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import EmptyClassError, FeatureValueError
from hepml.transforms.cumulative import Cumulative
from hepml.transforms.smoothing import smoothed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.transforms.step import Events

__all__ = ["tabulate"]

# a bin holds at least this many events of the smallest weight, and about this share of the sum of weights
_EVENTS_PER_BIN = np.float32(10)
_MOST_BINS = np.float32(2000)
# how far the first bin begins below the smallest value
_BELOW = np.float32(1e-4)


def tabulate(events: Events) -> tuple[tuple[Cumulative, ...], ...]:
    """Make the distributions of each variable, for each class and for all.

    Bins hold about equal sums of weights, are filled and smoothed once by ROOT's 353QH, and are summed up; sums are in
    single precision, in the order of the events, where TMVA's are. Negative contents are left out of the sum.

    Raises
    ------
    EmptyClassError
        If the weights of a class sum to zero or less.
    FeatureValueError
        If a variable has so few different values that TMVA's bins and smoothing leave nothing of its distribution.
    """
    weight = events.weight.astype(np.float32)
    groups = events.groups()
    totals = [np.add.accumulate(weight[rows])[-1] for _, rows in groups]
    for (name, _), total in zip(groups, totals, strict=True):
        if total <= 0:
            msg = f"the weights of {name} sum to {total:g}, not to more than zero, so it has no distributions"
            raise EmptyClassError(msg)
    return tuple(
        tuple(
            _cumulative(values[rows], weight[rows], total, (place, index), name)
            for index, ((name, rows), total) in enumerate(zip(groups, totals, strict=True))
        )
        for place, values in enumerate(events.values)
    )


def _cumulative(
    values: NDArray[np.float32],
    weight: NDArray[np.float32],
    total: np.float32,
    place: tuple[int, int],
    name: str,
) -> Cumulative:
    order = np.argsort(values, kind="stable")
    per_bin = max(weight.min() * _EVENTS_PER_BIN, total / _MOST_BINS)
    edges = _edges(values[order], weight[order], per_bin).astype(np.float64)
    # the largest value lies on the last edge and so outside, as in TMVA
    bins = np.searchsorted(edges, values.astype(np.float64), side="left")
    bins = np.where(edges[np.minimum(bins, len(edges) - 1)] == values, bins, bins - 1)
    inside = values.astype(np.float64) < edges[-1]
    contents = np.zeros(len(edges) - 1, dtype=np.float32)
    np.add.at(contents, bins[inside], weight[inside])
    positive = np.maximum(smoothed(contents), 0).astype(np.float64)
    if positive.sum() <= 0:
        msg = f"variable number {place[0]} of {name} has too few different values: smoothing leaves no distribution"
        raise FeatureValueError(msg)
    shares = (np.add.accumulate(positive) / np.add.accumulate(positive)[-1]).astype(np.float32)
    variable, index = place
    found = Cumulative(
        name=f"GaussTransform var{variable} cls{index}",
        histogram=f"Cumulative_Var{variable}_cls{index}_original",
        contents=shares,
        edges=edges,
        limits=(float(edges[0]), float(edges[-1])),
    )
    if problem := found.problem():
        msg = f"the cumulative distribution of variable number {variable} in {name} {problem}: is it constant?"
        raise FeatureValueError(msg)
    return found


def _edges(values: NDArray[np.float32], weight: NDArray[np.float32], per_bin: np.float32) -> NDArray[np.float32]:
    """Bin edges: the values at which the weights since the last edge reach ``per_bin``."""
    edges = [values[0] - _BELOW, values[0]]
    start, rest = 0, np.float32(0)
    guess = 64
    while start < len(values):
        stop = min(start + guess, len(values))
        while True:
            sums = np.add.accumulate(weight[start:stop])
            ends = np.flatnonzero((sums >= per_bin) & (values[start:stop] > edges[-1]))
            if len(ends) or stop == len(values):
                break
            stop = min(start + 2 * (stop - start), len(values))
        if not len(ends):
            rest = sums[-1]
            break
        edges.append(values[start + ends[0]])
        # bins hold about equal numbers of events, so the next is looked for as far as this
        guess = max(2 * (int(ends[0]) + 1), 64)
        start += int(ends[0]) + 1
    if rest != 0:
        edges.append(values[-1])
    return np.array(edges, dtype=np.float32)
