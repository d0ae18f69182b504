"""The loss of each task for boosted trees on signed weights: where to begin, derivatives, and the metric."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import log_softmax, softmax

from hepml.classifiers.objective import (
    MARGIN_BOUND,
    base_margin,
    gradient_and_hessian,
    on_grid,
    signed_log_loss,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.classifiers.training import TrainingPart

    Floats = NDArray[np.float64]

__all__ = ["LogisticLoss", "Loss", "SoftmaxLoss", "SquaredLoss"]

# smallest p (1 - p) in the Hessian, as for two classes
_SMALLEST_CURVATURE = 1e-16


class Loss(Protocol):
    """What a trainer of trees needs of a task.

    Margins have shape (n_events, n_outputs). Trees add up ``(margin - base) / scale`` with ``base`` of shape (n_outputs,).
    """

    @property
    def base(self) -> Floats: ...  # noqa: D102

    @property
    def scale(self) -> Floats: ...  # noqa: D102

    def derivatives(self, margin: Floats, part: TrainingPart) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gradient and Hessian with respect to what trees add up, float32 of the shape of the margins."""
        ...

    def metric(self, margin: Floats, part: TrainingPart) -> float:
        """Return the signed loss, which is linear in the weights."""
        ...


@dataclass(frozen=True, slots=True)
class LogisticLoss:
    """Two classes; see :mod:`hepml.classifiers.objective`."""

    base: Floats
    scale: Floats

    @classmethod
    def of(cls, train: TrainingPart) -> LogisticLoss:
        """Begin at the log-odds of the signed sums of weights."""
        return cls(np.array([base_margin(train.signal, train.weight)]), np.ones(1))

    def derivatives(self, margin: Floats, part: TrainingPart) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return w (p - y) and |w| p (1 - p)."""
        gradient, hessian = gradient_and_hessian(margin[:, 0], part.signal, part.weight)
        return gradient[:, None], hessian[:, None]

    def metric(self, margin: Floats, part: TrainingPart) -> float:
        """Return the signed log-loss."""
        return signed_log_loss(margin[:, 0], part.signal, part.weight)


@dataclass(frozen=True, slots=True)
class SoftmaxLoss:
    """More than two classes."""

    base: Floats
    scale: Floats

    @classmethod
    def of(cls, train: TrainingPart, n_classes: int) -> SoftmaxLoss:
        """Begin at the logarithms of the signed shares of the classes."""
        sums = np.array([train.weight[train.target == number].sum() for number in range(n_classes)])
        return cls(np.log(sums / sums.sum()), np.ones(n_classes))

    def derivatives(self, margin: Floats, part: TrainingPart) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return w (p_k - y_k) and |w| p_k (1 - p_k) K / (K - 1).

        The factor makes up for what the classes' trees take from each other (Friedman 2001, eq. 32).
        """
        probability = softmax(margin, axis=1)
        n_classes = probability.shape[1]
        factor = n_classes / (n_classes - 1.0)
        hessian = np.maximum(probability * (1.0 - probability), _SMALLEST_CURVATURE) * factor
        hessian *= np.abs(part.weight)[:, None]
        probability[np.arange(len(probability)), part.target] -= 1.0
        probability *= part.weight[:, None]
        return on_grid(probability), on_grid(hessian)

    def metric(self, margin: Floats, part: TrainingPart) -> float:
        """Return the signed mean of -log p of the true class, which is bounded as for two classes."""
        rows = np.arange(len(margin))
        loss = np.minimum(-log_softmax(margin, axis=1)[rows, part.target], MARGIN_BOUND)
        return float((part.weight * loss).sum() / part.weight.sum())


@dataclass(frozen=True, slots=True)
class SquaredLoss:
    """Targets of regression, in units of their spread."""

    base: Floats
    scale: Floats

    @classmethod
    def of(cls, train: TrainingPart) -> SquaredLoss:
        """Begin at the signed means; the spread is the standard deviation by absolute weights, which is always positive.

        A target that is the same for all events has the spread 1.
        """
        base = (train.weight[:, None] * train.target).sum(axis=0) / train.weight.sum()
        size = np.abs(train.weight)[:, None]
        middle = (size * train.target).sum(axis=0) / size.sum()
        scale = np.sqrt((size * (train.target - middle) ** 2).sum(axis=0) / size.sum())
        return cls(base, np.where(scale > 0.0, scale, 1.0))

    def derivatives(self, margin: Floats, part: TrainingPart) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return w (f - y) / scale and |w|."""
        gradient = part.weight[:, None] * (margin - part.target) / self.scale
        hessian = np.broadcast_to(np.abs(part.weight)[:, None], gradient.shape)
        return on_grid(gradient), on_grid(hessian)

    def metric(self, margin: Floats, part: TrainingPart) -> float:
        """Return the signed mean square of the deviation, in units of the spread, averaged over targets."""
        square = np.square((margin - part.target) / self.scale).mean(axis=1)
        return float((part.weight * square).sum() / part.weight.sum())
