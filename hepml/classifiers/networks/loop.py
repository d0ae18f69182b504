"""The loop that trains a network with torch: batches, signed loss, schedule, averaging and the choice of the epoch."""

from __future__ import annotations

import itertools
import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.classifiers.networks.checkpoint import Checkpoint, Progress
from hepml.classifiers.objective import MARGIN_BOUND, EarlyStopping
from hepml.errors import HepmlError, InvalidInputError, missing_dependency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Arrays = list[NDArray[np.float32]]

__all__ = ["DEVICES", "Events", "Plan", "Trained", "chosen_device", "import_torch", "train_layers"]

DEVICES = ("auto", "cpu", "cuda", "mps")
_SHARE_OF_WARM_UP = 0.3
# of the peak of the learning rate, at the first step and at the last
_FIRST_RATE, _LAST_RATE = 1.0 / 25.0, 1e-4
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train: options of the estimator of the same names, and what follows from its task.

    Parameters
    ----------
    widths : tuple of int
        Of the layers, from input to output.
    task : {"two", "several", "regression"}
        Two classes and one output, several and as many, or targets.
    decorrelation : float
        Factor on the distance correlation of the output with each of the events' variables; 0 for none.
    """

    widths: tuple[int, ...]
    task: str
    activation: str
    residual: bool
    dropout: float
    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    clip_norm: float
    ema_decay: float
    patience: int | None
    seed: int
    device: str
    threads: int
    decorrelation: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What is trained on.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n_events, n_columns)
        Columns of the events.
    target : ndarray of int64, shape (n_events,), or of float32, shape (n_events, n_targets)
        Classes or targets.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    variables : ndarray of float32, shape (n_variables, n_events)
        What the output is not to depend on; NaN for events where that does not matter.
    """

    inputs: NDArray[np.float32]
    target: NDArray[Any]
    weight: NDArray[np.float64]
    variables: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What came of it.

    Parameters
    ----------
    arrays : list of ndarray of float32
        Weight (n_outputs, n_inputs) and bias of each layer, of the epoch that is kept.
    training, validation : list of float
        Loss after each epoch; the latter is empty without validation events.
    best : int
        Number of the epoch that is kept, from 0.
    """

    arrays: Arrays
    training: list[float]
    validation: list[float]
    best: int


# torch comes without types of its own in an environment that lacks it
def import_torch() -> Any:
    """Return the module torch, or say which extra brings it."""
    try:
        import torch
    except ImportError as error:
        raise missing_dependency(module="torch", purpose="training neural networks", extra="nn") from error
    return torch


def chosen_device(name: str) -> str:
    """Return the device of that name, for ``auto`` the best there is; one that is not there is an error."""
    torch = import_torch()
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    if not there[name]:
        found = ", ".join(device for device, is_there in there.items() if is_there)
        msg = f"device: {name!r} was asked for, and torch finds {found} here; device: auto takes the best of them"
        raise InvalidInputError(msg)
    return name


def train_layers(
    events: Events,
    plan: Plan,
    validate: Callable[[Arrays], float] | None,
    checkpoint: Checkpoint | None = None,
) -> Trained:
    """Train, and return the arrays of the best epoch.

    Parameters
    ----------
    events : Events
        What to train on.
    plan : Plan
        How to train.
    validate : callable or None
        Loss of arrays on the validation events; without it the last epoch is kept.
    checkpoint : Checkpoint, optional
        Where the training stands after each epoch, and goes on from, to the same digits as without an interruption.

    Returns
    -------
    Trained
        Arrays and losses.

    Raises
    ------
    HepmlError
        If the loss is no longer finite or the memory of the device does not suffice.

    Notes
    -----
    The loss is sum w L / sum |w| of a batch, L the cross-entropy or half the squared difference. For w < 0 it is that of
    min(L, MARGIN_BOUND), or of the output within the range of the targets: so it is linear in the signed weights up to a
    bound, without which a region of negative net density would lower it without end. The learning rate rises to its peak and
    falls again along cosines (L. Smith, N. Topin, arXiv:1708.07120), step by step.
    """
    torch = import_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(plan.threads)
    try:
        return _Loop(torch, events, plan).run(validate, checkpoint)
    except torch.OutOfMemoryError as error:
        kept = "" if checkpoint is None else "; what was trained so far is kept and taken up by --resume"
        cure = f"lower batch_size ({plan.batch_size}) or take device: cpu"
        msg = f"the memory of {plan.device!r} does not suffice: {cure}{kept}"
        raise HepmlError(msg) from error
    finally:
        torch.set_num_threads(before)


class _Loop:
    """Parameters, optimiser and events on a device."""

    def __init__(self, torch: Any, events: Events, plan: Plan) -> None:
        self.torch, self.plan = torch, plan
        device = chosen_device(plan.device)
        self.generator = torch.Generator().manual_seed(plan.seed)
        self.parameters = _initial(torch, plan.widths, self.generator, device)
        self.x = torch.from_numpy(events.inputs).to(device)
        self.y = torch.from_numpy(np.ascontiguousarray(events.target)).to(device)
        self.w = torch.from_numpy(events.weight.astype(np.float32)).to(device)
        self.variables = torch.from_numpy(events.variables).to(device)
        is_regression = plan.task == "regression"
        self.range = (self.y.min(dim=0).values, self.y.max(dim=0).values) if is_regression else None
        self.optimiser = torch.optim.AdamW(self.parameters, lr=plan.learning_rate, weight_decay=plan.weight_decay)
        self.averaged = [p.detach().clone() for p in self.parameters]
        self.n_steps = -(-len(events.inputs) // plan.batch_size) * plan.epochs
        self.step = 0

    def run(self, validate: Callable[[Arrays], float] | None, checkpoint: Checkpoint | None) -> Trained:
        plan = self.plan
        watch, losses = EarlyStopping(plan.patience), []
        best = self._averages()
        found = None if checkpoint is None else checkpoint.read()
        if found is not None:
            losses, best = found.training, found.best_arrays
            for value in found.monitored:
                watch.should_stop(value)
            self._restore(found)
            _log.info("the training goes on after epoch %d of %d", len(losses), plan.epochs)
        stop = bool(losses) and validate is not None and watch.has_ended
        for epoch in range(len(losses), plan.epochs):
            if stop:
                break
            losses.append(self._epoch())
            arrays = self._averages()
            value = losses[-1] if validate is None else validate(arrays)
            self._refuse_divergence(epoch, [value, losses[-1]], arrays, kept=checkpoint is not None and epoch > 0)
            _log.info("epoch %d of %d: loss %.5f, monitored %.5f", epoch + 1, plan.epochs, losses[-1], value)
            stop = watch.should_stop(value) and validate is not None
            if validate is None or watch.best == epoch:
                best = arrays
            if checkpoint is not None:
                checkpoint.write(self._progress(losses, watch.curve, best))
        kept = len(losses) - 1 if validate is None else watch.best
        return Trained(best, losses, [] if validate is None else watch.curve, kept)

    def _epoch(self) -> float:
        """Go through all events once and return their loss."""
        torch, plan = self.torch, self.plan
        order = torch.randperm(len(self.x), generator=self.generator).to(self.x.device)
        sums = torch.zeros(2, dtype=torch.float64)
        for rows in order.split(plan.batch_size):
            for group in self.optimiser.param_groups:
                group["lr"] = plan.learning_rate * _rate(self.step / max(self.n_steps, 1))
            weight = self.w.index_select(0, rows)
            outputs = _forward(torch, self.parameters, self.x.index_select(0, rows), plan, self.generator)
            loss = (weight * _losses(torch, outputs, self.y.index_select(0, rows), weight, self.range)).sum()
            whole = loss / weight.abs().sum().clamp_min(1e-30)
            if plan.decorrelation > 0.0:
                whole = whole + plan.decorrelation * self._dependence(outputs[:, 0], rows, weight)
            self.optimiser.zero_grad(set_to_none=True)
            whole.backward()
            torch.nn.utils.clip_grad_norm_(self.parameters, plan.clip_norm)
            self.optimiser.step()
            self.step += 1
            decay = min(plan.ema_decay, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self.averaged, [p.detach() for p in self.parameters], 1.0 - decay)
            sums += torch.stack([loss.detach(), weight.sum()]).cpu().double()
        return float(sums[0] / sums[1])

    def _dependence(self, output: Any, rows: Any, weight: Any) -> Any:
        """Return the sum of the distance correlations of the output with each of the variables."""
        from hepml.classifiers.networks.distance_correlation import distance_correlation

        found = self.torch.zeros((), device=output.device)
        for variable in self.variables:
            values = variable.index_select(0, rows)
            chosen = self.torch.nonzero(~self.torch.isnan(values)).squeeze(1)
            found = found + distance_correlation(output[chosen], values[chosen], weight[chosen])
        return found

    def _averages(self) -> Arrays:
        return [p.detach().cpu().numpy().copy() for p in self.averaged]

    def _refuse_divergence(self, epoch: int, values: Sequence[float], arrays: Arrays, *, kept: bool) -> None:
        if all(map(math.isfinite, values)) and all(np.isfinite(array).all() for array in arrays):
            return
        msg = (
            f"the loss is not finite after epoch {epoch + 1}: lower learning_rate ({self.plan.learning_rate:g}) or "
            f"clip_norm ({self.plan.clip_norm:g}), or set scaling: quantile if features have long tails"
        )
        if kept:
            msg += f"; the state after epoch {epoch} is kept"
        raise HepmlError(msg)

    def _progress(self, losses: list[float], monitored: list[float], best: Arrays) -> Progress:
        moments = [
            self.optimiser.state[p][key].detach().cpu().numpy().copy()
            for p in self.parameters
            for key in ("exp_avg", "exp_avg_sq")
        ]
        return Progress(
            training=list(losses),
            monitored=list(monitored),
            step=self.step,
            parameters=[p.detach().cpu().numpy().copy() for p in self.parameters],
            averaged=self._averages(),
            moments=moments,
            best_arrays=best,
            generator=self.generator.get_state().numpy().copy(),
        )

    def _restore(self, found: Progress) -> None:
        torch, device = self.torch, self.x.device
        self.step = found.step
        self.generator.set_state(torch.from_numpy(found.generator.copy()))
        with torch.no_grad():
            for mine, values in zip(self.parameters, found.parameters, strict=True):
                mine.copy_(torch.from_numpy(values.copy()))
            for mine, values in zip(self.averaged, found.averaged, strict=True):
                mine.copy_(torch.from_numpy(values.copy()))
        for number, p in enumerate(self.parameters):
            first, second = found.moments[2 * number : 2 * number + 2]
            self.optimiser.state[p] = {
                "step": torch.tensor(float(found.step)),
                "exp_avg": torch.from_numpy(first.copy()).to(device),
                "exp_avg_sq": torch.from_numpy(second.copy()).to(device),
            }


def _rate(share: float) -> float:
    """Return the learning rate, in units of its peak, after a share of all steps."""
    if share < _SHARE_OF_WARM_UP:
        low, high, place = _FIRST_RATE, 1.0, share / _SHARE_OF_WARM_UP
    else:
        low, high, place = 1.0, _LAST_RATE, (share - _SHARE_OF_WARM_UP) / (1.0 - _SHARE_OF_WARM_UP)
    return high + (low - high) * 0.5 * (1.0 + math.cos(math.pi * place))


def _initial(torch: Any, widths: tuple[int, ...], generator: Any, device: str) -> list[Any]:
    found = []
    for n_inputs, n_outputs in itertools.pairwise(widths):
        bound = (3.0 / n_inputs) ** 0.5
        weight = (2.0 * torch.rand((n_outputs, n_inputs), generator=generator) - 1.0) * bound
        found += [weight.to(device).requires_grad_(), torch.zeros(n_outputs, device=device, requires_grad=True)]
    return found


def _forward(torch: Any, parameters: list[Any], x: Any, plan: Plan, generator: Any) -> Any:
    activate = getattr(torch.nn.functional, plan.activation) if plan.activation != "tanh" else torch.tanh
    n_layers = len(parameters) // 2
    for k in range(n_layers - 1):
        y = activate(torch.nn.functional.linear(x, parameters[2 * k], parameters[2 * k + 1]))
        if plan.dropout > 0.0:
            kept = torch.rand(y.shape, generator=generator) >= plan.dropout
            y = y * kept.to(y.device) / (1.0 - plan.dropout)
        x = x + y if plan.residual and x.shape == y.shape and k > 0 else y
    return torch.nn.functional.linear(x, parameters[-2], parameters[-1])


def _losses(torch: Any, outputs: Any, target: Any, weight: Any, span: tuple[Any, Any] | None) -> Any:
    """Return the loss of each event; ``span`` is that of the targets of a regression."""
    if span is not None:
        held = torch.where(weight[:, None] < 0.0, outputs.clamp(*span), outputs)
        return 0.5 * (held - target).square().sum(dim=1)
    if outputs.shape[1] == 1:
        found = torch.nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], target.float(), reduction="none")
    else:
        found = torch.nn.functional.cross_entropy(outputs, target, reduction="none")
    return torch.where(weight < 0.0, found.clamp(max=MARGIN_BOUND), found)
