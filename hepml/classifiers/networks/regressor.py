"""Fully connected networks as regressors: trained by torch, evaluated by numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hepml.classifiers.networks.perceptron import NETWORK_PARAMETERS, Perceptron
from hepml.classifiers.regression import Regressor
from hepml.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hepml.classifiers.networks.program import Link
    from hepml.classifiers.parameters import Parameter
    from hepml.classifiers.training import TrainingPart

__all__ = ["NNRegressor"]


class NNRegressor(Regressor, Perceptron):
    """A multilayer perceptron (``kind: nn``) that estimates one target or several.

    Parameters
    ----------
    n_layers, width : int
        Hidden layers, and numbers of each.
    activation : {"relu", "gelu", "silu", "tanh"}
        Behind each hidden layer.
    residual : bool
        Each hidden layer but the first adds to what it was given.
    dropout : float
        Share of the hidden numbers that are left out of a step.
    scaling : {"standard", "quantile"}
        What is done to features before the first layer.
    missing : {"error", "mean"}
        What to do with missing features: refuse, or take the mean and a column that says that it is missing.
    epochs, batch_size : int
        Passes over the events, and events of a step.
    learning_rate, weight_decay : float
        Peak of the one-cycle schedule of AdamW, and its decay.
    clip_norm : float
        Largest norm of a gradient.
    ema_decay : float
        Decay of the moving average of the parameters, which is what is kept; 0 for none.
    n_iter_no_change : int or None
        Epochs without improvement on the validation part after which training ends; the best is kept.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to train.
    negative_weights : {"signed", "ignore", "abs"}
        What to do with negative weights.
    random_state : int
        Seed of everything random.
    n_jobs : int or None
        Number of threads of training; it may change the last digits.

    Attributes
    ----------
    program_ : Program
        The trained network.
    n_targets_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Regressor`.

    Notes
    -----
    Targets are brought to mean 0 and standard deviation 1 by the signed weights; the loss is half the squared difference in
    these units. The output estimates the mean of the target at the features.
    """

    kind: ClassVar[str] = "nn"
    _parameters: ClassVar[dict[str, Parameter]] = NETWORK_PARAMETERS

    shift_: NDArray[np.float64]
    scale_: NDArray[np.float64]

    def __init__(
        self,
        *,
        n_layers: int = 2,
        width: int = 64,
        activation: str = "relu",
        residual: bool = False,
        dropout: float = 0.0,
        scaling: str = "standard",
        missing: str = "error",
        epochs: int = 30,
        batch_size: int = 1024,
        learning_rate: float = 0.005,
        weight_decay: float = 1e-4,
        clip_norm: float = 1.0,
        ema_decay: float = 0.99,
        n_iter_no_change: int | None = 10,
        device: str = "auto",
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_layers = n_layers
        self.width = width
        self.activation = activation
        self.residual = residual
        self.dropout = dropout
        self.scaling = scaling
        self.missing = missing
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.ema_decay = ema_decay
        self.n_iter_no_change = n_iter_no_change
        self.device = device
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        total = train.weight.sum()
        self.shift_ = (train.weight[:, None] * train.target).sum(axis=0) / total
        squares = np.square(train.target - self.shift_)
        variance = (train.weight[:, None] * squares).sum(axis=0) / total
        # few events of large negative weights can make it negative
        variance = np.where(variance > 0.0, variance, squares.mean(axis=0))
        self.scale_ = np.where(variance > 0.0, np.sqrt(variance), 1.0)
        scaled = ((train.target - self.shift_) / self.scale_).astype(np.float32)
        trained = self._fit_network(train, validation, scaled, task="regression")
        return {
            "iterations": self.epochs_,
            "training_loss": trained.training,
            "validation_loss": trained.validation,
        }

    def _n_units(self) -> int:
        return self.n_targets_

    def _link(self) -> Link:
        return "identity"

    def _target_scales(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.shift_, self.scale_

    def _validation_loss(self, outputs: NDArray[np.float64], validation: TrainingPart) -> float:
        scaled = (outputs - validation.target) / self.scale_
        return float((validation.weight * 0.5 * np.square(scaled).sum(axis=1)).sum() / validation.weight.sum())

    def _values(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self._outputs(self.program_, X)

    def _restore_scales(self, state: Mapping[str, Any]) -> None:
        found = [np.array(state.get(key, ()), dtype=np.float64) for key in ("shift", "scale")]
        if set(state) != {"shift", "scale"} or any(
            one.shape != (self.n_targets_,) or not np.isfinite(one).all() for one in found
        ):
            msg = f"a network of {self.n_targets_} targets has as many numbers for shift and scale"
            raise ModelFormatError(msg)
        self.shift_, self.scale_ = found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "mean"
        return tags
