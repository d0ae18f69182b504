"""Boosted trees grown by scikit-learn's histogram tree grower on signed gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.ensemble._hist_gradient_boosting.grower import TreeGrower

from hepml.classifiers.base import Classifier
from hepml.classifiers.binning import bin_features, bin_thresholds
from hepml.classifiers.objective import EarlyStopping, base_margin, gradient_and_hessian, signed_log_loss
from hepml.classifiers.parameters import Integer, Number, Parameter
from hepml.classifiers.training import thread_count
from hepml.classifiers.trees import nodes_from_bytes, nodes_from_predictors, nodes_to_bytes
from hepml.errors import ModelFormatError
from hepml.forest.from_sklearn import from_histogram_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hepml.classifiers.training import TrainingPart
    from hepml.forest import Forest


__all__ = ["HistGradientBoostingClassifier"]

_PAYLOAD = "trees.npy"


class HistGradientBoostingClassifier(Classifier):
    """Gradient-boosted trees as scikit-learn's HistGradientBoosting (``kind: hist_gradient_boosting``).

    Parameters
    ----------
    max_iter : int
        Largest number of trees.
    learning_rate : float
        Factor on each tree.
    max_leaf_nodes : int or None
        Largest number of leaves of a tree, None for no limit.
    max_depth : int or None
        Depth of a tree, None for no limit.
    min_samples_leaf : int
        Smallest number of events in a leaf.
    min_child_weight : float
        Smallest sum of ``|w| p (1 - p)`` in a leaf, with mean ``|w|`` = 1: about four times as many events.
    l2_regularization : float
        L2 penalty on the leaf values.
    max_features : float
        Fraction of the features that are tried at a split.
    max_delta_step : float
        Bound on a leaf value before the learning rate; 0 for none.
    max_bins : int
        Number of histogram bins of a feature, missing values apart.
    n_iter_no_change : int or None
        Trees without improvement on the validation part after which training ends; None trains all of them.
        In both cases the best number of trees is kept. Without a validation part all are trained and kept.
    negative_weights : {"signed", "ignore", "abs"}
        What to do with negative weights: keep the signs, drop the events, take absolute values.
    random_state : int
        Seed of the choice of features.
    n_jobs : int or None
        Number of threads, None for as many as are of use; it changes no result.

    Attributes
    ----------
    baseline_ : float
        Log-odds that the first tree starts from.
    nodes_ : ndarray
        The nodes of all trees.
    forest_ : hepml.forest.Forest
        The same trees, which is what evaluates events.
    classes_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Classifier`.

    Notes
    -----
    scikit-learn's class has neither a validation part of the caller's (before 1.7) nor a bound on the leaf values, and
    takes quantiles of signed weights for its bins; the loop over the trees is therefore here, and scikit-learn grows
    each tree. With positive weights and equal bins the result is that of its ``HistGradientBoostingClassifier``.
    """

    kind: ClassVar[str] = "hist_gradient_boosting"
    library: ClassVar[str] = "scikit-learn"
    _parameters: ClassVar[dict[str, Parameter]] = {
        "max_iter": Integer(1, 100_000),
        "learning_rate": Number(0.0, 10.0, above=True),
        "max_leaf_nodes": Integer(2, 65_536, optional=True),
        "max_depth": Integer(1, 100, optional=True),
        "min_samples_leaf": Integer(1),
        "min_child_weight": Number(0.0),
        "l2_regularization": Number(0.0),
        "max_features": Number(0.0, 1.0, above=True),
        "max_delta_step": Number(0.0),
        "max_bins": Integer(2, 255),
        "n_iter_no_change": Integer(1, optional=True),
    }

    baseline_: float
    nodes_: NDArray[np.void]

    def __init__(
        self,
        *,
        max_iter: int = 500,
        learning_rate: float = 0.1,
        max_leaf_nodes: int | None = 16,
        max_depth: int | None = 4,
        min_samples_leaf: int = 20,
        min_child_weight: float = 10.0,
        l2_regularization: float = 1.0,
        max_features: float = 0.7,
        max_delta_step: float = 1.0,
        max_bins: int = 255,
        n_iter_no_change: int | None = 30,
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.max_leaf_nodes = max_leaf_nodes
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.min_child_weight = min_child_weight
        self.l2_regularization = l2_regularization
        self.max_features = max_features
        self.max_delta_step = max_delta_step
        self.max_bins = max_bins
        self.n_iter_no_change = n_iter_no_change
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def n_iter_(self) -> int:
        """Number of trees that are kept."""
        return int(self.nodes_["tree"][-1]) + 1

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        threads = thread_count(self.n_jobs, train.X.shape[0])
        rng = np.random.default_rng(self.random_state)
        thresholds = bin_thresholds(train.X, self.max_bins, rng)
        binned = bin_features(train.X, thresholds, self.max_bins)
        n_bins = np.array([edges.size + 1 for edges in thresholds], dtype=np.uint32)
        has_missing = (binned == self.max_bins).any(axis=0)
        self.baseline_ = base_margin(train.signal, train.weight)
        margin = np.full(train.X.shape[0], self.baseline_)
        if validation is not None:
            held_out = np.ascontiguousarray(bin_features(validation.X, thresholds, self.max_bins))
            held_out_margin = np.full(validation.X.shape[0], self.baseline_)
        watch = EarlyStopping(self.n_iter_no_change)
        predictors, leaf_sums = [], []
        for _ in range(self.max_iter):
            gradient, hessian = gradient_and_hessian(margin, train.signal, train.weight)
            grower = TreeGrower(
                X_binned=binned,
                gradients=gradient,
                hessians=hessian,
                n_bins=self.max_bins + 1,
                n_bins_non_missing=n_bins,
                has_missing_values=has_missing,
                max_leaf_nodes=self.max_leaf_nodes,
                max_depth=self.max_depth,
                min_samples_leaf=self.min_samples_leaf,
                min_hessian_to_split=self.min_child_weight,
                l2_regularization=self.l2_regularization,
                feature_fraction_per_split=float(self.max_features),
                rng=rng,
                shrinkage=self.learning_rate,
                n_threads=threads,
            )
            grower.grow()
            leaf_sums.append(self._step(grower, margin, train))
            predictors.append(grower.make_predictor(binning_thresholds=thresholds))
            if validation is not None:
                held_out_margin += predictors[-1].predict_binned(held_out, self.max_bins, threads)
                if watch.should_stop(signed_log_loss(held_out_margin, validation.signal, validation.weight)):
                    break
        n_trees = watch.best + 1 if validation is not None else self.max_iter
        self.nodes_ = nodes_from_predictors(predictors[:n_trees])
        self.forest_ = self._make_forest()
        sums = np.concatenate(leaf_sums[:n_trees])
        return {
            "iterations": n_trees,
            "validation_log_loss": watch.curve,
            "n_leaves": int(sums.size),
            "n_leaves_not_positive": int(np.count_nonzero(sums <= 0.0)),
        }

    def _step(self, grower: TreeGrower, margin: NDArray[np.float64], train: TrainingPart) -> NDArray[np.float64]:
        """Bound the leaf values, add them to the margin in place and return the sums of weights of the leaves."""
        bound = self.max_delta_step * self.learning_rate
        sums = np.empty(len(grower.finalized_leaves))
        for index, leaf in enumerate(grower.finalized_leaves):
            if bound > 0.0:
                leaf.value = min(max(leaf.value, -bound), bound)
            margin[leaf.sample_indices] += leaf.value
            sums[index] = train.weight[leaf.sample_indices].sum()
        return sums

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.forest_.predict(X, threads=thread_count(self.n_jobs, X.shape[0]), output="margin")

    def _make_forest(self) -> Forest:
        return from_histogram_nodes(
            self.nodes_,
            base=[self.baseline_],
            link="logistic",
            feature_names=self._feature_names(),
            metadata={"source": "hepml", "objective": "binary log-loss"},
        )

    def _state(self) -> dict[str, Any]:
        return {"baseline": self.baseline_}

    def _payloads(self) -> dict[str, bytes]:
        return {_PAYLOAD: nodes_to_bytes(self.nodes_)}

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if set(state) != {"baseline"} or not isinstance(state["baseline"], float) or set(payloads) != {_PAYLOAD}:
            msg = f"a hist_gradient_boosting model has exactly the payload {_PAYLOAD!r} and a baseline"
            raise ModelFormatError(msg)
        self.baseline_ = state["baseline"]
        self.nodes_ = nodes_from_bytes(payloads[_PAYLOAD], self.n_features_in_)
        self.forest_ = self._make_forest()
