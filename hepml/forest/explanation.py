"""Which features a forest uses: importance of each, and their contributions to the margin of each event (TreeSHAP)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hepml.errors import InvalidInputError, did_you_mean
from hepml.forest import shapley
from hepml.forest.medians import MEDIANS
from hepml.forest.plan import breadth_first
from hepml.forest.prediction import in_threads, prepared_input, refuse_missing

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hepml.forest.forest import Forest

__all__ = ["Importance", "contributions", "importance"]

Importance = Literal["gain", "total_gain", "cover", "total_cover", "splits"]

# Numba's dispatchers have no signatures that a type checker could read
_KERNELS: Any = shapley


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
    values = (forest.gain if kind.endswith("gain") else forest.cover)[split]
    if np.isnan(values).any():
        msg = f"the {kind.removeprefix('total_')} of splits is not known for this forest; `splits` counts them"
        raise InvalidInputError(msg)
    totals: NDArray[np.float64] = np.zeros(forest.n_features)
    np.add.at(totals, feature, values)
    if not kind.startswith("total"):
        np.divide(totals, counts, out=totals, where=counts > 0)
    return totals


def contributions(forest: Forest, X: ArrayLike, *, threads: int | None = None) -> NDArray[np.float64]:
    """Return the contribution of each feature to each margin; see :meth:`hepml.forest.Forest.contributions`."""
    if forest.aggregate in MEDIANS:
        msg = (
            "the margin of this forest is a weighted median of its trees, and contributions to single trees do not "
            "add up to one; `importance` ranks the features"
        )
        raise InvalidInputError(msg)
    cover = forest.cover
    if np.isnan(cover).any() or (cover[forest.first_node[:-1]] <= 0.0).any():
        msg = (
            "contributions need the cover of each node (events or sum of Hessians), which is not known for this forest"
        )
        raise InvalidInputError(msg)
    if (cover < 0.0).any() or np.isinf(cover).any():
        msg = (
            f"the cover of {int(((cover < 0.0) | np.isinf(cover)).sum())} of {len(cover)} nodes is negative or infinite "
            "(negative weights in the training give negative ones); contributions need shares of the training events"
        )
        raise InvalidInputError(msg)
    plan, flat, layout, n_events = prepared_input(forest, X)
    _, place = breadth_first(forest)
    expectation = np.zeros(forest.n_outputs)
    structure = forest.feature, forest.left, forest.right, cover, plan.node_value
    outline = _KERNELS.outline(*structure, forest.first_node, forest.output, forest.depth, place, expectation)
    tree_first, most, *splits = outline
    scale = 1.0 if forest.aggregate == "sum" else 1.0 / float(forest.tree_weight.sum())
    result = np.empty((n_events, forest.n_features + 1, forest.n_outputs))
    trees = forest.output, forest.depth, *plan.nodes[1:], plan.node_value, tree_first, *splits, *_quadrature(most)
    base = forest.base + scale * expectation

    def explain(start: int, stop: int) -> int:
        return int(_KERNELS.explain(flat, layout, start, stop, *plan.rows, *trees, scale, base, result))

    refuse_missing(forest, in_threads(explain, n_events, threads))
    return result[:, :, 0] if forest.n_outputs == 1 else result


def _quadrature(most: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Return how many points each tree needs, where they begin, points and weights of Gauss and Legendre on (0, 1)."""
    from scipy.special import roots_legendre

    n_points = (most + 1) // 2
    sizes, which = np.unique(n_points, return_inverse=True)
    rules = [roots_legendre(int(size)) if size else (np.zeros(0), np.zeros(0)) for size in sizes]
    first = np.cumsum([0, *sizes])[which]
    points = np.concatenate([0.5 + 0.5 * found for found, _ in rules])
    return n_points, first, points, np.concatenate([0.5 * weight for _, weight in rules])
