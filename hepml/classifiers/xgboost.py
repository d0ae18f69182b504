"""Boosted trees by XGBoost, trained on signed weights through objectives of our own: classifier and regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from scipy.special import expit

from hepml.classifiers.base import Classifier
from hepml.classifiers.decorrelation import Uniform
from hepml.classifiers.losses import SoftmaxLoss, SquaredLoss
from hepml.classifiers.objective import base_margin
from hepml.classifiers.regression import Regressor
from hepml.classifiers.xgboost_trees import XGBoostTrees
from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.classifiers.losses import TreeLoss
    from hepml.classifiers.parameters import Parameter
    from hepml.classifiers.training import TrainingPart

__all__ = ["XGBoostClassifier", "XGBoostRegressor"]


class XGBoostClassifier(XGBoostTrees, Uniform, Classifier):
    """Gradient-boosted trees by XGBoost (``kind: xgboost``).

    Parameters
    ----------
    n_estimators : int
        Largest number of trees, of each class where there are more than two.
    max_depth : int
        Depth of a tree.
    learning_rate : float
        Factor on each tree.
    subsample : float
        Fraction of the events that a tree sees.
    colsample_bytree : float
        Fraction of the features that a tree sees.
    min_child_weight : float
        Smallest sum of ``|w| p (1 - p)`` in a leaf, with mean ``|w|`` = 1: about four times as many events.
    reg_lambda, reg_alpha : float
        L2 and L1 penalty on the leaf values.
    gamma : float
        Smallest gain of a split.
    max_delta_step : float
        Bound on a leaf value before the learning rate; 0 for none.
    max_bin : int
        Number of histogram bins of a feature.
    early_stopping_rounds : int or None
        Trees without improvement on the validation part after which training ends; None trains all of them.
        In both cases the best number of trees is kept. Without a validation part all are trained and kept.
    external_memory : bool
        Keep the binned events in a temporary folder (``TMPDIR``) rather than in memory, and read them for each tree.
        It changes no tree.
    uniform_in : sequence of str
        Features or spectators in which the score is to be flat (docs/decorrelation.md).
    uniform_class : {"background", "both"}
        Whose score.
    uniform_strength : float
        Factor on the flatness loss beside the log-loss.
    uniform_bins : int
        Bins of each of the variables.
    uniform_tail : float
        Share of the events below which cuts do not count more and more.
    planed_in : sequence of str
        Features or spectators whose distribution the training weights are to make equal in both classes.
    planing_bins : int
        Bins of each of them.
    negative_weights : {"signed", "ignore", "abs"}
        What to do with negative weights: keep the signs, drop the events, take absolute values.
    random_state : int
        Seed of the sub-sampling.
    n_jobs : int or None
        Number of threads, None for as many as are of use; it changes no result.

    Attributes
    ----------
    booster_ : xgboost.Booster
        The trees, an ordinary ``binary:logistic`` or, of more than two classes, ``multi:softprob`` model.
    forest_ : hepml.forest.Forest
        The same trees, which is what evaluates events.
    classes_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Classifier`.

    Notes
    -----
    XGBoost refuses negative weights, so all training goes through gradients computed here (docs/negative_weights.md).
    With positive weights they are those of ``binary:logistic`` and ``multi:softprob``.
    Histogram bins are quantiles of events, not of weights.
    A memory-mapped ``X`` is binned batch by batch, to the same bins and trees; no copy of it is held (docs/out_of_core.md).
    """

    kind: ClassVar[str] = "xgboost"
    library: ClassVar[str] = "xgboost"
    multiclass: ClassVar[bool] = True
    _parameters: ClassVar[dict[str, Parameter]] = {
        **XGBoostTrees.tree_parameters,
        **Uniform.uniform_parameters,
    }

    def __init__(
        self,
        *,
        n_estimators: int = 500,
        max_depth: int = 4,
        learning_rate: float = 0.1,
        subsample: float = 0.8,
        colsample_bytree: float = 0.8,
        min_child_weight: float = 10.0,
        reg_lambda: float = 1.0,
        reg_alpha: float = 0.0,
        gamma: float = 0.0,
        max_delta_step: float = 1.0,
        max_bin: int = 256,
        early_stopping_rounds: int | None = 30,
        external_memory: bool = False,
        uniform_in: tuple[str, ...] = (),
        uniform_class: str = "background",
        uniform_strength: float = 3.0,
        uniform_bins: int = 20,
        uniform_tail: float = 0.01,
        planed_in: tuple[str, ...] = (),
        planing_bins: int = 20,
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.reg_alpha = reg_alpha
        self.gamma = gamma
        self.max_delta_step = max_delta_step
        self.max_bin = max_bin
        self.early_stopping_rounds = early_stopping_rounds
        self.external_memory = external_memory
        self.uniform_in = uniform_in
        self.uniform_class = uniform_class
        self.uniform_strength = uniform_strength
        self.uniform_bins = uniform_bins
        self.uniform_tail = uniform_tail
        self.planed_in = planed_in
        self.planing_bins = planing_bins
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _loss(self, part: TrainingPart, train: TrainingPart) -> tuple[TreeLoss, float | NDArray[np.float64]]:
        if self.n_outputs == 1:
            return self._objective(part), float(expit(base_margin(train.signal, train.weight)))
        if self.uniform_in:
            msg = f"uniform_in needs two classes, and there are {self.n_outputs}: {', '.join(map(str, self.classes_))}"
            raise InvalidInputError(msg)
        loss = SoftmaxLoss(part, self.n_outputs, curvature=2.0)
        return loss, SoftmaxLoss(train, self.n_outputs, curvature=2.0).base()

    def _in_file(self) -> str:
        return "binary:logistic" if self.n_outputs == 1 else "multi:softprob"

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self._margins(X)


class XGBoostRegressor(XGBoostTrees, Regressor):
    """Gradient-boosted trees by XGBoost for one target or several (``kind: xgboost``, ``task: regression``).

    Parameters
    ----------
    n_estimators : int
        Largest number of trees of each target.
    min_child_weight : float
        Smallest sum of ``|w|`` in a leaf, with mean ``|w|`` = 1: as many events.
    max_delta_step : float
        Bound on a leaf value before the learning rate, in units of the target; 0 for none.
    max_depth, learning_rate, subsample, colsample_bytree, reg_lambda, reg_alpha, gamma, max_bin, early_stopping_rounds
        As for :class:`XGBoostClassifier`.
    external_memory, negative_weights, random_state, n_jobs
        As for :class:`XGBoostClassifier`.

    Attributes
    ----------
    booster_ : xgboost.Booster
        The trees, an ordinary ``reg:squarederror`` model.
    forest_ : hepml.forest.Forest
        The same trees, which is what evaluates events.
    n_targets_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Regressor`.

    Notes
    -----
    The loss is the squared error with signed weights (:class:`~hepml.classifiers.losses.SquaredLoss`); several targets
    have trees of their own. XGBoost sums in single precision: centre a target whose mean is 1e5 of its widths.
    """

    kind: ClassVar[str] = "xgboost"
    library: ClassVar[str] = "xgboost"
    _parameters: ClassVar[dict[str, Parameter]] = XGBoostTrees.tree_parameters

    def __init__(
        self,
        *,
        n_estimators: int = 500,
        max_depth: int = 4,
        learning_rate: float = 0.1,
        subsample: float = 0.8,
        colsample_bytree: float = 0.8,
        min_child_weight: float = 10.0,
        reg_lambda: float = 1.0,
        reg_alpha: float = 0.0,
        gamma: float = 0.0,
        max_delta_step: float = 0.0,
        max_bin: int = 256,
        early_stopping_rounds: int | None = 30,
        external_memory: bool = False,
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.reg_alpha = reg_alpha
        self.gamma = gamma
        self.max_delta_step = max_delta_step
        self.max_bin = max_bin
        self.early_stopping_rounds = early_stopping_rounds
        self.external_memory = external_memory
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _loss(self, part: TrainingPart, train: TrainingPart) -> tuple[TreeLoss, float | NDArray[np.float64]]:
        lowest, highest = train.target.min(axis=0), train.target.max(axis=0)
        return SquaredLoss(part, lowest, highest), SquaredLoss(train, lowest, highest).base()

    def _in_file(self) -> str:
        return "reg:squarederror"

    def _values(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        margins = self._margins(X)
        return margins[:, None] if margins.ndim == 1 else margins
