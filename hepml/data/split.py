"""The three parts of a sample (train, validation, test), decided by event identity."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import IdentityError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.data.identity import Identity

__all__ = ["Part", "assign_parts", "check_parts"]


class Part(IntEnum):
    """What an event may be used for; the numbers stand in ``split`` and ``METHOD_seen``."""

    UNSEEN = 0
    TRAIN = 1
    VALIDATION = 2
    TEST = 3


def assign_parts(
    identity: Identity, *, seed: int, train: float, validation: float, purpose: str = "split"
) -> NDArray[np.int8]:
    """Give each event its part, as a pure function of the seed and its identity.

    Parameters
    ----------
    identity : Identity
        Identity of each row, length n_events.
    seed : int
        The analysis's seed.
    train, validation : float
        Fractions; the rest is test. They hold statistically, not exactly.
    purpose : str
        Decisions for different purposes are independent.

    Returns
    -------
    ndarray of int8, shape (n_events,)
        Values of :class:`Part`.

    Raises
    ------
    InvalidInputError
        If fractions are not between 0 and 1, or their sum exceeds 1.
    """
    # sums such as 0.7 + 0.2 + 0.1 are 1 up to rounding
    if not (train >= 0 and validation >= 0 and train + validation <= 1 + 1e-9):
        msg = f"train={train} and validation={validation} are no fractions of one whole"
        raise InvalidInputError(msg)
    value = identity.hash(seed, purpose)
    parts = np.full(len(identity), Part.TEST, dtype=np.int8)
    parts[_below(value, train + validation)] = Part.VALIDATION
    parts[_below(value, train)] = Part.TRAIN
    return parts


def _below(value: NDArray[np.uint64], fraction: float) -> NDArray[np.bool_]:
    limit = round(fraction * 2**64)
    if limit >= 2**64:
        return np.ones(len(value), dtype=bool)
    return value < np.uint64(max(limit, 0))


def check_parts(
    identity: Identity, sample: NDArray[np.int32], parts: NDArray[np.int8], sample_names: Sequence[str]
) -> None:
    """Refuse an event that stands in two parts.

    Parameters
    ----------
    identity : Identity
        Identity of each row.
    sample : ndarray of int32, shape (n_events,)
        Sample of each row.
    parts : ndarray of int8, shape (n_events,)
        Part of each row.
    sample_names : sequence of str
        Names for the message.

    Raises
    ------
    IdentityError
        Naming the first such event.
    """
    groups = identity.groups(sample)
    order = np.argsort(groups, kind="stable")
    same = groups[order][1:] == groups[order][:-1]
    clash = np.flatnonzero(same & (parts[order][1:] != parts[order][:-1]))
    if clash.size == 0:
        return
    first, second = order[clash[0]], order[clash[0] + 1]
    n_events = len(np.unique(groups[order[clash]]))
    msg = (
        f"sample {sample_names[sample[first]]!r}: {n_events} event(s) stand in two parts, e.g. {identity.show(int(first))} "
        f"in {Part(parts[first]).name.lower()} and {Part(parts[second]).name.lower()}: a method would be tested on events "
        f"that it was trained on. Remove them from one of the files, or let the identity decide the parts"
    )
    raise IdentityError(msg)
