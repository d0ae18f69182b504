"""Planing: training weights that give both classes the same distribution of a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.classifiers.spectator_bins import quantile_bins
from hepml.errors import EmptyClassError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["planed_weights"]


def planed_weights(
    variables: Mapping[str, NDArray[np.float64]],
    target: NDArray[np.integer],
    weight: NDArray[np.float64],
    *,
    n_bins: int,
) -> NDArray[np.float64]:
    """Scale the weights in bins of some variables until each class is distributed as all classes together were.

    Parameters
    ----------
    variables : mapping of str to ndarray of float64, each of shape (n_events,)
        By name; NaN is missing and has a bin of its own.
    target : ndarray of int, shape (n_events,)
        Number of the class.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    n_bins : int
        Bins of each variable; see :func:`~hepml.classifiers.spectator_bins.quantile_bins`.

    Returns
    -------
    ndarray of float64, shape (n_events,)
        Of the same signs; the sum of each class is what it was. Events in bins where a class is missing have weight zero.

    Raises
    ------
    EmptyClassError
        If a class has a negative sum in a bin, or no bin holds all classes.
    InvalidInputError
        If a variable is infinite.

    Notes
    -----
    In each bin the weights of a class are multiplied by (mean share of the classes in the bin) / (share of the class in
    it). What the variable itself tells of the class is gone from the weights; what is correlated with it among the
    features is not, so that the score may still depend on it (Chang, Cohen, Ostdiek, Phys. Rev. D 97 (2018) 056009).
    """
    bins = quantile_bins(variables, n_bins)
    number = int(bins.max(initial=-1)) + 1
    classes = np.unique(target)
    sums = np.array([np.bincount(bins[target == one], weight[target == one], number) for one in classes])
    if (sums < 0.0).any():
        msg = (
            f"planing in {' and '.join(variables)}: the weights of a class sum to less than zero in "
            f"{int((sums < 0.0).any(axis=0).sum())} of {number} bins: take fewer"
        )
        raise EmptyClassError(msg)
    common = (sums > 0.0).all(axis=0)
    if not common.any():
        msg = f"planing in {' and '.join(variables)}: no bin holds events of all classes"
        raise EmptyClassError(msg)
    before = np.array([weight[target == one].sum() for one in classes])
    share = np.where(common, sums, 0.0)
    share /= share.sum(axis=1, keepdims=True)
    aim = share.mean(axis=0)
    factor = np.divide(aim * before[:, None], sums, out=np.zeros_like(sums), where=common & (sums > 0.0))
    return np.asarray(weight * factor[np.searchsorted(classes, target), bins])
