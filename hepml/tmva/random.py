"""ROOT's TRandom3, bit for bit: the random numbers by which TMVA splits, bags and fits.

A generator's state is an array, so that compiled loops can draw from it: :func:`seeded` makes one, and :func:`rndm`,
:func:`integer`, :func:`poisson` and :func:`gaus` take it. :class:`TRandom3` is the same for everybody else.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numba import njit, types

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TRandom3", "gaus", "integer", "poisson", "rndm", "seeded"]

# Matsumoto and Nishimura, ACM Trans. Model. Comput. Simul. 8 (1998) 3: words of the state, and their offset
_N_WORDS, _OFFSET = 624, 397
# TRandom3 multiplies by this, not by 2^-32
_UNIT = 2.3283064365386963e-10
_MOST_SEED = 2**32 - 1
_SMALL_MEAN, _LARGE_MEAN = 25.0, 1e9

_STATE = types.Array(types.uint32, 1, "C")


@njit(_STATE(types.uint32), cache=True, nogil=True)
def seeded(seed):
    """Return the state of ``TRandom3(seed)``, uint32 of shape (625,): 624 words and how many of them are used."""
    state = np.empty(_N_WORDS + 1, np.uint32)
    word = np.uint64(seed)
    for place in range(_N_WORDS):
        if place > 0:
            word = (np.uint64(1812433253) * (word ^ (word >> np.uint64(30))) + np.uint64(place)) & np.uint64(0xFFFFFFFF)
        state[place] = np.uint32(word)
    state[_N_WORDS] = _N_WORDS
    return state


@njit(types.void(_STATE), cache=True, nogil=True)
def _twist(state):
    for place in range(_N_WORDS):
        after = state[(place + 1) % _N_WORDS]
        mixed = np.uint32((state[place] & np.uint32(0x80000000)) | (after & np.uint32(0x7FFFFFFF)))
        word = np.uint32(state[(place + _OFFSET) % _N_WORDS] ^ (mixed >> np.uint32(1)))
        if mixed & np.uint32(1):
            word = np.uint32(word ^ np.uint32(0x9908B0DF))
        state[place] = word
    state[_N_WORDS] = 0


@njit(types.float64(_STATE), cache=True, nogil=True)
def rndm(state):
    """Return a uniform number in (0, 1), as ``TRandom3::Rndm``, and move the state on."""
    while True:
        if state[_N_WORDS] >= _N_WORDS:
            _twist(state)
        word = state[state[_N_WORDS]]
        state[_N_WORDS] += np.uint32(1)
        word ^= word >> np.uint32(11)
        word ^= (word << np.uint32(7)) & np.uint32(0x9D2C5680)
        word ^= (word << np.uint32(15)) & np.uint32(0xEFC60000)
        word ^= word >> np.uint32(18)
        if np.uint32(word) != 0:
            return np.float64(np.uint32(word)) * _UNIT


@njit(types.int64(_STATE, types.int64), cache=True, nogil=True)
def integer(state, below):
    """Return a whole number from 0 to ``below - 1``, as ``TRandom::Integer``."""
    return np.int64(np.float64(below) * rndm(state))


@njit(types.float64(_STATE, types.float64, types.float64), cache=True, nogil=True)
def gaus(state, mean, sigma):
    """Return a normal number, as ``TRandom::Gaus``: Hoermann and Derflinger, OR Spektrum 12 (1990) 181."""
    while True:
        y = rndm(state)
        if y > 0.516058551:
            return mean + sigma * (4.132731354 * y - 3.132731354)
        if y < 0.107981933:
            x = 18.52161694 * y - 1.0
            return mean + sigma * (1.0 + x if x > 0.0 else -1.0 + x)
        if y < 0.483941449:
            x = rndm(state)
            x = x - 1.0 + x
            z = 2.0 - x if x > 0.0 else -2.0 - x
            if (1.448242853 - y) * (1.46754004 + abs(z)) < 3.307147487:
                return mean + sigma * z
            square = x * x
            if (y + 1.036467755) * (3.631288474 + square) < 5.295844968:
                return mean + sigma * x
            if 0.591923442 - y < math.exp(-(z * z + 0.4515827053) / 2.0):
                return mean + sigma * z
            if y + 0.375959516 < math.exp(-(square + 0.4515827053) / 2.0):
                return mean + sigma * x
        while True:
            x = rndm(state)
            y = 0.187308492 * rndm(state)
            if 0.4571828819 - 0.7270572718 * x - y > 0.0:
                z = 2.0 + y / x
            else:
                x = 1.0 - x
                y = 0.187308492 - y
                z = -(2.0 + y / x)
            if (y - 0.8853395638 + x) * (0.2770276848 + x) + 0.2452635696 < 0.0:
                return mean + sigma * z
            if y < x + 0.03895759111 and z * z < 4.0 * (0.5029324303 - math.log(x)):
                return mean + sigma * z


@njit(types.float64(_STATE, types.float64), cache=True, nogil=True)
def poisson(state, mean):
    """Return a Poisson number, as ``TRandom::PoissonD``."""
    if mean <= 0.0:
        return 0.0
    if mean < _SMALL_MEAN:
        least, product, count = math.exp(-mean), rndm(state), 0
        while product > least:
            product *= rndm(state)
            count += 1
        return np.float64(count)
    if mean >= _LARGE_MEAN:
        return gaus(state, 0.0, 1.0) * math.sqrt(mean) + mean + 0.5
    root, log_mean = math.sqrt(2.0 * mean), math.log(mean)
    peak = mean * log_mean - math.lgamma(mean + 1.0)
    while True:
        y = math.tan(math.pi * rndm(state))
        found = root * y + mean
        while found < 0.0:
            y = math.tan(math.pi * rndm(state))
            found = root * y + mean
        found = math.floor(found)
        height = 0.9 * (1.0 + y * y) * math.exp(found * log_mean - math.lgamma(found + 1.0) - peak)
        if rndm(state) <= height:
            return np.float64(found)


@njit(types.float64[::1](_STATE, types.int64), cache=True, nogil=True)
def _uniforms(state, count):
    result = np.empty(count, np.float64)
    for place in range(count):
        result[place] = rndm(state)
    return result


@njit(types.float64[::1](_STATE, types.int64, types.float64), cache=True, nogil=True)
def _poissons(state, count, mean):
    result = np.empty(count, np.float64)
    for place in range(count):
        result[place] = poisson(state, mean)
    return result


@njit(types.float64[::1](_STATE, types.int64, types.float64, types.float64), cache=True, nogil=True)
def _normals(state, count, mean, sigma):
    result = np.empty(count, np.float64)
    for place in range(count):
        result[place] = gaus(state, mean, sigma)
    return result


class TRandom3:
    """ROOT's generator with a seed.

    Parameters
    ----------
    seed : int
        From 1 to 2^32 - 1. ROOT takes 0 for a seed that differs each time, which is refused.

    Attributes
    ----------
    state : ndarray of uint32, shape (625,)
        For compiled loops; whoever draws moves it on.

    Raises
    ------
    InvalidInputError
        If the seed is out of range.

    Examples
    --------
    >>> TRandom3(4357).rndm()
    0.9997419...
    """

    def __init__(self, seed: int) -> None:
        if not 0 < seed <= _MOST_SEED:
            zero = "; 0 means a different seed each time in ROOT, which cannot be reproduced" if seed == 0 else ""
            msg = f"the seed of TRandom3 is {seed}; a whole number from 1 to {_MOST_SEED} is needed{zero}"
            raise InvalidInputError(msg)
        self.state: NDArray[np.uint32] = seeded(np.uint32(seed))

    def rndm(self) -> float:
        """Return a uniform number in (0, 1)."""
        return float(rndm(self.state))

    def uniform(self, low: float, high: float) -> float:
        """Return a uniform number between two others (``TRandom::Uniform``)."""
        return low + (high - low) * self.rndm()

    def integer(self, below: int) -> int:
        """Return a whole number from 0 to ``below - 1``."""
        return int(integer(self.state, below))

    def poisson(self, mean: float) -> float:
        """Return a Poisson number (``TRandom::PoissonD``)."""
        return float(poisson(self.state, mean))

    def gaus(self, mean: float = 0.0, sigma: float = 1.0) -> float:
        """Return a normal number."""
        return float(gaus(self.state, mean, sigma))

    def rndm_array(self, count: int) -> NDArray[np.float64]:
        """Return ``count`` uniform numbers, as ``TRandom3::RndmArray``."""
        result: NDArray[np.float64] = _uniforms(self.state, count)
        return result

    def poisson_array(self, count: int, mean: float) -> NDArray[np.float64]:
        """Return ``count`` Poisson numbers, drawn one after the other."""
        result: NDArray[np.float64] = _poissons(self.state, count, mean)
        return result

    def gaus_array(self, count: int, mean: float = 0.0, sigma: float = 1.0) -> NDArray[np.float64]:
        """Return ``count`` normal numbers, drawn one after the other."""
        result: NDArray[np.float64] = _normals(self.state, count, mean, sigma)
        return result
