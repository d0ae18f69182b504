"""The flatness loss: the price of a score whose distribution differs between bins of a variable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from hepml.classifiers.spectator_bins import quantile_bins
from hepml.errors import EmptyClassError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["FlatnessLoss"]


@dataclass(frozen=True, slots=True, eq=False)
class FlatnessLoss:
    r"""Difference between the score's distribution in bins of some variables and that of all events.

    Parameters
    ----------
    rows : ndarray of int64, shape (n_flat,)
        Events whose score is to be flat, bin after bin.
    starts : ndarray of int64, shape (n_bins + 1,)
        Where each bin begins among ``rows``.
    weight : ndarray of float64, shape (n_flat,)
        Signed weights of these events, in the order of ``rows``.
    tail : float
        Share of events, see the notes.

    Notes
    -----
    The loss of uGB+FL (Rogozhnikov et al., JINST 10 (2015) T03002, eq. 4.4) with the power 2 and a weight of the tail,

    .. math:: L = \sum_b f_b \int \frac{[F_b(s) - F(s)]^2}{1 - F(s) + \tau} \, ds,

    with :math:`F_b` and :math:`F` the signed cumulative distributions of the score in bin b and in all bins, and
    :math:`f_b = W_b / W` the share of the bin. Without the denominator, or with a large ``tail`` :math:`\tau`, all cuts
    count alike; as in the statistic of Anderson and Darling, it makes those count that keep few of the events, which
    analyses use: differences of their shares are small, and large beside the share itself.

    As the bins make up the whole, :math:`F = \sum_b f_b F_b`, and with the denominator held fixed in each step the gradient
    is that of the event's own bin alone:

    .. math:: \frac{\partial L}{\partial s_i} = -\frac{2 w_i}{W} \frac{F_b(s_i) - F(s_i)}{1 - F(s_i) + \tau}.

    It is linear in the weights of the events, so that negative ones act as those of the net density do. Jumps of the
    distributions count by half at the event itself.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    weight: Floats
    tail: float

    @classmethod
    def of(
        cls,
        variables: Mapping[str, Floats],
        weight: Floats,
        flat: NDArray[np.bool_],
        *,
        n_bins: int,
        tail: float,
    ) -> Self:
        """Bin the events by quantiles of each variable.

        Parameters
        ----------
        variables : mapping of str to ndarray of float64, each of shape (n_events,)
            In which the score is to be flat, by name. Missing values (NaN) have a bin of their own.
        weight : ndarray of float64, shape (n_events,)
            Signed training weights.
        flat : ndarray of bool, shape (n_events,)
            Events that count: those of the background, for example.
        n_bins : int
            Bins of each variable; see :func:`~hepml.classifiers.spectator_bins.quantile_bins`.
        tail : float
            See the class.

        Returns
        -------
        FlatnessLoss
            Its gradient and value are asked for by margins of all events.

        Raises
        ------
        EmptyClassError
            If the signed sum of weights of a bin is not positive, or all events are in one bin.
        InvalidInputError
            If a variable is infinite.
        """
        rows = np.flatnonzero(flat)
        bins = quantile_bins({name: values[rows] for name, values in variables.items()}, n_bins)
        sums = np.bincount(bins, weight[rows])
        named = " and ".join(variables)
        if len(sums) < 2:
            msg = f"all events have one value of {named}: every score is flat in it"
            raise EmptyClassError(msg)
        if (sums <= 0.0).any():
            msg = (
                f"the weights in {int((sums <= 0.0).sum())} of {len(sums)} bins of {named} sum to zero or less: "
                "take fewer bins"
            )
            raise EmptyClassError(msg)
        order = np.argsort(bins, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(bins))])
        return cls(rows[order], starts, weight[rows[order]], tail)

    def add_derivatives(self, gradient: Floats, hessian: Floats, margin: NDArray[np.floating], strength: float) -> None:
        """Add those of ``strength`` W/2 times the loss by the score of each event, in place.

        Parameters
        ----------
        gradient, hessian : ndarray of float64, shape (n_events,)
            Of the other losses.
        margin : ndarray, shape (n_events,)
            Present scores.
        strength : float
            Factor.

        Notes
        -----
        The second derivative would be the difference of two densities, of either sign. In its place stands the largest
        slope that a logistic distribution has, ``|w|/4`` over the same denominator: it only scales the steps.
        """
        score = margin[self.rows]
        overall = _distribution(score, self.weight)
        scale = strength * self.weight / self._remaining(overall)
        gradient[self.rows] -= scale * (self._of_bins(score) - overall)
        hessian[self.rows] += np.abs(scale) / 4.0

    def value(self, margin: NDArray[np.floating]) -> float:
        """Return the loss, with the denominator as it is for these scores; ``margin`` of shape (n_events,)."""
        score = margin[self.rows].astype(np.float64)
        order = np.argsort(score, kind="stable")
        ordered = score[order]
        total = self.weight.sum()
        overall = np.cumsum(self.weight[order])[:-1] / total
        measure = np.diff(ordered) / self._remaining(overall)
        number = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))[order]
        result = 0.0
        for one in range(len(self.starts) - 1):
            mine = np.where(number == one, self.weight[order], 0.0)
            share = mine.sum()
            result += float(share / total * (np.square(np.cumsum(mine)[:-1] / share - overall) * measure).sum())
        return result

    def _remaining(self, overall: Floats) -> Floats:
        # among negative weights the distribution of a sample can leave [0, 1]
        remaining: Floats = 1.0 - np.clip(overall, 0.0, 1.0) + self.tail
        return remaining

    def _of_bins(self, score: NDArray[np.floating]) -> Floats:
        found = np.empty(len(score))
        for first, last in zip(self.starts[:-1], self.starts[1:], strict=True):
            found[first:last] = _distribution(score[first:last], self.weight[first:last])
        return found


def _distribution(score: NDArray[np.floating], weight: Floats) -> Floats:
    """Return the signed cumulative distribution at each event, a half of the jump there included; ties share it."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    begins = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    group = np.cumsum(begins) - 1
    sums = np.bincount(group, weight[order])
    below = np.cumsum(sums) - sums
    values = (below + sums / 2.0) / sums.sum()
    found = np.empty(len(score))
    found[order] = values[group]
    return found
