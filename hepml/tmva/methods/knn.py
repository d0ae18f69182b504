"""Nearest neighbours: the share of signal, or the mean of targets, among the stored events nearest to an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from hepml.tmva.methods.knn_tree import build, nearest
from hepml.tmva.methods.numbers import finite_single, number_option, table_of
from hepml.tmva.setup import number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["KNN", "Neighbourhood"]

_SIGNAL, _BACKGROUND = 1, 2
_LEAST_FOR_WIDTHS = 100
_STEPS = 10**8
_STEPS_PER_EVENT = 100
# numbers of a block: neighbours of its events times variables
_BLOCK_NUMBERS = 2**21


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """Stored events, scaled, in TMVA's tree.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_variables)
        Scaled variables.
    width : ndarray of float64, shape (n_variables,), or None
        What variables are divided by.
    tree : tuple of ndarrays, and the number of levels
        As :func:`hepml.tmva.methods.knn_tree.build` returns it.
    """

    X: NDArray[np.float32]
    width: NDArray[np.float64] | None
    tree: tuple[Any, ...]

    def find(self, points: NDArray[np.float32], n_wanted: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the stored events nearest to each point, nearest first, and their squared distances."""
        scaled = points if self.width is None else _scaled(points, self.width)
        found = np.zeros((len(points), n_wanted), np.int64)
        distance = np.zeros((len(points), n_wanted), np.float32)
        child, cuts, event, low, high, levels = self.tree
        nearest(np.ascontiguousarray(scaled), self.X, child, cuts, event, low, high, levels, found, distance)
        return found, distance


@dataclass(frozen=True, slots=True, eq=False)
class KNN:
    """Nearest neighbours.

    Parameters
    ----------
    neighbourhood : Neighbourhood
        Where they are found.
    weight : ndarray of float64, shape (n_stored,)
        Weights of stored events; those of zero or less are no neighbours.
    is_signal : ndarray of bool, shape (n_stored,)
        Their class.
    targets : ndarray of float32, shape (n_stored, n_targets), or None
        Their targets, for a regression.
    n_neighbours : int
        How many count (``nkNN``).
    kernel : str
        ``"Gaus"``, ``"Poln"``, or empty for none.
    width_of_kernel : float
        ``SigmaFact``.
    uses_weights : bool
        Whether neighbours count with weight and kernel (``UseWeight``).
    """

    kind: ClassVar[str] = "KNN"
    neighbourhood: Neighbourhood
    weight: NDArray[np.float64]
    is_signal: NDArray[np.bool_]
    targets: NDArray[np.float32] | None
    n_neighbours: int
    kernel: str
    width_of_kernel: float
    uses_weights: bool

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        if setup.is_set("UseLDA", default=False):
            setup.fail("UseLDA, which TMVA calls experimental, is not supported")
        n_neighbours = _option(setup, "nkNN", "20", 10, least=1)
        regresses = setup.analysis_type == "Regression"
        X, kinds, weight, targets = _stored(setup, regresses=regresses)
        chosen = _trimmed(kinds) if setup.is_set("Trim", default=False) else np.ones(len(X), np.bool_)
        X, kinds, weight, targets = X[chosen], kinds[chosen], weight[chosen], targets[chosen]
        if (weight > 0.0).sum() < n_neighbours + 2:
            # two more than it needs: TMVA looks for them, and stops if they are not there
            setup.fail(f"it needs {n_neighbours + 2} events of positive weight, and has {(weight > 0.0).sum()}")
        kernel = setup.option("Kernel", "Gaus") if setup.is_set("UseKernel", default=False) and not regresses else ""
        return cls(
            neighbourhood=_neighbourhood(setup, X, weight),
            weight=weight,
            is_signal=kinds == _SIGNAL,
            targets=targets if regresses else None,
            n_neighbours=n_neighbours,
            kernel=kernel if kernel in {"Gaus", "Poln"} else "",
            width_of_kernel=abs(float(number_option(setup, "SigmaFact", "1")[1])),
            uses_weights=setup.is_set("UseWeight", default=True),
        )

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return ``MethodKNN::GetMvaValue``, or means of targets, float64 of shape (n_events,) or (n_events, n_targets).

        NaN where TMVA stops: all neighbours at the event itself, or no weight left under the kernel.
        """
        points = events.transformed()
        n_targets = 1 if self.targets is None else self.targets.shape[1]
        response = np.empty((len(points), n_targets))
        step = max(1, _BLOCK_NUMBERS // ((self.n_neighbours + 2) * self.neighbourhood.X.shape[1]))
        for start in range(0, len(points), step):
            block = slice(start, start + step)
            found, distance = self.neighbourhood.find(points[block], self.n_neighbours + 2)
            response[block] = (
                self._share(points[block], found, distance)[:, None]
                if self.targets is None
                else self._means(found, self.targets)
            )
        return response[:, 0] if n_targets == 1 else response

    def _share(
        self, points: NDArray[np.float32], found: NDArray[np.int64], distance: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        count = self.n_neighbours
        if not self.uses_weights:
            return np.asarray(self.is_signal[found[:, :count]].sum(axis=1) / count, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            kernel = self._kernel(points, found, distance)
            weight = self.weight[found[:, :count]] * kernel
            all_weight, signal = np.zeros(len(found)), np.zeros(len(found))
            for place in range(count):
                all_weight += weight[:, place]
                signal += np.where(self.is_signal[found[:, place]], weight[:, place], 0.0)
            return np.asarray(np.where(all_weight > 0.0, signal / all_weight, np.nan), dtype=np.float64)

    def _kernel(
        self, points: NDArray[np.float32], found: NDArray[np.int64], distance: NDArray[np.float32]
    ) -> NDArray[np.float64] | float:
        if not self.kernel:
            return 1.0
        count = self.n_neighbours
        apart = distance > 0.0
        counted = apart & (apart.cumsum(axis=1) <= count)
        away = distance.astype(np.float64)
        if self.kernel == "Poln":
            radius = np.where(counted, away, -np.inf).max(axis=1)
            reach = np.sqrt(away[:, :count]) * (1.0 / np.sqrt(radius))[:, None]
            cubed = 1.0 - reach * reach * reach
            return np.where(reach < 1.0, cubed * cubed * cubed, np.where(radius > 0.0, 0.0, np.nan)[:, None])
        exponent = np.zeros((len(found), count))
        for k in range(points.shape[1]):
            # stored events are scaled, and the event is not: MethodKNN::getRMS and GausKernel do so
            gap = (self.neighbourhood.X[found, k] - points[:, k, None]).astype(np.float64)
            square = np.zeros(len(found))
            for place in range(found.shape[1]):
                square += np.where(counted[:, place], gap[:, place] * gap[:, place], 0.0)
            sigma = self.width_of_kernel * np.sqrt(square / counted.sum(axis=1))
            sigma[~(sigma > 0.0)] = np.nan
            exponent += gap[:, :count] ** 2 / (2.0 * sigma * sigma)[:, None]
        return np.exp(-exponent)

    def _means(self, found: NDArray[np.int64], targets: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return weighted means of targets, summed in single precision as ``MethodKNN::GetRegressionValues`` does."""
        sums = np.zeros((len(found), targets.shape[1]), np.float32)
        total = np.zeros(len(found))
        with np.errstate(over="ignore", invalid="ignore"):
            for place in range(self.n_neighbours):
                value, weight = targets[found[:, place]], self.weight[found[:, place]]
                sums = (sums + value * weight[:, None]).astype(np.float32) if self.uses_weights else sums + value
                total += weight if self.uses_weights else 1.0
            return (sums / total[:, None]).astype(np.float32).astype(np.float64)


def _option(setup: MethodSetup, name: str, default: str, instead: int, *, least: int) -> int:
    text = setup.option(name, default)
    try:
        found = int(text)
    except ValueError:
        setup.fail(f"the option {name!r} is {text[:40]!r}, not an integer")
    return found if found >= least else instead


def _stored(
    setup: MethodSetup, *, regresses: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float64], NDArray[np.float32]]:
    """Return variables, types, weights and targets of the stored events."""
    n_variables = whole_number(setup.weights, "NVar", setup.source, most=100_000)
    n_targets = whole_number(setup.weights, "NTgt", setup.source, 0, most=100_000)
    if n_variables != len(setup.variables) or n_targets < 0 or (regresses and n_targets < 1):
        setup.fail(f"its events have {n_variables} variables and {n_targets} targets")
    items = setup.weights.findall("Event")
    if len(items) != whole_number(setup.weights, "NEvents", setup.source, len(items)):
        setup.fail(f"it has {len(items)} events, and claims {setup.weights.get('NEvents')!r}")
    if not items:
        setup.fail("it has no events")
    values = table_of((item.text for item in items), n_variables + n_targets, "event", setup)
    single = finite_single(values, "event", setup)
    kinds = np.array([whole_number(item, "Type", setup.source) for item in items])
    weight = np.array([number(item, "Weight", setup.source) for item in items])
    if not np.isfinite(weight).all():
        setup.fail("the weight of an event is not finite")
    if not np.isin(kinds, (_SIGNAL, _BACKGROUND)).all():
        setup.fail(f"the type of an event is neither {_SIGNAL} (signal) nor {_BACKGROUND} (background)")
    return np.ascontiguousarray(single[:, :n_variables]), kinds, weight, single[:, n_variables:]


def _trimmed(kinds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which events remain if each class keeps as many as the smaller has, the first ones."""
    least = min(int((kinds == kind).sum()) for kind in np.unique(kinds))
    chosen = np.zeros(len(kinds), np.bool_)
    for kind in np.unique(kinds):
        chosen[np.flatnonzero(kinds == kind)[:least]] = True
    return chosen


def _neighbourhood(setup: MethodSetup, X: NDArray[np.float32], weight: NDArray[np.float64]) -> Neighbourhood:
    fraction = min(max(float(number_option(setup, "ScaleFrac", "0.8")[1]), 0.0), 1.0)
    percent = int(100.0 * fraction)
    width = None
    if percent > 0:
        width = _widths(setup, X, percent)
        X = _scaled(X, width)
        if not np.isfinite(X).all():
            setup.fail("an event is not finite when divided by the widths of the variables")
    cut = _balancing_cuts(setup, X)
    *tree, levels = build(np.ascontiguousarray(X), weight > 0.0, cut, _STEPS + _STEPS_PER_EVENT * len(X))
    if not levels:
        setup.fail("too many of its events are equal: no tree can be made of them")
    return Neighbourhood(np.ascontiguousarray(X), width, (*tree, levels))


def _scaled(X: NDArray[np.float32], width: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        return np.ascontiguousarray((X / width).astype(np.float32))


def _widths(setup: MethodSetup, X: NDArray[np.float32], percent: int) -> NDArray[np.float64]:
    """Return the widths that hold a share of the events (``ModulekNN::ComputeMetric``)."""
    n_events = len(X)
    if n_events < _LEAST_FOR_WIDTHS:
        setup.fail(f"it has {n_events} events, and ScaleFrac needs {_LEAST_FOR_WIDTHS}")
    lower = (100 - percent) // 2
    # the first events of these hundredths, in rising order
    first, last = -(-lower * n_events // 100), -(-(100 - lower) * n_events // 100)
    if last >= n_events:
        first, last = 0, n_events - 1
    ordered = np.sort(X.astype(np.float64), axis=0)
    width = ordered[last] - ordered[first]
    if not (width > 0.0).all():
        setup.fail(f"its variable {int(np.argmin(width))} has the width 0, by which it would be divided")
    return np.asarray(width, dtype=np.float64)


def _balancing_cuts(setup: MethodSetup, X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the splits of the levels that TMVA makes before it adds events (``ModulekNN::Optimize``)."""
    n_events, n_variables = X.shape
    levels = _option(setup, "BalanceDepth", "6", 6, least=1)
    if levels > 60 or n_variables * n_events < 2**levels:
        setup.fail(f"its BalanceDepth of {levels} is more than its {n_events} events allow")
    ordered = np.sort(X, axis=0)
    cuts = [ordered[[n_events // 2], 0]]
    for depth in range(1, levels):
        # parts are numbered from 1 through the level, and divide it by one more than it has nodes
        part = np.arange(1, 2**depth + 1)
        cuts.append(ordered[n_events * part // (2**depth + 1), depth % n_variables])
    return np.concatenate(cuts).astype(np.float32)
