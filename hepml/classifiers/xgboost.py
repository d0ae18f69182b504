"""Boosted trees by XGBoost, trained on signed weights through an objective of our own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import xgboost as xgb
from scipy.special import expit

from hepml.classifiers.base import Classifier
from hepml.classifiers.boosters import booster_from_json
from hepml.classifiers.decorrelation import Uniform
from hepml.classifiers.objective import EarlyStopping, base_margin
from hepml.classifiers.parameters import Flag, Integer, Number, Parameter
from hepml.classifiers.training import thread_count
from hepml.classifiers.xgboost_matrices import page_folder, training_matrices
from hepml.data.mapped import row_blocks
from hepml.errors import ModelFormatError
from hepml.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.classifiers.training import TrainingPart

__all__ = ["XGBoostClassifier"]

_PAYLOAD = "booster.json"
# events whose leaves are looked up in one go
_BLOCK = 1 << 16


class XGBoostClassifier(Uniform, Classifier):
    """Gradient-boosted trees by XGBoost (``kind: xgboost``).

    Parameters
    ----------
    n_estimators : int
        Largest number of trees.
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
        The trees, an ordinary ``binary:logistic`` model.
    forest_ : hepml.forest.Forest
        The same trees, which is what evaluates events.
    classes_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Classifier`.

    Notes
    -----
    XGBoost refuses negative weights, so all training goes through gradients computed here (docs/negative_weights.md).
    With positive weights they are those of ``binary:logistic``; histogram bins are quantiles of events, not of weights.
    A memory-mapped ``X`` is binned batch by batch, to the same bins and trees; no copy of it is held (docs/out_of_core.md).
    """

    kind: ClassVar[str] = "xgboost"
    library: ClassVar[str] = "xgboost"
    _parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": Integer(1, 100_000),
        "max_depth": Integer(1, 30),
        "learning_rate": Number(0.0, 10.0, above=True),
        "subsample": Number(0.0, 1.0, above=True),
        "colsample_bytree": Number(0.0, 1.0, above=True),
        "min_child_weight": Number(0.0),
        "reg_lambda": Number(0.0),
        "reg_alpha": Number(0.0),
        "gamma": Number(0.0),
        "max_delta_step": Number(0.0),
        "max_bin": Integer(2, 65_536),
        "early_stopping_rounds": Integer(1, optional=True),
        "external_memory": Flag(),
        **Uniform.uniform_parameters,
    }

    booster_: xgb.Booster
    forest_: Forest

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

    @property
    def n_iter_(self) -> int:
        """Number of trees that are kept."""
        return int(self.booster_.num_boosted_rounds())

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        threads = thread_count(self.n_jobs, train.X.shape[0])
        watch = EarlyStopping(self.early_stopping_rounds)
        log_losses: list[float] = []
        with page_folder(external_memory=self.external_memory) as folder:
            content = self._boost(train, validation, watch, log_losses, threads=threads, folder=folder)
        # through the file format, so that what was just trained and what will be loaded cannot differ
        self.booster_ = xgb.Booster()
        self.booster_.load_model(content)
        self.forest_ = Forest.from_xgboost(self.booster_, self._feature_names())
        trees = json.loads(content)["learner"]["gradient_booster"]["model"]["trees"]
        return {
            "iterations": len(trees),
            "validation_log_loss": log_losses,
            **({"validation_loss": watch.curve} if self.uniform_in else {}),
            "n_leaves": sum(tree["left_children"].count(-1) for tree in trees),
            "n_leaves_not_positive": self._leaves_not_positive(train, [len(tree["left_children"]) for tree in trees]),
        }

    def _boost(
        self,
        train: TrainingPart,
        validation: TrainingPart | None,
        watch: EarlyStopping,
        log_losses: list[float],
        *,
        threads: int,
        folder: str | None,
    ) -> bytearray:
        """Return the best booster in XGBoost's format; its matrices are gone with it."""
        loss, held_out_loss = self._objective(train), None if validation is None else self._objective(validation)

        def objective(margin: NDArray[np.float32], _: xgb.DMatrix) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            return loss.derivatives(margin)

        matrix, held_out = training_matrices(
            train.X,
            None if validation is None else validation.X,
            max_bin=self.max_bin,
            threads=threads,
            folder=folder,
        )
        booster = xgb.Booster(
            {**self._library_parameters(base_margin(train.signal, train.weight)), "nthread": threads},
            [matrix] if held_out is None else [matrix, held_out],
        )
        for iteration in range(self.n_estimators):
            booster.update(matrix, iteration, objective)
            if held_out_loss is not None:
                margin = booster.predict(held_out, output_margin=True)
                log_losses.append(held_out_loss.log_loss(margin))
                if watch.should_stop(held_out_loss.value(margin) if held_out_loss.flatness else log_losses[-1]):
                    break
        n_trees = watch.best + 1 if validation is not None else self.n_estimators
        content: bytearray = booster[:n_trees].save_raw("json")
        return content

    def _library_parameters(self, base: float) -> dict[str, Any]:
        return {
            "objective": "binary:logistic",
            "base_score": float(expit(base)),
            "tree_method": "hist",
            "max_depth": self.max_depth,
            "learning_rate": self.learning_rate,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "min_child_weight": self.min_child_weight,
            "reg_lambda": self.reg_lambda,
            "reg_alpha": self.reg_alpha,
            "gamma": self.gamma,
            "max_delta_step": self.max_delta_step,
            "max_bin": self.max_bin,
            "seed": self.random_state,
            "disable_default_eval_metric": 1,
        }

    def _leaves_not_positive(self, train: TrainingPart, n_nodes: Sequence[int]) -> int:
        """Return the number of leaves that events fall into and whose weights sum to zero or less."""
        if not (train.weight < 0.0).any():
            return 0
        threads = thread_count(self.n_jobs, train.X.shape[0])
        self.booster_.set_param({"nthread": threads})
        sums = [np.zeros(size) for size in n_nodes]
        reached = [np.zeros(size, dtype=bool) for size in n_nodes]
        for rows, values in row_blocks(train.X, _BLOCK):
            block = xgb.DMatrix(values, nthread=threads)
            leaves = self.booster_.predict(block, pred_leaf=True, strict_shape=True)
            leaves = leaves.reshape(block.num_row(), len(n_nodes)).astype(np.int64)
            for tree, size in enumerate(n_nodes):
                sums[tree] += np.bincount(leaves[:, tree], train.weight[rows], size)
                reached[tree][leaves[:, tree]] = True
        return sum(int(np.count_nonzero(r & (s <= 0.0))) for r, s in zip(reached, sums, strict=True))

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.forest_.predict(X, threads=thread_count(self.n_jobs, X.shape[0]), output="margin")

    def _state(self) -> dict[str, Any]:
        return {}

    def _payloads(self) -> dict[str, bytes]:
        return {_PAYLOAD: bytes(self.booster_.save_raw("json"))}

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if state or set(payloads) != {_PAYLOAD}:
            msg = f"an xgboost model has exactly the payload {_PAYLOAD!r} and no state, not {sorted(payloads)}"
            raise ModelFormatError(msg)
        self.booster_ = booster_from_json(payloads[_PAYLOAD], self.n_features_in_)
        self.forest_ = Forest.from_xgboost(self.booster_, self._feature_names())
