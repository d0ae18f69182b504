"""How the estimated variance of a scaled background scatters, and scatters together with the background itself.

With an event's share ``f P + c T`` in the background (see :mod:`hepml.evaluation.scaled_events`), the variance is estimated
by ``V = sum (f P + c T)^2 + R``, where R is what the events outside of the part have. V moves with an event not only by the
event's own square: f and c, the same for all events, move as well. To first order an event of the part changes V by
``(f P + c T)^2 + u P + v T``, one of the rest by ``e^2 T^2 + y T``, e being the efficiency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hepml.evaluation.scaled_events import Sample

    Floats = NDArray[np.float64]
    Powers = Callable[[int, int], Floats | float]

__all__ = ["VarianceScatter", "moment_of_shares"]


@dataclass(frozen=True, slots=True, eq=False)
class VarianceScatter:
    """First-order terms of the variance of one background sample in several selections, arrays of shape (n_selections,)."""

    efficiency: Floats
    of_passing: Floats
    """u: what the variance changes per weight that passes, besides the event's own square."""
    of_total: Floats
    """v: the same per weight of the part."""
    of_rest: Floats
    """y: the same per weight outside of the part."""
    rest_powers: tuple[float, float, float]
    """Sums over the events outside of the part of T^2, T^3 and T^4; the last two are taken in proportion to the part's."""

    @classmethod
    def of(cls, sample: Sample, efficiency: Floats, powers: Powers) -> VarianceScatter:
        """Take the derivatives of V with respect to P, T and the rest's T; ``powers`` as in yields.py."""
        f, c, grows = sample.factor, sample.failing_share(efficiency), float(sample.estimated)
        zeros = np.zeros_like(efficiency)
        if grows == f and not sample.rest_variance:
            return cls(efficiency, zeros, zeros, zeros, (0.0, 0.0, 0.0))
        squares, mixed, whole = powers(2, 0), powers(1, 1), powers(0, 2)
        to_factor = 2.0 * (f * squares + c * mixed)
        to_share = 2.0 * (f * mixed + c * whole)
        # df = (g - f) T_e / T, and T_e / T outside of the part; de = (P_e - e T_e) / T; c = (g - f) e
        to_efficiency = to_share * (grows - f) + 2.0 * grows * efficiency * sample.rest_variance
        of_passing = to_efficiency / sample.part_sum
        to_scale = (to_factor - efficiency * to_share) / sample.part_sum
        ratio = sample.rest_variance / whole if sample.rest_variance else 0.0
        return cls(
            efficiency=efficiency,
            of_passing=of_passing,
            of_total=to_scale * (grows - f) - efficiency * of_passing,
            of_rest=to_scale * grows,
            rest_powers=(
                (sample.rest_variance, float(ratio * powers(0, 3)), float(ratio * powers(0, 4)))
                if ratio
                else (0.0,) * 3
            ),
        )

    def moments(self, f: float, c: Floats, powers: Powers) -> tuple[Floats, Floats]:
        """Covariance of the background with V, and variance of V."""
        third, fourth = moment_of_shares(3, f, c, powers), moment_of_shares(4, f, c, powers)
        u, v, y, e = self.of_passing, self.of_total, self.of_rest, self.efficiency
        second, cubes, fourths = self.rest_powers
        if not (second or np.any(u) or np.any(v)):
            return third, fourth
        squares, mixed, whole = powers(2, 0), powers(1, 1), powers(0, 2)
        # sums over the events of their share times P and times T, and of its square times these
        once = f * squares + c * mixed, f * mixed + c * whole
        twice = (
            f**2 * powers(3, 0) + 2 * f * c * powers(2, 1) + c**2 * powers(1, 2),
            f**2 * powers(2, 1) + 2 * f * c * powers(1, 2) + c**2 * powers(0, 3),
        )
        covariance = third + u * once[0] + v * once[1] + e**3 * cubes + e * y * second
        variance = fourth + 2 * (u * twice[0] + v * twice[1]) + u**2 * squares + 2 * u * v * mixed + v**2 * whole
        return covariance, variance + e**4 * fourths + 2 * e**2 * y * cubes + y**2 * second

    def rest_variance(self, to_background: Floats, to_variance: Floats) -> float:
        """Variance that the events outside of the part give a number with these derivatives in each of the selections."""
        linear = float((to_background * self.efficiency).sum() + (to_variance * self.of_rest).sum())
        square = float((to_variance * np.square(self.efficiency)).sum())
        second, cubes, fourths = self.rest_powers
        return linear**2 * second + 2.0 * linear * square * cubes + square**2 * fourths


def moment_of_shares(order: int, f: float, c: Floats, powers: Powers) -> Floats:
    """Sum over events of (f P + c T)^order."""
    found = np.zeros_like(c)
    # plain sums of weights, the commonest case, have no failing share
    for i in range(0 if np.any(c) else order, order + 1):
        found = found + math.comb(order, i) * f**i * c ** (order - i) * powers(i, order - i)
    return found
