"""Distance correlation of a network's output with a variable, as a loss: DisCo, without bias and for signed weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["distance_correlation"]

# below this many events nothing is estimated without bias
_FEWEST = 4
# a batch whose own distance variance is smaller than this, in units of the squared mean distance, says nothing
_SMALLEST_VARIANCE = 1e-6


def distance_correlation(x: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    r"""Return the squared distance correlation of two quantities in one batch, to be differentiated by ``x``.

    Parameters
    ----------
    x : Tensor of float, shape (n_events,)
        Outputs of the network.
    y : Tensor of float, shape (n_events,)
        The variable that they are not to depend on.
    weight : Tensor of float, shape (n_events,)
        Signed weights.

    Returns
    -------
    Tensor of float, shape ()
        What :func:`hepml.evaluation.distance_correlation` gives for these events. It is a ratio of U-statistics, so its mean
        over batches of independent quantities is zero whatever their size. Zero, without a gradient, if the batch has fewer
        than four events, its weights sum to zero or less, or either quantity hardly varies.

    Notes
    -----
    G. Kasieczka, D. Shih, Phys. Rev. Lett. 125 (2020) 122001, with the bias-corrected estimate of G. Szekely, M. Rizzo,
    Annals of Statistics 42 (2014) 2382 for weighted events in the place of the biased one, whose value grows where the
    effective number of events in the batch is small. Time and memory are those of n x n distances.
    """
    total = weight.sum()
    if len(x) < _FEWEST or not bool(total > 0.0):
        return x.sum() * 0.0
    share = weight / total
    of_x, of_y = torch.abs(x[:, None] - x[None, :]), torch.abs(y[:, None] - y[None, :])
    xy, xx, yy = (_covariance(first, second, share) for first, second in ((of_x, of_y), (of_x, of_x), (of_y, of_y)))
    floors = [_SMALLEST_VARIANCE * torch.square(torch.mean(distance)) for distance in (of_x, of_y)]
    if not (bool(xx > floors[0]) and bool(yy > floors[1])):
        return x.sum() * 0.0
    return xy / torch.sqrt(xx * yy)


def _covariance(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Return the squared distance covariance over distinct events; the weights sum to one."""
    square = torch.square(weight)
    s2, s3, s4 = square.sum(), (square * weight).sum(), torch.square(square).sum()
    product = a * b
    of_pairs, of_squares = product @ weight, product @ square
    sums_a, sums_b = a @ weight, b @ weight
    pairs = (weight * of_pairs).sum()
    triples = (weight * (sums_a * sums_b - of_squares)).sum()
    repeated = (square * (sums_a * sums_b - of_squares)).sum()
    quadruples = (weight * sums_a).sum() * (weight * sums_b).sum() - 4 * repeated - 2 * (square * of_squares).sum()
    return (
        pairs / (1 - s2)
        + quadruples / (1 - 6 * s2 + 3 * torch.square(s2) + 8 * s3 - 6 * s4)
        - 2 * triples / (1 - 3 * s2 + 2 * s3)
    )
