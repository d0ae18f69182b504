"""Boosted trees by LightGBM, trained on signed weights through losses of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hepml.classifiers.base import Classifier
from hepml.classifiers.lightgbm_losses import LogisticLoss, Loss, SoftmaxLoss, SquaredLoss
from hepml.classifiers.lightgbm_trees import LightGBMTrees
from hepml.classifiers.regression import Regressor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.classifiers.training import TrainingPart

__all__ = ["LightGBMClassifier", "LightGBMRegressor"]


class LightGBMClassifier(Classifier, LightGBMTrees):
    """Gradient-boosted trees by LightGBM (``kind: lightgbm``), for two or more classes.

    Parameters
    ----------
    n_estimators : int
        Largest number of iterations; each adds a tree, of more than two classes one for each.
    num_leaves : int
        Largest number of leaves of a tree, which grows where the loss falls most.
    max_depth : int or None
        Largest depth of a tree, None for any.
    learning_rate : float
        Factor on each tree.
    subsample : float
        Fraction of the events that a tree sees.
    colsample_bytree : float
        Fraction of the features that a tree sees.
    min_child_samples : int
        Smallest number of events in a leaf.
    min_child_weight : float
        Smallest sum of ``|w| p (1 - p)`` in a leaf, with mean ``|w|`` = 1: about four times as many events.
    reg_lambda, reg_alpha : float
        L2 and L1 penalty on the leaf values.
    min_split_gain : float
        Smallest gain of a split.
    max_delta_step : float
        Bound on a leaf value before the learning rate; 0 for none.
    max_bin : int
        Number of histogram bins of a feature.
    early_stopping_rounds : int or None
        Iterations without improvement on the validation part after which training ends; None trains all of them.
        In both cases the best number is kept. Without a validation part all are trained and kept.
    negative_weights : {"signed", "ignore", "abs"}
        What to do with negative weights: keep the signs, drop the events, take absolute values.
    random_state : int
        Seed of the sub-sampling, and of the events that bins are made of.
    n_jobs : int or None
        Number of threads, None for as many as are of use; it changes no result.

    Attributes
    ----------
    booster_ : lightgbm.Booster
        The trees, an ordinary ``binary`` or ``multiclass`` model.
    forest_ : hepml.forest.Forest
        The same trees, which is what evaluates events; LightGBM is needed for the training alone.
    classes_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Classifier`.

    Notes
    -----
    LightGBM takes negative weights without a word, and with its own objectives the Hessian of such an event is negative:
    leaves whose Hessians nearly cancel get values of any size. Here gradients are w (p - y) and Hessians ``|w|`` p (1 - p),
    as for the other kinds (docs/negative_weights.md), and both are rounded such that no sum depends on the threads.
    """

    multiclass: ClassVar[bool] = True

    def _loss(self, train: TrainingPart) -> tuple[Loss, str, str]:
        n_classes = int(self.classes_.size)
        if n_classes == 2:
            return LogisticLoss.of(train), "validation_log_loss", "binary sigmoid:1"
        return SoftmaxLoss.of(train, n_classes), "validation_log_loss", f"multiclass num_class:{n_classes}"

    def _link_and_outputs(self) -> tuple[str, int]:
        n_classes = int(self.classes_.size)
        return ("logistic", 1) if n_classes == 2 else ("softmax", n_classes)

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self._margins(X)


class LightGBMRegressor(Regressor, LightGBMTrees):
    """Gradient-boosted trees by LightGBM for regression (``kind: lightgbm``), by the squared deviation.

    Parameters
    ----------
    n_estimators, num_leaves, max_depth, learning_rate, subsample, colsample_bytree, min_child_samples, reg_lambda, reg_alpha
        As for :class:`LightGBMClassifier`.
    min_child_weight : float
        Smallest sum of ``|w|`` in a leaf.
    min_split_gain, max_delta_step : float
        As for :class:`LightGBMClassifier`; targets are in units of their standard deviation.
    max_bin, early_stopping_rounds, negative_weights, random_state, n_jobs
        As for :class:`LightGBMClassifier`.

    Attributes
    ----------
    booster_, forest_, n_targets_, n_features_in_, training_report_
        As for :class:`LightGBMClassifier` and every :class:`~hepml.classifiers.Regressor`; the report has
        ``validation_loss``, the signed mean square of the deviation in units of the standard deviation.
    """

    def _loss(self, train: TrainingPart) -> tuple[Loss, str, str]:
        return SquaredLoss.of(train), "validation_loss", "regression" if self.n_targets_ == 1 else ""

    def _link_and_outputs(self) -> tuple[str, int]:
        return "identity", self.n_targets_

    def _values(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self._margins(X).reshape(len(X), self.n_targets_)
