"""From scikit-learn to a forest: trees, random forests, AdaBoost, gradient boosting with and without histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import InvalidInputError
from hepml.forest.category_sets import CategorySets
from hepml.forest.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from hepml.forest.checks import Link

__all__ = ["from_histogram_nodes", "from_sklearn"]

_LARGEST_CATEGORY = 2**24
_KNOWN = (
    "Classifier and Regressor of DecisionTree, ExtraTree, RandomForest, ExtraTrees, AdaBoost, GradientBoosting, "
    "HistGradientBoosting"
)
_HISTOGRAM_LINKS: dict[str, Link] = {"LogitLink": "logistic", "MultinomialLogit": "softmax", "LogLink": "exp"}
# guesses of a dummy that depend on no event, and on no chance
_CONSTANT_GUESSES = {"prior", "most_frequent", "constant", "uniform", "mean", "median", "quantile"}


def from_sklearn(estimator: Any, feature_names: Sequence[str] | None = None) -> Forest:
    """Make a forest of a fitted estimator.

    Parameters
    ----------
    estimator : fitted scikit-learn estimator
        DecisionTree, ExtraTree, RandomForest, ExtraTrees, AdaBoost, GradientBoosting or HistGradientBoosting, Classifier or
        Regressor.
    feature_names : sequence of str, optional
        Default: those that the estimator was fitted with, or x0, x1, ....

    Returns
    -------
    Forest
        Its score is that of ``predict_proba`` (of the second class if there are two) or ``predict``, its margin that of
        ``decision_function`` where there is one, its leaves those of ``apply``. For AdaBoost with K > 2 classes the margin
        is the decision function times 1 / (K - 1), of which the probabilities are the softmax;
        ``metadata["margin_scale"]`` holds that factor. Missing values may be given where the estimator takes them.

    Raises
    ------
    InvalidInputError
        If it is not fitted, is none of these estimators, has several targets, or uses what a forest cannot express.

    Notes
    -----
    A categorical feature is cut to an integer before it is looked up; HistGradientBoosting treats numbers that are no
    integer as missing.
    """
    import sklearn
    from sklearn import ensemble, tree
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    doors = {
        _from_tree: (
            tree.DecisionTreeClassifier,
            tree.DecisionTreeRegressor,
            tree.ExtraTreeClassifier,
            tree.ExtraTreeRegressor,
        ),
        _from_average: (
            ensemble.RandomForestClassifier,
            ensemble.RandomForestRegressor,
            ensemble.ExtraTreesClassifier,
            ensemble.ExtraTreesRegressor,
        ),
        _from_boosting: (ensemble.GradientBoostingClassifier, ensemble.GradientBoostingRegressor),
        _from_histograms: (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor),
        _from_adaboost: (ensemble.AdaBoostClassifier,),
        _from_median: (ensemble.AdaBoostRegressor,),
    }
    door = next((door for door, kinds in doors.items() if isinstance(estimator, kinds)), None)
    if door is None:
        _refuse(f"{type(estimator).__name__} is no ensemble of trees that hepml knows (known: {_KNOWN})")
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        msg = f"this {type(estimator).__name__} is not fitted: call fit first"
        raise InvalidInputError(msg) from error
    if getattr(estimator, "n_outputs_", 1) > 1:
        _refuse(f"this {type(estimator).__name__} has {estimator.n_outputs_} targets: fit one for each target")
    metadata: dict[str, Any] = {"source": f"scikit-learn {sklearn.__version__}", "estimator": type(estimator).__name__}
    if hasattr(estimator, "classes_"):
        if len(estimator.classes_) < 2:
            _refuse(f"this {type(estimator).__name__} has seen one class only: there is nothing to tell apart")
        metadata["classes"] = [c if isinstance(c, int | float | str) else str(c) for c in estimator.classes_.tolist()]
    loss = getattr(estimator, "loss", None)
    if isinstance(loss, str):
        metadata["objective"] = loss
    return door(estimator, _names(estimator, feature_names), metadata)


def from_histogram_nodes(
    nodes: NDArray[np.void] | Mapping[str, NDArray[Any]],
    *,
    base: ArrayLike,
    link: Link,
    feature_names: Sequence[str],
    output: ArrayLike | None = None,
    category_set: ArrayLike | None = None,
    categories: Sequence[ArrayLike] = (),
    category_inverted: ArrayLike | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Forest:
    """Make a forest of the nodes of histogram gradient boosting as one table, trees one after another.

    Parameters
    ----------
    nodes : structured ndarray or mapping of ndarrays, shape (n_nodes,)
        ``tree`` (number of the tree, ascending), ``feature``, ``threshold``, ``left`` and ``right`` (row numbers within the
        tree), ``missing_left``, ``leaf``, ``value``, ``gain`` and ``count``.
    base : array-like of float, shape (n_outputs,)
        Where the sum begins.
    link : {"identity", "logistic", "softmax", "exp"}
        From the margin to the score.
    feature_names : sequence of str
        Names of the columns.
    output, category_set, categories, category_inverted, metadata
        As for :meth:`Forest.from_nodes`.

    Returns
    -------
    Forest
        It compares in double precision and takes missing values.

    Raises
    ------
    ModelFormatError
        If the nodes are no trees.
    """
    leaf = np.asarray(nodes["leaf"]).astype(bool)
    first = np.concatenate([[0], np.flatnonzero(np.diff(nodes["tree"])) + 1, [len(leaf)]])
    offset = np.repeat(first[:-1], np.diff(first))
    return Forest.from_nodes(
        feature=np.where(leaf, -1, nodes["feature"].astype(np.int64)),
        threshold=np.where(leaf, 0.0, nodes["threshold"]),
        left=np.where(leaf, -1, nodes["left"].astype(np.int64) + offset),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64) + offset),
        missing_right=~leaf & (nodes["missing_left"] == 0),
        value=np.where(leaf, nodes["value"], 0.0),
        first_node=first,
        feature_names=feature_names,
        output=output,
        base=base,
        comparison="<=",
        precision="float64",
        link=link,
        category_set=category_set,
        categories=categories,
        category_inverted=category_inverted,
        gain=np.where(leaf, np.nan, nodes["gain"]),
        cover=nodes["count"].astype(np.float64),
        metadata=metadata,
    )


def _from_tree(estimator: Any, names: list[str], metadata: dict[str, Any]) -> Forest:
    return _probabilities_or_values(estimator, [estimator], names, metadata)


def _from_average(estimator: Any, names: list[str], metadata: dict[str, Any]) -> Forest:
    return _probabilities_or_values(estimator, estimator.estimators_, names, metadata)


def _probabilities_or_values(
    estimator: Any, trees: Sequence[Any], names: list[str], metadata: dict[str, Any]
) -> Forest:
    """Average trees whose leaves hold a mean, or the fractions of the classes."""
    value = np.concatenate([tree.tree_.value[:, 0, :] for tree in trees])
    if hasattr(estimator, "classes_") and value.shape[1] == 2:
        value = value[:, 1:]
    return Forest.from_nodes(
        **_structure(trees),
        value=value,
        feature_names=names,
        comparison="<=",
        aggregate="average",
        takes_missing=_takes_missing(estimator),
        metadata=metadata,
    )


def _from_boosting(estimator: Any, names: list[str], metadata: dict[str, Any]) -> Forest:
    _refuse_start_by_events(estimator.init_)
    trees = estimator.estimators_.ravel().tolist()
    n_outputs = estimator.estimators_.shape[1]
    # as the library begins its sum: for these starts it is the same for all events
    base = estimator._raw_predict_init(np.zeros((1, len(names)), dtype=np.float32))[0]
    link: Link = "identity"
    if hasattr(estimator, "classes_"):
        link = "softmax" if n_outputs > 1 else "logistic_2x" if estimator.loss == "exponential" else "logistic"
    return Forest.from_nodes(
        **_structure(trees),
        value=np.concatenate([tree.tree_.value[:, 0, 0] for tree in trees]),
        feature_names=names,
        output=np.tile(np.arange(n_outputs), len(estimator.estimators_)),
        tree_weight=np.full(len(trees), float(estimator.learning_rate)),
        base=base,
        comparison="<=",
        link=link,
        takes_missing=_takes_missing(estimator),
        metadata=metadata,
    )


def _refuse_start_by_events(init: Any) -> None:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    if init == "zero" or (isinstance(init, DummyClassifier | DummyRegressor) and init.strategy in _CONSTANT_GUESSES):
        return
    _refuse(
        f"this gradient boosting starts from the predictions of {type(init).__name__} (its parameter `init`), which is no "
        "part of the trees: fit it with init=None or init='zero'"
    )


def _from_adaboost(estimator: Any, names: list[str], metadata: dict[str, Any]) -> Forest:
    trees = _boosted_trees(estimator, "DecisionTreeClassifier")
    if getattr(estimator, "algorithm", None) == "SAMME.R":
        _refuse("SAMME.R adds logarithms of probabilities, not trees: fit it with algorithm='SAMME'")
    n_classes = len(estimator.classes_)
    # each tree votes for one class: the number of it among all
    votes = np.concatenate(
        [np.searchsorted(estimator.classes_, tree.classes_)[tree.tree_.value[:, 0, :].argmax(axis=1)] for tree in trees]
    )
    link: Link
    if n_classes == 2:
        value: NDArray[np.float64] = np.where(votes == 1, 2.0, -2.0)[:, None]
        link = "logistic"
    else:
        scale = 1.0 / (n_classes - 1)
        value = np.where(votes[:, None] == np.arange(n_classes), scale, -scale * scale)
        link = "softmax"
        metadata = metadata | {"margin_scale": scale}
    return Forest.from_nodes(
        **_structure(trees),
        value=value,
        feature_names=names,
        tree_weight=estimator.estimator_weights_[: len(trees)],
        comparison="<=",
        aggregate="average",
        link=link,
        takes_missing=_takes_missing(estimator),
        metadata=metadata,
    )


def _from_median(estimator: Any, names: list[str], metadata: dict[str, Any]) -> Forest:
    trees = _boosted_trees(estimator, "DecisionTreeRegressor")
    weight = estimator.estimator_weights_[: len(trees)]
    return Forest.from_nodes(
        **_structure(trees),
        value=np.concatenate([tree.tree_.value[:, 0, 0] for tree in trees]),
        feature_names=names,
        # a first tree that is worse than chance ends the boosting, and has no weight but is the answer
        tree_weight=weight if weight.any() else np.ones(len(trees)),
        comparison="<=",
        aggregate="median",
        takes_missing=_takes_missing(estimator),
        metadata=metadata,
    )


def _boosted_trees(estimator: Any, kind: str) -> Sequence[Any]:
    from sklearn import tree

    trees: Sequence[Any] = estimator.estimators_
    other = next((each for each in trees if not isinstance(each, getattr(tree, kind))), None)
    if other is not None:
        _refuse(f"this {type(estimator).__name__} boosts {type(other).__name__}, which is no decision tree")
    return trees


def _from_histograms(estimator: Any, names: list[str], metadata: dict[str, Any]) -> Forest:
    predictors = [predictor for iteration in estimator._predictors for predictor in iteration]
    if not predictors:
        _refuse(f"this {type(estimator).__name__} has no trees: fit it with max_iter of at least 1")
    n_outputs = estimator.n_trees_per_iteration_
    table = np.concatenate([predictor.nodes for predictor in predictors])
    sizes = [len(predictor.nodes) for predictor in predictors]
    by_category = table["is_categorical"].astype(bool) & ~table["is_leaf"].astype(bool)
    columns, values = _categorical_columns(estimator, len(names), used=by_category.any())
    feature = table["feature_idx"].astype(np.int64)
    category_set = np.full(len(table), -1, dtype=np.int64)
    sets = CategorySets()
    tree = np.repeat(np.arange(len(sizes)), sizes)
    for node in np.flatnonzero(by_category):
        words = predictors[tree[node]].raw_left_cat_bitsets[table["bitset_idx"][node]]
        known = values[feature[node]]
        goes_left = np.unpackbits(words.view(np.uint8), bitorder="little")[: len(known)].astype(bool)
        # unknown categories go where missing values go
        inverted = bool(table["missing_go_to_left"][node])
        category_set[node] = sets.number(known[~goes_left if inverted else goes_left], inverted=inverted)
    link = _HISTOGRAM_LINKS.get(type(estimator._loss.link).__name__, "identity")
    return from_histogram_nodes(
        {
            "tree": tree,
            "feature": columns[np.where(table["is_leaf"], 0, feature)],
            "threshold": np.where(by_category, 0.0, table["num_threshold"]),
            "left": table["left"],
            "right": table["right"],
            "missing_left": table["missing_go_to_left"],
            "leaf": table["is_leaf"],
            "value": table["value"],
            "gain": table["gain"],
            "count": table["count"],
        },
        base=np.ravel(estimator._baseline_prediction),
        link=link,
        feature_names=names,
        output=np.tile(np.arange(n_outputs), len(estimator._predictors)),
        category_set=category_set,
        categories=sets.values,
        category_inverted=np.asarray(sets.inverted, dtype=bool),
        metadata=metadata,
    )


def _categorical_columns(
    estimator: Any, n_features: int, *, used: bool
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    """Return the column of each feature as trees count them, and the categories of the first of these, by their code.

    Trees see categories as 0, 1, 2, ... in columns before all others.
    """
    if estimator.is_categorical_ is None:
        return np.arange(n_features), []
    by_category = np.asarray(estimator.is_categorical_)
    columns = np.concatenate([np.flatnonzero(by_category), np.flatnonzero(~by_category)])
    values = []
    for categories in estimator._preprocessor.named_transformers_["encoder"].categories_ if used else ():
        numbers = np.asarray(categories)
        if numbers.dtype.kind in "biuf":
            numbers = numbers[numbers == numbers]  # noqa: PLR0124  (NaN, which is last, stands for missing)
        if (
            numbers.dtype.kind not in "biuf"
            or ((numbers < 0) | (numbers >= _LARGEST_CATEGORY) | (numbers % 1 != 0)).any()
        ):
            _refuse(
                f"the categories {numbers[:5].tolist()!r:.100} are no whole numbers from 0 to {_LARGEST_CATEGORY - 1}: "
                "number them before you fit"
            )
        values.append(numbers.astype(np.int64))
    return columns, values


def _structure(trees: Sequence[Any]) -> dict[str, Any]:
    """Return the arrays that all of scikit-learn's trees have."""
    inner = [tree.tree_ for tree in trees]
    sizes = [tree.node_count for tree in inner]
    first = np.cumsum([0, *sizes])
    offset = np.repeat(first[:-1], sizes)

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(tree, name) for tree in inner])

    leaf = joined("children_left") < 0
    left = np.where(leaf, -1, joined("children_left") + offset)
    right = np.where(leaf, -1, joined("children_right") + offset)
    weight = joined("weighted_n_node_samples")
    impurity = joined("impurity") * weight
    return {
        "feature": np.where(leaf, -1, joined("feature")),
        "threshold": np.where(leaf, 0.0, joined("threshold")),
        "left": left,
        "right": right,
        "missing_right": ~leaf & (joined("missing_go_to_left") == 0),
        "first_node": first,
        "gain": np.where(leaf, np.nan, impurity - impurity[left] - impurity[right]),
        "cover": weight,
    }


def _takes_missing(estimator: Any) -> bool:
    from sklearn.utils import get_tags

    return bool(get_tags(estimator).input_tags.allow_nan) and getattr(estimator, "monotonic_cst", None) is None


def _names(estimator: Any, given: Sequence[str] | None) -> list[str]:
    n_features = int(estimator.n_features_in_)
    if given is None:
        given = getattr(estimator, "feature_names_in_", None)
    names = [f"x{number}" for number in range(n_features)] if given is None else [str(name) for name in given]
    if len(names) != n_features:
        msg = f"{len(names)} feature names are given for {n_features} features"
        raise InvalidInputError(msg)
    return names


def _refuse(reason: str) -> NoReturn:
    raise InvalidInputError(reason)
