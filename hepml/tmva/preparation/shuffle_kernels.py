"""std::random_shuffle, and std::shuffle (in TMVA since ROOT 6.14), as libstdc++ does them with a TRandom3; compiled."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from hepml.tmva.random import integer

__all__ = ["random_shuffle", "shuffle"]

_STATE = types.Array(types.uint32, 1, "C")
_ROWS = types.Array(types.int64, 1, "C")
# RandomGenerator::max, which std::shuffle takes for the largest number of the generator
_LARGEST = 2**32 - 1


@njit(types.void(_STATE, _ROWS), cache=True, nogil=True)
def random_shuffle(state, rows):
    """Swap each with one before it or itself."""
    for place in range(1, len(rows)):
        other = integer(state, place + 1)
        rows[place], rows[other] = rows[other], rows[place]


@njit(types.int64(_STATE, types.int64), cache=True, nogil=True)
def _uniform(state, count):
    """Return a number from 0 to ``count - 1`` < 2^32, as std::uniform_int_distribution (Lemire, TOMACS 29 (2019) 3)."""
    span = np.uint64(count)
    product = np.uint64(integer(state, _LARGEST)) * span
    low = product & np.uint64(_LARGEST)
    if low < span:
        threshold = (np.uint64(2**32) - span) % span
        while low < threshold:
            product = np.uint64(integer(state, _LARGEST)) * span
            low = product & np.uint64(_LARGEST)
    return np.int64(product >> np.uint64(32))


@njit(types.void(_STATE, _ROWS), cache=True, nogil=True)
def shuffle(state, rows):
    """Swap each with one before it or itself; one draw serves two while their product fits it."""
    count = len(rows)
    place = 1
    if count > 0 and _LARGEST // count >= count:
        if count % 2 == 0:
            other = _uniform(state, 2)
            rows[place], rows[other] = rows[other], rows[place]
            place += 1
        while place < count:
            both = _uniform(state, (place + 1) * (place + 2))
            for other in (both // (place + 2), both % (place + 2)):
                rows[place], rows[other] = rows[other], rows[place]
                place += 1
    while place < count:
        other = _uniform(state, place + 1)
        rows[place], rows[other] = rows[other], rows[place]
        place += 1
