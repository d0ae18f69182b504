"""Grow a forest tree by tree: the loop of ``MethodBDT::Train``, over plain arrays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError
from hepml.tmva.random import seeded
from hepml.tmva.training.trees import boosting, growing, tree_order
from hepml.tmva.training.trees.costs import cost_boost
from hepml.tmva.training.trees.growing import EMPTY_DAUGHTER, NODE, SINGULAR
from hepml.tmva.training.trees.pruning import ValidationSample, prune_by_complexity, prune_by_error
from hepml.tmva.training.trees.separation import REGRESSION
from hepml.tmva.training.trees.threaded_growing import grow_in_threads, parts_of, useful_threads
from hepml.tmva.training.trees.vectors import LANES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.tmva.training.trees.settings import BDTSettings

__all__ = ["GrownForest", "TreeSample", "grow_forest"]

# TMVA seeds the generator of the first tree at random; its number minus one is taken by no other tree
_SEED_OF_FIRST_TREE = 2**32 - 1
_QUANTILE_OF_TRANSITION = 0.7
# bytes of a line of the processor's cache
_LINE = 64


@dataclass(frozen=True, slots=True, eq=False)
class TreeSample:
    """Events that trees are grown on.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_variables)
        Variables, finite.
    class_index : ndarray of intp, shape (n_events,)
        Class of each event.
    weight : ndarray of float64, shape (n_events,)
        Weights, none zero.
    balance : ndarray of float64, shape (n_events,)
        Weights of which the sums of signal and background are made equal: the same, if none were paired.
    target : ndarray of float32, shape (n_events,)
        What a regression learns; empty otherwise.
    whole : ndarray of bool, shape (n_variables,)
        Variables that TMVA knows as integers.
    n_classes, signal : int
        Number of classes, and the one that is signal.
    analysis_type : str
        ``"Classification"``, ``"Multiclass"`` or ``"Regression"``.
    """

    X: NDArray[np.float32]
    class_index: NDArray[np.intp]
    weight: NDArray[np.float64]
    balance: NDArray[np.float64]
    target: NDArray[np.float32]
    whole: NDArray[np.bool_]
    n_classes: int
    signal: int
    analysis_type: str


@dataclass(frozen=True, slots=True, eq=False)
class GrownForest:
    """Trees as TMVA has them.

    Parameters
    ----------
    nodes : ndarray of NODE
        Nodes of all trees in the order of TMVA's files; daughters are numbered within their tree.
    first_node : ndarray of int64, shape (n_trees + 1,)
        Where each tree begins, and the number of nodes.
    weight : ndarray of float64, shape (n_trees,)
        Boost weights.
    error : ndarray of float64, shape (n_trees,)
        Fraction of errors of each tree, NaN where boosting knows none.
    importance : ndarray of float64, shape (n_trees, n_variables)
        Sum of the squares of gain and weight of the cuts on each variable.
    n_grown : ndarray of int64, shape (n_trees,)
        Nodes of each tree before pruning.
    coefficients : ndarray of float64, shape (n_discriminants, n_variables + 1)
        Of cuts on Fisher discriminants, the constant last; nodes know their row.
    stopped : bool
        Whether boosting stopped early.
    """

    nodes: NDArray[np.void]
    first_node: NDArray[np.int64]
    weight: NDArray[np.float64]
    error: NDArray[np.float64]
    importance: NDArray[np.float64]
    n_grown: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    stopped: bool


def grow_forest(
    sample: TreeSample,
    settings: BDTSettings,
    *,
    threads: int | None = None,
    validation: ValidationSample | None = None,
) -> GrownForest:
    """Grow a forest.

    Parameters
    ----------
    sample : TreeSample
        The events, without those that are not to be used.
    settings : BDTSettings
        How.
    threads : int, optional
        Number of threads; it changes no tree. Default: as many as there are cores and variables are worth.
    validation : ValidationSample, optional
        Events that the strength of pruning is found on; none: it is that of the settings.

    Raises
    ------
    InvalidInputError
        If a cut parts no events, the covariances of a Fisher discriminant are singular, or boosting cannot go on, where
        TMVA stops too.
    """
    n_threads = useful_threads(threads, *sample.X.shape)
    if n_threads > 1:
        with ThreadPoolExecutor(n_threads) as pool:
            growth = _Growth(sample, settings, pool, parts_of(sample.X.shape[1], n_threads), validation)
            return _grow_forest(growth, sample, settings)
    return _grow_forest(_Growth(sample, settings, validation=validation), sample, settings)


def _grow_forest(growth: _Growth, sample: TreeSample, settings: BDTSettings) -> GrownForest:
    boost = {
        ("Classification", "AdaBoost"): growth.ada,
        ("Classification", "AdaCost"): growth.cost,
        ("Regression", "AdaBoost"): growth.regression_ada,
        ("Regression", "AdaBoostR2"): growth.r2,
        ("Classification", "Grad"): growth.gradient,
        ("Multiclass", "Grad"): growth.gradient,
        ("Regression", "Grad"): growth.huber,
    }.get((sample.analysis_type, settings.boost), growth.nothing)
    classes = (
        range(sample.n_classes) if sample.analysis_type == "Multiclass" else range(sample.signal, sample.signal + 1)
    )
    growth.start()
    goes_on = True
    for _ in range(settings.n_trees):
        for class_ in classes:
            growth.grow(class_)
            goes_on &= growth.keep(*boost(class_))
        if not goes_on:
            break
    return growth.result(stopped=not goes_on)


class _Growth:
    """A forest that grows."""

    def __init__(
        self,
        sample: TreeSample,
        settings: BDTSettings,
        pool: ThreadPoolExecutor | None = None,
        parts: list[tuple[int, int]] | None = None,
        validation: ValidationSample | None = None,
    ) -> None:
        self.validation = validation
        self.pool, self.parts = pool, parts or []
        self.sample, self.settings = sample, settings
        n, self.n_variables = sample.X.shape
        self.padded = -(-self.n_variables // LANES) * LANES
        self.rows = _aligned(n * self.padded, np.float32)
        self.rows.reshape(n, self.padded)[:, : self.n_variables] = sample.X
        self.weight, self.boost = sample.weight, np.ones(n)
        self.is_signal = sample.class_index == sample.signal
        self.targets = sample.analysis_type == "Regression" or settings.boost == "Grad"
        self.kind = REGRESSION if self.targets else settings.separation
        self.terms, self.answer, self.leaf = _aligned(4 * n, np.float64), np.zeros(n), np.zeros(n, np.int32)
        self.grid, self.room = _grid(sample, self.padded, settings.n_cuts)
        self.sums = _aligned(4 * int(self.room[-1]), np.float64)
        self.counts = np.zeros(int(self.room[-1]), np.int32)
        self.root, self.ranged = np.zeros((2, self.padded), np.float32), False
        self.trees: list[NDArray[np.void]] = []
        self.weights: list[float] = []
        self.errors: list[float] = []
        self.importances: list[NDArray[np.float64]] = []
        self.n_grown: list[int] = []
        self.discriminants: list[NDArray[np.float64]] = []
        self.n_discriminants = 0
        self.class_index = np.minimum(sample.class_index, 2).astype(np.int8)
        self.base: float | None = None
        self.units: dict[int, NDArray[np.float64]] = {}

    def start(self) -> None:
        """Weigh the classes equally, and set what the first tree learns (``InitEventSample``, ``InitGradBoost``)."""
        sample, n = self.sample, len(self.weight)
        if sample.analysis_type != "Regression":
            s, b = (_sum(sample.balance[self.is_signal == side]) for side in (True, False))
            if s != 0 and b != 0:
                ratio = self.settings.signal_ratio
                self.boost[:] = np.where(self.is_signal, n / ((1 + ratio) * s) * ratio, n / ((1 + ratio) * b))
        self.draw()
        n_targets = sample.n_classes if sample.analysis_type == "Multiclass" else 1
        self.score = np.zeros((n_targets, n))
        self.target = np.zeros((n_targets, n), np.float32)
        if sample.analysis_type == "Regression":
            self.target[0] = sample.target
            if self.settings.boost == "Grad":
                self.residual = sample.target.astype(np.float64)
                used = self.weight * self.boost
                self.base = float(boosting.weighted_quantile(self.residual, used, 0.5, _sum(used)))
                self.residual -= self.base
                self.cap()
        elif sample.analysis_type == "Multiclass":
            start = 1.0 / sample.n_classes
            for class_ in range(n_targets):
                self.target[class_] = np.where(sample.class_index == class_, 1.0 - start, -start)
        else:
            self.target[0] = np.where(self.is_signal, 0.5, -0.5)

    def draw(self) -> None:
        """Draw the sample of the next tree."""
        n = len(self.weight)
        if self.settings.bagged:
            self.drawn = boosting.bag(100 * len(self.trees) + 1234, n, self.settings.bagged_fraction)
            if not len(self.drawn):
                msg = f"BaggedSampleFraction={self.settings.bagged_fraction:g} of {n} events left none for a tree"
                raise InvalidInputError(msg)
        elif not self.trees:
            self.drawn = np.arange(n, dtype=np.int32)

    def grow(self, class_: int) -> None:
        """Grow the next tree."""
        settings, n = self.settings, len(self.drawn)
        is_class = self.sample.class_index == class_ if self.sample.analysis_type == "Multiclass" else self.is_signal
        if self.targets:
            boosting.terms_of_targets(self.weight, self.boost, is_class, self.target[0], self.terms)
        else:
            boosting.terms_of_classes(self.weight, self.boost, is_class, self.terms)
        self.events = self.drawn.copy()
        # DecisionTree gets the percentage in single precision
        min_size = settings.min_node_size / 100.0 * n
        most = min(2 ** min(settings.max_depth + 1, 40) - 1, 2 * n - 1)
        nodes = np.zeros(most, NODE)
        importance = np.zeros(self.n_variables)
        self.coefficients = np.zeros((most if settings.fisher else 0, self.n_variables + 1))
        fisher = (
            settings.fisher, settings.least_correlation, settings.exclusive, self.class_index, self.coefficients
        )  # fmt: skip
        number = len(self.trees)
        state = seeded(np.uint32(number or _SEED_OF_FIRST_TREE))
        arguments = (
            self.rows, self.n_variables, self.terms, self.events, self.kind, settings.n_cuts, min_size,
            settings.max_depth, settings.purity_limit, settings.n_used, settings.use_poisson, state, fisher,
            self.grid, self.room, self.sums, self.counts, self.unit(class_, is_class), self.root, self.ranged,
            np.empty(n, np.int32), importance, nodes,
        )  # fmt: skip
        n_nodes = grow_in_threads(self.pool, self.parts, arguments) if self.pool else growing.grow(*arguments)
        self.ranged = not settings.bagged
        if n_nodes == EMPTY_DAUGHTER:
            msg = (
                f"a cut of tree {number} sends all events one way, as values that single precision cannot tell apart do; "
                "TMVA stops here too: scale the variable, or use fewer cuts"
            )
            raise InvalidInputError(msg)
        if n_nodes == SINGULAR:
            msg = (
                f"tree {number}: variables that correlate by more than MinLinCorrForFisher={settings.least_correlation:g} "
                "are combinations of each other in a node, and make no Fisher discriminant; TMVA stops here too: leave one "
                "out"
            )
            raise InvalidInputError(msg)
        self.nodes = nodes[:n_nodes]
        self.importances.append(importance)
        if settings.yes_no and not self.targets:
            tree_order.merge(self.nodes, n_nodes, settings.purity_limit)
        self.ends = tree_order.leaves(self.nodes)
        self.n_grown.append(2 * len(self.ends) - 1)

    def unit(self, class_: int, is_class: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the weight of each signal and background event, zeros if they differ or boosting changes them."""
        if class_ not in self.units:
            weight = self.weight * self.boost
            sides = [weight[is_class == side] for side in (True, False)]
            same = all(len(side) == 0 or (side[0] > 0.0 and (side == side[0]).all()) for side in sides)
            values = [side[0] if len(side) else 1.0 for side in sides]
            constant = same and self.settings.boost in {"Grad", "Bagging"}
            self.units[class_] = np.array(values if constant else [0.0, 0.0])
        return self.units[class_]

    def keep(self, weight: float, error: float) -> bool:
        """Keep the tree; return whether boosting goes on."""
        self.prune()
        out = np.zeros(len(self.nodes), NODE)
        self.trees.append(self.numbered(out[: tree_order.in_order(self.nodes, out)].copy()))
        self.weights.append(weight if weight > 0 else 0.0)
        self.errors.append(error)
        self.draw()
        return weight > 0

    def numbered(self, nodes: NDArray[np.void]) -> NDArray[np.void]:
        """Keep the coefficients of a tree's discriminants, and number them among those of all trees."""
        own = nodes["discriminant"] >= 0
        self.discriminants.append(self.coefficients[nodes["discriminant"][own]])
        nodes["discriminant"][own] = self.n_discriminants + np.arange(own.sum())
        self.n_discriminants += int(own.sum())
        return nodes

    def prune(self) -> None:
        """Prune the tree, which was boosted by unpruned."""
        settings, pruning = self.settings, self.settings.pruning
        if pruning.method == "NoPruning":
            return
        if pruning.method == "ExpectedError":
            rows = self.rows.reshape(-1, self.padded)
            prune_by_error(
                self.nodes, self.coefficients, rows, self.drawn, self.terms, self.targets, pruning.strength,
                settings.purity_limit,
            )  # fmt: skip
        else:
            prune_by_complexity(
                self.nodes, self.coefficients, self.validation, strength=pruning.strength,
                purity_limit=settings.purity_limit, regression=self.targets,
            )  # fmt: skip
        if settings.yes_no and not self.targets:
            tree_order.merge(self.nodes, len(self.nodes), settings.purity_limit)

    def answers(self, value: NDArray[np.float64]) -> None:
        """Set the answers of the tree for the events that it was grown on."""
        boosting.answers_of_leaves(self.nodes, self.ends, self.events, value, self.answer)

    def answers_of_all(self) -> None:
        """Set the responses of the tree for all events."""
        value = self.nodes["response"].astype(np.float64)
        if self.settings.bagged:
            boosting.descend(self.rows, self.padded, self.nodes, self.coefficients, self.leaf)
            self.answer[:] = value[self.leaf]
        else:
            self.answers(value)

    def nothing(self, _: int) -> tuple[float, float]:
        """Bagging: trees weigh equally, and events keep their weights."""
        return 1.0, float("nan")

    def ada(self, _: int) -> tuple[float, float]:
        """AdaBoost of a classification."""
        settings = self.settings
        self.answers(self.nodes["node_type" if settings.yes_no else "purity"].astype(np.float64))
        result = np.zeros(2)
        boosting.ada_boost(
            self.drawn, self.weight, self.boost, self.is_signal, self.answer, settings.yes_no, settings.purity_limit,
            settings.beta, settings.negative == "inverse", settings.signal_ratio, 2 * len(self.ends) - 1, result,
        )  # fmt: skip
        self.check(result[0], result[1])
        return float(result[0]), float(result[1])

    def cost(self, _: int) -> tuple[float, float]:
        """AdaCost of a classification, which knows no fraction of errors."""
        settings = self.settings
        self.answers(self.nodes["purity"].astype(np.float64))
        alpha = cost_boost(
            self.drawn, self.weight, self.boost, self.is_signal, self.answer, np.array(settings.costs), settings.beta,
            settings.negative == "inverse", settings.signal_ratio,
        )  # fmt: skip
        self.check(alpha, 0.0)
        return float(alpha), 0.0

    def gradient(self, class_: int) -> tuple[float, float]:
        """Gradient boosting of a classification."""
        sample = self.sample
        index = class_ if sample.analysis_type == "Multiclass" else 0
        boosting.gradient_leaves(
            self.nodes, self.ends, self.events, self.weight, self.boost, self.target[index],
            self.settings.shrinkage / sample.n_classes,
        )  # fmt: skip
        self.answers_of_all()
        if sample.analysis_type == "Multiclass":
            self.score[index] += self.answer
            if class_ == sample.n_classes - 1:
                boosting.update_classes(self.score, sample.class_index, self.target)
        else:
            boosting.update_binary(self.score[0], self.answer, self.is_signal, self.target[0])
        return 1.0, float("nan")

    def huber(self, _: int) -> tuple[float, float]:
        """Gradient boosting of a regression."""
        boosting.huber_leaves(
            self.nodes, self.ends, self.events, self.weight, self.boost, self.residual, self.transition,
            self.settings.shrinkage,
        )  # fmt: skip
        self.answers_of_all()
        self.residual -= self.answer
        self.cap()
        return 1.0, float("nan")

    def cap(self) -> None:
        """Set the targets to residuals that are not too large (``UpdateTargetsRegression``)."""
        here = self.drawn
        size = np.abs(self.residual[here])
        weight = (self.weight * self.boost)[here]
        self.transition = float(boosting.weighted_quantile(size, weight, _QUANTILE_OF_TRANSITION, _sum(weight)))
        sign = np.where(self.residual[here] < 0, -1.0, 1.0)
        self.target[0, here] = np.where(size <= self.transition, self.residual[here], self.transition * sign)

    def r2(self, _: int) -> tuple[float, float]:
        """AdaBoostR2."""
        self.answers(self.nodes["response"].astype(np.float64))
        error, largest, total = self.loss()
        if error >= 0.5:
            if len(self.ends) > 1:
                return 0.0, error
            error = 0.5
        alpha = boosting.r2_boost(
            self.drawn, self.weight, self.boost, self.target[0], self.answer, abs(error), largest, total
        )
        self.check(alpha, error)
        return float(alpha), abs(error)

    def regression_ada(self, _: int) -> tuple[float, float]:
        """AdaBoost of a regression."""
        settings = self.settings
        self.answers(self.nodes["response"].astype(np.float64))
        error, largest, _total = self.loss()
        alpha = boosting.regression_boost(
            self.drawn, self.weight, self.boost, self.target[0], self.is_signal, self.answer, abs(error), largest,
            settings.beta, settings.negative == "inverse", settings.signal_ratio,
        )  # fmt: skip
        self.check(alpha, error)
        return float(alpha), abs(error)

    def loss(self) -> tuple[float, float, float]:
        """Return the average loss of the tree, the largest deviation, and the sum of weights."""
        result = np.zeros(3)
        boosting.deviation(self.drawn, self.weight, self.boost, self.target[0], self.answer, self.settings.loss, result)
        return float(result[0]), float(result[1]), float(result[2])

    def check(self, alpha: float, error: float) -> None:
        """Refuse what leaves no finite weights."""
        if not np.isfinite(alpha) or not np.isfinite(self.boost[self.drawn]).all():
            msg = (
                f"tree {len(self.trees)} has an error of {error:g}, of which AdaBoost makes a weight of {alpha:g}, and "
                "weights of events that are not finite: the tree parts the sample without error, or negative weights cancel"
            )
            raise InvalidInputError(msg)

    def result(self, *, stopped: bool) -> GrownForest:
        """Put the trees together."""
        first = np.concatenate([[0], np.cumsum([len(tree) for tree in self.trees])])
        weights = np.array(self.weights)
        if self.base is not None:
            # MethodBDT writes where boosting began in front of the trees' weights
            weights = np.concatenate([[self.base], weights[:-1]])
        return GrownForest(
            np.concatenate(self.trees), first, weights, np.array(self.errors), np.array(self.importances),
            np.array(self.n_grown), np.concatenate(self.discriminants), stopped,
        )  # fmt: skip


def _sum(values: NDArray[np.float64]) -> float:
    """Sum in order, as a loop does."""
    return float(np.add.accumulate(values)[-1]) if len(values) else 0.0


def _aligned(size: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Return zeros that begin where a line of the processor's cache does, so that no vector lies across two."""
    n_bytes = size * np.dtype(dtype).itemsize
    space = np.zeros(n_bytes + _LINE, np.uint8)
    start = -space.ctypes.data % _LINE
    return space[start : start + n_bytes].view(dtype)


def _grid(
    sample: TreeSample, padded: int, n_cuts: int
) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.bool_]], NDArray[np.int32]]:
    """Return the arrays of a node's grids, and the first bin of each variable."""
    n_variables = sample.X.shape[1]
    n_bins = np.full(padded, n_cuts + 1, np.int32)
    whole = np.zeros(padded, np.bool_)
    whole[:n_variables] = sample.whole
    span = sample.X.max(axis=0) - sample.X.min(axis=0) + np.float32(1.0)
    n_bins[:n_variables][sample.whole] = span[sample.whole].astype(np.int32)
    n_bins[n_variables:] = 1
    room = np.concatenate([[0], np.cumsum(n_bins)]).astype(np.int32)
    return (np.zeros(padded, np.float32), np.zeros(padded, np.float32), n_bins, whole), room
