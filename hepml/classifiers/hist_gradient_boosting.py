"""Boosted trees grown by scikit-learn's histogram tree grower on signed gradients: classifier and regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from hepml.classifiers.base import Classifier
from hepml.classifiers.decorrelation import FlatObjective
from hepml.classifiers.histogram_trees import HistogramTrees
from hepml.classifiers.losses import SoftmaxLoss, SquaredLoss
from hepml.classifiers.objective import base_margin
from hepml.classifiers.regression import Regressor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.classifiers.losses import TreeLoss
    from hepml.classifiers.parameters import Parameter
    from hepml.classifiers.training import TrainingPart
    from hepml.forest.checks import Link

__all__ = ["HistGradientBoostingClassifier", "HistGradientBoostingRegressor"]


class HistGradientBoostingClassifier(HistogramTrees, Classifier):
    """Gradient-boosted trees as scikit-learn's HistGradientBoosting (``kind: hist_gradient_boosting``).

    Parameters
    ----------
    max_iter : int
        Largest number of trees, of each class where there are more than two.
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
    baseline_ : ndarray of float64, shape (1,) or (n_classes,)
        Log-odds that the first tree starts from, or margins of the classes.
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
    multiclass: ClassVar[bool] = True
    _parameters: ClassVar[dict[str, Parameter]] = HistogramTrees.tree_parameters

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

    def _loss(self, part: TrainingPart, train: TrainingPart) -> tuple[TreeLoss, NDArray[np.float64]]:
        if self.n_outputs == 1:
            return FlatObjective(part, (), 0.0), np.array([base_margin(train.signal, train.weight)])
        return SoftmaxLoss(part, self.n_outputs, 1.0), SoftmaxLoss(train, self.n_outputs, 1.0).base()

    def _link(self) -> tuple[Link, str]:
        return ("logistic", "binary log-loss") if self.n_outputs == 1 else ("softmax", "log-loss of several classes")

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self._margins(X)


class HistGradientBoostingRegressor(HistogramTrees, Regressor):
    """Gradient-boosted trees as scikit-learn's, for one target or several (``kind: hist_gradient_boosting``).

    Parameters
    ----------
    max_iter : int
        Largest number of trees of each target.
    min_child_weight : float
        Smallest sum of ``|w|`` in a leaf, with mean ``|w|`` = 1: as many events.
    max_delta_step : float
        Bound on a leaf value before the learning rate, in units of the target; 0 for none.
    learning_rate, max_leaf_nodes, max_depth, min_samples_leaf, l2_regularization, max_features, max_bins
        As for :class:`HistGradientBoostingClassifier`.
    n_iter_no_change, negative_weights, random_state, n_jobs
        As for :class:`HistGradientBoostingClassifier`.

    Attributes
    ----------
    baseline_ : ndarray of float64, shape (n_targets,)
        Value that the first tree starts from.
    nodes_, forest_
        As for :class:`HistGradientBoostingClassifier`.
    n_targets_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Regressor`.

    Notes
    -----
    The loss is the squared error with signed weights (:class:`~hepml.classifiers.losses.SquaredLoss`); several targets
    have trees of their own, in turns.
    """

    kind: ClassVar[str] = "hist_gradient_boosting"
    library: ClassVar[str] = "scikit-learn"
    _parameters: ClassVar[dict[str, Parameter]] = HistogramTrees.tree_parameters

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
        max_delta_step: float = 0.0,
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

    def _loss(self, part: TrainingPart, train: TrainingPart) -> tuple[TreeLoss, NDArray[np.float64]]:
        lowest, highest = train.target.min(axis=0), train.target.max(axis=0)
        return SquaredLoss(part, lowest, highest), SquaredLoss(train, lowest, highest).base()

    def _link(self) -> tuple[Link, str]:
        return "identity", "squared error"

    def _values(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        margins = self._margins(X)
        return margins[:, None] if margins.ndim == 1 else margins
