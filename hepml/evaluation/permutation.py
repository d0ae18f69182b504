"""Permutation importance: how much area under the ROC curve is lost when a feature is exchanged between events."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError, unknown_name
from hepml.evaluation.events import as_events
from hepml.evaluation.importance import FeatureImportance, auc_losses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["permutation_importance"]


def permutation_importance(
    score: Callable[[NDArray[Any]], ArrayLike],
    X: NDArray[Any],
    y_true: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    names: Sequence[str],
    event: ArrayLike | None = None,
    groups: Sequence[Sequence[str]] = (),
    n_repeats: int = 5,
    seed: int | np.random.SeedSequence = 0,
) -> FeatureImportance:
    r"""Loss of area under the ROC curve when a feature's values are exchanged at random between the events.

    Parameters
    ----------
    score : callable
        Gives the scores, shape (n_events,), of a matrix like ``X``. It must not keep the matrix.
    X : ndarray, shape (n_events, n_features)
        Features of events that were not trained on. A writeable array is changed column by column and restored, not copied.
    y_true : array-like of bool or 0/1, shape (n_events,)
        True for signal.
    weight : array-like of float, shape (n_events,), optional
        Event weights, of either sign. Default 1.
    names : sequence of str
        Of the features.
    event : array-like of int, shape (n_events,), optional
        Equal values mark rows of one event, which are moved together: an event exchanges its values with one that has as
        many rows.
    groups : sequence of sequence of str
        Features that are also moved together, so that one cannot stand in for another (:func:`feature_groups`).
    n_repeats : int
        Random exchanges of each feature.
    seed : int or numpy.random.SeedSequence
        Each feature and group draws from a stream of its own, named by its features: adding one changes no other result.

    Returns
    -------
    FeatureImportance
        Features, then groups; ``spread`` is the standard deviation of single exchanges.

    Raises
    ------
    EmptyClassError, InvalidInputError, WeightError
        As :func:`hepml.evaluation.roc_curve`; also if ``n_repeats`` is below 1 or the shapes differ.
    UnknownNameError
        If a group names an unknown feature.

    Notes
    -----
    L. Breiman, Machine Learning 45 (2001) 5; A. Fisher et al., J. Mach. Learn. Res. 20 (2019) 177. A value comes from any
    other row with equal probability, whatever its class and weight. The error contains the finite number of events and of
    exchanges, not that of another training (docs/statistics_importance.md).

    Examples
    --------
    >>> X = np.array([[0.0, 5.0], [0.0, 6.0], [1.0, 5.0], [1.0, 6.0]])
    >>> found = permutation_importance(lambda X: X[:, 0], X, [0, 0, 1, 1], names=["used", "not"], n_repeats=20)
    >>> bool(found.value[0] > 0.3), float(found.value[1])
    (True, 0.0)
    """
    matrix = X if X.flags.writeable else np.array(X, order="F")
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        msg = f"X has shape {matrix.shape}; a column for each of the {len(names)} names is needed"
        raise InvalidInputError(msg)
    if n_repeats < 1:
        msg = f"{n_repeats} repetitions were asked for; at least 1 is needed"
        raise InvalidInputError(msg)
    columns = {name: number for number, name in enumerate(names)}
    sets = [(name,) for name in names] + [tuple(group) for group in groups]
    for name in (name for group in sets for name in group):
        if name not in columns:
            problem = unknown_name("feature", name, columns)
            raise problem
    events = as_events(event, len(matrix))
    root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    exchange = _Exchange(len(matrix), events)

    def scores(taken: tuple[str, ...]) -> Iterator[ArrayLike]:
        rng = np.random.default_rng(_stream(root, taken))
        numbers = [columns[name] for name in taken]
        kept = matrix[:, numbers]
        try:
            for _ in range(n_repeats):
                matrix[:, numbers] = kept[exchange.draw(rng)]
                yield score(matrix)
        finally:
            matrix[:, numbers] = kept

    return auc_losses(
        "permutation",
        y_true,
        score(matrix),
        ((taken, scores(taken)) for taken in sets),
        weight,
        event=events,
        facts={"n_repeats": n_repeats, "n_events": exchange.n_events, "n_rows_not_moved": exchange.n_rows_not_moved},
    )


def _stream(root: np.random.SeedSequence, taken: tuple[str, ...]) -> np.random.SeedSequence:
    key = int.from_bytes(hashlib.sha256("\0".join(sorted(taken)).encode()).digest()[:8], "little")
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, key))


class _Exchange:
    """Which row each row takes its values from: that of the same place in another event of as many rows."""

    def __init__(self, n_rows: int, event: NDArray[np.int64] | None) -> None:
        self._n_rows = n_rows
        # for each number of rows the rows of such events, shape (n_events, number)
        self._alike: list[NDArray[np.int64]] = []
        if event is None:
            self.n_events = n_rows
            self._alike.append(np.arange(n_rows)[:, None])
        else:
            sizes = np.bincount(event)
            self.n_events = int(sizes.size)
            by_event = np.argsort(event, kind="stable")
            first = np.cumsum(sizes) - sizes
            for size in np.unique(sizes):
                self._alike.append(by_event[first[sizes == size][:, None] + np.arange(size)])
        self.n_rows_not_moved = sum(rows.size for rows in self._alike if len(rows) == 1)

    def draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        source = np.arange(self._n_rows)
        for rows in self._alike:
            source[rows] = rows[rng.permutation(len(rows))]
        return source
