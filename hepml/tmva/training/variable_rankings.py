"""Variables ranked before any method, as TMVA's factory prints it: by separation, or by what they say of a target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.axis import centres_of, find_bins
from hepml.tmva.preparation.normalising import running_sum
from hepml.tmva.training.reporting import Ranking
from hepml.tmva.training.separation import separation_ranking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.preparation import PreparedData

__all__ = ["variable_rankings"]

# Config::VariablePlotting: bins of a scatter plot, and above how many variables and targets there is none
_N_BINS, _MOST_COLUMNS = 300, 20
# the precision of a TH2F, below which a projection keeps the sums of its histogram
_SINGLE = 1e-6


def variable_rankings(data: PreparedData) -> tuple[Ranking, ...]:
    """Rank the variables by the training events alone, before any method and transformation.

    Parameters
    ----------
    data : PreparedData
        The training events count. Separation, mutual information and correlation ratios take their signed weights,
        correlations none, as in TMVA.

    Returns
    -------
    tuple of Ranking
        ``"Separation"`` for two classes. For a regression of one target ``"|Correlation with target|"``, and up to 20
        columns in all ``"Mutual information"``, ``"Correlation Ratio"`` and ``"Correlation Ratio (T)"``. Of several classes
        or targets TMVA has none.

    Notes
    -----
    ``TransformationHandler::PlotVariables`` with ``Tools::GetMutualInformation`` and ``Tools::GetCorrelationRatio``, from a
    histogram of 300 x 300 bins. TMVA gives the axis of its target the range of the *first variable*, so that events
    whose targets lie beyond do not count; and its transposed histogram keeps the axes. Both are so here: the numbers are
    those that TMVA prints, not what their names promise. Events at the largest value of a variable lie outside, too.
    """
    if data.analysis_type == "Classification" and len(data.class_names) == 2:
        return (separation_ranking(data),)
    if data.analysis_type != "Regression" or len(data.targets) != 1:
        return ()
    labels = [variable.label for variable in data.variables]
    found = {"|Correlation with target|": _correlations(data.train.variables, data.train.targets[:, 0])}
    if len(labels) < _MOST_COLUMNS:
        plots = _plots(data)
        found["Mutual information"] = np.array([_mutual_information(plot.contents) for plot in plots])
        found["Correlation Ratio"] = np.array([_correlation_ratio(plot.contents, plot) for plot in plots])
        found["Correlation Ratio (T)"] = np.array([_correlation_ratio(_transposed(plot), plot) for plot in plots])
    return tuple(Ranking.of(quantity, labels, values) for quantity, values in found.items())


def _correlations(X: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return absolute linear correlations: products in single precision, sums in double."""

    def mean(values: NDArray[np.float32]) -> float:
        return running_sum(values.astype(np.float64)) / len(values)

    of_target = mean(target)
    spread = mean(target * target) - of_target**2
    found = np.zeros(X.shape[1])
    for place, column in enumerate(X.T):
        of_variable = mean(column)
        variance = (mean(column * column) - of_variable**2) * spread
        covariance = mean(column * target) - of_variable * of_target
        found[place] = abs(covariance) / math.sqrt(variance) if variance > 0.0 else 0.0
    return found


class _Plot:
    """The scatter plot of a variable (y) and the target (x): 150 x 150 bins and what lies around them."""

    def __init__(
        self,
        target: NDArray[np.float64],
        values: NDArray[np.float64],
        weight: NDArray[np.float64],
        across: tuple[float, float],
        upwards: tuple[float, float],
    ) -> None:
        x, y = find_bins(target, _N_BINS, *across), find_bins(values, _N_BINS, *upwards)
        fine = np.zeros((_N_BINS + 2, _N_BINS + 2), dtype=np.float32)
        np.add.at(fine, (x, y), weight.astype(np.float32))
        inside = (x >= 1) & (x <= _N_BINS) & (y >= 1) & (y <= _N_BINS)
        self.contents = _pairs(_pairs(fine.astype(np.float64)).T).T
        self.centres = centres_of(np.arange(1, _N_BINS // 2 + 1), _N_BINS // 2, *upwards)
        self.total = running_sum(weight[inside])
        # sums of the variable and of the target, for one projection or the other
        self.first = running_sum((weight * values)[inside]), running_sum((weight * target)[inside])
        self.second = running_sum((weight * values**2)[inside]), running_sum((weight * target**2)[inside])


def _plots(data: PreparedData) -> list[_Plot]:
    X = data.train.variables.astype(np.float64)
    target = data.train.targets[:, 0].astype(np.float64)
    weight = data.train.weight.astype(np.float32).astype(np.float64)
    ranges = [(float(column.min()), float(column.max())) for column in X.T]
    return [_Plot(target, column, weight, ranges[0], span) for column, span in zip(X.T, ranges, strict=True)]


def _pairs(contents: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum pairs of rows, but not what lies below and above."""
    return np.concatenate([contents[:1], contents[1:-1:2] + contents[2:-1:2], contents[-1:]])


def _transposed(plot: _Plot) -> NDArray[np.float64]:
    contents = plot.contents.copy()
    contents[1:-1, 1:-1] = plot.contents[1:-1, 1:-1].T
    return contents


def _mutual_information(contents: NDArray[np.float64]) -> float:
    inside = contents[1:-1, 1:-1]
    total = float(inside.sum())
    if total == 0.0:
        return -1.0
    p = inside / total
    product = np.outer(p.sum(axis=1), p.sum(axis=0))
    there = (p > 0.0) & (p.sum(axis=1) > 0.0)[:, None] & (p.sum(axis=0) > 0.0)
    return float((p[there] * np.log(p[there] / product[there])).sum())


def _correlation_ratio(contents: NDArray[np.float64], plot: _Plot) -> float:
    """Return the variance of the means of y in bins of x, over that of y in all bins of x and beside them."""
    inside = contents[1:-1, 1:-1]
    total = float(inside.sum())
    if total == 0.0:
        return -1.0
    columns = inside.sum(axis=1)
    means = np.divide((inside * plot.centres).sum(axis=1), columns, out=np.zeros(len(columns)), where=columns != 0.0)
    mean, variance = _projected(contents, plot)
    if not variance > 0.0:
        return math.inf
    return float((columns / total * (means - mean) ** 2).sum()) / variance


def _projected(contents: NDArray[np.float64], plot: _Plot) -> tuple[float, float]:
    """Return mean and variance of y (``TH2::ProjectionY``): of the events themselves if all lie inside, else of bins."""
    if plot.total != 0.0 and abs(plot.total - float(contents.sum())) < abs(plot.total) * _SINGLE:
        which = 0 if contents is plot.contents else 1
        total, first, second = plot.total, plot.first[which], plot.second[which]
    else:
        projection = contents[:, 1:-1].sum(axis=0)
        total = float(projection.sum())
        first, second = float((projection * plot.centres).sum()), float((projection * plot.centres**2).sum())
    mean = first / total
    return mean, max(second / total - mean * mean, 0.0)
