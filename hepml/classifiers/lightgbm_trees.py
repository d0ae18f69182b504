"""What LightGBM's classifier and regressor share: options, training through a loss of ours, trees as LightGBM's text."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hepml.classifiers.estimator import Estimator
from hepml.classifiers.objective import EarlyStopping
from hepml.classifiers.parameters import Integer, Number, Parameter
from hepml.classifiers.training import thread_count
from hepml.data.mapped import row_blocks
from hepml.errors import InvalidInputError, ModelFormatError, missing_dependency
from hepml.forest.from_lightgbm import from_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import lightgbm
    from numpy.typing import NDArray

    from hepml.classifiers.lightgbm_losses import Loss
    from hepml.classifiers.training import TrainingPart
    from hepml.forest import Forest

__all__ = ["LightGBMTrees"]

_PAYLOAD = "lightgbm.txt"
# events whose leaves are looked up in one go
_BLOCK = 1 << 16


class LightGBMTrees(Estimator):
    """Base of the kinds ``lightgbm``; a kind says what the loss is."""

    kind: ClassVar[str] = "lightgbm"
    library: ClassVar[str] = "lightgbm"
    _parameters: ClassVar[dict[str, Parameter]] = {
        "n_estimators": Integer(1, 100_000),
        "num_leaves": Integer(2, 131_072),
        "max_depth": Integer(1, 30, optional=True),
        "learning_rate": Number(0.0, 10.0, above=True),
        "subsample": Number(0.0, 1.0, above=True),
        "colsample_bytree": Number(0.0, 1.0, above=True),
        "min_child_samples": Integer(1),
        "min_child_weight": Number(0.0),
        "reg_lambda": Number(0.0),
        "reg_alpha": Number(0.0),
        "min_split_gain": Number(0.0),
        "max_delta_step": Number(0.0),
        "max_bin": Integer(2, 65_535),
        "early_stopping_rounds": Integer(1, optional=True),
    }

    forest_: Forest
    _text: bytes

    def __init__(
        self,
        *,
        n_estimators: int = 500,
        num_leaves: int = 16,
        max_depth: int | None = 4,
        learning_rate: float = 0.1,
        subsample: float = 0.8,
        colsample_bytree: float = 0.8,
        min_child_samples: int = 20,
        min_child_weight: float = 10.0,
        reg_lambda: float = 1.0,
        reg_alpha: float = 0.0,
        min_split_gain: float = 0.0,
        max_delta_step: float = 1.0,
        max_bin: int = 255,
        early_stopping_rounds: int | None = 30,
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_estimators = n_estimators
        self.num_leaves = num_leaves
        self.max_depth = max_depth
        self.learning_rate = learning_rate
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.min_child_samples = min_child_samples
        self.min_child_weight = min_child_weight
        self.reg_lambda = reg_lambda
        self.reg_alpha = reg_alpha
        self.min_split_gain = min_split_gain
        self.max_delta_step = max_delta_step
        self.max_bin = max_bin
        self.early_stopping_rounds = early_stopping_rounds
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    @property
    def booster_(self) -> lightgbm.Booster:
        """The trees as a booster of LightGBM, made when it is asked for."""
        booster: lightgbm.Booster = _lightgbm().Booster(model_str=self._text.decode())
        return booster

    @property
    def n_iter_(self) -> int:
        """Number of iterations that are kept; each has a tree for every output."""
        return self.forest_.n_trees // self.forest_.n_outputs

    @abstractmethod
    def _loss(self, train: TrainingPart) -> tuple[Loss, str, str]:
        """Return the loss, the key of its curve in the report and LightGBM's name for its link."""

    @abstractmethod
    def _link_and_outputs(self) -> tuple[str, int]:
        """Return link and number of outputs that the forest of a fitted model must have."""

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        if len(train.X) < 2:
            msg = "1 sample is too few to train on"
            raise InvalidInputError(msg)
        loss, curve, objective = self._loss(train)
        watch = EarlyStopping(self.early_stopping_rounds)
        booster = self._boost(loss, train, validation, watch)
        n_iterations = booster.num_trees() // loss.base.size
        if validation is not None:
            # where no further split was found, there are fewer trees than iterations
            n_iterations = min(watch.best + 1, n_iterations)
        _complete(booster, loss, n_iterations)
        text = booster.model_to_string(num_iteration=n_iterations)
        # through the file format, so that what was just trained and what will be loaded cannot differ
        self._text = _with_objective(text, objective).encode()
        self.forest_ = self._read(self._text)
        leaves = self.forest_.feature < 0
        return {
            "iterations": n_iterations,
            curve: watch.curve,
            "n_leaves": int(np.count_nonzero(leaves)),
            "n_leaves_not_positive": self._leaves_not_positive(train),
        }

    def _boost(
        self, loss: Loss, train: TrainingPart, validation: TrainingPart | None, watch: EarlyStopping
    ) -> lightgbm.Booster:
        library = _lightgbm()
        shape = (-1, loss.base.size)

        def objective(margin: NDArray[Any], _: object) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            gradient, hessian = loss.derivatives(_margins(margin, shape, loss), train)
            if loss.base.size == 1:
                return gradient[:, 0], hessian[:, 0]
            return gradient, hessian

        def metric(margin: NDArray[Any], _: object) -> tuple[str, float, bool]:
            assert validation is not None  # noqa: S101  (for the type checker; called for the validation part only)
            return "loss", loss.metric(_margins(margin, shape, loss), validation), False

        parameters = self._library_parameters(loss.base.size, thread_count(self.n_jobs, len(train.X)))
        names = [f"f{number}" for number in range(train.X.shape[1])]
        data = library.Dataset(train.X, np.zeros(len(train.X)), params=parameters, feature_name=names)
        booster: lightgbm.Booster = library.Booster(parameters, data)
        if validation is not None:
            held_out = library.Dataset(validation.X, np.zeros(len(validation.X)), reference=data, params=parameters)
            booster.add_valid(held_out, "validation")
        for _ in range(self.n_estimators):
            finished = booster.update(fobj=objective)
            if validation is not None:
                value = booster.eval_valid(metric)[0][2]
                if watch.should_stop(value):
                    break
            if finished:
                break
        return booster

    def _library_parameters(self, n_outputs: int, threads: int) -> dict[str, Any]:
        return {
            "objective": "none",
            "metric": "none",
            "num_class": n_outputs,
            "boost_from_average": False,
            "num_leaves": self.num_leaves,
            "max_depth": -1 if self.max_depth is None else self.max_depth,
            "learning_rate": self.learning_rate,
            "bagging_fraction": self.subsample,
            "bagging_freq": 1,
            "feature_fraction": self.colsample_bytree,
            "min_data_in_leaf": self.min_child_samples,
            "min_sum_hessian_in_leaf": self.min_child_weight,
            "lambda_l2": self.reg_lambda,
            "lambda_l1": self.reg_alpha,
            "min_gain_to_split": self.min_split_gain,
            "max_delta_step": self.max_delta_step,
            "max_bin": self.max_bin,
            "feature_pre_filter": False,
            "seed": self.random_state,
            "num_threads": threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }

    def _leaves_not_positive(self, train: TrainingPart) -> int:
        """Return the number of leaves that events fall into and whose weights sum to zero or less."""
        if not (train.weight < 0.0).any():
            return 0
        n_nodes = int(np.diff(self.forest_.first_node).max())
        n_trees = self.forest_.n_trees
        sums, reached = np.zeros((n_trees, n_nodes)), np.zeros((n_trees, n_nodes), dtype=bool)
        threads = thread_count(self.n_jobs, len(train.X))
        for rows, values in row_blocks(train.X, _BLOCK):
            leaves = self.forest_.predict(values, threads=threads, output="leaf").astype(np.int64)
            for tree in range(n_trees):
                sums[tree] += np.bincount(leaves[:, tree], train.weight[rows], n_nodes)
                reached[tree, leaves[:, tree]] = True
        return int(np.count_nonzero(reached & (sums <= 0.0)))

    def _margins(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.forest_.predict(X, threads=thread_count(self.n_jobs, X.shape[0]), output="margin")

    def _state(self) -> dict[str, Any]:
        return {}

    def _payloads(self) -> dict[str, bytes]:
        return {_PAYLOAD: self._text}

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if state or set(payloads) != {_PAYLOAD}:
            msg = f"a lightgbm model has exactly the payload {_PAYLOAD!r} and no state, not {sorted(payloads)}"
            raise ModelFormatError(msg)
        self._text = payloads[_PAYLOAD]
        self.forest_ = self._read(self._text)

    def _read(self, text: bytes) -> Forest:
        forest = from_text(text, _PAYLOAD)
        expected = (*self._link_and_outputs(), self.n_features_in_)
        found = (forest.link, forest.n_outputs, forest.n_features)
        if found != expected:
            msg = f"{_PAYLOAD} has link, number of outputs and number of features {found}, and the model {expected}"
            raise ModelFormatError(msg)
        return from_text(text, _PAYLOAD, self._feature_names())


def _lightgbm() -> ModuleType:
    try:
        import lightgbm as library
    except ImportError as error:
        needed = missing_dependency("lightgbm", "training of kind 'lightgbm'", "lightgbm")
        raise needed from error
    found: ModuleType = library
    return found


def _margins(sums: NDArray[Any], shape: tuple[int, int], loss: Loss) -> NDArray[np.float64]:
    """Return the margins of what trees add up."""
    return np.asarray(sums, dtype=np.float64).reshape(shape) * loss.scale + loss.base


def _complete(booster: lightgbm.Booster, loss: Loss, n_iterations: int) -> None:
    """Bring the leaves into the units of the margin, and where it begins into the leaves of the first trees."""
    n_outputs = loss.base.size
    sizes = [int(size) for size in re.findall(r"^num_leaves=(\d+)$", booster.model_to_string(), re.MULTILINE)]
    for tree, n_leaves in enumerate(sizes[: n_iterations * n_outputs]):
        number = tree % n_outputs
        scale, shift = float(loss.scale[number]), float(loss.base[number]) if tree < n_outputs else 0.0
        if scale != 1.0 or shift != 0.0:
            for leaf in range(n_leaves):
                booster.set_leaf_output(tree, leaf, booster.get_leaf_output(tree, leaf) * scale + shift)


def _with_objective(text: str, objective: str) -> str:
    """Return the text with the link by which LightGBM itself gives probabilities; objectives of ours are not written.

    It does not say how many threads there were, since that changes nothing.
    """
    text = re.sub(r"^\[num_threads: .*\]\n", "", text, flags=re.MULTILINE)
    if not objective:
        return text
    before, sign, after = text.partition("\nfeature_names=")
    return f"{before}\nobjective={objective}{sign}{after}"
