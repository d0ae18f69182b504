"""Checks of signed event weights, and the weights that a method is trained with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from hepml.errors import EmptyClassError, InvalidInputError, WeightError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "SIGNAL_AND_BACKGROUND",
    "Balance",
    "check_class_sums",
    "check_weights",
    "effective_entries",
    "training_weights",
]

Balance = Literal["none", "num_events", "equal"]

SIGNAL_AND_BACKGROUND: tuple[tuple[int, str], ...] = ((1, "signal"), (0, "background"))


def effective_entries(weight: NDArray[np.float64]) -> float:
    """Return N_eff = (sum w)^2 / sum w^2.

    Parameters
    ----------
    weight : ndarray of float64, shape (n_events,)
        Signed weights.

    Returns
    -------
    float
        The number of unweighted events of the same relative uncertainty; 0 for no events.
    """
    # not np.dot: its sum depends on the number of BLAS threads
    squares = float(np.square(weight).sum())
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def check_weights(weight: NDArray[np.float64], where: str) -> None:
    """Refuse weights that are NaN, infinite or all zero.

    Parameters
    ----------
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    where : str
        Sample and expression, for the message.

    Raises
    ------
    WeightError
        With the number of such weights and the first entry.
    """
    bad = np.flatnonzero(~np.isfinite(weight))
    if bad.size:
        msg = (
            f"{where}: {bad.size} of {weight.size} weights are NaN or infinite (first: event {bad[0]} of the selected ones, "
            f"{weight[bad[0]]}): correct the weight expression, or exclude these events by a selection"
        )
        raise WeightError(msg)
    if weight.size and not weight.any():
        msg = f"{where}: all {weight.size} weights are zero: is this the right weight expression?"
        raise WeightError(msg)


def check_class_sums(
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    part: str,
    classes: Sequence[tuple[int, str]] = SIGNAL_AND_BACKGROUND,
) -> None:
    """Refuse a part in which a class is missing or not significantly positive.

    Parameters
    ----------
    label : ndarray of int8, shape (n_events,)
        Class of each event.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    part : str
        Name of the part, for the message.
    classes : sequence of (int, str)
        Label and name of each class. Default: 1 signal, 0 background.

    Raises
    ------
    EmptyClassError
        If a class has no events, a signed sum of zero or less, or one below three times its own uncertainty sqrt(sum w^2).
    """
    for value, name in classes:
        chosen = weight[label == value]
        if chosen.size == 0:
            msg = f"no {name} events in the {part} part: add files, loosen the selection or change the split"
            raise EmptyClassError(msg)
        total, error = float(chosen.sum()), math.sqrt(float(np.square(chosen).sum()))
        # written so that NaN is refused as well
        if not (total > 0 and total >= 3 * error):
            msg = (
                f"the weights of {name} in the {part} part sum to {total:.4g} +- {error:.4g} ({chosen.size} events, "
                f"{int((chosen < 0).sum())} negative): a class needs a sum above three times its uncertainty"
            )
            raise EmptyClassError(msg)


def training_weights(
    label: NDArray[np.int8],
    weight: NDArray[np.float64],
    balance: Balance = "equal",
    classes: Sequence[tuple[int, str]] = SIGNAL_AND_BACKGROUND,
) -> NDArray[np.float64]:
    """Return the signed weights that a method is trained with.

    Parameters
    ----------
    label : ndarray of int8, shape (n_events,)
        Class of each event.
    weight : ndarray of float64, shape (n_events,)
        Signed physics weights of the training part.
    balance : {"none", "num_events", "equal"}
        ``none`` keeps the physics weights; ``num_events`` scales each class to a sum equal to its number of events (mean
        weight 1 within the class); ``equal`` scales all classes to the number of events of the first, signal of
        two (TMVA: NormMode None, NumEvents, EqualNumEvents).
    classes : sequence of (int, str)
        As for :func:`check_class_sums`.

    Returns
    -------
    ndarray of float64, shape (n_events,)
        Within a class proportional to ``weight``, with its sign.

    Raises
    ------
    EmptyClassError
        As :func:`check_class_sums`.
    InvalidInputError
        If a label is that of no class, or the balance is not known.
    """
    if not np.isin(label, [value for value, _ in classes]).all():
        listed = " and ".join(f"{name} ({value})" for value, name in classes)
        msg = f"only {listed} are trained on; there are other labels"
        raise InvalidInputError(msg)
    check_class_sums(label, weight, "training", classes)
    if balance == "none":
        return weight.copy()
    if balance not in {"num_events", "equal"}:
        msg = f"unknown balance {balance!r} (known: none, num_events, equal)"
        raise InvalidInputError(msg)
    result = np.empty(len(weight), dtype=np.float64)
    n_first = int((label == classes[0][0]).sum())
    for value, _ in classes:
        chosen = label == value
        target = n_first if balance == "equal" else int(chosen.sum())
        result[chosen] = weight[chosen] * (target / weight[chosen].sum())
    return result
