"""Fully connected networks as classifiers: trained by torch, scored by numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import log_softmax

from hepml.classifiers.base import Classifier
from hepml.classifiers.decorrelation import Planed
from hepml.classifiers.networks.perceptron import NETWORK_PARAMETERS, Perceptron, ranked
from hepml.classifiers.objective import MARGIN_BOUND, signed_log_loss
from hepml.classifiers.parameters import Names, Number, Parameter
from hepml.errors import InvalidInputError
from hepml.evaluation import distance_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.classifiers.networks.program import Link
    from hepml.classifiers.training import TrainingPart

__all__ = ["NNClassifier"]

# of validation, of which the distance correlation is computed after each epoch
_DEPENDENCE_EVENTS = 20_000


class NNClassifier(Planed, Classifier, Perceptron):
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
    decorrelated_from : sequence of str
        Features or spectators that the output for background is not to depend on (docs/decorrelation.md).
    decorrelation : float
        Factor on its squared distance correlation with each of them, beside the log-loss.
    planed_in : sequence of str
        Features or spectators whose distribution the training weights are to make equal in all classes.
    planing_bins : int
        Bins of each of them.
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
    multiclass: ClassVar[bool] = True
    _parameters: ClassVar[dict[str, Parameter]] = {
        **NETWORK_PARAMETERS,
        **Planed.planing_parameters,
        "decorrelated_from": Names(),
        "decorrelation": Number(0.0),
    }

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
        decorrelated_from: tuple[str, ...] = (),
        decorrelation: float = 1.0,
        planed_in: tuple[str, ...] = (),
        planing_bins: int = 20,
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
        self.decorrelated_from = decorrelated_from
        self.decorrelation = decorrelation
        self.planed_in = planed_in
        self.planing_bins = planing_bins
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    def needed_spectators(self) -> tuple[str, ...]:
        """Return the names of the columns that the options name."""
        return tuple(dict.fromkeys((*super().needed_spectators(), *self.decorrelated_from)))

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        variables = None
        if self.decorrelated_from:
            if self.n_outputs > 1:
                msg = f"decorrelated_from is for two classes, not {self.n_outputs}"
                raise InvalidInputError(msg)
            background = train.target == 0
            variables = np.array([ranked(train.spectators[name], background) for name in self.decorrelated_from])
        trained = self._fit_network(
            train,
            validation,
            train.target,
            task="two" if self.n_outputs == 1 else "several",
            decorrelation=self.decorrelation if self.decorrelated_from else 0.0,
            variables=variables,
        )
        return {
            "iterations": self.epochs_,
            "training_log_loss": trained.training,
            "validation_log_loss": trained.validation,
        }

    def _n_units(self) -> int:
        return self.n_outputs

    def _link(self) -> Link:
        return "logistic" if self.n_outputs == 1 else "softmax"

    def _validation_loss(self, outputs: NDArray[np.float64], validation: TrainingPart) -> float:
        loss = _loss(outputs, validation.target, validation.weight)
        if not self.decorrelated_from or self.decorrelation == 0.0:
            return loss
        background = validation.target == 0
        dependence = sum(
            distance_correlation(
                outputs[background, 0],
                ranked(validation.spectators[name], background)[background],
                validation.weight[background],
                max_events=_DEPENDENCE_EVENTS,
            ).value
            for name in self.decorrelated_from
        )
        return loss + self.decorrelation * dependence

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        outputs = self._outputs(self.program_, X)
        return outputs[:, 0] if self.n_outputs == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "mean"
        return tags


def _loss(outputs: NDArray[np.float64], target: NDArray[np.int64], weight: NDArray[np.float64]) -> float:
    """Return the signed log-loss, each term bounded."""
    if outputs.shape[1] == 1:
        return signed_log_loss(outputs[:, 0], target == 1, weight)
    terms = np.minimum(-log_softmax(outputs, axis=1)[np.arange(len(target)), target], MARGIN_BOUND)
    return float((weight * terms).sum() / weight.sum())
