"""Folds by event identity: which model of K has an event for training, for validation, and which has not seen it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.data.split import Part
from hepml.errors import IdentityError, InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.data.identity import Identity

__all__ = ["Folds"]

_FEWEST, _MOST = 3, 100

# independent of each other and of the split
_PURPOSE = "fold"
_PURPOSE_TRAINED = "fold/trained"


@dataclass(frozen=True, slots=True)
class Folds:
    """K folds of events, and K models of which each tests on a fold of its own.

    Model k tests on fold k, stops early on fold (k + 1) mod K and trains on the K - 2 others. So for each event there is
    one model that has not seen it, one that stopped on it, and K - 2 that were trained on it. All of it is a pure function
    of seed and identity: it depends on no file, order, chunk, sample or class.

    Parameters
    ----------
    n_folds : int
        K, from 3 to 100.
    seed : int
        The analysis's seed.

    Raises
    ------
    InvalidInputError
        If the number of folds is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from hepml.data import Identity, Part
    >>> events = Identity(("event",), (np.arange(6),))
    >>> folds = Folds(3, seed=1)
    >>> folds.of(events)
    array([0, 1, 1, 0, 2, 2], dtype=int16)
    >>> folds.parts(folds.of(events), model=0)
    array([3, 2, 2, 3, 1, 1], dtype=int8)
    """

    n_folds: int
    seed: int = 1

    def __post_init__(self) -> None:
        if not _FEWEST <= self.n_folds <= _MOST:
            msg = (
                f"{self.n_folds} folds were asked for; {_FEWEST} to {_MOST} are possible: each model tests on one fold, "
                f"stops early on another, and trains on the rest"
            )
            raise InvalidInputError(msg)

    @property
    def names(self) -> tuple[str, ...]:
        """``fold_0``, ``fold_1``, ...: names of the trainings and of their folders."""
        return tuple(f"fold_{number}" for number in range(self.n_folds))

    def of(self, identity: Identity) -> NDArray[np.int16]:
        """Return the fold of each event, which is the number of the model that has not seen it.

        Parameters
        ----------
        identity : Identity
            Identity of each row, length n_events.

        Returns
        -------
        ndarray of int16, shape (n_events,)
            From 0 to K - 1, of equal probability.

        Raises
        ------
        IdentityError
            If events are known by file and entry only.
        """
        if identity.is_fallback:
            msg = (
                "events are known by file and entry only, so another order of files would put an event into another fold, "
                "and a model could be tested on what it was trained on: state `identity:` in the analysis file"
            )
            raise IdentityError(msg)
        return _share(identity.hash(self.seed, _PURPOSE), self.n_folds)

    def parts(self, fold: NDArray[np.int16], model: int) -> NDArray[np.int8]:
        """Return what each event is for one model.

        Parameters
        ----------
        fold : ndarray of int16, shape (n_events,)
            From :meth:`of`.
        model : int
            Number of the model.

        Returns
        -------
        ndarray of int8, shape (n_events,)
            Values of :class:`Part`.
        """
        parts = np.full(len(fold), Part.TRAIN, dtype=np.int8)
        parts[fold == model] = Part.TEST
        parts[fold == (model + 1) % self.n_folds] = Part.VALIDATION
        return parts

    def models(self, identity: Identity, part: Part) -> NDArray[np.int16]:
        """Return for each event the number of a model of which it is in the given part.

        Parameters
        ----------
        identity : Identity
            Identity of each row, length n_events.
        part : Part
            ``TEST``: the model that has not seen it. ``VALIDATION``: the one that stopped on it. ``TRAIN``: one of the
            K - 2 that were trained on it, chosen by another hash of the identity.

        Returns
        -------
        ndarray of int16, shape (n_events,)
            From 0 to K - 1.

        Raises
        ------
        IdentityError
            As for :meth:`of`.
        InvalidInputError
            For ``Part.UNSEEN``.
        """
        fold = self.of(identity)
        if part == Part.TEST:
            return fold
        if part == Part.VALIDATION:
            return (fold - 1) % np.int16(self.n_folds)
        if part == Part.TRAIN:
            further = _share(identity.hash(self.seed, _PURPOSE_TRAINED), self.n_folds - 2)
            return (fold + 1 + further) % np.int16(self.n_folds)
        msg = f"events of the part {part.name.lower()} are those of no model"
        raise InvalidInputError(msg)


def _share(value: NDArray[np.uint64], n: int) -> NDArray[np.int16]:
    """Map 64 random bits to 0 ... n - 1 by their upper half: whole numbers, so the same everywhere."""
    return (((value >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)).astype(np.int16)
