"""Events in random order, by the two ways in which TMVA shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.preparation.shuffle_kernels import random_shuffle, shuffle
from hepml.tmva.random import TRandom3

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.preparation.prepared import Shuffle

__all__ = ["Shuffler"]


class Shuffler:
    """Shuffles in TMVA's order, one array after the other from one generator.

    Parameters
    ----------
    seed : int
        SplitSeed.
    how : {"std::shuffle", "std::random_shuffle"}
        Which shuffle.
    """

    def __init__(self, seed: int, how: Shuffle) -> None:
        self._state = TRandom3(seed).state
        self._kernel = shuffle if how == "std::shuffle" else random_shuffle

    def shuffled(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows in another order."""
        result = np.array(rows, dtype=np.int64)
        self._kernel(self._state, result)
        return result
