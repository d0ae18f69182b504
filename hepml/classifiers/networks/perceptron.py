"""What networks have in common, whatever they estimate: options, training, scoring and the files of a bundle."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.stats import rankdata

from hepml.classifiers.estimator import Estimator
from hepml.classifiers.networks.checkpoint import Checkpoint
from hepml.classifiers.networks.loop import DEVICES, Events, Plan, Trained, chosen_device, import_torch, train_layers
from hepml.classifiers.networks.network import from_payloads, margins, to_payloads
from hepml.classifiers.networks.preprocessing import MISSING, SCALINGS, apply_columns, fit_columns
from hepml.classifiers.networks.program import Activation, Affine, Program, Residual, Step
from hepml.classifiers.parameters import Choice, Flag, Integer, Number, Parameter
from hepml.classifiers.training import thread_count
from hepml.errors import FeatureValueError, ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.classifiers.networks.program import Column, Link
    from hepml.classifiers.training import TrainingPart

__all__ = ["NETWORK_PARAMETERS", "Perceptron", "ranked"]

NETWORK_PARAMETERS: dict[str, Parameter] = {
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


class Perceptron(Estimator):
    """Base of networks of dense layers; a task adds what its outputs are and what its validation loss is."""

    library: ClassVar[str] = "torch"
    can_resume: ClassVar[bool] = True

    n_layers: int
    width: int
    activation: str
    residual: bool
    dropout: float
    scaling: str
    missing: str
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    clip_norm: float
    ema_decay: float
    n_iter_no_change: int | None
    device: str
    random_state: int
    n_jobs: int | None

    program_: Program
    epochs_: int

    @property
    def n_iter_(self) -> int:
        """Number of epochs that are kept."""
        return self.epochs_

    def _fit_network(
        self,
        train: TrainingPart,
        validation: TrainingPart | None,
        target: NDArray[Any],
        *,
        task: str,
        decorrelation: float = 0.0,
        variables: NDArray[np.float32] | None = None,
    ) -> Trained:
        """Train on targets as the loop takes them, and set the fitted attributes."""
        import_torch()
        columns = fit_columns(train.X, train.weight, self._feature_names(), scaling=self.scaling, missing=self.missing)
        plan = Plan(
            widths=(len(columns), *[self.width] * self.n_layers, self._n_units()),
            task=task,
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
            decorrelation=decorrelation,
        )
        events = Events(apply_columns(columns, train.X), target, train.weight)
        if variables is not None:
            events = Events(events.inputs, target, train.weight, variables)

        def validate(arrays: Sequence[NDArray[np.float32]]) -> float:
            assert validation is not None  # noqa: S101  (only called with one)
            return self._validation_loss(self._outputs(self._program(columns, arrays), validation.X), validation)

        trained = train_layers(events, plan, None if validation is None else validate, self._checkpoint(events, plan))
        self.program_ = self._program(columns, trained.arrays)
        self.epochs_ = trained.best + 1
        return trained

    def _n_units(self) -> int:
        """Return the number of outputs of the last layer."""
        raise NotImplementedError

    def _link(self) -> Link:
        raise NotImplementedError

    def _target_scales(self) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
        """Return shift and scale of regression targets."""
        return None, None

    def _validation_loss(self, outputs: NDArray[np.float64], validation: TrainingPart) -> float:
        raise NotImplementedError

    def _checkpoint(self, events: Events, plan: Plan) -> Checkpoint | None:
        if self._resume_from is None:
            return None
        digest = hashlib.sha256(json.dumps({name: repr(value) for name, value in self.get_params().items()}).encode())
        for array in (events.inputs, events.target, events.weight, events.variables):
            digest.update(np.ascontiguousarray(array).data)
        shapes = [
            shape
            for n_inputs, n_outputs in zip(plan.widths[:-1], plan.widths[1:], strict=True)
            for shape in ((n_outputs, n_inputs), (n_outputs,))
        ]
        return Checkpoint(self._resume_from, digest.hexdigest(), tuple(shapes))

    def _program(self, columns: tuple[Column, ...], arrays: Sequence[NDArray[np.float32]]) -> Program:
        steps: list[Step] = []
        for k in range(0, len(arrays), 2):
            layer: tuple[Step, ...] = (Affine(arrays[k], arrays[k + 1]),)
            if k < len(arrays) - 2:
                layer = (*layer, Activation(self.activation))
                if self.residual and k > 0:
                    layer = (Residual(layer),)
            steps += layer
        return Program(tuple(self._feature_names()), columns, tuple(steps), self._link(), *self._target_scales())

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

    def _state(self) -> dict[str, Any]:
        shift, scale = self._target_scales()
        targets = {} if shift is None or scale is None else {"shift": shift.tolist(), "scale": scale.tolist()}
        return {"epochs": self.epochs_, **targets}

    def _payloads(self) -> dict[str, bytes]:
        return to_payloads(self.program_)

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if type(state.get("epochs")) is not int or state["epochs"] < 1:
            msg = "a network has a number of epochs"
            raise ModelFormatError(msg)
        self._restore_scales({key: value for key, value in state.items() if key != "epochs"})
        self.epochs_ = state["epochs"]
        self.program_ = from_payloads(
            payloads, self._feature_names(), self._n_units(), self._link(), self._target_scales()
        )

    def _restore_scales(self, state: Mapping[str, Any]) -> None:
        if state:
            msg = f"a network of classes has no {min(state)!r}"
            raise ModelFormatError(msg)


def ranked(values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the ranks of the chosen events from 0 to 1, ties shared, and NaN for the others and for missing values."""
    found = np.full(len(values), np.nan, dtype=np.float32)
    used = np.flatnonzero(chosen & np.isfinite(values))
    found[used] = rankdata(values[used]) / max(len(used), 1)
    return found
