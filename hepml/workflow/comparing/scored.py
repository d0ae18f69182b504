"""What is compared: the methods of one source with their scores of its events, whatever the source is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from hepml.data import FALLBACK_NAMES, default_identity

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ScoredMethod", "ScoredPart", "ScoredSource"]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPart:
    """Events of signal and background with the scores of methods.

    Parameters
    ----------
    y : ndarray of bool, shape (n_events,)
        True for signal.
    weight : ndarray of float64, shape (n_events,)
        Signed weights.
    columns : mapping of str to ndarray, each of shape (n_events,)
        Features, spectators and what identifies events.
    scores : mapping of str to ndarray of float64, each of shape (n_events,)
        By method.
    """

    y: NDArray[np.bool_]
    weight: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]]
    scores: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[Any]) -> ScoredPart:
        """Return some of the events, by mask or row numbers."""
        return ScoredPart(
            self.y[rows],
            self.weight[rows],
            {name: column[rows] for name, column in self.columns.items()},
            {name: score[rows] for name, score in self.scores.items()},
        )


@dataclass(frozen=True, slots=True)
class ScoredMethod:
    """What is known of a method.

    Parameters
    ----------
    kind : str or None
        Kind of classifier.
    training_seconds : float or None
        How long it was trained, where a run recorded it.
    verdict, reason : str or None
        On overtraining, as the run found it.
    """

    kind: str | None = None
    training_seconds: float | None = None
    verdict: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ScoredSource:
    """A run, a dataset of a TMVA.root, or a model with the events that it scored.

    Parameters
    ----------
    name : str
        What tables call it.
    path : str
        What was asked for.
    kind : {"run", "TMVA.root", "model"}
        What it is.
    test : ScoredPart
        Events that its methods were not trained on, as far as is known.
    methods : mapping of str to ScoredMethod
        In order.
    train, validation : ScoredPart or None
        Events that they were trained on, and those that stopped the training; None where not known.
    seen : ndarray of bool, shape (n_test,), or None
        Test events that they were trained on all the same.
    identity : tuple of str
        Columns that identify an event exactly; empty if that is not known.
    files : tuple of str
        Checksums of the files that were read, without which a file and entry identify nothing.
    expressions : mapping of str to str
        How columns were computed, where that is known.
    has_folds : bool
        Whether train and test are the same events, scored by other models.
    physics_weight : bool
        False where TMVA has rescaled the weights of each class.
    notes : tuple of str
        What the reader of the comparison has to know.
    """

    name: str
    path: str
    kind: Literal["run", "TMVA.root", "model"]
    test: ScoredPart
    methods: Mapping[str, ScoredMethod]
    train: ScoredPart | None = None
    validation: ScoredPart | None = None
    seen: NDArray[np.bool_] | None = None
    identity: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    expressions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    has_folds: bool = False
    physics_weight: bool = True
    notes: tuple[str, ...] = ()

    def named(self, name: str) -> ScoredSource:
        """Return the source under another name."""
        return replace(self, name=name)

    def identities(self) -> tuple[tuple[str, ...], ...]:
        """Return the sets of columns that may identify its events, the surest first."""
        by_convention = default_identity(self.test.columns)
        return tuple(dict.fromkeys(names for names in (self.identity, by_convention) if names))

    def offers(self, names: tuple[str, ...]) -> bool:
        """Tell whether its events have all these columns."""
        if names == FALLBACK_NAMES and self.identity != FALLBACK_NAMES:
            return False
        return all(name in self.test.columns for name in names)

    def column_of(self, name: str, expression: str | None) -> str | None:
        """Return the column that holds a feature: by its expression where both are known, else by name.

        Parameters
        ----------
        name : str
            Of the feature.
        expression : str or None
            How it is computed, without blanks; None if that is not known.

        Returns
        -------
        str or None
            TMVA names a column by its expression, with underscores for what no name may hold.
        """
        known, there = self.expressions, self.test.columns
        if expression is None:
            plain = (column for column, text in known.items() if re.sub(r"\W", "_", text) == name and column in there)
            return name if name in there else next(plain, None)
        equal = next((column for column, text in known.items() if text == expression and column in there), None)
        if equal is not None:
            return equal
        unknown = (
            column for column in (name, re.sub(r"\W", "_", expression)) if column in there and column not in known
        )
        return next(unknown, None)

    def parts(self) -> tuple[ScoredPart, ...]:
        """Return test, train and validation, those that are known."""
        return tuple(part for part in (self.test, self.train, self.validation) if part is not None)
