"""Does a cut on the score change the shape of a variable's distribution? Jensen-Shannon divergence after and before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation.class_fractions import class_fractions
from hepml.evaluation.display import Displayed
from hepml.evaluation.efficiency import efficiency
from hepml.evaluation.events import as_array, as_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["Sculpting", "sculpting"]


@dataclass(frozen=True, slots=True, eq=False)
class Sculpting(Displayed):
    """Difference of a variable's distribution after and before a cut, in bits.

    Parameters
    ----------
    divergence : float
        Jensen-Shannon divergence corrected for the bias of finite samples: it scatters around 0 where the cut leaves the
        shape as it is. NaN if not computable.
    divergence_error : float
        Standard deviation, at the efficiency found. NaN for a single bin, as the divergence.
    uncorrected : float
        What the bins give as they are, never negative.
    inverse, inverse_error : float
        ``1 / divergence``; NaN where the divergence is not positive.
    efficiency, efficiency_error : float
        Of the cut.
    n_bins : int
        Bins of the variable, that of missing values included.
    edges : ndarray of float64
        The bins' edges; lower ones are inclusive, the outermost infinite.
    """

    divergence: float
    divergence_error: float
    uncorrected: float
    inverse: float
    inverse_error: float
    efficiency: float
    efficiency_error: float
    n_bins: int
    edges: Floats = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers as plain JSON types; what is not computable is None, the outermost edges are left out."""
        numbers = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "edges"}
        found = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
        return {**found, "edges": self.edges[1:-1].tolist()}


def sculpting(
    passed: ArrayLike,
    values: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    n_bins: int = 40,
) -> Sculpting:
    r"""Compare a variable's distribution in the events that pass with that in all events; call it for the background.

    Parameters
    ----------
    passed : array-like of bool, shape (n_events,)
        True where the event passes.
    values : array-like of float, shape (n_events,)
        The variable, a mass for example. NaN is missing and has a bin of its own if the missing events fill one;
        otherwise they are left out.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are not independent.
    n_bins : int
        Bins before merging, filled equally by events that pass and that fail, and merged until ten effective events of
        either fill each.

    Returns
    -------
    Sculpting
        Divergence and its inverse, with errors.

    Raises
    ------
    EmptyClassError
        If the weights of the events that pass, or of those that fail, sum to zero or less.
    InvalidInputError
        If ``passed`` is not boolean, the shapes differ, or ``n_bins`` is below 1.
    WeightError
        If a weight is NaN or infinite, or all are zero.

    Notes
    -----
    :math:`\frac12 \sum_b [p_b \log_2 (2 p_b / (p_b + m_b)) + m_b \log_2 (2 m_b / (p_b + m_b))]` of the fractions after
    the cut (p) and before it (m) (J. Lin, IEEE Trans. Inf. Theory 37 (1991) 145). The events after the cut are among those
    before it, so :math:`m = \varepsilon p + (1 - \varepsilon) q` with the fractions q of those that fail, and p and q are
    what scatters. A tight cut on a strongly correlated score comes to at most 1 bit.

    Examples
    --------
    >>> round(sculpting([True] * 50 + [False] * 50, [1.0] * 50 + [2.0] * 50).uncorrected, 3)
    0.311
    """
    mask = as_array(passed, "passed")
    if mask.dtype != np.bool_ or mask.ndim != 1:
        msg = f"passed has type {mask.dtype} and shape {mask.shape}; booleans of shape (n_events,) are needed"
        raise InvalidInputError(msg)
    weights = as_weights(weight, mask.size)
    for name, part in (("pass", mask), ("fail", ~mask)):
        total = float(weights.sum(where=part))
        if total <= 0:
            msg = (
                f"the weights of the {np.count_nonzero(part)} of {mask.size} events that {name} sum to {total:.6g}: "
                "shapes after and before a cut need a positive sum of both"
            )
            raise EmptyClassError(msg)
    found = efficiency(mask, weights, event=event)
    share = found.value
    fractions = class_fractions(values, mask, weights, event, n_bins, each_fills=True)
    n = fractions.signal.size
    if not fractions.computable or n < 2:
        return Sculpting(np.nan, np.nan, np.nan, np.nan, np.nan, share, found.error, n, fractions.edges)
    p, q = fractions.signal, fractions.background
    m = share * p + (1 - share) * q
    total_fraction = np.where(p + m > 0, p + m, 1.0)
    # 0 log 0 is 0, and a bin without an event has no uncertainty to propagate
    log_p = np.log2(2 * p / total_fraction, out=np.zeros_like(p), where=p > 0)
    log_m = np.log2(2 * m / total_fraction, out=np.zeros_like(p), where=m > 0)
    product = p * m * total_fraction
    curvature = np.divide((1 - share) ** 2 * 0.5 / np.log(2.0), product, out=np.zeros_like(p), where=product > 0)
    result = fractions.divergence(
        0.5 * (p * log_p + m * log_m),
        (0.5 * (log_p + share * log_m), 0.5 * (1 - share) * log_m),
        curvature,
    )
    value = result.uncorrected - result.bias
    positive = value > 0
    return Sculpting(
        divergence=value,
        divergence_error=result.error,
        uncorrected=result.uncorrected,
        inverse=1 / value if positive else np.nan,
        inverse_error=result.error / value**2 if positive else np.nan,
        efficiency=share,
        efficiency_error=found.error,
        n_bins=n,
        edges=fractions.edges,
    )
