"""The models of all folds as one model: each event is scored by the one that has not seen it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hepml.data import Dataset, Folds, Identity, SeenEvents
from hepml.data.feature_matrix import matrix_of
from hepml.data.mapped import row_blocks
from hepml.data.seen import NEW_EVENTS
from hepml.errors import IdentityError, InvalidInputError
from hepml.expressions import parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.classifiers.model import Model
    from hepml.data import Feature

__all__ = ["FoldModel"]

# rows of a mapped matrix that are scored in one go
_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True, repr=False)
class FoldModel:
    """K models of one kind, and the rule that gives each event the one that neither trained nor stopped on it.

    Parameters
    ----------
    models : tuple of Model
        Model k tests on fold k.
    folds : Folds
        Number and seed of the folds.
    identity : tuple of str
        Integer expressions that identify an event.
    context : dict
        What was saved beside the models.
    metadata : dict
        All of ``model.json``.
    attachments : dict of str to bytes
        Further files that were saved beside the models.
    seen : SeenEvents, optional
        The events of all folds.
    """

    models: tuple[Model, ...]
    folds: Folds
    identity: tuple[str, ...]
    context: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    attachments: dict[str, bytes] = field(default_factory=dict, repr=False)
    seen: SeenEvents | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        names = ", ".join(feature.name for feature in self.features)
        return f"<FoldModel: {len(self.models)} {self.kind} models by {', '.join(self.identity)}; features {names}>"

    @property
    def kind(self) -> str:
        """Kind of classifier."""
        return self.models[0].kind

    @property
    def features(self) -> tuple[Feature, ...]:
        """Features in the order of the training, the same for all models."""
        return self.models[0].features

    @property
    def is_foreign(self) -> bool:
        """Never: what the models were trained on is known."""
        return False

    @property
    def n_scores(self) -> int:
        """Number of scores of an event."""
        return self.models[0].n_scores

    def evaluate(
        self,
        X: object,
        *,
        identity: Identity | None = None,
        average: bool = False,
        sample: str | None = None,
        columns: Literal["branches", "features"] | None = None,
    ) -> NDArray[np.float64]:
        """Return the score of each event.

        Parameters
        ----------
        X : ndarray, mapping, DataFrame or Dataset
            As for :meth:`Model.evaluate`.
        identity : Identity
            Of each event. Default: that of a Dataset, or computed of the columns of a mapping or DataFrame; an array has
            none.
        average : bool
            Default: each event is scored by the one model that its identity gives it, also data, variations and events
            that no model has seen, so that all are scored by the same mixture of models. True: by the mean score of all
            models, only for events that none of them has seen.
        sample : str, optional
            For the average, sample of the training that the events belong to; ``none`` states that they are new. Default:
            an event counts as seen if any sample had its identity.
        columns : {"branches", "features"}, optional
            As for :meth:`Model.evaluate`.

        Returns
        -------
        ndarray of float64, shape (n_events,) or (n_events, n_outputs)
            Probability of signal, of each of several classes, or estimates of targets.

        Raises
        ------
        IdentityError
            If events have no identity or another one than in the training; for the average also if an event was used for
            any of the models, or that is not known.
        FeatureMismatchError, FeatureValueError, InvalidInputError
            As for :meth:`Model.evaluate`.
        """
        matrix = matrix_of(X, self.features, columns)
        if average:
            self._refuse_seen(X, identity, len(matrix), sample)
            return self._average(matrix)
        return self.evaluate_by(matrix, self.folds.of(self._identity_of(X, identity, len(matrix))))

    def evaluate_by(self, X: NDArray[np.float32], model: NDArray[np.int16]) -> NDArray[np.float64]:
        """Return the score of each event by the model of a given number.

        Parameters
        ----------
        X : ndarray of float32, shape (n_events, n_features)
            Features in the order of the training, missing values NaN.
        model : ndarray of int16, shape (n_events,)
            For each event, from 0 to K - 1; see :meth:`hepml.data.Folds.models`.

        Returns
        -------
        ndarray of float64, shape (n_events,) or (n_events, n_outputs)
            As :meth:`evaluate` gives them.
        """
        score = self._empty(len(X))
        for block, part in row_blocks(X, _BLOCK):
            here = model[block]
            for number, one in enumerate(self.models):
                rows = np.flatnonzero(here == number)
                if rows.size:
                    score[block.start + rows] = one.evaluate(part[rows])
        return score

    def identify(self, X: object) -> Identity | None:
        """Return the identity of the events of a Dataset, mapping or DataFrame; None if it has none."""
        if isinstance(X, Dataset):
            return X.identity
        is_frame = hasattr(X, "columns") and hasattr(X, "__getitem__")
        if not isinstance(X, Mapping) and not is_frame:
            return None
        table: Any = X
        names = {str(name) for name in (table.columns if is_frame else table)}
        expressions = [parse(text) for text in self.identity]
        needed = set().union(*(expression.branches for expression in expressions))
        if not needed <= names:
            return None
        raw = {name: np.asarray(table[name]) for name in needed}
        n_events = len(next(iter(raw.values())))
        return Identity(self.identity, tuple(one.evaluate_integer(raw, n_events) for one in expressions))

    def _empty(self, n_events: int) -> NDArray[np.float64]:
        return np.empty(n_events if self.n_scores == 1 else (n_events, self.n_scores))

    def _average(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        total = self._empty(len(matrix))
        total[...] = 0.0
        for block, part in row_blocks(matrix, _BLOCK):
            for one in self.models:
                total[block] += one.evaluate(part)
        return total / len(self.models)

    def _identity_of(self, X: object, given: Identity | None, n_events: int) -> Identity:
        found = self.identify(X) if given is None else given
        listed = ", ".join(self.identity)
        if found is None:
            msg = (
                f"the events have no identity ({listed}), which says by which of the {len(self.models)} models each is "
                f"scored: give identity=Identity(...), or a Dataset or branches that hold it"
            )
            raise IdentityError(msg)
        if found.names != self.identity:
            msg = f"the events are identified by {', '.join(found.names)}, those of the training by {listed}"
            raise IdentityError(msg)
        if len(found) != n_events:
            msg = f"there are {len(found)} identities for {n_events} events"
            raise InvalidInputError(msg)
        return found

    def _refuse_seen(self, X: object, given: Identity | None, n_events: int, sample: str | None) -> None:
        """Refuse events of the training: the average holds models that know the answer."""
        if sample == NEW_EVENTS:
            return
        if self.seen is None:
            msg = f"the model holds no table of the events of its training; state that these are new (sample {NEW_EVENTS!r})"
            raise IdentityError(msg)
        identity = self._identity_of(X, given, n_events)
        used = np.flatnonzero(self.seen.lookup(identity, sample))
        if used.size:
            msg = (
                f"{used.size} of {n_events} events were used in the training, e.g. {identity.show(int(used[0]))}: the "
                f"average of all {len(self.models)} models holds some that were trained on them. Score them by event, or, "
                f"if they are other events of the same number, state it (sample {NEW_EVENTS!r})"
            )
            raise IdentityError(msg)
