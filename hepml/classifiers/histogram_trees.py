"""What classifiers and regressors of scikit-learn's histogram trees share: the loop over the trees, scores, files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.ensemble._hist_gradient_boosting.grower import TreeGrower

from hepml.classifiers.binning import bin_features, bin_thresholds
from hepml.classifiers.objective import EarlyStopping
from hepml.classifiers.parameters import Integer, Number, Parameter
from hepml.classifiers.training import thread_count
from hepml.classifiers.trees import nodes_from_bytes, nodes_from_predictors, nodes_to_bytes
from hepml.errors import ModelFormatError
from hepml.forest.from_sklearn import from_histogram_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from hepml.classifiers.losses import TreeLoss
    from hepml.classifiers.training import TrainingPart
    from hepml.forest import Forest
    from hepml.forest.checks import Link

__all__ = ["HistogramTrees"]

_PAYLOAD = "trees.npy"


class HistogramTrees:
    """Part of an estimator of histogram trees; the estimator says the loss, where it starts from, and the link."""

    tree_parameters: ClassVar[dict[str, Parameter]] = {
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

    baseline_: NDArray[np.float64]
    nodes_: NDArray[np.void]
    forest_: Forest
    task: ClassVar[str]
    n_features_in_: int
    n_outputs: int
    max_iter: int
    learning_rate: float
    max_leaf_nodes: int | None
    max_depth: int | None
    min_samples_leaf: int
    min_child_weight: float
    l2_regularization: float
    max_features: float
    max_delta_step: float
    max_bins: int
    n_iter_no_change: int | None
    random_state: int
    n_jobs: int | None
    _feature_names: Callable[[], list[str]]

    @property
    def n_iter_(self) -> int:
        """Number of trees that are kept, of each class or target."""
        return (int(self.nodes_["tree"][-1]) + 1) // self.baseline_.size

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        threads = thread_count(self.n_jobs, train.X.shape[0])
        rng = np.random.default_rng(self.random_state)
        thresholds = bin_thresholds(train.X, self.max_bins, rng)
        binned = bin_features(train.X, thresholds, self.max_bins)
        n_bins = np.array([edges.size + 1 for edges in thresholds], dtype=np.uint32)
        has_missing = (binned == self.max_bins).any(axis=0)
        loss, self.baseline_ = self._loss(train, train)
        n_outputs = self.baseline_.size
        margin = self._start(train)
        if validation is not None:
            held_out = np.ascontiguousarray(bin_features(validation.X, thresholds, self.max_bins))
            held_out_margin = self._start(validation)
            held_out_loss = self._loss(validation, train)[0]
        watch = EarlyStopping(self.n_iter_no_change)
        predictors, leaf_sums = [], []
        for _ in range(self.max_iter):
            gradient, hessian = loss.derivatives(margin)
            for output in range(n_outputs):
                grower = TreeGrower(
                    X_binned=binned,
                    gradients=_column(gradient, output),
                    hessians=_column(hessian, output),
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
                leaf_sums.append(self._step(grower, _column_view(margin, output), train))
                predictors.append(grower.make_predictor(binning_thresholds=thresholds))
                if validation is not None:
                    step = predictors[-1].predict_binned(held_out, self.max_bins, threads)
                    _column_view(held_out_margin, output)[:] += step
            if validation is not None and watch.should_stop(held_out_loss.value(held_out_margin)):
                break
        n_trees = (watch.best + 1 if validation is not None else self.max_iter) * n_outputs
        self.nodes_ = nodes_from_predictors(predictors[:n_trees])
        self.forest_ = self._make_forest()
        sums = np.concatenate(leaf_sums[:n_trees])
        return {
            "iterations": self.n_iter_,
            "validation_log_loss" if self.task == "classification" else "validation_loss": watch.curve,
            "n_leaves": int(sums.size),
            "n_leaves_not_positive": int(np.count_nonzero(sums <= 0.0)),
        }

    def _loss(self, part: TrainingPart, train: TrainingPart) -> tuple[TreeLoss, NDArray[np.float64]]:
        """Return the loss of a part of the events, and the margins that the trees start from."""
        raise NotImplementedError

    def _link(self) -> tuple[Link, str]:
        """Return the link from margins to scores, and the name of the loss."""
        raise NotImplementedError

    def _start(self, part: TrainingPart) -> NDArray[np.float64]:
        n_events = part.X.shape[0]
        shape = n_events if self.baseline_.size == 1 else (n_events, self.baseline_.size)
        return np.full(shape, self.baseline_)

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

    def _margins(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.forest_.predict(X, threads=thread_count(self.n_jobs, X.shape[0]), output="margin")

    def _make_forest(self) -> Forest:
        link, loss = self._link()
        n_trees = int(self.nodes_["tree"][-1]) + 1
        return from_histogram_nodes(
            self.nodes_,
            base=self.baseline_,
            output=None if self.baseline_.size == 1 else np.arange(n_trees) % self.baseline_.size,
            link=link,
            feature_names=self._feature_names(),
            metadata={"source": "hepml", "objective": loss},
        )

    def _state(self) -> dict[str, Any]:
        # bundles of the first version hold one number
        return {"baseline": float(self.baseline_[0]) if self.baseline_.size == 1 else self.baseline_.tolist()}

    def _payloads(self) -> dict[str, bytes]:
        return {_PAYLOAD: nodes_to_bytes(self.nodes_)}

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if set(state) != {"baseline"} or set(payloads) != {_PAYLOAD}:
            msg = f"a hist_gradient_boosting model has exactly the payload {_PAYLOAD!r} and a baseline"
            raise ModelFormatError(msg)
        baseline = state["baseline"] if isinstance(state["baseline"], list) else [state["baseline"]]
        if len(baseline) != self.n_outputs or not all(
            type(value) is float and np.isfinite(value) for value in baseline
        ):
            msg = f"the baseline of a hist_gradient_boosting model must be {self.n_outputs} finite numbers"
            raise ModelFormatError(msg)
        self.baseline_ = np.array(baseline)
        self.nodes_ = nodes_from_bytes(payloads[_PAYLOAD], self.n_features_in_)
        n_trees = int(self.nodes_["tree"][-1]) + 1
        if n_trees % self.n_outputs:
            msg = f"a hist_gradient_boosting model has {n_trees} trees, which {self.n_outputs} outputs cannot share"
            raise ModelFormatError(msg)
        self.forest_ = self._make_forest()


def _column(values: NDArray[np.float32], output: int) -> NDArray[np.float32]:
    return values if values.ndim == 1 else np.ascontiguousarray(values[:, output])


def _column_view(values: NDArray[np.float64], output: int) -> NDArray[np.float64]:
    return values if values.ndim == 1 else values[:, output]
