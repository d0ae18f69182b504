"""Which events train and which test, and in which order: ``DataSetFactory::MixEvents``."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import EmptySelectionError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.tmva.preparation.shuffling import Shuffler

    Rows = NDArray[np.int64]

__all__ = ["ClassRows", "mixed", "split"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClassRows:
    """The events of a class, and how many of them are wanted.

    Parameters
    ----------
    name : str
        The class.
    train, test, free : ndarray of int64
        Events of trees that were given for training, for test, or for either, in the order of reading.
    wants_train, wants_test : int
        ``nTrain`` and ``nTest``; 0 is what is left, half of it if both are 0.
    """

    name: str
    train: Rows
    test: Rows
    free: Rows
    wants_train: int = 0
    wants_test: int = 0


def split(classes: Sequence[ClassRows], mode: str, shuffler: Shuffler) -> list[tuple[Rows, Rows]]:
    """Return the training and test events of each class, in their order before classes are mixed.

    Parameters
    ----------
    classes : sequence of ClassRows
        In the order of their index.
    mode : {"Random", "Alternate", "Block"}
        SplitMode.
    shuffler : Shuffler
        For Random; it is drawn from in TMVA's order.

    Raises
    ------
    InvalidInputError
        If more events are wanted than there are, where TMVA stops or, in Block and Alternate, takes memory that is none.
    EmptySelectionError
        If a class has no event.
    """
    for rows in classes:
        if not len(rows.train) + len(rows.test) + len(rows.free):
            msg = f"no event of class {rows.name!r} is left"
            raise EmptySelectionError(msg)
    free = [shuffler.shuffled(rows.free) if mode == "Random" else rows.free for rows in classes]
    return [_divided(rows, order, mode, shuffler) for rows, order in zip(classes, free, strict=True)]


def mixed(parts: Sequence[Rows], mode: str, shuffler: Shuffler) -> Rows:
    """Return the events of all classes in one order, MixMode ``Random`` shuffled.

    Parameters
    ----------
    parts : sequence of ndarray of int64
        The events of each class.
    mode : {"Random", "Alternate", "Block"}
        MixMode.
    shuffler : Shuffler
        For Random.
    """
    if mode != "Alternate":
        rows = np.concatenate(parts)
        return shuffler.shuffled(rows) if mode == "Random" else rows
    order = parts[0]
    for index, part in enumerate(parts[1:], 1):
        order = _interleaved(order, part, index)
    return order


def _divided(rows: ClassRows, free: Rows, mode: str, shuffler: Shuffler) -> tuple[Rows, Rows]:
    n_train, n_test, n_free = len(rows.train), len(rows.test), len(free)
    selects, wants = _shares(rows)
    if mode == "Alternate":
        place = np.arange(n_free)
        trains = (place % 2 == 0) & (place // 2 < max(wants[0] - n_train, 0))
        train, test = np.concatenate([rows.train, free[trains]]), np.concatenate([rows.test, free[~trains]])
    else:
        more_train, more_test = (selects[0] - n_train, selects[1] - n_test)
        if n_free < max(more_train, more_test, more_train + more_test):
            _refuse(rows, wants)
        border = max(more_train, 0)
        train = np.concatenate([rows.train, free[:border]])
        test = np.concatenate([rows.test, free[border : border + max(more_test, 0)]])
    short = len(train) < wants[0] or len(test) < wants[1]
    if short and mode != "Random":
        _refuse(rows, wants, f" SplitMode={mode} gives {len(train)} and {len(test)}")
    if short:
        _log.warning(
            "class %s: %d training and %d test events are wanted, and there are %d and %d",
            rows.name,
            *wants,
            len(train),
            len(test),
        )
    if mode == "Random":
        return _thinned(train, wants[0], shuffler), _thinned(test, wants[1], shuffler)
    return train[: wants[0]], test[: wants[1]]


def _shares(rows: ClassRows) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return from how many events training and test are selected, and how many of them are kept."""
    n_train, n_test, n_free = len(rows.train), len(rows.test), len(rows.free)
    total = n_train + n_test + n_free
    train, test = rows.wants_train, rows.wants_test
    if train < 0 or test < 0:
        _refuse(rows, (train, test))
    if train == 0 and test == 0:
        if n_free >= abs(n_train - n_test):
            select = (total // 2, total // 2)
        elif n_train < n_test:
            select = (n_train + n_free, n_test)
        else:
            select = (n_train, n_test + n_free)
        return select, select
    if test == 0:
        first = max(train, n_train)
        test = total - first
        select = (first, test)
    elif train == 0:
        second = max(test, n_test)
        train = total - second
        select = (train, second)
    else:
        left = max(n_free - max(train - n_train, 0) - max(test - n_test, 0), 0)
        first = max(train, n_train) + left // 2
        select = (first, total - first)
    if min(*select, train, test) < 0:
        _refuse(rows, (rows.wants_train, rows.wants_test))
    return select, (train, test)


def _refuse(rows: ClassRows, wants: tuple[int, int], why: str = "") -> None:
    there = f"{len(rows.train)} for training, {len(rows.test)} for test, {len(rows.free)} for either"
    msg = (
        f"class {rows.name!r}: {wants[0]} training and {wants[1]} test events cannot be had from {there};"
        f"{why or ' TMVA stops here'}"
    )
    raise InvalidInputError(msg)


def _thinned(rows: Rows, wanted: int, shuffler: Shuffler) -> Rows:
    """Remove events at random until as many are left as are wanted."""
    if len(rows) <= wanted:
        return rows
    removed = shuffler.shuffled(np.arange(len(rows)))[: len(rows) - wanted]
    keeps = np.ones(len(rows), dtype=np.bool_)
    keeps[removed] = False
    return rows[keeps]


def _interleaved(order: Rows, part: Rows, index: int) -> Rows:
    """Put an event of the class behind every ``index`` events, and what is left at the end."""
    n_inside = min(len(part), len(order) // index)
    result = np.empty(len(order) + len(part), dtype=np.int64)
    inside = np.zeros(len(result), dtype=np.bool_)
    inside[np.arange(n_inside) * (index + 1) + index] = True
    inside[len(order) + n_inside :] = True
    result[inside] = part
    result[~inside] = order
    return result
