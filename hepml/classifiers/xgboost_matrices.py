"""Training and validation events as XGBoost's binned matrices, from memory or, one batch of rows at a time, from a file."""

from __future__ import annotations

import contextlib
import tempfile
from typing import TYPE_CHECKING, Any

import xgboost as xgb

from hepml.data.mapped import is_mapped, row_blocks

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RowBatches", "page_folder", "training_matrices"]

# rows of a batch: of 28 features about 30 MB
_BATCH = 1 << 18


class RowBatches(xgb.DataIter):
    """Feeds XGBoost the rows of a matrix in batches; the pages of a mapped one are given back behind it.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Features.
    n_rows : int
        Rows of a batch.
    cache_prefix : str, optional
        Where XGBoost writes its pages, for external memory.
    """

    def __init__(self, X: NDArray[np.float32], n_rows: int = _BATCH, cache_prefix: str | None = None) -> None:
        self._X, self._n_rows = X, n_rows
        self._blocks = row_blocks(X, n_rows)
        super().__init__(cache_prefix=cache_prefix)

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand over the next batch; False after the last one."""
        for _, block in self._blocks:
            input_data(data=block)
            return True
        return False

    def reset(self) -> None:
        """Begin again."""
        self._blocks = row_blocks(self._X, self._n_rows)


def page_folder(*, external_memory: bool) -> contextlib.AbstractContextManager[str | None]:
    """Return a temporary folder for the pages of external memory, None without.

    XGBoost deletes its pages with the matrices, which must be gone before the folder is.
    """
    return tempfile.TemporaryDirectory(prefix="hepml-xgboost-") if external_memory else contextlib.nullcontext()


def training_matrices(
    train: NDArray[np.float32],
    validation: NDArray[np.float32] | None,
    *,
    max_bin: int,
    threads: int,
    folder: str | None = None,
) -> tuple[xgb.DMatrix, xgb.DMatrix | None]:
    """Return the matrices that a booster is trained with and stopped by.

    Parameters
    ----------
    train, validation : ndarray of float32, shape (n_events, n_features)
        Features.
    max_bin : int
        Number of bins of a feature.
    threads : int
        Number of threads.
    folder : str, optional
        Keep the binned events there rather than in memory.

    Returns
    -------
    xgboost.DMatrix, xgboost.DMatrix or None
        Matrices in memory are made as a whole. Of those that are mapped from a file only the bins are held, one byte a
        value; in the validation part a value beyond all bins then counts as one of the last bin.
    """
    options: dict[str, Any] = {"max_bin": max_bin, "nthread": threads}
    matrix: xgb.DMatrix
    held_out: xgb.DMatrix | None = None
    if folder is not None:
        matrix = xgb.ExtMemQuantileDMatrix(RowBatches(train, cache_prefix=f"{folder}/train"), **options)
        if validation is not None:
            batches = RowBatches(validation, cache_prefix=f"{folder}/validation")
            held_out = xgb.ExtMemQuantileDMatrix(batches, ref=matrix, **options)
    elif is_mapped(train):
        matrix = xgb.QuantileDMatrix(RowBatches(train), **options)
        if validation is not None:
            held_out = xgb.QuantileDMatrix(RowBatches(validation), ref=matrix, **options)
    else:
        matrix = xgb.QuantileDMatrix(train, **options)
        if validation is not None:
            held_out = xgb.DMatrix(validation, nthread=threads)
    return matrix, held_out
