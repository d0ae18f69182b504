"""PDE-Foam: a phase space that is divided into cells, each with a density, a share of signal or a target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.forest.weights_content import TEXT
from hepml.tmva.methods.foam_cells import GAUSS, LINEAR, NONE, estimate, targets
from hepml.tmva.methods.foam_file import Cells, read_cells
from hepml.tmva.methods.numbers import finite_single
from hepml.tmva.setup import number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["Foam", "PDEFoam"]

_UNDEFINED = -1.0


@dataclass(frozen=True, slots=True, eq=False)
class Foam:
    """Cells, and what they say.

    Parameters
    ----------
    cells : Cells
        Where they lie.
    value : ndarray of float32, shape (n_cells,)
        What they say.
    undefined : ndarray of bool, shape (n_cells,)
        Cells of a target that had no events.
    """

    cells: Cells
    value: NDArray[np.float32]
    undefined: NDArray[np.bool_]

    def estimate(self, points: NDArray[np.float32], kernel: int, sigma: np.float32) -> NDArray[np.float64]:
        """Return the value at points in the coordinates of the foam."""
        out = np.empty(len(points), np.float32)
        cells = self.cells
        estimate(
            points, cells.parts, cells.dimension, cells.position, cells.size, self.value, self.undefined,
            kernel, np.float64(sigma), out,
        )  # fmt: skip
        return out.astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class PDEFoam:
    """A method of one foam, of two for signal and background, or of one for each class.

    Parameters
    ----------
    foams : tuple of Foam
        Its foams.
    low, high : ndarray of float64, shape (n_dimensions,)
        Where they lie among the variables, and for several targets the targets.
    kernel : int
        How cells are weighed.
    sigma : float32
        Width of the Gaussian kernel.
    n_targets : int
        Of a regression by density, whose targets are dimensions of the foam; else 0.
    most_probable : bool
        Whether such targets are those of the densest cell, else means.
    regresses, multiclass, decides : bool
        Whether the response is a target; whether it is a share for each class; whether it is -1 or 1.
    """

    kind: ClassVar[str] = "PDEFoam"
    foams: tuple[Foam, ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    kernel: int
    sigma: np.float32
    n_targets: int
    most_probable: bool
    regresses: bool
    multiclass: bool
    decides: bool

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights, and the cells in the ROOT file beside them; see :class:`.Method`."""
        regresses = setup.analysis_type == "Regression"
        by_density = regresses and setup.is_set("MultiTargetRegression", default=False)
        if regresses and not by_density and len(setup.targets) != 1:
            setup.fail(f"it has {len(setup.targets)} targets, and without MultiTargetRegression there is one")
        n_targets = len(setup.targets) if by_density else 0
        kernel = whole_number(setup.weights, "Kernel", setup.source)
        if kernel not in {NONE, GAUSS, LINEAR}:
            setup.fail(f"its kernel is number {kernel}")
        low, high = (_range(setup, name, len(setup.variables) + n_targets) for name in ("Xmin", "Xmax"))
        if not (high > low).all():
            setup.fail("the range of a variable is empty")
        fraction = finite_single(np.array([number(setup.weights, "VolFrac", setup.source)]), "VolFrac", setup)[0]
        return cls(
            foams=_foams(setup, len(low), regresses=regresses, by_density=by_density),
            low=low,
            high=high,
            kernel=kernel,
            sigma=np.float32(fraction / 2.0),
            n_targets=n_targets,
            most_probable=whole_number(setup.weights, "TargetSelection", setup.source) == 1,
            regresses=regresses,
            multiclass=setup.analysis_type == "Multiclass",
            decides=bool(whole_number(setup.weights, "UseYesNoCell", setup.source, 0)),
        )

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return ``MethodPDEFoam::GetMvaValue``, shares of classes or targets, of shape (n_events,) or (n_events, n)."""
        X = events.transformed()
        if self.n_targets:
            outputs = events.targets(self._targets(X))
            return outputs[:, 0] if self.n_targets == 1 else outputs
        points = _inside(X, self.low, self.high)
        values = np.column_stack([foam.estimate(points, self.kernel, self.sigma) for foam in self.foams])
        if self.regresses:
            return events.targets(values)[:, 0]
        if self.multiclass:
            return _shares(values)
        response = values[:, 0]
        if len(self.foams) == 2:
            total = values.sum(axis=1)
            response = np.divide(values[:, 0], total, out=np.full(len(total), 0.5), where=total > 0.0)
        return np.where(response < 0.5, -1.0, 1.0) if self.decides else response

    def _targets(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return ``PDEFoamMultiTarget::GetCellValue``: cells at given variables, and targets at their middles."""
        n_given = X.shape[1]
        low, high = self.low[:n_given], self.high[:n_given]
        step = np.finfo(np.float32).eps
        X = np.where(
            low >= X, (low + step).astype(np.float32), np.where(high <= X, (high - step).astype(np.float32), X)
        )
        foam, cells = self.foams[0], self.foams[0].cells
        width = self.high[n_given:] - self.low[n_given:]
        middle = (cells.position[:, n_given:] + 0.5 * cells.size[:, n_given:]).astype(np.float32)
        centre = (middle * width + self.low[n_given:]).astype(np.float32)
        out = np.empty((len(X), self.n_targets), np.float32)
        targets(
            _inside(X, low, high), cells.parts, cells.dimension, cells.position, cells.size, foam.value,
            centre, (width / 2.0).astype(np.float32), self.most_probable, out,
        )  # fmt: skip
        return out.astype(np.float64)


def _inside(X: NDArray[np.float32], low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return variables in the coordinates of a foam, 0 to 1 in its range."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(((X - low) / (high - low)).astype(np.float32))


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what several classes have of the exponentials (``MethodPDEFoam::GetMulticlassValues``)."""
    single = values.astype(np.float32)
    shares = np.empty(values.shape)
    for column in range(values.shape[1]):
        norm = np.zeros(len(values), np.float32)
        for other in range(values.shape[1]):
            if other != column:
                norm += np.exp(single[:, other] - single[:, column])
        shares[:, column] = (1.0 / (1.0 + norm.astype(np.float64))).astype(np.float32)
    return shares


def _range(setup: MethodSetup, name: str, n_dimensions: int) -> NDArray[np.float64]:
    values = np.full(n_dimensions, np.nan)
    for item in setup.weights.iterfind(name):
        index = whole_number(item, "Index", setup.source)
        if not 0 <= index < n_dimensions:
            setup.fail(f"{name} of dimension {index} of {n_dimensions}")
        values[index] = number(item, "Value", setup.source)
    if not np.isfinite(values).all():
        setup.fail(f"{name} of a dimension is missing or not finite")
    return values


def _foams(setup: MethodSetup, n_dimensions: int, *, regresses: bool, by_density: bool) -> tuple[Foam, ...]:
    if setup.source == TEXT:
        setup.fail("its cells are in a ROOT file beside the weights file: give its path, not its content")
    # as MethodPDEFoam::ReadFoamsFromFile does, except for names of packed files
    path = Path(setup.source.removesuffix(".gz").replace(".xml", "_foams.root"))
    separate = bool(whole_number(setup.weights, "SigBgSeparated", setup.source, 0))
    if regresses:
        names = ["MultiTargetRegressionFoam" if by_density else "MonoTargetRegressionFoam"]
    elif setup.analysis_type == "Multiclass":
        names = [f"MultiClassFoam{index}" for index in range(len(setup.classes))]
    else:
        names = ["SignalFoam", "BgFoam"] if separate else ["DiscrFoam"]
    foams = []
    for name in names:
        cells = read_cells(path, name, n_dimensions, setup)
        if cells is None:
            setup.fail(f"{path} lacks the foam {name!r}")
        value = finite_single(cells.contents[:, 0], "cell", setup)
        if by_density or (separate and not regresses):
            # a cell is nearly nothing below the precision of a double (PDEFoam::GetCellValue)
            volume = np.where(cells.volume > np.finfo(np.float64).eps, cells.volume, np.inf)
            value = finite_single(value / volume, "cell", setup)
        empty = cells.contents[:, 1].astype(np.float32) == _UNDEFINED
        undefined = empty if regresses and not by_density else np.zeros(len(value), np.bool_)
        foams.append(Foam(cells, value, undefined))
    return tuple(foams)
