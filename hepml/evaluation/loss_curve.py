"""The loss that a training saw after each pass over its events, and which pass is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LossCurve"]


@dataclass(frozen=True, slots=True, eq=False)
class LossCurve(Displayed):
    """Losses as the training computed them; without errors, which it does not know.

    Parameters
    ----------
    training : ndarray of float64, shape (n_epochs,)
        Mean over the epoch, while the parameters changed, dropout included.
    validation : ndarray of float64, shape (n_epochs,), or None
        After each epoch, of the parameters that would be kept.
    kept : int
        Number of epochs of the model that is kept.
    """

    training: NDArray[np.float64] = field(repr=False)
    validation: NDArray[np.float64] | None = field(repr=False)
    kept: int

    @classmethod
    def of(cls, training: Sequence[float], validation: Sequence[float], kept: int) -> LossCurve:
        """Make the curve of lists, the second one empty without validation events.

        Raises
        ------
        InvalidInputError
            If the lists do not have a loss for each epoch, or no epoch is kept.
        """
        if not 1 <= kept <= len(training) or len(validation) not in {0, len(training)}:
            msg = f"{len(training)} and {len(validation)} losses are no curve of which {kept} epochs are kept"
            raise InvalidInputError(msg)
        return cls(np.array(training, dtype=np.float64), np.array(validation) if validation else None, kept)

    @property
    def n_epochs(self) -> int:
        """Number of epochs that were trained."""
        return int(self.training.size)

    def to_dict(self) -> dict[str, Any]:
        """Return what is said of it; the losses themselves stand in the report of the training."""
        return {
            "n_epochs": self.n_epochs,
            "kept": self.kept,
            "training": float(self.training[self.kept - 1]),
            "validation": None if self.validation is None else float(self.validation[self.kept - 1]),
        }
