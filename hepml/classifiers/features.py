"""Values of features that a method cannot take, named by feature, found without a second copy of the matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.data.mapped import row_blocks
from hepml.errors import FeatureValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["check_features"]

# rows looked at in one go: the temporary masks stay in the cache
_BLOCK = 1 << 15


def check_features(X: NDArray[np.float32], names: Sequence[str], *, handles_nan: bool, kind: str) -> None:
    """Raise for infinite features, and for missing ones where the method cannot take them.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Feature matrix.
    names : sequence of str
        Names of its columns.
    handles_nan : bool
        Whether the method takes NaN.
    kind : str
        Kind of method, for the message.

    Raises
    ------
    FeatureValueError
        Naming the features and how many events are affected.
    """
    infinite = np.zeros(X.shape[1], dtype=np.int64)
    missing = np.zeros(X.shape[1], dtype=np.int64)
    for _, block in row_blocks(X, _BLOCK):
        # one pass for the common case: a sum of finite values of any size is finite in double precision
        if np.isfinite(block.sum(dtype=np.float64)):
            continue
        infinite += np.count_nonzero(np.isinf(block), axis=0)
        missing += np.count_nonzero(np.isnan(block), axis=0)
    if infinite.any():
        msg = f"infinite values (in float32) in {_listed(infinite, names, X.shape[0])}"
        raise FeatureValueError(msg)
    if missing.any() and not handles_nan:
        msg = f"{kind!r} cannot take missing values (NaN), found in {_listed(missing, names, X.shape[0])}"
        raise FeatureValueError(msg)


def _listed(counts: NDArray[np.int64], names: Sequence[str], n_events: int) -> str:
    return ", ".join(
        f"feature {names[i]!r} ({counts[i]} of {n_events} events)" for i in np.flatnonzero(counts).tolist()
    )
