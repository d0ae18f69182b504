"""Losses of several classes and of regression for weights of either sign, as boosted trees are grown with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from scipy.special import log_softmax, softmax

from hepml.classifiers.objective import MARGIN_BOUND, on_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.classifiers.training import TrainingPart

__all__ = ["LogLoss", "SoftmaxLoss", "SquaredLoss", "TreeLoss"]

_SMALLEST_CURVATURE = 1e-16


class TreeLoss(Protocol):
    """What boosted trees need of the loss of a part of the events."""

    def derivatives(self, margin: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and Hessian, shaped as the margin."""
        ...

    def value(self, margin: NDArray[np.floating]) -> float:
        """Return what is minimised, per unit of weight."""
        ...


@runtime_checkable
class LogLoss(Protocol):
    """A loss that holds the log-loss of classes."""

    def log_loss(self, margin: NDArray[np.floating]) -> float:
        """Return the signed log-loss."""
        ...


@dataclass(frozen=True, slots=True)
class SoftmaxLoss:
    """The signed log-loss of several classes.

    Parameters
    ----------
    part : TrainingPart
        The events.
    n_classes : int
        Number of classes.
    curvature : float
        Factor on ``|w| p (1 - p)`` in the Hessian: 2 in XGBoost, 1 in scikit-learn.

    Notes
    -----
    The gradient of the margin of class k is w (p_k - [y = k]), exact for either sign; the Hessian is diagonal and has
    ``|w|`` in the place of w, as that of two classes (:func:`~hepml.classifiers.objective.gradient_and_hessian`). Each
    class is rounded on a grid of its own.
    """

    part: TrainingPart
    n_classes: int
    curvature: float

    def base(self) -> NDArray[np.float64]:
        """Return the margins to start from: logarithms of the classes' signed shares, shape (n_classes,)."""
        sums = np.bincount(self.part.target, self.part.weight, self.n_classes)
        logs: NDArray[np.float64] = np.log(sums / sums.sum())
        return logs

    def derivatives(self, margin: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and Hessian of the margins, float32 of shape (n_events, n_classes)."""
        probability = softmax(margin.astype(np.float64, copy=False), axis=1)
        curved = np.maximum(self.curvature * probability * (1.0 - probability), _SMALLEST_CURVATURE)
        hessian = np.abs(self.part.weight)[:, None] * curved
        probability[np.arange(len(probability)), self.part.target] -= 1.0
        return _columns_on_grid(self.part.weight[:, None] * probability), _columns_on_grid(hessian)

    def value(self, margin: NDArray[np.floating]) -> float:
        """Return the log-loss."""
        return self.log_loss(margin)

    def log_loss(self, margin: NDArray[np.floating]) -> float:
        """Return the weighted mean of -log p of the true class, bounded as for two classes."""
        logs = log_softmax(margin.astype(np.float64, copy=False), axis=1)
        own = np.maximum(logs[np.arange(len(logs)), self.part.target], -MARGIN_BOUND)
        return float(-(self.part.weight * own).sum() / self.part.weight.sum())


@dataclass(frozen=True, slots=True)
class SquaredLoss:
    """Half of the signed mean squared error of one target or of several.

    Parameters
    ----------
    part : TrainingPart
        The events.
    lowest, highest : ndarray of float64, shape (n_targets,)
        Range of the targets that were trained on.

    Notes
    -----
    The gradient is w (f - y) and the Hessian ``|w|``. Where the net weight is negative the loss has no lower bound and
    would drive f away ever faster; f is therefore taken at the nearest value within the range of the targets, which
    bounds each step, and is exact within it. The value that stops the training does the same.
    """

    part: TrainingPart
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]

    def base(self) -> NDArray[np.float64]:
        """Return the signed means of the targets, within their range, shape (n_targets,)."""
        means = (self.part.weight[:, None] * self.part.target).sum(axis=0) / self.part.weight.sum()
        bounded: NDArray[np.float64] = np.clip(means, self.lowest, self.highest)
        return bounded

    def derivatives(self, margin: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and Hessian of the values, float32 of the margin's shape."""
        gradient = self.part.weight[:, None] * self._residual(margin)
        hessian = np.broadcast_to(np.abs(self.part.weight)[:, None], gradient.shape)
        return _columns_on_grid(gradient).reshape(margin.shape), _columns_on_grid(hessian).reshape(margin.shape)

    def value(self, margin: NDArray[np.floating]) -> float:
        """Return the weighted mean of half the squared residuals, summed over the targets."""
        squares = np.square(self._residual(margin)).sum(axis=1)
        return float(0.5 * (self.part.weight * squares).sum() / self.part.weight.sum())

    def _residual(self, margin: NDArray[np.floating]) -> NDArray[np.float64]:
        values = margin.astype(np.float64, copy=False).reshape(self.part.target.shape)
        residual: NDArray[np.float64] = np.clip(values, self.lowest, self.highest) - self.part.target
        return residual


def _columns_on_grid(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.column_stack([on_grid(column) for column in values.T])
