"""From LightGBM to a forest: live boosters and estimators, and the text that they are stored as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import InvalidInputError, ModelFormatError, missing_dependency
from hepml.forest.category_sets import CategorySets
from hepml.forest.files import read_model_file
from hepml.forest.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.forest.checks import Link

__all__ = ["from_lightgbm", "from_text"]

_LINKS: dict[str, Link] = {
    "binary": "logistic",
    "multiclass": "softmax",
    "softmax": "softmax",
    "multiclassova": "logistic",
    "cross_entropy": "logistic",
    "xentropy": "logistic",
    "poisson": "exp",
    "gamma": "exp",
    "tweedie": "exp",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "lambdarank": "identity",
    "rank_xendcg": "identity",
    # an objective of the user's own is not written
    "": "identity",
}
# these have the slope of their sigmoid as a parameter
_SLOPED = ("binary", "multiclassova")
_BY_CATEGORY, _DEFAULT_LEFT = 1, 2
_NONE, _ZERO, _NAN = range(3)
# LightGBM takes what is not larger than this (in single precision) for zero
_ZERO_LIMIT = float(np.float32(1e-35))
_LARGEST_CATEGORY = 2**24
_MOST_OUTPUTS = 100_000
_SPLIT_KEYS = ("split_feature", "threshold", "decision_type", "left_child", "right_child")


def from_lightgbm(model: Any, feature_names: Sequence[str] | None = None) -> Forest:
    """Make a forest of a LightGBM model.

    Parameters
    ----------
    model : lightgbm.Booster, fitted lightgbm estimator, str or path
        A file is the text that ``save_model`` writes.
    feature_names : sequence of str, optional
        Default: those of the model.

    Returns
    -------
    Forest
        Its score is that of ``predict`` (with the best iteration if there is one), its margins those of ``raw_score=True``,
        its leaves those of ``pred_leaf=True``. Margins are multiplied by the slope of the sigmoid unless that is 1 or 2, and
        are averages over the iterations of a random forest, of which the library's are sums; where they differ,
        ``metadata["margin_scale"]`` holds the factor.

    Raises
    ------
    MissingFileError
        If there is no such file.
    MissingDependencyError
        If a model other than a file is given and LightGBM is not installed.
    ModelFormatError
        If the text is damaged, or a model that a forest cannot express: linear trees, an unknown objective, zeros that are
        missing and go where other small numbers do not.
    InvalidInputError
        If it is no fitted model, or the number of names is wrong.

    Notes
    -----
    Numbers above -1 and below 0 are category 0 for LightGBM, and none for a forest.
    """
    import os

    if isinstance(model, str | os.PathLike):
        return from_text(read_model_file(model), str(model), feature_names)
    try:
        import lightgbm
    except ImportError as error:
        needed = missing_dependency("lightgbm", "models of LightGBM", "lightgbm")
        raise needed from error
    if isinstance(model, lightgbm.LGBMModel):
        try:
            model = model.booster_
        except ValueError as error:
            msg = f"this {type(model).__name__} is not fitted: call fit first"
            raise InvalidInputError(msg) from error
    if not isinstance(model, lightgbm.Booster):
        msg = f"{type(model).__name__} is no LightGBM model: give a Booster, a fitted estimator or the path of a model file"
        raise InvalidInputError(msg)
    # what is written ends with the best iteration, as the library's predictions do
    text = model.model_to_string(importance_type="split").encode()
    return from_text(text, "the booster", feature_names, source=f"LightGBM {lightgbm.__version__}")


def from_text(
    content: bytes, name: str, feature_names: Sequence[str] | None = None, *, source: str | None = None
) -> Forest:
    """Make a forest of LightGBM's text.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        Its name, for messages.
    feature_names : sequence of str, optional
        Default: those in the file.
    source : str, optional
        What wrote it. Default: LightGBM and the version of its format.

    Returns
    -------
    Forest
        It compares in double precision.

    Raises
    ------
    ModelFormatError
        If it is damaged, or a model that a forest cannot express.
    """
    try:
        return _forest(content.decode("utf-8"), feature_names, source)
    except (ModelFormatError, UnicodeDecodeError) as error:
        msg = f"{name} is no LightGBM model that can be read: {error}"
        raise ModelFormatError(msg) from error


def _forest(text: str, feature_names: Sequence[str] | None, source: str | None) -> Forest:
    head, *blocks = text.partition("\nend of trees")[0].split("\nTree=")
    lines = head.splitlines()
    if not lines or lines[0].strip() != "tree":
        _fail("it does not begin with 'tree'")
    if not blocks or "\nend of trees" not in text:
        _fail("there is no tree" if not blocks else "it is cut off before the end of the trees")
    header = _fields(lines)
    width = _integer(header, "num_tree_per_iteration", 1, _MOST_OUTPUTS)
    n_features = _integer(header, "max_feature_idx", 0, 999_999) + 1
    if len(blocks) % width:
        _fail(f"{len(blocks)} trees are no whole number of iterations of {width}")
    objective, _, parameters = header.get("objective", "").partition(" ")
    link, scale = _link(objective, parameters.split())

    nodes, sets = _nodes([_fields(block.splitlines()[1:]) for block in blocks])
    rounds = len(blocks) // width
    # the library averages after it has given out the raw score
    averages = "average_output" in lines
    scale = scale / rounds if averages else scale
    metadata: dict[str, Any] = {
        "source": source or f"LightGBM (format {header.get('version', 'unknown')[:20]})",
        "objective": header.get("objective", "custom"),
    }
    if scale != 1.0:
        metadata["margin_scale"] = scale
    return Forest.from_nodes(
        **nodes,
        feature_names=_names(header, n_features, feature_names),
        output=np.tile(np.arange(width), rounds),
        tree_weight=np.full(len(blocks), scale),
        base=np.zeros(width),
        comparison="<=",
        precision="float64",
        link=link,
        categories=sets.values,
        metadata=metadata,
    )


def _link(objective: str, parameters: list[str]) -> tuple[Link, float]:
    """Return the link, and what the margin is multiplied by before it."""
    if objective not in _LINKS or (objective.startswith("regression") and "sqrt" in parameters):
        known = ", ".join(name for name in _LINKS if name)
        what = " ".join([objective, *parameters])[:100]
        _fail(f"its objective is {what!r}, whose score is none of the links of a forest (known: {known})")
    link = _LINKS[objective]
    if objective not in _SLOPED:
        return link, 1.0
    slopes = [item.partition(":")[2] for item in parameters if item.startswith("sigmoid:")]
    slope = float(_floats(slopes[0] if slopes else "1", "sigmoid", 1)[0])
    if not (np.isfinite(slope) and slope > 0.0):
        _fail(f"the slope of its sigmoid is {slope}")
    return ("logistic_2x", 1.0) if slope == 2.0 else (link, slope)


def _nodes(trees: list[dict[str, str]]) -> tuple[dict[str, Any], CategorySets]:
    """Return the arrays of all nodes, splits of a tree before its leaves, and the sets of categories."""
    sets = CategorySets()
    parts: dict[str, list[NDArray[Any]]] = {}
    first = [0]
    for tree in trees:
        for key, part in _tree(tree, first[-1], sets).items():
            parts.setdefault(key, []).append(part)
        first.append(first[-1] + len(parts["feature"][-1]))
    return {key: np.concatenate(part) for key, part in parts.items()} | {"first_node": first}, sets


def _tree(tree: dict[str, str], offset: int, sets: CategorySets) -> dict[str, NDArray[Any]]:
    n_leaves = _integer(tree, "num_leaves", 1, 2**30)
    if tree.get("is_linear", "0").strip() != "0":
        _fail("its leaves are linear functions of the features, and a forest has numbers: train with linear_tree=false")
    value = _floats(tree.get("leaf_value", ""), "leaf_value", n_leaves)
    n_splits = n_leaves - 1
    if not n_splits:
        integers = {key: np.zeros(0, dtype=np.int64) for key in _SPLIT_KEYS}
        threshold = np.zeros(0)
    else:
        integers = {key: _integers(tree, key, n_splits) for key in _SPLIT_KEYS if key != "threshold"}
        threshold = _floats(tree.get("threshold", ""), "threshold", n_splits)
    decision = integers["decision_type"]
    if (integers["split_feature"] < 0).any():
        _fail("a split has a negative feature")
    by_category = (decision & _BY_CATEGORY) != 0
    category_set = _sets_of_splits(tree, threshold, by_category, sets)
    threshold = np.where(by_category, 0.0, threshold)
    threshold, missing_right = _thresholds(threshold, decision)
    # leaf k is written as the child -1 - k
    children = {}
    for side in ("left_child", "right_child"):
        child = integers[side]
        children[side] = np.where(child >= 0, child, n_splits - 1 - child) + offset
        if ((child >= n_splits) | (child < -n_leaves)).any():
            _fail("a child is out of range")
    no_leaf = np.full(n_leaves, -1)
    return {
        "feature": np.concatenate([integers["split_feature"], no_leaf]),
        "threshold": np.concatenate([threshold, np.zeros(n_leaves)]),
        "left": np.concatenate([children["left_child"], no_leaf]),
        "right": np.concatenate([children["right_child"], no_leaf]),
        # a missing category goes right
        "missing_right": np.concatenate([missing_right | by_category, np.zeros(n_leaves, dtype=bool)]),
        "value": np.concatenate([np.zeros(n_splits), value]),
        "category_set": np.concatenate([category_set, no_leaf]),
        "node_id": np.concatenate([np.arange(n_splits), np.arange(n_leaves)]),
        "gain": np.concatenate([_known(tree, "split_gain", n_splits), np.full(n_leaves, np.nan)]),
        "cover": np.concatenate([_known(tree, "internal_weight", n_splits), _known(tree, "leaf_weight", n_leaves)]),
    }


def _thresholds(
    threshold: NDArray[np.float64], decision: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return thresholds and directions of missing values that mean what LightGBM makes of zeros, almost zeros and NaN.

    Almost zeros are taken for zero, and NaN as well where the training saw none.
    """
    threshold = np.where((threshold >= 0.0) & (threshold < _ZERO_LIMIT), _ZERO_LIMIT, threshold)
    almost = (threshold < 0.0) & (threshold >= -_ZERO_LIMIT)
    threshold = np.where(almost, np.nextafter(-_ZERO_LIMIT, -np.inf), threshold)
    kind = (decision >> 2) & 3
    numeric = (decision & _BY_CATEGORY) == 0
    default_right = (decision & _DEFAULT_LEFT) == 0
    zero_right = ~(threshold >= 0.0)
    if (kind > _NAN).any():
        _fail("a split has an unknown way to treat missing values")
    if (numeric & (kind == _ZERO) & (default_right != zero_right)).any():
        _fail(
            "zeros stand for missing values and go elsewhere than other numbers near them, which a forest cannot express: "
            "train with zero_as_missing=false and NaN in place of the zeros that are missing"
        )
    return threshold, np.where(kind == _NONE, zero_right, default_right)


def _sets_of_splits(
    tree: dict[str, str], threshold: NDArray[np.float64], by_category: NDArray[np.bool_], sets: CategorySets
) -> NDArray[np.int64]:
    """Return the set of categories of each split, -1 for none; the threshold of such a split is the number of its set."""
    of_split = np.full(len(threshold), -1, dtype=np.int64)
    if not by_category.any():
        return of_split
    n_sets = _integer(tree, "num_cat", 1, len(threshold))
    bounds = _integers(tree, "cat_boundaries", n_sets + 1)
    words = _integers(tree, "cat_threshold", None)
    if bounds[0] != 0 or bounds[-1] != len(words) or (np.diff(bounds) < 0).any():
        _fail("cat_boundaries do not count the words of cat_threshold")
    if ((words < 0) | (words >= 2**32)).any() or len(words) * 32 > _LARGEST_CATEGORY:
        _fail(f"its sets of categories are no words of 32 bits, or more than {_LARGEST_CATEGORY} numbers")
    which = threshold[by_category]
    if not np.isin(which, np.arange(n_sets)).all() or len(np.unique(which)) != len(which):
        _fail("a split uses a set of categories that is not there, or another's")
    for split, number in zip(np.flatnonzero(by_category), which.astype(np.int64), strict=True):
        bits = words[bounds[number] : bounds[number + 1]].astype("<u4").view(np.uint8)
        of_split[split] = sets.number(np.flatnonzero(np.unpackbits(bits, bitorder="little")))
    return of_split


def _names(header: dict[str, str], n_features: int, given: Sequence[str] | None) -> list[str]:
    if given is not None:
        if len(given) != n_features:
            msg = f"{len(given)} feature names are given for {n_features} features"
            raise InvalidInputError(msg)
        return [str(name) for name in given]
    names = header.get("feature_names", "").split()
    if len(names) != n_features:
        _fail(f"it has {len(names)} feature names for {n_features} features")
    return names


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        key, sign, value = line.partition("=")
        if key in found:
            _fail(f"{key[:100]!r} stands twice")
        if sign:
            found[key] = value
    return found


def _integer(fields: dict[str, str], key: str, smallest: int, largest: int) -> int:
    text = fields.get(key, "").strip()
    number = int(text) if len(text) < 20 and text.isascii() and text.isdigit() else -1
    if not smallest <= number <= largest:
        _fail(f"its {key} is {text!r:.100}")
    return number


def _integers(fields: dict[str, str], key: str, size: int | None) -> NDArray[np.int64]:
    numbers = _floats(fields.get(key, ""), key, size)
    # the casting of anything else would give any number
    if not (np.abs(numbers) < 2.0**53).all() or (numbers % 1.0 != 0.0).any():
        _fail(f"{key} holds other than whole numbers")
    return numbers.astype(np.int64)


def _floats(text: str, key: str, size: int | None) -> NDArray[np.float64]:
    items = text.split()
    if size is not None and len(items) != size:
        _fail(f"{key} has {len(items)} values where {size} belong")
    try:
        return np.array(items, dtype=np.float64)
    except ValueError as error:
        msg = f"{key} holds other than numbers: {error}"
        raise ModelFormatError(msg) from error


def _known(fields: dict[str, str], key: str, size: int) -> NDArray[np.float64]:
    """Return numbers that not every version writes, NaN where they are missing."""
    return _floats(fields[key], key, size) if size and fields.get(key, "").strip() else np.full(size, np.nan)


def _fail(problem: str) -> NoReturn:
    raise ModelFormatError(problem)
