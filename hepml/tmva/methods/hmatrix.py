"""H-Matrix: the difference of two chi-squared, for signal and for background, over their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.errors import FeatureValueError
from hepml.tmva.setup import whole_number
from hepml.transforms.markup import lossless

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["HMatrix"]

_BLOCK = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class HMatrix:
    """Means and inverse covariances of the two classes.

    Parameters
    ----------
    means : ndarray of float64, shape (2, n_variables)
        Of signal and background.
    inverses : ndarray of float64, shape (2, n_variables, n_variables)
        The inverse covariance matrices.
    classes : tuple of int
        Indices of signal and background, by whose transformations each chi-squared sees an event.
    """

    kind: ClassVar[str] = "HMatrix"
    means: NDArray[np.float64]
    inverses: NDArray[np.float64]
    classes: tuple[int, int]

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        n_variables = len(setup.variables)
        means = [_numbers(setup, name, 1, n_variables)[0] for name in ("VecMeanS", "VecMeanB")]
        inverses = [_numbers(setup, name, n_variables, n_variables) for name in ("InvHMatS", "InvHMatB")]
        return cls(np.array(means), np.array(inverses), (setup.signal_class, setup.background_class))

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return (B - S) / (B + S) of the chi-squared S and B, float64 of shape (n_events,).

        Each is computed with the transformation of its class (``MethodHMatrix::GetChi2``).

        Raises
        ------
        FeatureValueError
            If a chi-squared is negative, where TMVA stops, or both vanish.
        """
        signal, background = (
            self._chi_squared(events.transformed(index), place) for place, index in enumerate(self.classes)
        )
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            total = signal + background
            response = (background - signal) / total
        wrong = ~((signal >= 0.0) & (background >= 0.0) & np.isfinite(response))
        if wrong.any():
            msg = (
                f"{np.count_nonzero(wrong)} of {len(events)} events have a chi-squared that is negative, or none: "
                "a matrix of the H-Matrix is not positive, which negative weights in its training can cause; TMVA stops here"
            )
            raise FeatureValueError(msg)
        return response

    def to_xml(self) -> Element:
        """Return ``Weights`` as ``MethodHMatrix::AddWeightsXMLTo`` writes them."""
        weights = Element("Weights")
        rows = [values[None, :] for values in self.means]
        names = ("VecMeanS", "VecMeanB", "InvHMatS", "InvHMatB")
        for name, values in zip(names, (*rows, *self.inverses), strict=True):
            element = SubElement(weights, name, Rows=str(len(values)), Columns=str(values.shape[1]))
            element.text = "".join(f"{lossless(value)} " for value in values.ravel())
        return weights

    def _chi_squared(self, X: NDArray[np.float32], place: int) -> NDArray[np.float64]:
        result = np.zeros(len(X))
        inverse = self.inverses[place]
        for start in range(0, len(X), _BLOCK):
            distance = X[start : start + _BLOCK].T.astype(np.float64) - self.means[place][:, None]
            block = result[start : start + _BLOCK]
            with np.errstate(over="ignore", invalid="ignore"):
                for row, left in enumerate(distance):
                    for column, right in enumerate(distance):
                        block += left * right * inverse[row, column]
        return result


def _numbers(setup: MethodSetup, name: str, n_rows: int, n_columns: int) -> NDArray[np.float64]:
    element = setup.weights.find(name)
    if element is None:
        setup.fail(f"it lacks {name}")
    shape = tuple(whole_number(element, side, setup.source) for side in ("Rows", "Columns"))
    try:
        values = np.array((element.text or "").split(), dtype=np.float64)
    except ValueError:
        setup.fail(f"a value of {name} is not a number")
    if shape != (n_rows, n_columns) or len(values) != n_rows * n_columns or not np.isfinite(values).all():
        setup.fail(f"{name} has {len(values)} values of shape {shape}, not finite ones of shape {(n_rows, n_columns)}")
    return values.reshape(n_rows, n_columns)
