"""A forest as an XGBoost model in JSON: for XGBoost itself, ROOT's RBDT, FastForest and whatever else reads such files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import ExportError
from hepml.forest.described import to_text
from hepml.forest.medians import MEDIANS
from hepml.forest.verification import FLOAT32_TOLERANCE, Evaluation, export

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hepml.forest.checks import Link
    from hepml.forest.forest import Forest
    from hepml.forest.verification import Verification

__all__ = ["XGBoostForm", "make_form", "to_xgboost"]

_OBJECTIVES: dict[Link, str] = {
    "identity": "reg:squarederror",
    "logistic": "binary:logistic",
    # twice the margin under the ordinary link is the same
    "logistic_2x": "binary:logistic",
    "softmax": "multi:softprob",
    "exp": "count:poisson",
}
_PARAMETERS = {
    "multi:softprob": "softmax_multiclass_param",
    "count:poisson": "poisson_regression_param",
}
# what XGBoost writes where there is no parent
_NO_PARENT = 2**31 - 1
# characters that XGBoost does not allow in names
_FORBIDDEN = frozenset("[]<")
# XGBoost moves base scores that are nearer to 0 or 1 than 1e-6
_FARTHEST = 0.5 - 2e-6
# largest error, as a part of the base, that a base score in single precision may bring
_BASE_ERROR = 2e-7
# bytes that the sets of categories may take in XGBoost
_LARGEST_SETS = 500_000_000


@dataclass(frozen=True, slots=True)
class XGBoostForm:
    """An XGBoost model in JSON; see :class:`~hepml.forest.verification.Form`.

    Parameters
    ----------
    content : bytes
        The file.
    factor : float
        The margin of the file as a multiple of the forest's.
    """

    content: bytes
    factor: float
    name: str = "XGBoost JSON"
    dtype: np.dtype[Any] = np.dtype(np.float32)  # noqa: RUF009  (types of numbers never change)
    margin_tolerance: float = FLOAT32_TOLERANCE
    score_tolerance: float = 1e-6

    def evaluate(self, X: NDArray[Any]) -> Evaluation:
        """Evaluate events by a booster that read the bytes."""
        import xgboost as xgb

        try:
            booster = xgb.Booster(model_file=bytearray(self.content))
        except xgb.core.XGBoostError as error:
            msg = f"XGBoost would not read the exported model: {str(error).splitlines()[0]}"
            raise ExportError(msg) from error
        margin, score = (
            booster.inplace_predict(X, predict_type=kind, validate_features=False).reshape(len(X), -1)
            for kind in ("margin", "value")
        )
        return Evaluation(by=f"xgboost {xgb.__version__}", margin=margin / np.float32(self.factor), score=score)


def to_xgboost(
    forest: Forest,
    path: str | os.PathLike[str],
    *,
    margin_only: bool = False,
    float32_features: bool = False,
    overwrite: bool = False,
) -> Verification:
    """Write a forest for XGBoost; see :meth:`hepml.forest.Forest.to_xgboost`."""
    forest = _without_link(forest) if margin_only else forest
    return export(make_form(forest, float32_features=float32_features), forest, path, overwrite=overwrite)


def make_form(forest: Forest, *, float32_features: bool = False) -> XGBoostForm:
    """Convert a forest.

    Parameters
    ----------
    forest : Forest
        Any.
    float32_features : bool
        As for :meth:`hepml.forest.Forest.to_xgboost`.

    Returns
    -------
    XGBoostForm
        Not yet checked.

    Raises
    ------
    ExportError
        If XGBoost cannot hold it.
    """
    if forest.link not in _OBJECTIVES:
        msg = (
            f"XGBoost has no objective whose score is the link {forest.link!r}: margin_only=True writes a model whose "
            "prediction is the margin, to which you apply the link yourself"
        )
        raise ExportError(msg)
    if forest.aggregate in MEDIANS:
        msg = "XGBoost adds trees up, and the margin of this forest is a weighted median of its trees"
        raise ExportError(msg)
    _refuse_large_sets(forest)
    if forest.precision == "float64" and not float32_features:
        msg = (
            "this forest compares features in double precision and XGBoost rounds them to single precision first, which may "
            "put events at a threshold into another leaf: float32_features=True writes a model that is right for all events "
            "whose features are float32 already"
        )
        raise ExportError(msg)
    factor = 2.0 if forest.link == "logistic_2x" else 1.0
    scale = forest.tree_weight * factor
    if forest.aggregate == "average":
        scale = scale / forest.tree_weight.sum()
    base_score, constants = _base_score(forest.link, forest.base * factor)
    trees = [tree for number in range(forest.n_trees) for tree in _trees(forest, number, float(scale[number]))]
    trees += [(_constant(value, forest.n_features), output) for output, value in enumerate(constants)]
    # XGBoost knows no escapes of letters
    text = json.dumps(_document(forest, trees, base_score), separators=(",", ":"), ensure_ascii=False)
    return XGBoostForm(text.encode(), factor)


def _refuse_large_sets(forest: Forest) -> None:
    """XGBoost holds the set of each split as bits, as many as its largest category says."""
    some = np.diff(forest.category_first) > 0
    largest = np.zeros(len(some), dtype=np.int64)
    largest[some] = forest.category_values[forest.category_first[1:][some] - 1]
    used = forest.category_set[forest.category_set >= 0]
    n_bytes = int(largest[used].sum()) // 8 * forest.value.shape[1]
    if n_bytes > _LARGEST_SETS:
        msg = (
            f"XGBoost would hold the sets of categories of this forest in {n_bytes / 1e9:.1f} GB, since its largest is "
            f"{int(largest[used].max())}: number categories from 0 before training"
        )
        raise ExportError(msg)


def _without_link(forest: Forest) -> Forest:
    return replace(forest, link="identity")


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(over="ignore", under="ignore"):
        single = values.astype(np.float32)
    if not np.isfinite(single).all():
        msg = f"a value of {np.abs(values).max():.3g} is too large for the single precision of XGBoost"
        raise ExportError(msg)
    return single


def _base_score(link: Link, base: NDArray[np.float64]) -> tuple[NDArray[np.float32], list[float]]:
    """Return the scores that XGBoost turns into the base, and what must be added as trees where that is not exact enough.

    XGBoost stores what the score is without trees, in single precision, and calculates the margin from it.
    """
    if link in {"identity", "softmax"}:
        return _single(base), []
    logistic = link != "exp"
    with np.errstate(all="ignore"):
        start = (1.0 / (1.0 + np.exp(-base)) if logistic else np.exp(base)).astype(np.float32)
        bits = start.view(np.int32)[:, None] + np.arange(-8, 9, dtype=np.int32)
        near = np.ascontiguousarray(bits).view(np.float32)
        margin = -np.log(np.float32(1.0) / near - np.float32(1.0)) if logistic else np.log(near)
        error = np.abs(margin - base[:, None])
        error[~np.isfinite(error) | (near <= 0.0) | (logistic & (np.abs(near - 0.5) > _FARTHEST))] = np.inf
    best = np.argmin(error, axis=1)
    outputs = np.arange(len(base))
    if (error[outputs, best] <= _BASE_ERROR * np.abs(base)).all():
        return near[outputs, best], []
    # a base of 0 is exact
    return np.full(len(base), 0.5 if logistic else 1.0, np.float32), base.tolist()


def _trees(forest: Forest, number: int, scale: float) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield a tree, or one for each output if its leaves hold values for all."""
    start, stop = (int(edge) for edge in forest.first_node[number : number + 2])
    nodes = np.arange(start, stop)
    cut, swapped = _cuts(forest, nodes)
    one, other = (np.maximum(side[nodes] - start, 0) for side in (forest.left, forest.right))
    place = _places(forest, nodes, np.where(swapped, other, one), np.where(swapped, one, other))
    order = np.argsort(place)
    nodes, cut, swapped = nodes[order], cut[order], swapped[order]
    leaf = forest.feature[nodes] < 0
    left, right = (np.where(leaf, -1, place[side[order]]) for side in (one, other))
    left, right = np.where(swapped, right, left), np.where(swapped, left, right)
    n_nodes = len(nodes)
    parents = np.full(n_nodes, _NO_PARENT)
    inner = np.flatnonzero(~leaf)
    parents[left[inner]] = parents[right[inner]] = inner
    sets = _sets(forest, nodes)
    shared = sets | {
        "default_left": ((forest.missing_right[nodes] == swapped) & ~leaf).astype(int).tolist(),
        "left_children": left.tolist(),
        "loss_changes": _known(forest.gain[nodes], ~leaf),
        "parents": parents.tolist(),
        "right_children": right.tolist(),
        "split_indices": forest.feature[nodes].clip(min=0).tolist(),
        "sum_hessian": _known(forest.cover[nodes], np.ones(n_nodes, dtype=bool)),
        "tree_param": _tree_parameters(forest.n_features, n_nodes),
    }
    value = np.where(leaf[:, None], forest.value[nodes] * scale, 0.0)
    for column in range(value.shape[1]):
        single = _single(value[:, column])
        conditions = np.where(leaf, single, cut).astype(float).tolist()
        tree = shared | {"base_weights": single.astype(float).tolist(), "split_conditions": conditions}
        yield tree, int(forest.output[number]) if value.shape[1] == 1 else column


def _sets(forest: Forest, nodes: NDArray[Any]) -> dict[str, list[int]]:
    """Return the sets of categories of a tree's splits, one after another."""
    where = np.flatnonzero(_by_set(forest, nodes))
    number = forest.category_set[nodes[where]]
    first, last = forest.category_first[number], forest.category_first[number + 1]
    sizes = last - first
    members = [forest.category_values[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True)]
    split_type = np.zeros(len(nodes), dtype=np.int64)
    split_type[where] = 1
    return {
        "categories": np.concatenate(members).tolist() if members else [],
        "categories_nodes": where.tolist(),
        "categories_segments": (np.cumsum(sizes) - sizes).tolist(),
        "categories_sizes": sizes.tolist(),
        "split_type": split_type.tolist(),
    }


def _by_set(forest: Forest, nodes: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which nodes split by a set that has members; XGBoost refuses others."""
    number = forest.category_set[nodes]
    by_category = (forest.feature[nodes] >= 0) & (number >= 0)
    number = np.where(by_category, number, 0)
    sizes = np.diff(forest.category_first) if len(forest.category_inverted) else np.zeros(1, dtype=np.int64)
    result: NDArray[np.bool_] = by_category & (sizes[number] > 0)
    return result


def _places(forest: Forest, nodes: NDArray[Any], left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of each node: that of the library that trained, if it fits, or one breadth-first.

    XGBoost takes the node behind the left child for the right one, whatever the file says.
    """
    place: NDArray[np.int64] = forest.node_id[nodes].astype(np.int64)
    inner = np.flatnonzero(forest.feature[nodes] >= 0)
    counts = place[0] == 0 and np.array_equal(np.sort(place), np.arange(len(nodes)))
    if counts and (place[right[inner]] == place[left[inner]] + 1).all():
        return place
    levels: list[NDArray[Any]] = [np.zeros(1, dtype=np.int64)]
    while levels[-1].size:
        split = levels[-1][forest.feature[nodes[levels[-1]]] >= 0]
        levels.append(np.column_stack([left[split], right[split]]).ravel())
    breadth_first = np.empty(len(nodes), dtype=np.int64)
    breadth_first[np.concatenate(levels)] = np.arange(len(nodes))
    return breadth_first


def _cuts(forest: Forest, nodes: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return what ``x < cut`` must be asked with (0 for sets), and where the children must change sides.

    Numbers in single precision that are less than a threshold are less than the next such number above it, too.
    """
    split = forest.feature[nodes] >= 0
    threshold = np.where(split, forest.threshold[nodes], 0.0)
    infinity = np.float32(np.inf)
    with np.errstate(over="ignore"):
        cut = threshold.astype(np.float32)
    if forest.comparison == "<":
        cut = np.where(cut.astype(np.float64) < threshold, np.nextafter(cut, infinity), cut)
        always_left = np.zeros(len(cut), dtype=bool)
    else:
        down = np.where(cut.astype(np.float64) > threshold, np.nextafter(cut, -infinity), cut)
        # nothing is above infinity: ask instead what is below all numbers, and change sides
        always_left = np.isposinf(down)
        cut = np.where(always_left, -infinity, np.nextafter(down, infinity))
    swapped = split & always_left
    by_category = split & (forest.category_set[nodes] >= 0)
    if by_category.any():
        # members of a set go right there, and all numbers for which there is no set: none is less than -infinity
        by_set = _by_set(forest, nodes)
        members_right = forest.category_inverted[forest.category_set[nodes]]
        cut = np.where(by_category, np.where(by_set, np.float32(0.0), -infinity), cut)
        swapped = np.where(by_category, members_right != by_set, swapped)
    return cut.astype(np.float32), swapped


def _known(values: NDArray[np.float64], where: NDArray[np.bool_]) -> list[float]:
    with np.errstate(over="ignore"):
        single = np.where(where, values, 0.0).astype(np.float32).astype(float)
    result: list[float] = np.where(np.isfinite(single), single, 0.0).tolist()
    return result


def _tree_parameters(n_features: int, n_nodes: int) -> dict[str, str]:
    return {
        "num_deleted": "0",
        "num_feature": str(n_features),
        "num_nodes": str(n_nodes),
        "size_leaf_vector": "1",
    }


def _constant(value: float, n_features: int) -> dict[str, Any]:
    single = float(_single(np.array([value]))[0])
    return {
        "base_weights": [single],
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": [0],
        "left_children": [-1],
        "loss_changes": [0.0],
        "parents": [_NO_PARENT],
        "right_children": [-1],
        "split_conditions": [single],
        "split_indices": [0],
        "split_type": [0],
        "sum_hessian": [0.0],
        "tree_param": _tree_parameters(n_features, 1),
    }


def _document(
    forest: Forest, trees: list[tuple[dict[str, Any], int]], base_score: NDArray[np.float32]
) -> dict[str, Any]:
    objective, n_outputs = _OBJECTIVES[forest.link], forest.n_outputs
    n_classes = n_outputs if forest.link == "softmax" else 0
    info = [output for _, output in trees]
    in_turn = info == [number % n_outputs for number in range(len(info))] and len(info) % n_outputs == 0
    scalar = bool((base_score == base_score[0]).all())
    texts = [repr(float(score)) for score in base_score]
    names = list(forest.feature_names)
    if any(_FORBIDDEN & set(name) for name in names):
        names = []
    by_category = set(np.unique(forest.feature[_by_set(forest, np.arange(len(forest.feature)))]).tolist())
    types = ["c" if number in by_category else "float" for number in range(forest.n_features)]
    details = {
        "multi:softprob": {"num_class": str(n_classes)},
        "count:poisson": {"max_delta_step": "0.7"},
    }.get(objective, {"scale_pos_weight": "1"})
    model = {
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
        "iteration_indptr": list(range(0, len(trees) + 1, n_outputs if in_turn else 1)),
        "tree_info": info,
        "trees": [tree | {"id": number} for number, (tree, _) in enumerate(trees)],
    }
    return {
        "learner": {
            "attributes": to_text(forest.metadata),
            "feature_names": names,
            "feature_types": types if names or by_category else [],
            "gradient_booster": {"model": model, "name": "gbtree"},
            "learner_model_param": {
                # one number is read by older versions as well
                "base_score": texts[0] if scalar else f"[{','.join(texts)}]",
                "boost_from_average": "1",
                "num_class": str(n_classes),
                "num_feature": str(forest.n_features),
                "num_target": "1" if n_classes else str(n_outputs),
            },
            "objective": {"name": objective, _PARAMETERS.get(objective, "reg_loss_param"): details},
        },
        "version": [3, 0, 0] if scalar else [3, 1, 0],
    }
