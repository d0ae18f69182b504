"""Rectangular cuts: whether an event passes those for a signal efficiency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.errors import InvalidInputError
from hepml.tmva.axis import find_bins
from hepml.tmva.setup import number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
from hepml.tmva.setup import MethodSetup

__all__ = ["Cuts"]

_MOST_BINS = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """An interval of each variable, for each bin of signal efficiency.

    Parameters
    ----------
    lower, upper : ndarray of float64, shape (n_bins, n_variables)
        An event passes if lower < variable <= upper for all of them.
    """

    kind: ClassVar[str] = "Cuts"
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        n_bins = whole_number(setup.weights, "nbins", setup.source, most=_MOST_BINS)
        bins = setup.weights.findall("Bin")
        if n_bins != len(bins) or not bins:
            setup.fail(f"it has {len(bins)} bins of signal efficiency and says {n_bins}")
        limits: dict[int, list[list[float]]] = {}
        for item in bins:
            place = whole_number(item, "ibin", setup.source)
            cuts = item.find("Cuts")
            if not 1 <= place <= n_bins or place in limits or cuts is None:
                setup.fail(f"its bin {place} is out of range, there twice, or has no cuts")
            limits[place] = [
                [number(cuts, f"{side}_{column}", setup.source) for column in range(len(setup.variables))]
                for side in ("cutMin", "cutMax")
            ]
        lower, upper = np.swapaxes([limits[place] for place in range(1, n_bins + 1)], 0, 1)
        if np.isnan(lower).any() or np.isnan(upper).any():
            setup.fail("a cut is not a number")
        return cls(lower, upper)

    def respond(self, events: Events, signal_efficiency: float | None = None) -> NDArray[np.float64]:
        """Return 1 for events that pass and 0 for others, float64 of shape (n_events,).

        Parameters
        ----------
        events : Events
            The events.
        signal_efficiency : float
            Whose cuts are applied.

        Raises
        ------
        InvalidInputError
            If no efficiency is given, or one that is not in (0, 1].
        """
        place = self.bin_of(signal_efficiency)
        X = events.transformed()
        passed = np.ones(len(events), dtype=bool)
        for column, (lower, upper) in enumerate(zip(self.lower[place], self.upper[place], strict=True)):
            values = X[:, column].astype(np.float64)
            passed &= (values > lower) & (values <= upper)
        return passed.astype(np.float64)

    def bin_of(self, signal_efficiency: float | None) -> int:
        """Return the bin whose cuts TMVA applies for a signal efficiency.

        It is the one above that which holds the efficiency: histograms count bins from 1 (``MethodCuts::GetMvaValue``).
        """
        if signal_efficiency is None:
            msg = (
                "cuts answer at a signal efficiency: give it to evaluate(X, signal_efficiency=0.7), "
                "or on the command line by --signal-efficiency 0.7"
            )
            raise InvalidInputError(msg)
        if not 0.0 < signal_efficiency <= 1.0:
            msg = f"the signal efficiency is {signal_efficiency!r}; it must be above 0 and not above 1"
            raise InvalidInputError(msg)
        n_bins = len(self.lower)
        (place,) = find_bins([signal_efficiency], n_bins, 0.0, 1.0).tolist()
        return min(int(place), n_bins - 1)
