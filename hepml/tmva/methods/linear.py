"""Linear methods: Fisher discriminants and TMVA's linear discriminant (LD), which also regresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.tmva.setup import number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["LD", "Fisher"]


@dataclass(frozen=True, slots=True, eq=False)
class Fisher:
    """A linear function of the variables.

    Parameters
    ----------
    offset : float
        Value at the origin.
    coefficients : ndarray of float64, shape (n_variables,)
        In the order of the transformed variables.
    """

    kind: ClassVar[str] = "Fisher"
    offset: float
    coefficients: NDArray[np.float64]

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        found = setup.weights.findall("Coefficient")
        values = {
            whole_number(item, "Index", setup.source, most=len(found)): number(item, "Value", setup.source)
            for item in found
        }
        if not values or sorted(values) != list(range(len(found))) or not np.isfinite(list(values.values())).all():
            setup.fail(f"its {len(found)} coefficients are not one number for each of its variables and one more")
        return cls(values[0], np.array([values[index] for index in range(1, len(found))]))

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return offset + sum of coefficient times variable, float64 of shape (n_events,)."""
        X = events.transformed()
        response = np.full(len(events), self.offset)
        for number_, coefficient in enumerate(self.coefficients):
            response += coefficient * X[:, number_].astype(np.float64)
        return response


class LD(Fisher):
    """The linear discriminant."""

    kind: ClassVar[str] = "LD"
