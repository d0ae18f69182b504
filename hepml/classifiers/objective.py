"""The logistic loss for weights of either sign: gradients, a Hessian that stays positive, and the metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MARGIN_BOUND", "EarlyStopping", "base_margin", "gradient_and_hessian", "on_grid", "signed_log_loss"]

# |log-odds| beyond which the metric no longer changes: where the net density of a class is negative, the signed
# log-loss has no lower bound, and p = 3e-7 is further than any early stopping needs to look
MARGIN_BOUND = 15.0
# smallest p (1 - p) in the Hessian, the value that XGBoost uses
_SMALLEST_CURVATURE = 1e-16
# bits of a float32 mantissa
_MANTISSA_BITS = 24


def base_margin(y: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """Return the log-odds of the signed sums of weights, which the first tree starts from.

    Parameters
    ----------
    y : ndarray of bool, shape (n_events,)
        True for signal.
    weight : ndarray of float64, shape (n_events,)
        Signed weights; the sum of either class is positive.

    Returns
    -------
    float
        log(sum of signal weights / sum of background weights).
    """
    return float(np.log(weight[y].sum() / weight[~y].sum()))


def gradient_and_hessian(
    margin: NDArray[np.floating],
    y: NDArray[np.bool_],
    weight: NDArray[np.float64],
    *,
    further: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the first and second derivative that the trees are grown with.

    Parameters
    ----------
    margin : ndarray, shape (n_events,)
        Present log-odds of the events.
    y : ndarray of bool, shape (n_events,)
        True for signal.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    further : tuple of ndarray of float64, each of shape (n_events,), optional
        Gradient and Hessian of what is minimised beside the loss, added before both are rounded.

    Returns
    -------
    gradient, hessian : ndarray of float32, shape (n_events,)
        w (p - y) and |w| p (1 - p).

    Notes
    -----
    The gradient is exact, so the boosting stands still only where the signed sums of every leaf agree with p. The Hessian
    only scales the steps; |w| in the place of w keeps it positive and makes it follow the statistical noise of the
    gradient, whose variance goes with the sum of w^2 and not with the net weight. With positive weights both are those
    of the ordinary logistic loss.

    Both are rounded to multiples of 2^-24 of the largest value: sums of up to 2^29 of them in double precision are then
    exact, whatever their order, so that the number of threads cannot change a tree.
    """
    probability = expit(margin.astype(np.float64, copy=False))
    gradient = weight * (probability - y)
    hessian = np.abs(weight) * np.maximum(probability * (1.0 - probability), _SMALLEST_CURVATURE)
    if further is not None:
        gradient, hessian = gradient + further[0], hessian + further[1]
    return on_grid(gradient), on_grid(hessian)


def signed_log_loss(margin: NDArray[np.floating], y: NDArray[np.bool_], weight: NDArray[np.float64]) -> float:
    """Return the weighted mean of the logistic loss with signed weights.

    Parameters
    ----------
    margin : ndarray, shape (n_events,)
        Log-odds given by the model.
    y : ndarray of bool, shape (n_events,)
        True for signal.
    weight : ndarray of float64, shape (n_events,)
        Signed weights with a positive sum.

    Returns
    -------
    float
        sum w [log(1 + exp(F)) - y F] / sum w, with F bounded to +-MARGIN_BOUND.

    Notes
    -----
    It is linear in the weights, so for events that were not trained on its expectation is the loss for the net density,
    whatever the signs. Bounding F bounds each term and with it the mean: without it a region of negative net density
    would reward F without limit.
    """
    bounded = np.clip(margin.astype(np.float64, copy=False), -MARGIN_BOUND, MARGIN_BOUND)
    loss = np.logaddexp(0.0, bounded) - np.where(y, bounded, 0.0)
    return float((weight * loss).sum() / weight.sum())


class EarlyStopping:
    """Watch the validation metric and say when it has not improved for some iterations.

    Parameters
    ----------
    patience : int or None
        Iterations without a new minimum after which to stop; None never stops but still remembers the best.
    """

    def __init__(self, patience: int | None) -> None:
        self.patience = patience
        self.curve: list[float] = []
        self.best = 0

    def should_stop(self, value: float) -> bool:
        """Take the metric of the next iteration and return whether to stop."""
        self.curve.append(value)
        if value < self.curve[self.best]:
            self.best = len(self.curve) - 1
        return self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether the patience is at its end."""
        return self.patience is not None and len(self.curve) - 1 - self.best >= self.patience


def on_grid(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round to multiples of 2^-24 of the largest value, whose sums do not depend on their order."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0:
        return values.astype(np.float32)
    step = np.ldexp(1.0, int(np.frexp(largest)[1]) - _MANTISSA_BITS)
    rounded: NDArray[np.float32] = (np.rint(values / step) * step).astype(np.float32)
    return rounded
