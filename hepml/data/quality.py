"""What may be wrong with the events of a sample: missing values, forgotten sentinels, constants, events met twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.data.dataset import Dataset

__all__ = ["COARSE", "FeatureQuality", "SampleQuality", "float32_resolution", "sample_quality"]

# what frameworks write where there is nothing; a suspicion to report, never a reason to change a value
_SENTINELS = (-99999.0, -9999.0, -999.0, -99.0, 999.0, 9999.0, 99999.0)

# more than this share of the range between neighbours is worth a remark
COARSE = 1e-4


@dataclass(frozen=True, slots=True)
class FeatureQuality:
    """A feature in the events of one sample.

    Parameters
    ----------
    name : str
        The feature.
    n_missing, n_infinite : int
        Events in which it is NaN, infinite.
    n_sentinel : int
        Events in which its lowest or highest value is a usual sentinel (-999, ...) that stands apart from all others, so
        that it may have been forgotten in the analysis file.
    constant : bool
        Whether all finite values are the same.
    resolution : float
        Distance of neighbouring float32 numbers at the largest magnitude, as a share of the range of values
        (:func:`float32_resolution`): what differs by less is equal. Above :data:`COARSE` something may be lost that a method
        could use. 0 for whole numbers that float32 holds.
    """

    name: str
    n_missing: int
    n_infinite: int
    n_sentinel: int
    constant: bool
    resolution: float = 0.0


@dataclass(frozen=True, slots=True)
class SampleQuality:
    """The events of one sample.

    Parameters
    ----------
    sample : str
        The sample.
    n_repeated : int or None
        Rows whose identity stood in an earlier row of the sample; None where only file and entry identify events.
    features : tuple of FeatureQuality
        In the order of the features.
    """

    sample: str
    n_repeated: int | None
    features: tuple[FeatureQuality, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain JSON types."""
        return {
            "sample": self.sample,
            "n_repeated": self.n_repeated,
            "features": [asdict(feature) for feature in self.features],
        }


def sample_quality(dataset: Dataset) -> tuple[SampleQuality, ...]:
    """Look over the features and identities of each sample.

    Parameters
    ----------
    dataset : Dataset
        Events.

    Returns
    -------
    tuple of SampleQuality
        One for each sample, in their order.
    """
    found = []
    for number, info in enumerate(dataset.samples):
        here = dataset.sample == number
        rows: NDArray[np.bool_] | slice = slice(None) if here.all() else here
        features = tuple(
            _feature(feature.name, dataset.X[:, column][rows]) for column, feature in enumerate(dataset.features)
        )
        identity = dataset.identity.take(rows)
        n_repeated = None
        if not identity.is_fallback:
            groups = identity.groups()
            n_repeated = len(groups) - (int(groups.max()) + 1 if len(groups) else 0)
        found.append(SampleQuality(info.name, n_repeated, features))
    return tuple(found)


def _feature(name: str, values: NDArray[np.float32]) -> FeatureQuality:
    n_missing, n_infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    finite = values[np.isfinite(values)] if n_missing or n_infinite else values
    if not finite.size:
        return FeatureQuality(name, n_missing, n_infinite, 0, constant=False)
    low, high = finite.min(), finite.max()
    constant = bool(low == high)
    n_sentinel = 0
    if not constant and (low in _SENTINELS or high in _SENTINELS):
        inner = finite[~np.isin(finite, np.array(_SENTINELS, dtype=np.float32))]
        # a value that others come near is a value
        if inner.size and low in _SENTINELS and inner.min() > low + 1:
            n_sentinel += int(np.count_nonzero(finite == low))
        if inner.size and high in _SENTINELS and inner.max() < high - 1:
            n_sentinel += int(np.count_nonzero(finite == high))
    resolution = float32_resolution(float(low), float(high))
    # what is whole where float32 still has halves was whole before, and lost nothing
    if resolution > COARSE and np.spacing(max(abs(low), abs(high))) < 1 and (finite == np.rint(finite)).all():
        resolution = 0.0
    return FeatureQuality(name, n_missing, n_infinite, n_sentinel, constant, resolution)


def float32_resolution(minimum: float, maximum: float) -> float:
    """Return how finely float32 divides a range of numbers.

    Parameters
    ----------
    minimum, maximum : float
        Ends of the range.

    Returns
    -------
    float
        Distance of the two largest float32 numbers up to the larger magnitude, as a share of the range: 1e-7 for numbers
        around zero, 1 and more where all become equal, as times in seconds since 1970 within a minute do. 0 for an empty
        range, NaN or infinite ends, and ends beyond float32.
    """
    width = maximum - minimum
    end = max(abs(minimum), abs(maximum))
    if not 0 < width < np.inf or end > np.finfo(np.float32).max:
        return 0.0
    largest = np.float32(end)
    return float(largest - np.nextafter(largest, np.float32(0))) / width
