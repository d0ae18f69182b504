"""Sub-samples of a part by event identity: whole events, the same in every run, each one within the next larger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.data import Part, assign_parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.workflow.preparation import Prepared, Selection

__all__ = ["capped_rows", "fraction_rows"]


def fraction_rows(
    prepared: Prepared, selection: Selection, seed: int, purpose: str, fraction: float
) -> NDArray[np.int64]:
    """Return the positions in a part of a share of its events; those of a smaller share are among those of a larger one."""
    identity = prepared.dataset.identity.take(selection.rows)
    chosen = assign_parts(identity, seed=seed, train=fraction, validation=0.0, purpose=purpose) == Part.TRAIN
    return np.flatnonzero(chosen)


def capped_rows(
    prepared: Prepared, selection: Selection, seed: int, purpose: str, n_rows: int
) -> NDArray[np.int64] | None:
    """Return the positions of about ``n_rows`` rows of a part; None if it has no more than these."""
    n_all = len(selection.rows)
    return None if n_all <= n_rows else fraction_rows(prepared, selection, seed, purpose, n_rows / n_all)
