"""Agreement of forests with the libraries that trained them, event by event, also where that is hardest.

Trains small models of XGBoost, LightGBM and scikit-learn, with missing values and categories where the library takes them,
and evaluates a million events by the library and by ``Forest.predict``. Three tenths of the features of all events are edge
cases: thresholds of the model and the numbers beside them in double and in single precision, zeros, denormal and huge
numbers, and, where the library takes them, missing values, infinities and categories that the training has not seen.

For each model it prints the largest difference from the library's own margin, as a part of max(1, |margin|) (at most 1e-5
is allowed), the largest one from the sum in double precision of the leaves that the library itself says (1e-12, as a part
of max(1, sum of the leaves' sizes)), and in how many events a leaf differs (0). HistGradientBoosting does not number its
leaves: there the values of each tree's leaf are compared. Ends with an error if any of it is not so.

    python benchmarks/forest_agreement.py [--events 1000000] [--trees 60] [--models NAME ...]
"""

from __future__ import annotations

import argparse
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

N_TRAIN, N_FEATURES, CHUNK = 20_000, 8, 50_000
# the last feature holds categories 0 to 11
N_CATEGORIES = 12
LARGE = 1e35
MARGIN_TOLERANCE, SUM_TOLERANCE = 1e-5, 1e-12


@dataclass
class Case:
    """A trained model and what it may be asked: its margins, and the number (or, by value, the value) of each leaf."""

    model: Any
    margin: Callable[[NDArray[Any]], NDArray[Any]]
    leaf: Callable[[NDArray[Any]], NDArray[Any]]
    leaf_is_value: bool = False
    missing: bool = False
    infinite: bool = False
    categories: bool = False


def main() -> None:
    """Compare all models and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--trees", type=int, default=60)
    parser.add_argument("--models", nargs="+", help="parts of names")
    options = parser.parse_args()
    cases = xgboost_cases(options.trees) | lightgbm_cases(options.trees) | sklearn_cases(options.trees)
    chosen = {name for name in cases if not options.models or any(part in name for part in options.models)}
    print(f"{options.events} events, {options.trees} trees a class, {N_FEATURES} features")
    print(f"{'model':46s} {'margin':>8s} {'leaves':>8s}  other leaf  time")
    failed = []
    for name in cases:
        if name in chosen:
            begin = time.perf_counter()
            margin, total, n_other = compare(cases[name](), options.events)
            good = margin <= MARGIN_TOLERANCE and total <= SUM_TOLERANCE and n_other == 0
            failed += [] if good else [name]
            verdict = "" if good else "  FAILED"
            seconds = time.perf_counter() - begin
            print(f"{name:46s} {margin:8.1e} {total:8.1e} {n_other:11d}  {seconds:.0f} s{verdict}", flush=True)
    if failed:
        msg = f"no agreement: {', '.join(failed)}"
        raise SystemExit(msg)


def compare(case: Case, n_events: int) -> tuple[float, float, int]:
    """Return the largest differences from the margin and from the sum of the leaves, and events with another leaf."""
    forest = Forest.from_xgboost(case.model) if "xgboost" in type(case.model).__module__ else None
    if forest is None:
        by_lightgbm = "lightgbm" in type(case.model).__module__
        forest = Forest.from_lightgbm(case.model) if by_lightgbm else Forest.from_sklearn(case.model)
    rng = np.random.default_rng(20)
    worst_margin = worst_sum = 0.0
    n_other = 0
    for start in range(0, n_events, CHUNK):
        X = events(rng, min(CHUNK, n_events - start), case, forest)
        found = forest.predict(X, output="margin").reshape(len(X), -1)
        scaled = found / forest.metadata.get("margin_scale", 1.0)
        library = np.asarray(case.margin(X), dtype=np.float64).reshape(scaled.shape)
        worst_margin = max(worst_margin, float((np.abs(scaled - library) / np.maximum(1.0, np.abs(library))).max()))
        leaf = forest.predict(X, output="leaf")
        theirs = case.leaf(X).reshape(leaf.shape)
        nodes = numbered(forest, leaf if case.leaf_is_value else theirs.astype(np.int64))
        if case.leaf_is_value:
            n_other += int((forest.value[nodes, 0] != theirs).any(axis=1).sum())
        else:
            n_other += int((leaf != theirs).any(axis=1).sum())
        total, size = leaf_sum(forest, nodes)
        worst_sum = max(worst_sum, float((np.abs(found - total) / np.maximum(1.0, size)).max()))
    return worst_margin, worst_sum, n_other


def numbered(forest: Forest, leaf: NDArray[Any]) -> NDArray[np.int64]:
    """Return the nodes of leaves that are numbered as in the library; -1 is refused, a number that no leaf has."""
    nodes = np.empty(leaf.shape, dtype=np.int64)
    for tree in range(forest.n_trees):
        here = np.arange(forest.first_node[tree], forest.first_node[tree + 1])
        here = here[forest.feature[here] < 0]
        table = np.full(max(int(forest.node_id[here].max()), int(leaf[:, tree].max())) + 1, -1)
        table[forest.node_id[here]] = here
        nodes[:, tree] = table[leaf[:, tree]]
    if (nodes < 0).any():
        msg = "the library names a leaf that the forest does not have"
        raise SystemExit(msg)
    return nodes


def leaf_sum(forest: Forest, nodes: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Add the values of leaves, and their sizes, with numpy."""
    total, size = np.zeros((2, len(nodes), forest.n_outputs))
    for tree in range(forest.n_trees):
        value = forest.value[nodes[:, tree]] * forest.tree_weight[tree]
        where = slice(None) if value.shape[1] > 1 else [forest.output[tree]]
        total[:, where] += value
        size[:, where] += np.abs(value)
    scale = 1.0 if forest.aggregate == "sum" else 1.0 / forest.tree_weight.sum()
    return total * scale + forest.base, size * scale + np.abs(forest.base)


def events(rng: np.random.Generator, n_events: int, case: Case, forest: Forest) -> NDArray[Any]:
    """Return events of which three tenths of the features are edge cases."""
    X = rng.normal(size=(n_events, N_FEATURES))
    if case.categories:
        X[:, -1] = rng.integers(-1, N_CATEGORIES + 3, n_events)
    general = [0.0, -0.0, 1e-45, -1e-45, 1e-310, -1e-310, 1.0, LARGE, -LARGE]
    if case.missing:
        general += [np.nan, np.nan]
    if case.infinite:
        general += [np.inf, -np.inf]
    for feature in range(N_FEATURES - case.categories):
        threshold = np.unique(forest.threshold[forest.feature == feature])
        single = threshold.astype(np.float32)
        near = [threshold, *(np.nextafter(threshold, end) for end in (np.inf, -np.inf)), single]
        near += [np.nextafter(single, np.float32(end)) for end in (np.inf, -np.inf)]
        often = np.repeat(general, max(len(threshold) // 3, 1))
        edges = np.concatenate([*(part.astype(np.float64) for part in near), often])
        # a library may have refused what is infinite in single precision as well
        edges = edges if case.infinite else edges[~(np.abs(edges) > LARGE)]
        chosen = rng.random(n_events) < 0.3
        X[chosen, feature] = rng.choice(edges, int(chosen.sum()))
    if case.missing and case.categories:
        X[rng.random(n_events) < 0.05, -1] = np.nan
    return X


def training(*, missing: bool, categories: bool) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return features, two classes and three."""
    rng = np.random.default_rng(21)
    X = rng.normal(size=(N_TRAIN, N_FEATURES))
    X[:, -1] = rng.integers(0, N_CATEGORIES, N_TRAIN)
    y = (X[:, 0] + X[:, 1] * X[:, 2] + (X[:, -1] % 3 == 0) + 0.5 * rng.normal(size=N_TRAIN) > 0.3).astype(np.int64)
    three = y + (X[:, 3] > 0.4)
    if not categories:
        X[:, -1] += rng.normal(size=N_TRAIN)
    if missing:
        X[rng.random(X.shape) < 0.08] = np.nan
    return X, y, three


def xgboost_cases(n_trees: int) -> dict[str, Callable[[], Case]]:
    """XGBoost: two and three classes, DART, categories; no infinities."""
    import xgboost as xgb

    def make(n_classes: int = 2, *, categories: bool = False, **options: Any) -> Case:
        X, y, three = training(missing=True, categories=categories)
        kinds = ["q"] * (N_FEATURES - 1) + ["c" if categories else "q"]

        def data(features: NDArray[Any], label: NDArray[Any] | None = None) -> Any:
            return xgb.DMatrix(features.astype(np.float32), label, feature_types=kinds, enable_categorical=True)

        chosen: dict[str, Any] = {"objective": "binary:logistic", "max_depth": 5, **options}
        if n_classes == 3:
            chosen |= {"objective": "multi:softprob", "num_class": 3}
        booster = xgb.train(chosen, data(X, y if n_classes == 2 else three), n_trees)
        return Case(
            booster,
            lambda events: booster.predict(data(events), output_margin=True),
            lambda events: booster.predict(data(events), pred_leaf=True),
            missing=True,
            categories=categories,
        )

    return {
        "XGBoost": make,
        "XGBoost, three classes": lambda: make(3),
        "XGBoost, depth 10": lambda: make(max_depth=10),
        "XGBoost, DART": lambda: make(booster="dart", rate_drop=0.2),
        "XGBoost, categories": lambda: make(categories=True, max_cat_to_onehot=1),
    }


def lightgbm_cases(n_trees: int) -> dict[str, Callable[[], Case]]:
    """LightGBM: two and three classes, random forest, with missing values, infinities and categories."""
    import lightgbm

    def make(n_classes: int = 2, *, missing: bool = True, **options: Any) -> Case:
        X, y, three = training(missing=missing, categories=True)
        chosen = {"objective": "binary", "num_leaves": 31, "verbose": -1, "min_data_per_group": 10, **options}
        if n_classes == 3:
            chosen |= {"objective": "multiclass", "num_class": 3}
        data = lightgbm.Dataset(X, y if n_classes == 2 else three, categorical_feature=[N_FEATURES - 1])
        booster = lightgbm.train(chosen, data, n_trees)
        return Case(
            booster,
            lambda events: booster.predict(events, raw_score=True),
            lambda events: booster.predict(events, pred_leaf=True),
            missing=True,
            infinite=True,
            categories=True,
        )

    return {
        "LightGBM": make,
        "LightGBM, three classes": lambda: make(3),
        "LightGBM, trained without missing values": lambda: make(missing=False),
        "LightGBM, random forest": lambda: make(boosting="rf", bagging_freq=1, bagging_fraction=0.5),
    }


def sklearn_cases(n_trees: int) -> dict[str, Callable[[], Case]]:
    """scikit-learn: every ensemble; no infinities."""
    from sklearn import ensemble, tree

    def make(estimator: Any, n_classes: int = 2, *, missing: bool = False) -> Case:
        X, y, three = training(missing=missing, categories=False)
        estimator.fit(X, y if n_classes == 2 else three)

        def margin(events: NDArray[Any]) -> NDArray[Any]:
            if hasattr(estimator, "decision_function"):
                return np.asarray(estimator.decision_function(events))
            found = estimator.predict_proba(events)
            return np.asarray(found[:, 1] if n_classes == 2 else found)

        def leaf(events: NDArray[Any]) -> NDArray[Any]:
            if hasattr(estimator, "apply"):
                return np.asarray(estimator.apply(events))
            return np.column_stack([each.apply(events) for each in estimator.estimators_])

        return Case(estimator, margin, leaf, missing=missing)

    def histograms(n_classes: int = 2, *, categories: bool = False) -> Case:
        X, y, three = training(missing=True, categories=categories)
        chosen = [N_FEATURES - 1] if categories else None
        model = ensemble.HistGradientBoostingClassifier(
            max_iter=n_trees, categorical_features=chosen, early_stopping=False
        )
        model.fit(X, y if n_classes == 2 else three)

        def leaf(events: NDArray[Any]) -> NDArray[Any]:
            features = model._preprocess_X(events, reset=False)
            known, places = model._bin_mapper.make_known_categories_bitsets()
            trees = [each for iteration in model._predictors for each in iteration]
            return np.column_stack([each.predict(features, known, places, 1) for each in trees])

        return Case(model, model.decision_function, leaf, leaf_is_value=True, missing=True, categories=categories)

    few, n_jobs = max(n_trees // 2, 1), 1
    forests = {"n_estimators": few, "n_jobs": n_jobs, "random_state": 3}
    stump = tree.DecisionTreeClassifier(max_depth=3, random_state=3)
    return {
        "scikit-learn GradientBoosting": lambda: make(ensemble.GradientBoostingClassifier(n_estimators=n_trees)),
        "scikit-learn GradientBoosting, three classes": lambda: make(
            ensemble.GradientBoostingClassifier(n_estimators=few), 3
        ),
        "scikit-learn HistGradientBoosting": histograms,
        "scikit-learn HistGradientBoosting, three cl.": lambda: histograms(3),
        "scikit-learn HistGradientBoosting, categories": lambda: histograms(categories=True),
        "scikit-learn RandomForest": lambda: make(ensemble.RandomForestClassifier(**forests), missing=True),
        "scikit-learn RandomForest, three classes": lambda: make(ensemble.RandomForestClassifier(**forests), 3),
        "scikit-learn ExtraTrees": lambda: make(ensemble.ExtraTreesClassifier(**forests), missing=True),
        "scikit-learn AdaBoost": lambda: make(ensemble.AdaBoostClassifier(stump, n_estimators=n_trees)),
        "scikit-learn AdaBoost, three classes": lambda: make(ensemble.AdaBoostClassifier(stump, n_estimators=few), 3),
    }


if __name__ == "__main__":
    # float64 values that single precision does not hold are among the edge cases
    warnings.filterwarnings("ignore", message="overflow encountered in cast")
    main()
