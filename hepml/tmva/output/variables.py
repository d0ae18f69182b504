"""Histograms of input variables as TMVA draws them: distributions, scatter plots, profiles, correlation matrices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hepml.tmva.output.filled import BinnedAxis, Filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from hepml.tmva.output.events import OutputEvents

    Floats = NDArray[np.float64]

__all__ = ["VariableLabel", "correlation_matrices", "correlation_plots", "variable_histograms"]

# TMVA's numbers (Config.cxx)
_N_SIGMA = 8.0
_N_BINS = 40
_N_BINS_2D = 300
MOST_SCATTERED = 20


class VariableLabel(NamedTuple):
    """What plots call a variable, and its unit."""

    title: str
    unit: str = ""

    @property
    def axis(self) -> str:
        """Title of an axis (``Tools::GetXTitleWithUnit``)."""
        return f"{self.title}  [{self.unit}]" if self.unit else self.title


def variable_histograms(
    events: OutputEvents, labels: Mapping[str, VariableLabel], suffix: str
) -> Iterator[tuple[str, Filled]]:
    """Make the distribution of each variable in each class (``TransformationHandler::PlotVariables``).

    Parameters
    ----------
    events : OutputEvents
        The events; missing values are left out.
    labels : mapping of str to VariableLabel
        Of each variable.
    suffix : str
        ``_Id`` for the training events without transformation; nothing for the test events of a method.

    Yields
    ------
    tuple of str and Filled
        Key and ``TH1F``.
    """
    for name, values in _finite(events):
        label = labels[name]
        lowest, highest, mean, sigma = _moments(values.x, values.weight)
        low, high = max(lowest, mean - _N_SIGMA * sigma), min(highest, mean + _N_SIGMA * sigma)
        if low >= high:
            high = low * 1.1
        if low >= high:
            high = low + 1.0
        high += (high - low) / _N_BINS
        axis = BinnedAxis(_N_BINS, low, high, label.axis)
        for number, of_class in events.classes.items():
            chosen = values.class_id == number
            filled = Filled.of(axis, label.title, values.x[chosen], values.weight[chosen], np.float32)
            yield f"{name}__{of_class}{suffix}", filled.titled(f"dN_{{ }}/^{{ }}{axis.width:.3g} {label.unit}")


def correlation_plots(
    events: OutputEvents, labels: Mapping[str, VariableLabel], suffix: str
) -> Iterator[tuple[str, Filled]]:
    """Make scatter plots and profiles of all pairs of variables in each class; of none if there are more than 20 variables.

    Parameters
    ----------
    events, labels, suffix
        As for :func:`variable_histograms`.

    Yields
    ------
    tuple of str and Filled
        Key and ``TH2F`` or ``TProfile``.
    """
    names = list(events.variables)
    if len(names) > MOST_SCATTERED:
        return
    ranges = {name: _range(values.x) for name, values in _finite(events)}
    for first, name_x in enumerate(names):
        for number, of_class in events.classes.items():
            for name_y in names[first + 1 :]:
                x, y = (np.asarray(events.variables[name], dtype=np.float64) for name in (name_x, name_y))
                chosen = (events.class_id == number) & np.isfinite(x) & np.isfinite(y)
                x, y, weight = x[chosen], y[chosen], _weights(events)[chosen]
                titles = f"{labels[name_y].title} versus {labels[name_x].title} ({of_class}){suffix}"
                axis_x = BinnedAxis(_N_BINS_2D, *ranges[name_x], labels[name_x].axis)
                axis_y = BinnedAxis(_N_BINS_2D, *ranges[name_y], labels[name_y].axis)
                key = f"{name_y}_vs_{name_x}_{of_class}{suffix}"
                yield f"scat_{key}", Filled.plane((axis_x, axis_y), titles, x, y, weight)
                axis_x = BinnedAxis(_N_BINS, *ranges[name_x], labels[name_x].axis)
                profile = Filled.profile(axis_x, f"profile {titles}", x, y, weight)
                yield f"prof_{key}", profile.titled(labels[name_y].axis)


def correlation_matrices(events: OutputEvents, labels: Mapping[str, VariableLabel]) -> Iterator[tuple[str, Filled]]:
    """Make the matrix of linear correlations of each class, in percent and cut off to whole numbers.

    Parameters
    ----------
    events, labels
        As for :func:`variable_histograms`; events with a missing value are left out.

    Yields
    ------
    tuple of str and Filled
        Key and ``TH2F``.
    """
    matrix = np.column_stack([np.asarray(column, dtype=np.float64) for column in events.variables.values()])
    complete = np.isfinite(matrix).all(axis=1)
    titles = tuple(labels[name].title for name in events.variables)
    size = len(titles)
    axis = BinnedAxis(size, 0.0, float(size), labels=titles)
    for number, of_class in events.classes.items():
        chosen = complete & (events.class_id == number)
        exact = _correlations(matrix[chosen], _weights(events)[chosen])
        percent = np.float32(100.0) * exact.astype(np.float32)
        content, sumw2 = np.zeros((size + 2, size + 2), dtype=np.float32), np.zeros((size + 2, size + 2))
        content[1:-1, 1:-1] = np.trunc(percent)
        # ROOT takes the contents before scaling for the sums of squares
        sumw2[1:-1, 1:-1] = 100.0**2 * np.abs(exact.astype(np.float32).astype(np.float64))
        short = {"Signal": "S", "Background": "B"}.get(of_class, of_class)
        yield (
            f"CorrelationMatrix{short}",
            Filled(
                axes=(axis, axis),
                title=f"Correlation Matrix ({of_class.lower() if short in 'SB' else of_class})",
                content=content.ravel(),
                sumw2=sumw2.ravel(),
                n_entries=2.0 * size * size,
                # ROOT's Scale counts them once more
                sums=(0.0, float(100.0**2 * sumw2.sum()), *(0.0,) * 5),
            ),
        )


class _Values(NamedTuple):
    x: Floats
    weight: Floats
    class_id: NDArray[np.int32]


def _finite(events: OutputEvents) -> Iterator[tuple[str, _Values]]:
    weight = _weights(events)
    for name, column in events.variables.items():
        x = np.asarray(column, dtype=np.float64)
        there = np.isfinite(x)
        if not there.all():
            yield name, _Values(x[there], weight[there], events.class_id[there])
        else:
            yield name, _Values(x, weight, events.class_id)


def _weights(events: OutputEvents) -> Floats:
    """Return weights as the tree will have them."""
    return events.weight.astype(np.float32).astype(np.float64)


def _range(x: Floats) -> tuple[float, float]:
    if x.size == 0:
        return 0.0, 1.0
    low, high = float(x.min()), float(x.max())
    return low, high if high > low else low + 1.0


def _moments(x: Floats, weight: Floats) -> tuple[float, float, float, float]:
    """Return smallest, largest, mean and standard deviation; weights that sum to nothing give the range alone."""
    low, high = _range(x)
    if x.size:
        high = float(x.max())
    total = float(np.cumsum(weight)[-1]) if weight.size else 0.0
    if total == 0:
        return low, high, low, math.inf
    mean = float(np.cumsum(x * weight)[-1]) / total
    variance = float(np.cumsum(x * x * weight)[-1]) / total - mean * mean
    return low, high, mean, math.sqrt(variance) if variance >= 0 else math.inf


def _correlations(matrix: Floats, weight: Floats) -> Floats:
    """Return ``DataSetFactory::CalcCorrelationMatrix``: 0 where a variance is not positive."""
    size = matrix.shape[1]
    total = float(weight.sum())
    if total == 0:
        return np.eye(size)
    weighted = matrix * weight[:, None]
    means = weighted.sum(axis=0) / total
    covariance = np.empty((size, size))
    for row in range(size):
        for column in range(row, size):
            value = float((weighted[:, row] * matrix[:, column]).sum()) / total - means[row] * means[column]
            covariance[row, column] = covariance[column, row] = value
    product = np.multiply.outer(np.diag(covariance), np.diag(covariance))
    known = product > 0
    correlation = np.where(known, covariance / np.sqrt(np.where(known, product, 1.0)), 0.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation
