"""PDERS: densities of signal and background, or the mean of a target, from stored events in a volume around an event.

A ``TMVA::Reader`` does not interpret ``VolumeRangeMode`` and ``KernelEstimator``: it parses options
(``MethodBase::ReadStateFromXML``) without ``MethodPDERS::ProcessOptions``, so it counts events in adaptive volumes whatever
the file says. It interprets them for members of a boosted method (``MethodCompositeBase::ReadWeightsFromXML``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.tmva.methods.numbers import finite_single, number_option, table_of
from hepml.tmva.methods.pders_search import ADAPTIVE, FIXED, NEAREST, boxes, respond
from hepml.tmva.setup import number, whole_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.setup import MethodSetup

__all__ = ["PDERS", "SearchTree"]

_MODES = {"MinMax": FIXED, "RMS": FIXED, "Unscaled": FIXED, "Adaptive": ADAPTIVE, "kNN": NEAREST}
_KERNELS = (
    "Box", "Sphere", "Teepee", "Gauss", "Sinc3", "Sinc5", "Sinc7", "Sinc9", "Sinc11",
    "Lanczos2", "Lanczos3", "Lanczos5", "Lanczos8", "Trim",
)  # fmt: skip
_MOST_ITERATIONS = 100_000
_LARGEST_COUNT = 2**31 - 2


@dataclass(frozen=True, slots=True, eq=False)
class SearchTree:
    """Stored events in the pre-order of TMVA's binary tree.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_variables)
        Variables.
    weight, target : ndarray of float32, shape (n_events,)
        Weights, and the targets of a regression (else empty).
    class_index : ndarray of int64, shape (n_events,)
        0 or 1.
    left, right, end : ndarray of int64, shape (n_events,)
        Children, -1 for none, and the first event that is not below each.
    low, high : ndarray of float32, shape (n_events, n_variables)
        Ranges of each event and all below it.
    total : ndarray of float64, shape (n_events,)
        Sums of their weights.
    """

    X: NDArray[np.float32]
    weight: NDArray[np.float32]
    target: NDArray[np.float32]
    class_index: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    end: NDArray[np.int64]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    total: NDArray[np.float64]

    def sum_of_weights(self, class_index: int) -> float:
        """Return the sum of the weights of a class, added one by one."""
        return _last_sum(self.weight[self.class_index == class_index].astype(np.float64))

    def rms(self, class_index: int) -> NDArray[np.float32]:
        """Return the standard deviation of each variable in a class (``BinarySearchTree::CalcStatistics``)."""
        chosen = self.class_index == class_index
        x, weight, norm = self.X[chosen], self.weight[chosen].astype(np.float64), self.sum_of_weights(class_index)
        if norm == 0.0:
            return np.zeros(x.shape[1], np.float32)
        result = np.empty(x.shape[1], np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for k in range(x.shape[1]):
                mean = np.float32(_last_sum(x[:, k] * weight) / norm)
                result[k] = np.sqrt(_last_sum((x[:, k] * x[:, k]) * weight) / norm - np.float64(mean * mean))
        return result


@dataclass(frozen=True, slots=True, eq=False)
class PDERS:
    """A range search.

    Parameters
    ----------
    tree : SearchTree
        Stored events.
    is_signal : ndarray of bool, shape (n_stored,)
        Which of them are signal.
    scales : tuple of (float32, float32)
        Weights of signal and background.
    mode : int
        Whether volumes are fixed, adapted, or grown to a number of neighbours.
    delta : ndarray of float32, shape (n_variables,)
        Widths of a volume.
    least, most : float32
        Sums of weights, or numbers of neighbours, that a volume should hold.
    n_iterations : int
        Steps of its adaptation.
    first_scale : float32
        The first of them.
    kernel : int
        Place in TMVA's list of kernels.
    sigma : float
        Width of the Gaussian kernel.
    regresses : bool
        Whether the response is a target.
    """

    kind: ClassVar[str] = "PDERS"
    tree: SearchTree
    is_signal: NDArray[np.bool_]
    scales: tuple[np.float32, np.float32]
    mode: int
    delta: NDArray[np.float32]
    least: np.float32
    most: np.float32
    n_iterations: int
    first_scale: np.float32
    kernel: int
    sigma: float
    regresses: bool

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        regresses = setup.analysis_type == "Regression"
        if regresses and len(setup.targets) != 1:
            setup.fail(f"it has {len(setup.targets)} targets, and TMVA's PDERS regresses one")
        volume, kernel = "Adaptive", "Box"
        if setup.processes_options:
            volume, kernel = setup.option("VolumeRangeMode", volume), setup.option("KernelEstimator", kernel)
        if volume not in _MODES:
            setup.fail(f"its VolumeRangeMode is {volume[:40]!r} (allowed: {', '.join(_MODES)})")
        if kernel not in _KERNELS:
            setup.fail(f"its KernelEstimator is {kernel[:40]!r} (allowed: {', '.join(_KERNELS)})")
        mode = _MODES[volume]
        tree = _tree(setup, regresses=regresses)
        least, most = number_option(setup, "NEventsMin", "100")[1], number_option(setup, "NEventsMax", "200")[1]
        # counted while the number of a step is below it, so what is behind the point counts as a step
        n_iterations = int(np.ceil(number_option(setup, "MaxVIterations", "150")[1]))
        if not (n_iterations <= _MOST_ITERATIONS and max(abs(least), abs(most)) < _LARGEST_COUNT):
            setup.fail("its numbers of events or iterations are beyond anything that ends")
        if mode == NEAREST and (int(least) < 1 or int(most) < int(least) or n_iterations < 1):
            setup.fail(f"it looks for {least} to {most} neighbours in {n_iterations} iterations")
        if mode == ADAPTIVE and np.float32(tree.total[0]) < least:
            setup.fail(f"it looks for events of weight {least}, and all have {tree.total[0]:g}: TMVA would not end")
        return cls(
            tree=tree,
            is_signal=tree.class_index == setup.signal_class,
            scales=(_inverse(tree.sum_of_weights(0)), _inverse(tree.sum_of_weights(1))),
            mode=mode,
            delta=_delta(setup, tree, volume, regresses=regresses),
            least=least,
            most=most,
            n_iterations=n_iterations,
            first_scale=number_option(setup, "InitialScale", "0.99")[1],
            kernel=_KERNELS.index(kernel),
            sigma=number_option(setup, "GaussSigma", "0.1")[0],
            regresses=regresses,
        )

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return ``MethodPDERS::GetMvaValue``, or a target, float64 of shape (n_events,).

        NaN for events so far from all stored ones that TMVA's adaptation of the volume would not end.
        """
        points, tree = np.ascontiguousarray(events.transformed()), self.tree
        out = np.empty(len(points))
        respond(
            points, tree.X, tree.weight, self.is_signal, tree.target, tree.left, tree.right, tree.end,
            tree.low, tree.high, tree.total, self.mode, self.delta, self.least, self.most,
            self.n_iterations, self.first_scale, self.kernel, self.sigma, self.scales, out,
        )  # fmt: skip
        return events.targets(out[:, None])[:, 0] if self.regresses else out


def _tree(setup: MethodSetup, *, regresses: bool) -> SearchTree:
    """Return the events of a tree whose elements hold each other."""
    holder = setup.weights.find("BinaryTree")
    roots = [] if holder is None else holder.findall("Node")
    if len(roots) != 1:
        setup.fail("it has no tree of events, or several")
    nodes: list[Element] = []
    left: list[int] = []
    right: list[int] = []
    end: list[int] = []
    # an element twice: before what is below it, and behind
    waiting: list[tuple[Element, int, int]] = [(roots[0], 0, -1)]
    while waiting:
        item, depth, place = waiting.pop()
        if place >= 0:
            end[place] = len(nodes)
            continue
        place = len(nodes)
        nodes.append(item)
        if whole_number(item, "selector", setup.source) != depth % len(setup.variables):
            setup.fail(f"a node at depth {depth} selects by variable {item.get('selector')!r}")
        left.append(-1)
        right.append(-1)
        end.append(-1)
        waiting.append((item, depth, place))
        children = {child.get("pos"): child for child in item.iterfind("Node")}
        if len(children) != len(item.findall("Node")) or not children.keys() <= {"l", "r"}:
            setup.fail("a node has children that are not one to the left and one to the right")
        if "r" in children:
            waiting.append((children["r"], depth + 1, -1))
        if "l" in children:
            waiting.append((children["l"], depth + 1, -1))
    _link(nodes, left, right, end)
    return _filled(setup, nodes, [np.array(places) for places in (left, right, end)], regresses=regresses)


def _link(nodes: list[Element], left: list[int], right: list[int], end: list[int]) -> None:
    """Fill in places of children: the first is next to its parent, a second behind all that is below the first."""
    for place in range(len(nodes)):
        child = place + 1
        while child < end[place]:
            (left if nodes[child].get("pos") == "l" else right)[place] = child
            child = end[child]


def _filled(
    setup: MethodSetup, nodes: list[Element], places: list[NDArray[np.int64]], *, regresses: bool
) -> SearchTree:
    n_variables, n_targets = len(setup.variables), len(setup.targets) if regresses else 0
    if any(whole_number(item, "NVars", setup.source) != n_variables for item in nodes):
        setup.fail("an event has another number of variables than the method")
    values = finite_single(
        table_of((item.text for item in nodes), n_variables + n_targets, "event", setup), "event", setup
    )
    weight = finite_single(np.array([number(item, "weight", setup.source) for item in nodes]), "weight", setup)
    X = np.ascontiguousarray(values[:, :n_variables])
    left, right, end = places
    low, high, total = boxes(X, weight, end)
    if not total[0] > 0.0:
        setup.fail(f"the weights of its events sum to {total[0]:g}")
    return SearchTree(
        X=X,
        weight=weight,
        target=np.ascontiguousarray(values[:, n_variables]) if regresses else np.empty(0, np.float32),
        class_index=np.array([int(item.get("type") == "1") for item in nodes]),
        left=left,
        right=right,
        end=end,
        low=low,
        high=high,
        total=total,
    )


def _delta(setup: MethodSetup, tree: SearchTree, volume: str, *, regresses: bool) -> NDArray[np.float32]:
    """Return the widths of a volume (``MethodPDERS::SetVolumeElement``)."""
    fraction = number_option(setup, "DeltaFrac", "3")[1]
    if volume == "Unscaled":
        return np.full(len(setup.variables), fraction)
    if volume == "MinMax":
        # a reader knows no ranges (TransformationHandler::GetMax answers 0), so nothing is in a volume
        return np.zeros(len(setup.variables), np.float32)
    rms = tree.rms(0)
    with np.errstate(over="ignore", invalid="ignore"):
        average = rms if regresses else ((rms + tree.rms(1)).astype(np.float64) * 0.5).astype(np.float32)
        delta = average * fraction
    if not np.isfinite(delta).all():
        setup.fail("the widths of its variables are not finite")
    return np.asarray(delta, dtype=np.float32)


def _inverse(total: float) -> np.float32:
    return np.float32(1.0 / total) if total > 0.0 else np.float32(1.0)


def _last_sum(values: NDArray[np.float64]) -> float:
    """Return a sum that is added one by one, as TMVA adds."""
    return float(np.add.accumulate(values)[-1]) if len(values) else 0.0
