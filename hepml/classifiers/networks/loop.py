"""The loop that trains a network with torch: batches, signed loss, schedule, averaging and the choice of the epoch."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.classifiers.objective import MARGIN_BOUND, EarlyStopping
from hepml.errors import HepmlError, InvalidInputError, missing_dependency

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Arrays = list[NDArray[np.float32]]

__all__ = ["DEVICES", "Plan", "chosen_device", "import_torch", "train_layers"]

DEVICES = ("auto", "cpu", "cuda", "mps")
_SHARE_OF_WARM_UP = 0.3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train: the options of the estimator of the same names, and ``widths`` of the layers from input to output."""

    widths: tuple[int, ...]
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
    inputs: NDArray[np.float32],
    target: NDArray[np.int64],
    weight: NDArray[np.float64],
    plan: Plan,
    validate: Callable[[Arrays], float] | None,
) -> tuple[Arrays, list[float], list[float], int]:
    """Train, and return the arrays of the best epoch.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n_events, n_columns)
        Columns of the events.
    target : ndarray of int64, shape (n_events,)
        Classes.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    plan : Plan
        How to train.
    validate : callable or None
        Loss of arrays on the validation events; without it the last epoch is kept.

    Returns
    -------
    arrays : list of ndarray of float32
        Weight (n_outputs, n_inputs) and bias of each layer.
    training, validation : list of float
        Loss after each epoch.
    best : int
        Number of the epoch that is kept, from 0.

    Raises
    ------
    HepmlError
        If the loss is no longer finite or the memory of the device does not suffice.

    Notes
    -----
    The loss is sum w L / sum |w| of a batch, L the cross-entropy; for w < 0 it is that of min(L, MARGIN_BOUND). Within the
    bound it is linear in the signed weights, and without it a region of negative net density would lower it without end.
    """
    torch = import_torch()
    before = torch.get_num_threads()
    torch.set_num_threads(plan.threads)
    try:
        return _train(torch, inputs, target, weight, plan, validate=validate)
    except torch.OutOfMemoryError as error:
        msg = (
            f"the memory of {plan.device!r} does not suffice: lower batch_size ({plan.batch_size}) or take device: cpu"
        )
        raise HepmlError(msg) from error
    finally:
        torch.set_num_threads(before)


def _train(
    torch: Any,
    inputs: NDArray[np.float32],
    target: NDArray[np.int64],
    weight: NDArray[np.float64],
    plan: Plan,
    *,
    validate: Callable[[Arrays], float] | None,
) -> tuple[Arrays, list[float], list[float], int]:
    device, n = chosen_device(plan.device), len(inputs)
    generator = torch.Generator().manual_seed(plan.seed)
    parameters = _initial(torch, plan.widths, generator, device)
    x = torch.from_numpy(inputs).to(device)
    y = torch.from_numpy(np.ascontiguousarray(target)).to(device)
    w = torch.from_numpy(weight.astype(np.float32)).to(device)
    optimiser = torch.optim.AdamW(parameters, lr=plan.learning_rate, weight_decay=plan.weight_decay)
    steps = -(-n // plan.batch_size) * plan.epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.learning_rate, total_steps=max(steps, 4) + 1, pct_start=_SHARE_OF_WARM_UP
    )
    averaged = [p.detach().clone() for p in parameters]
    watch, losses, step = EarlyStopping(plan.patience), [], 0
    best = _arrays(averaged)
    for epoch in range(plan.epochs):
        order = torch.randperm(n, generator=generator).to(device)
        sums = torch.zeros(2, dtype=torch.float64)
        for rows in order.split(plan.batch_size):
            batch_weight = w.index_select(0, rows)
            outputs = _forward(torch, parameters, x.index_select(0, rows), plan, generator)
            loss = (batch_weight * _losses(torch, outputs, y.index_select(0, rows), batch_weight)).sum()
            scale = batch_weight.abs().sum()
            optimiser.zero_grad(set_to_none=True)
            (loss / scale.clamp_min(1e-30)).backward()
            torch.nn.utils.clip_grad_norm_(parameters, plan.clip_norm)
            optimiser.step()
            schedule.step()
            step += 1
            decay = min(plan.ema_decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(averaged, [p.detach() for p in parameters], 1.0 - decay)
            sums += torch.stack([loss.detach(), batch_weight.sum()]).cpu().double()
        arrays = _arrays(averaged)
        losses.append(float(sums[0] / sums[1]))
        value = losses[-1] if validate is None else validate(arrays)
        if not (np.isfinite(value) and np.isfinite(losses[-1]) and all(np.isfinite(a).all() for a in arrays)):
            msg = (
                f"the loss is not finite after epoch {epoch + 1}: lower learning_rate ({plan.learning_rate:g}) or "
                f"clip_norm ({plan.clip_norm:g}), or set scaling: quantile if features have long tails"
            )
            raise HepmlError(msg)
        _log.info("epoch %d of %d: loss %.5f, monitored %.5f", epoch + 1, plan.epochs, losses[-1], value)
        stop = watch.should_stop(value)
        if validate is None or watch.best == epoch:
            best = arrays
        if validate is not None and stop:
            break
    kept = len(losses) - 1 if validate is None else watch.best
    return best, losses, [] if validate is None else watch.curve, kept


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


def _losses(torch: Any, outputs: Any, target: Any, weight: Any) -> Any:
    if outputs.shape[1] == 1:
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], target.float(), reduction="none")
    else:
        entropy = torch.nn.functional.cross_entropy(outputs, target, reduction="none")
    return torch.where(weight < 0.0, entropy.clamp(max=MARGIN_BOUND), entropy)


def _arrays(parameters: list[Any]) -> list[NDArray[np.float32]]:
    return [p.detach().cpu().numpy().copy() for p in parameters]
