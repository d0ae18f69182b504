"""A model that is to be written for TMVA: what it computes, in which form TMVA can hold it, and how close that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import ExportError
from hepml.tmva.networks import Affine, Network

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hepml.tmva.setup import AnalysisType

    Floats = NDArray[np.float64]

__all__ = ["Scaling", "Source"]

_ROUNDING = 2.0**-23


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """What stands before a model: each variable times a factor, and a shift behind it.

    Parameters
    ----------
    factor, shift : ndarray of float64, shape (n_variables,)
        One for each variable.
    """

    factor: Floats
    shift: Floats

    @property
    def affine(self) -> Affine:
        """The same as a matrix."""
        return Affine(np.diag(self.factor), self.shift)

    def before(self, second: Scaling) -> Scaling:
        """Return the two as one, ``second`` applied behind this."""
        return Scaling(self.factor * second.factor, self.shift * second.factor + second.shift)

    def centre(self) -> Floats:
        """Return what becomes 0."""
        return -self.shift / self.factor

    def width(self) -> Floats:
        """Return how far from it a variable is that becomes 1 or -1."""
        return np.abs(1.0 / self.factor)

    def ranges(self) -> NDArray[np.float32] | None:
        """Return the values that become -1 and 1, shape (2, n_variables), in single precision as TMVA's N has them.

        None if there are none that differ, and are finite, in single precision.
        """
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            ends = np.array([self.centre() - self.width(), self.centre() + self.width()]).astype(np.float32)
            width = ends[1] - ends[0]
        good = np.isfinite(ends).all() and np.isfinite(width).all() and (width > 0.0).all()
        return ends if good else None

    def of_normalised(self, ranges: NDArray[np.float32]) -> Affine:
        """Return what leads from variables that TMVA's N has transformed to what this gives, exactly.

        N takes x to ``2 (x - low) scale - 1`` with ``scale``, in single precision, one over the width.
        """
        low = ranges[0].astype(np.float64)
        scale = (1.0 / (ranges[1] - ranges[0]).astype(np.float64)).astype(np.float32).astype(np.float64)
        factor = self.factor / (2.0 * scale)
        return Affine(np.diag(factor), self.factor * low + factor + self.shift)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A model of another library.

    Parameters
    ----------
    network : Network
        The model as dense layers.
    respond : callable
        What the library answers: float64 of shape (n_events, n_outputs) for the network's outputs, from float64 of shape
        (n_events, n_variables).
    margin : callable or None
        What the library answers for the sum before the last activation; None if the model has no name for it.
    analysis : str
        What the outputs are.
    library : str
        Whose model it is, for messages.
    scaling : Scaling or None
        What stands before the network.
    variables, classes : tuple of str
        Names that the model knows; empty if it knows none.
    """

    network: Network
    respond: Callable[[Floats], Floats]
    analysis: AnalysisType
    library: str
    margin: Callable[[Floats], Floats] | None = None
    scaling: Scaling | None = None
    variables: tuple[str, ...] = ()
    classes: tuple[str, ...] = field(default=())

    @property
    def folded(self) -> Network:
        """The network of variables as they are."""
        return self.network if self.scaling is None else self.network.behind(self.scaling.affine)

    def kind(self, wanted: str | None) -> str:
        """Return the method that holds it: that which is wanted, or the one that loses least.

        Raises
        ------
        ExportError
            If the method that is wanted cannot hold it.
        """
        is_linear = len(self.network.layers) == 1
        if self.analysis == "Regression":
            fitting = (["LD"] if is_linear else []) + ["MLP", "DL"]
        elif self.analysis == "Multiclass":
            fitting = ["MLP", "DL"]
        else:
            margin = is_linear and (self.network.output == "linear" or self.margin is not None)
            fitting = (["Fisher"] if margin else []) + ["MLP", "DL"]
        if not self.network.fits_mlp:
            fitting.remove("MLP")
        if wanted is not None and wanted not in fitting:
            msg = f"{self.library} cannot be written as {wanted!r} (possible: {', '.join(fitting)})"
            raise ExportError(msg)
        return wanted or fitting[0]

    def rounding(self, X: NDArray[np.float32], ranges: NDArray[np.float32] | None) -> Floats:
        """Return how far a response may be off because TMVA has weights in single precision, shape (n_events, n_outputs).

        Parameters
        ----------
        X : ndarray of float32, shape (n_events, n_variables)
            Events.
        ranges : ndarray of float32, shape (2, n_variables), optional
            Of the transformation N before the network. Default: the scaling is in the weights.
        """
        x = X.T.astype(np.float64)
        if ranges is None or self.scaling is None:
            return self.folded.rounding(x, np.zeros_like(x)).T
        inner = self.scaling.of_normalised(ranges)
        diagonal = np.diag(inner.weights)
        u = (self.scaling.factor[:, None] * x + self.scaling.shift[:, None] - inner.bias[:, None]) / diagonal[:, None]
        return self.network.behind(inner).rounding(u, _ROUNDING * (2.0 * np.abs(u) + 1.0)).T
