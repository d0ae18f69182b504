"""Which features a forest uses: importance of each, and their contributions to the margin of each event (TreeSHAP)."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hepml.errors import InvalidInputError, did_you_mean
from hepml.forest import kernels
from hepml.forest.prediction import in_threads, prepared_input, refuse_missing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hepml.forest.forest import Forest

__all__ = ["Importance", "contributions", "importance"]

Importance = Literal["gain", "total_gain", "cover", "total_cover", "splits", "tmva"]

_KERNELS: Any = kernels


def importance(forest: Forest, kind: Importance = "gain") -> NDArray[np.float64]:
    """Return how much each feature is used; see :meth:`hepml.forest.Forest.importance`."""
    if kind not in get_args(Importance):
        known = get_args(Importance)
        msg = f"unknown importance {kind!r}{did_you_mean(str(kind), known)} (allowed: {', '.join(known)})"
        raise InvalidInputError(msg)
    split = forest.feature >= 0
    feature = forest.feature[split]
    counts: NDArray[np.float64] = np.zeros(forest.n_features)
    np.add.at(counts, feature, 1.0)
    if kind == "splits":
        return counts
    values = (forest.cover if kind.endswith("cover") else forest.gain)[split]
    if np.isnan(values).any():
        name = "gain" if kind == "tmva" else kind.removeprefix("total_")
        msg = f"the {name} of splits is not known for this forest; `splits` counts them"
        raise InvalidInputError(msg)
    if kind == "tmva":
        return _tmva_importance(forest, split)
    totals: NDArray[np.float64] = np.zeros(forest.n_features)
    np.add.at(totals, feature, values)
    if not kind.startswith("total"):
        np.divide(totals, counts, out=totals, where=counts > 0)
    return totals


def _tmva_importance(forest: Forest, split: NDArray[np.bool_]) -> NDArray[np.float64]:
    """DecisionTree::GetVariableImportance of each tree, put together by MethodBDT::GetVariableImportance.

    A gain here is that of all events of a node together, which is TMVA's separation gain times the number of events.
    """
    tree = np.repeat(np.arange(forest.n_trees), np.diff(forest.first_node))[split]
    squares = np.zeros((forest.n_trees, forest.n_features))
    np.add.at(squares, (tree, forest.feature[split]), np.square(forest.gain[split]))
    sums = squares.sum(axis=1, keepdims=True)
    shares = np.divide(squares, sums, out=np.zeros_like(squares), where=sums > 0.0)
    used: NDArray[np.float64] = np.sqrt((forest.tree_weight[:, None] * shares).sum(axis=0))
    total = used.sum()
    return used / total if total > 0.0 else used


def contributions(forest: Forest, X: ArrayLike, *, threads: int | None = None) -> NDArray[np.float64]:
    """Return the contribution of each feature to each margin; see :meth:`hepml.forest.Forest.contributions`."""
    if np.isnan(forest.cover).any() or (forest.cover[forest.first_node[:-1]] <= 0.0).any():
        msg = (
            "contributions need the cover of each node (events or sum of Hessians), which is not known for this forest"
        )
        raise InvalidInputError(msg)
    plan, flat, layout, n_events = prepared_input(forest, X)
    paths = _paths(forest)
    scale = 1.0 if forest.aggregate == "sum" else 1.0 / forest.tree_weight.sum()
    result = np.zeros((n_events, forest.n_features + 1, forest.n_outputs))
    trees = plan.tree_root, plan.tree_output, *plan.nodes[1:]

    def explain(start: int, stop: int) -> int:
        return int(_KERNELS.explain(flat, layout, start, stop, *plan.rows, *trees, *paths.arrays, result))

    refuse_missing(forest, in_threads(explain, n_events, threads))
    result *= scale
    result[:, -1] += forest.base + scale * paths.expectation
    return result[:, :, 0] if forest.n_outputs == 1 else result


@dataclass(frozen=True, slots=True)
class _Paths:
    """The ways from the roots to the leaves, conditions on one feature joined.

    Parameters
    ----------
    arrays : tuple
        For the kernel: first leaf of each tree; first element and values of each leaf; feature, share of the cover and
        first condition of each element; node and answer of each condition; weights of coalitions by their size.
    expectation : ndarray of float64, shape (n_outputs,)
        Mean margin of the trees by cover.
    """

    arrays: tuple[NDArray[Any], ...]
    expectation: NDArray[np.float64]


def _paths(forest: Forest) -> _Paths:
    from hepml.forest.plan import breadth_first

    _, place = breadth_first(forest)
    tree_first, leaf_first, element_first = [0], [0], [0]
    leaf_value, element_feature, element_share, condition_node, condition_right = [], [], [], [], []
    expectation = np.zeros(forest.n_outputs)
    for tree in range(forest.n_trees):
        # node, share of the root's cover, and the elements so far: feature -> (share, conditions)
        open_nodes: list[tuple[int, float, dict[int, tuple[float, tuple[tuple[int, int], ...]]]]] = [
            (int(forest.first_node[tree]), 1.0, {})
        ]
        while open_nodes:
            node, share, elements = open_nodes.pop()
            feature = int(forest.feature[node])
            if feature < 0:
                value = forest.value[node] * forest.tree_weight[tree]
                if len(value) == 1:
                    expectation[forest.output[tree]] += share * value[0]
                else:
                    expectation += share * value
                leaf_value.append(value)
                for name, (part, conditions) in elements.items():
                    element_feature.append(name)
                    element_share.append(part)
                    condition_node += [condition[0] for condition in conditions]
                    condition_right += [condition[1] for condition in conditions]
                    element_first.append(len(condition_node))
                leaf_first.append(len(element_feature))
                continue
            for child, answer in ((int(forest.right[node]), 1), (int(forest.left[node]), 0)):
                part = float(forest.cover[child] / forest.cover[node]) if forest.cover[node] > 0.0 else 0.0
                before, conditions = elements.get(feature, (1.0, ()))
                joined = {**elements, feature: (before * part, (*conditions, (int(place[node]), answer)))}
                open_nodes.append((child, share * part, joined))
        tree_first.append(len(leaf_value))
    most = max(int(np.diff(leaf_first).max()), 1)
    return _Paths(
        (
            np.array(tree_first),
            np.array(leaf_first),
            np.array(leaf_value, dtype=np.float64),
            np.array(element_feature, dtype=np.int64),
            np.array(element_share, dtype=np.float64),
            np.array(element_first),
            np.array(condition_node, dtype=np.int64),
            np.array(condition_right, dtype=np.bool_),
            _coalition_weights(most),
        ),
        expectation,
    )


def _coalition_weights(most: int) -> NDArray[np.float64]:
    """Return ``weights[d, k] = k! (d - 1 - k)! / d!``: Shapley's weight of k among d - 1 other players."""
    weights = np.zeros((most + 1, most))
    for d in range(1, most + 1):
        for k in range(d):
            weights[d, k] = factorial(k) * factorial(d - 1 - k) / factorial(d)
    return weights
