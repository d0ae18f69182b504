"""Bins of variables that a classifier is not to depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["quantile_bins"]


def quantile_bins(variables: Mapping[str, NDArray[np.float64]], n_bins: int) -> NDArray[np.int64]:
    """Return the number of the bin of each event.

    Parameters
    ----------
    variables : mapping of str to ndarray of float64, each of shape (n_events,)
        By name. Missing values (NaN) have a bin of their own.
    n_bins : int
        Bins of each variable, of about equal numbers of events; those of several variables are multiplied.

    Returns
    -------
    ndarray of int64, shape (n_events,)
        From 0 on, without gaps.

    Raises
    ------
    InvalidInputError
        If a variable is infinite.
    """
    bins: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
    for name, values in variables.items():
        infinite = int(np.isinf(values).sum())
        if infinite:
            msg = f"{name!r} is infinite for {infinite} events: no bin holds these"
            raise InvalidInputError(msg)
        present = values[~np.isnan(values)]
        edges = np.unique(np.quantile(present, np.arange(1, n_bins) / n_bins)) if present.size else np.empty(0)
        # one more for what is missing
        bins = bins * (n_bins + 1) + np.where(np.isnan(values), n_bins, np.searchsorted(edges, values, "right"))
    numbered: NDArray[np.int64] = np.unique(bins, return_inverse=True)[1]
    return numbered
