"""Fully connected networks as classifiers: trained by torch, scored by numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import log_softmax

from hepml.classifiers.base import Classifier
from hepml.classifiers.networks.loop import DEVICES, Plan, chosen_device, import_torch, train_layers
from hepml.classifiers.networks.network import from_payloads, margins, to_payloads
from hepml.classifiers.networks.preprocessing import MISSING, SCALINGS, apply_columns, fit_columns
from hepml.classifiers.networks.program import Activation, Affine, Program, Residual, Step
from hepml.classifiers.objective import MARGIN_BOUND, signed_log_loss
from hepml.classifiers.parameters import Choice, Flag, Integer, Number, Parameter
from hepml.classifiers.training import thread_count
from hepml.errors import FeatureValueError, ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.classifiers.networks.program import Column, Link
    from hepml.classifiers.training import TrainingPart

__all__ = ["NNClassifier"]


class NNClassifier(Classifier):
    """A multilayer perceptron (``kind: nn``), for two classes or more.

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
    classes_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Classifier`.
    """

    kind: ClassVar[str] = "nn"
    library: ClassVar[str] = "torch"
    multiclass: ClassVar[bool] = True
    _parameters: ClassVar[dict[str, Parameter]] = {
        "n_layers": Integer(0, 50),
        "width": Integer(1, 8192),
        "activation": Choice(("relu", "gelu", "silu", "tanh")),
        "residual": Flag(),
        "dropout": Number(0.0, 0.9),
        "scaling": Choice(SCALINGS),
        "missing": Choice(MISSING),
        "epochs": Integer(1, 100_000),
        "batch_size": Integer(1),
        "learning_rate": Number(0.0, 10.0, above=True),
        "weight_decay": Number(0.0),
        "clip_norm": Number(0.0, above=True),
        "ema_decay": Number(0.0, 0.99999),
        "n_iter_no_change": Integer(1, optional=True),
        "device": Choice(DEVICES),
    }

    program_: Program
    epochs_: int

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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "mean"
        return tags

    @property
    def n_iter_(self) -> int:
        """Number of epochs that are kept."""
        return self.epochs_

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        import_torch()
        columns = fit_columns(train.X, train.weight, self._feature_names(), scaling=self.scaling, missing=self.missing)
        plan = Plan(
            widths=(len(columns), *[self.width] * self.n_layers, self.n_outputs),
            activation=self.activation,
            residual=self.residual,
            dropout=self.dropout,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            clip_norm=self.clip_norm,
            ema_decay=self.ema_decay,
            patience=self.n_iter_no_change,
            seed=self.random_state,
            device=chosen_device(self.device),
            threads=thread_count(self.n_jobs, len(train.X)),
        )

        def validate(arrays: Sequence[NDArray[np.float32]]) -> float:
            assert validation is not None  # noqa: S101  (only called with one)
            outputs = self._outputs(self._program(columns, arrays), validation.X)
            return _loss(outputs, validation.target, validation.weight)

        arrays, losses, monitored, best = train_layers(
            apply_columns(columns, train.X), train.target, train.weight, plan, None if validation is None else validate
        )
        self.program_ = self._program(columns, arrays)
        self.epochs_ = best + 1
        return {
            "iterations": self.epochs_,
            "training_log_loss": losses,
            "validation_log_loss": monitored,
            "device": plan.device,
            "threads": plan.threads,
        }

    def _program(self, columns: tuple[Column, ...], arrays: Sequence[NDArray[np.float32]]) -> Program:
        steps: list[Step] = []
        for k in range(0, len(arrays), 2):
            layer: tuple[Step, ...] = (Affine(arrays[k], arrays[k + 1]),)
            if k < len(arrays) - 2:
                layer = (*layer, Activation(self.activation))
                if self.residual and k > 0:
                    layer = (Residual(layer),)
            steps += layer
        link: Link = "logistic" if self.n_outputs == 1 else "softmax"
        return Program(tuple(self._feature_names()), columns, tuple(steps), link)

    def _outputs(self, program: Program, X: NDArray[np.float32]) -> NDArray[np.float64]:
        outputs = margins(program, X)
        gone = np.isnan(outputs).any(axis=1)
        if gone.any():
            names = [program.features[k] for k in program.without_fill if np.isnan(X[:, k]).any()]
            msg = (
                f"{int(gone.sum())} of {len(X)} events miss (NaN) a feature of {', '.join(names)}; the network was trained "
                "without a policy for that: train with missing: mean"
            )
            raise FeatureValueError(msg)
        return outputs

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        outputs = self._outputs(self.program_, X)
        return outputs[:, 0] if self.n_outputs == 1 else outputs

    def _state(self) -> dict[str, Any]:
        return {"epochs": self.epochs_}

    def _payloads(self) -> dict[str, bytes]:
        return to_payloads(self.program_)

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if set(state) != {"epochs"} or type(state["epochs"]) is not int or state["epochs"] < 1:
            msg = "a network has a number of epochs"
            raise ModelFormatError(msg)
        self.epochs_ = state["epochs"]
        self.program_ = from_payloads(payloads, self._feature_names(), self.n_outputs)


def _loss(outputs: NDArray[np.float64], target: NDArray[np.int64], weight: NDArray[np.float64]) -> float:
    """Return the signed log-loss, each term bounded."""
    if outputs.shape[1] == 1:
        return signed_log_loss(outputs[:, 0], target == 1, weight)
    terms = np.minimum(-log_softmax(outputs, axis=1)[np.arange(len(target)), target], MARGIN_BOUND)
    return float((weight * terms).sum() / weight.sum())
