"""Sub-samples of a part by event identity: whole events, the same in every run, each one within the next larger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.data import Part, assign_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.workflow.preparation import Prepared

__all__ = ["capped_rows", "fraction_rows"]


def fraction_rows(
    prepared: Prepared, rows: NDArray[np.int64], seed: int, purpose: str, fraction: float
) -> NDArray[np.int64]:
    """Return the positions among rows of the dataset of a share of their events; a larger share contains a smaller one."""
    identity = prepared.dataset.identity.take(rows)
    chosen = assign_parts(identity, seed=seed, train=fraction, validation=0.0, purpose=purpose) == Part.TRAIN
    return np.flatnonzero(chosen)


def capped_rows(
    prepared: Prepared, rows: NDArray[np.int64], seed: int, purpose: str, n_rows: int
) -> NDArray[np.int64] | None:
    """Return the positions of about ``n_rows`` among rows of the dataset; None if there are no more than these."""
    return None if len(rows) <= n_rows else fraction_rows(prepared, rows, seed, purpose, n_rows / len(rows))
