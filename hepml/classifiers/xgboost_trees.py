"""What classifiers and regressors of XGBoost's trees share: boosting with a loss of our own, leaves, files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import xgboost as xgb

from hepml.classifiers.boosters import booster_from_json
from hepml.classifiers.losses import LogLoss
from hepml.classifiers.objective import EarlyStopping
from hepml.classifiers.parameters import Flag, Integer, Number, Parameter
from hepml.classifiers.training import thread_count
from hepml.classifiers.xgboost_matrices import page_folder, training_matrices
from hepml.data.mapped import row_blocks
from hepml.errors import MissingDependencyError, ModelFormatError
from hepml.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.classifiers.losses import TreeLoss
    from hepml.classifiers.training import TrainingPart

__all__ = ["XGBoostTrees"]

_PAYLOAD = "booster.json"
# events whose leaves are looked up in one go
_BLOCK = 1 << 16
# version of XGBoost since which each class or target has a base score
_BASE_OF_EACH = (3, 1)


class XGBoostTrees:
    """Part of an estimator of XGBoost's trees; the estimator says the loss, the objective in the file and the base score."""

    tree_parameters: ClassVar[dict[str, Parameter]] = {
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
    }

    booster_: xgb.Booster
    forest_: Forest
    task: ClassVar[str]
    n_features_in_: int
    n_outputs: int
    max_depth: int
    learning_rate: float
    n_estimators: int
    subsample: float
    colsample_bytree: float
    min_child_weight: float
    reg_lambda: float
    reg_alpha: float
    gamma: float
    max_delta_step: float
    max_bin: int
    early_stopping_rounds: int | None
    external_memory: bool
    random_state: int
    n_jobs: int | None
    _feature_names: Callable[[], list[str]]

    @property
    def n_iter_(self) -> int:
        """Number of trees that are kept, of each class or target."""
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
            "iterations": self.n_iter_,
            **({"validation_log_loss": log_losses} if self.task == "classification" else {}),
            **({"validation_loss": watch.curve} if log_losses != watch.curve else {}),
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
        loss, base = self._loss(train, train)
        held_out_loss = None if validation is None else self._loss(validation, train)[0]

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
            {**self._library_parameters(base), "nthread": threads},
            [matrix] if held_out is None else [matrix, held_out],
        )
        for iteration in range(self.n_estimators):
            booster.update(matrix, iteration, objective)
            if held_out_loss is not None:
                margin = booster.predict(held_out, output_margin=True)
                if isinstance(held_out_loss, LogLoss):
                    log_losses.append(held_out_loss.log_loss(margin))
                if watch.should_stop(held_out_loss.value(margin)):
                    break
        n_trees = watch.best + 1 if validation is not None else self.n_estimators
        content: bytearray = booster[:n_trees].save_raw("json")
        return content

    def _loss(self, part: TrainingPart, train: TrainingPart) -> tuple[TreeLoss, float | NDArray[np.float64]]:
        """Return the loss of a part of the events, and the score or scores that the trees start from."""
        raise NotImplementedError

    def _in_file(self) -> str:
        """Return the name of the objective that the file has."""
        raise NotImplementedError

    def _library_parameters(self, base: float | NDArray[np.float64]) -> dict[str, Any]:
        several = np.size(base) > 1
        if several and tuple(int(part) for part in xgb.__version__.split(".")[:2]) < _BASE_OF_EACH:
            msg = f"xgboost >= 3.1 is needed for several classes or targets, and {xgb.__version__} is installed"
            raise MissingDependencyError(msg)
        shape = {"multi:softprob": "num_class", "reg:squarederror": "num_target"}
        return {
            "objective": self._in_file(),
            **({shape[self._in_file()]: np.size(base)} if several else {}),
            "base_score": np.asarray(base, dtype=np.float64).tolist(),
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

    def _margins(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.forest_.predict(X, threads=thread_count(self.n_jobs, X.shape[0]), output="margin")

    def _state(self) -> dict[str, Any]:
        return {}

    def _payloads(self) -> dict[str, bytes]:
        return {_PAYLOAD: bytes(self.booster_.save_raw("json"))}

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if state or set(payloads) != {_PAYLOAD}:
            msg = f"an xgboost model has exactly the payload {_PAYLOAD!r} and no state, not {sorted(payloads)}"
            raise ModelFormatError(msg)
        self.booster_ = booster_from_json(payloads[_PAYLOAD], self.n_features_in_, self._in_file(), self.n_outputs)
        self.forest_ = Forest.from_xgboost(self.booster_, self._feature_names())
