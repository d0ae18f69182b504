"""The card of a model: the events that it was trained on, and the ranges in which it knows its features."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.data.mapped import row_blocks
from hepml.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["CARD", "FeatureRange", "ModelCard", "TrainedSample", "trained_ranges"]

# where it stands in the context of a bundle
CARD = "card"
# what lies outside of the two quantiles, at each end
TAIL = 1e-3
# rows that quantiles are computed of: at each end three hundred of them lie outside
_MOST_ROWS = 300_000


@dataclass(frozen=True, slots=True)
class TrainedSample:
    """What a sample gave to a training.

    Parameters
    ----------
    name, role : str
        The sample, and the class that its events are of.
    n_events : int
        Rows of the training part.
    n_negative : int
        Those of negative weight.
    sum_weights : float
        Signed sum of their physics weights.
    sum_train_weights : float
        Signed sum after class balance, before the method's policy for negative weights.
    """

    name: str
    role: str
    n_events: int
    n_negative: int
    sum_weights: float
    sum_train_weights: float


@dataclass(frozen=True, slots=True)
class FeatureRange:
    """Where a feature lay in a training.

    Parameters
    ----------
    name : str
        The feature.
    minimum, maximum : float or None
        Of the rows of non-zero weight; None if none of them has a value.
    low, high : float or None
        Quantiles of 0.1% and 99.9% by the sizes of weights (signed ones have no monotone quantiles); of more than 300,000
        rows, of every k-th of them.
    missing : float
        Share of the rows of non-zero weight that have no value, by the sizes of weights.
    """

    name: str
    minimum: float | None
    maximum: float | None
    low: float | None
    high: float | None
    missing: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model was trained on.

    Parameters
    ----------
    samples : tuple of TrainedSample
        In the order of the dataset.
    features : tuple of FeatureRange
        In the order of the model's features.
    """

    samples: tuple[TrainedSample, ...]
    features: tuple[FeatureRange, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return {key: [asdict(item) for item in getattr(self, key)] for key in ("samples", "features")}

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> ModelCard | None:
        """Read it from what a model remembers.

        Parameters
        ----------
        context : mapping
            :attr:`Model.context`.

        Returns
        -------
        ModelCard or None
            None for models that have none: of older versions, and of other programs.

        Raises
        ------
        ModelFormatError
            If it is damaged.
        """
        content = context.get(CARD)
        if content is None:
            return None
        if not isinstance(content, dict) or content.keys() != {"samples", "features"}:
            msg = f"the model's {CARD!r} does not hold samples and features: it is damaged"
            raise ModelFormatError(msg)
        return cls(
            tuple(TrainedSample(**row) for row in _rows(content["samples"], TrainedSample)),
            tuple(FeatureRange(**row) for row in _rows(content["features"], FeatureRange)),
        )


def _rows(content: object, kind: type[TrainedSample | FeatureRange]) -> list[dict[str, Any]]:
    types = {"str": (str,), "int": (int,), "float": (int, float), "float | None": (int, float, type(None))}
    known = {field.name: types[str(field.type)] for field in fields(kind)}
    rows: list[Any] = content if isinstance(content, list) else [None]
    for number, row in enumerate(rows):
        fits = isinstance(row, dict) and row.keys() == known.keys()
        if not fits or not all(type(row[name]) in allowed for name, allowed in known.items()):
            msg = f"row {number} of the model's {CARD!r} is no {kind.__name__}: it is damaged"
            raise ModelFormatError(msg)
    return rows


def trained_ranges(
    X: NDArray[np.float32], weight: NDArray[np.float64], names: Sequence[str]
) -> tuple[FeatureRange, ...]:
    """Return the range of each feature.

    Parameters
    ----------
    X : ndarray of float32, shape (n_events, n_features)
        Missing values are NaN.
    weight : ndarray of float64, shape (n_events,)
        Signed; rows of weight zero do not count.
    names : sequence of str
        Names of the features.

    Returns
    -------
    tuple of FeatureRange
        One for each feature.
    """
    n_features = len(names)
    minimum, maximum = np.full(n_features, np.inf), np.full(n_features, -np.inf)
    missing, total = np.zeros(n_features), 0.0
    for rows, block in row_blocks(X):
        size = np.abs(weight[rows])
        counts = size > 0
        total += float(size.sum())
        for number in range(n_features):
            column = block[:, number]
            gone = np.isnan(column)
            missing[number] += float(size[gone].sum())
            there = column[counts & ~gone]
            minimum[number] = min(minimum[number], float(there.min(initial=np.inf)))
            maximum[number] = max(maximum[number], float(there.max(initial=-np.inf)))
    every = math.ceil(len(X) / _MOST_ROWS) or 1
    size = np.abs(weight[::every])
    found = []
    for number, name in enumerate(names):
        low, high = _quantiles(np.asarray(X[::every, number]), size)
        found.append(
            FeatureRange(
                name,
                _finite(minimum[number]),
                _finite(maximum[number]),
                low,
                high,
                float(missing[number] / total) if total > 0 else 0.0,
            )
        )
    return tuple(found)


def _quantiles(values: NDArray[np.float32], size: NDArray[np.float64]) -> tuple[float | None, float | None]:
    there = ~np.isnan(values) & (size > 0)
    values, size = values[there], size[there]
    if not values.size:
        return None, None
    order = np.argsort(values, kind="stable")
    below = np.cumsum(size[order])
    places = np.searchsorted(below, np.array([TAIL, 1.0 - TAIL]) * below[-1])
    low, high = values[order][places.clip(max=len(values) - 1)].tolist()
    return low, high


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
