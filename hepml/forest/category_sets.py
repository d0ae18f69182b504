"""Sets of categories that splits use, each kept once: splits with the same question share its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CategorySets"]


class CategorySets:
    """Numbers sets of categories in the order in which they are met.

    Attributes
    ----------
    values : list of ndarray of int64
        The members of each set, ascending.
    inverted : list of bool
        Whether members go right.
    """

    def __init__(self) -> None:
        self.values: list[NDArray[np.int64]] = []
        self.inverted: list[bool] = []
        self._known: dict[tuple[bytes, bool], int] = {}

    def number(self, members: ArrayLike, *, inverted: bool = False) -> int:
        """Return the number of a set, a new one if it was not met before."""
        values = np.unique(np.asarray(members).astype(np.int64))
        number = self._known.setdefault((values.tobytes(), inverted), len(self.values))
        if number == len(self.values):
            self.values.append(values)
            self.inverted.append(inverted)
        return number
