"""Figures of merit of a selection, from expected signal and background to a significance, with exact gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.errors import InvalidInputError, unknown_name
from hepml.evaluation.display import Displayed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.evaluation.yields import Yields

    Floats = NDArray[np.float64]

__all__ = ["FIGURES_OF_MERIT", "FigureOfMerit", "figure_of_merit"]

FIGURES_OF_MERIT = ("z_a_sigma_b", "z_a", "s_over_sqrt_b", "s_over_sqrt_s_plus_b", "punzi", "ams")

# (log(1 + u) - u) / u^2 loses half of its digits below this, where twelve terms of the series have all of them
_SERIES_BELOW = 0.05
_SERIES = [(-1.0) ** n / (n + 2) for n in range(11, -1, -1)]


@dataclass(frozen=True, slots=True)
class FigureOfMerit(Displayed):
    r"""What a selection is judged by, with its parameters.

    Parameters
    ----------
    name : {'z_a_sigma_b', 'z_a', 's_over_sqrt_b', 's_over_sqrt_s_plus_b', 'punzi', 'ams'}
        ``z_a`` is the median discovery significance for a background that is known exactly, ``z_a_sigma_b`` that with
        its uncertainty.
    sigma_b : float
        Absolute systematic uncertainty of the background, in events. Enters ``z_a_sigma_b`` only.
    relative_sigma_b : float
        Systematic uncertainty of the background as a fraction of it; in quadrature with ``sigma_b``.
    mc_statistics : bool
        Whether the statistical error of the simulated background, :math:`\sum w^2`, enters ``z_a_sigma_b``, in quadrature.
    punzi_a : float
        Punzi's a: number of standard deviations of the search.
    b_reg : float
        Regularisation of AMS, in events.
    min_effective : float
        Fewest effective background events, :math:`(\sum w)^2 / \sum w^2`, with which any figure is computable: below about
        ten, neither the background nor its error means much.

    Notes
    -----
    z_a: G. Cowan, K. Cranmer, E. Gross, O. Vitells, arXiv:1007.1727, eq. 97. z_a_sigma_b: G. Cowan, *Discovery
    sensitivity for a counting experiment with background uncertainty* (2012), eq. 20. punzi: G. Punzi,
    arXiv:physics/0308063, eq. 7. ams: C. Adam-Bourdarios et al., *Learning to discover* (2014), eq. 7 with
    regularisation. See docs/statistics_significance.md.
    """

    name: str = "z_a_sigma_b"
    sigma_b: float = 0.0
    relative_sigma_b: float = 0.0
    mc_statistics: bool = True
    punzi_a: float = 5.0
    b_reg: float = 10.0
    min_effective: float = 10.0

    def __post_init__(self) -> None:
        if self.name not in FIGURES_OF_MERIT:
            raise unknown_name("figure of merit", self.name, FIGURES_OF_MERIT)  # noqa: EM101
        for name in ("sigma_b", "relative_sigma_b", "punzi_a", "b_reg", "min_effective"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                msg = f"{name} is {value!r}; a finite number of at least 0 is needed"
                raise InvalidInputError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as plain JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def total_sigma_b(self, yields: Yields) -> Floats:
        """Uncertainty of the background that enters the figure, shape of the yields; 0 for figures that have none."""
        return np.sqrt(self._background_variance(yields))

    def computable(self, yields: Yields) -> NDArray[np.bool_]:
        """Where the figure has a value: a positive background of enough effective events, and signal above minus it."""
        enough = yields.background_effective >= self.min_effective
        return (yields.background > 0) & enough & (yields.signal + yields.background > 0)

    def reason(self, yields: Yields) -> str | None:
        """Why the figure has no value for yields of one selection; None if it has one."""
        signal, background, effective = (
            item.item() for item in (yields.signal, yields.background, yields.background_effective)
        )
        if not background > 0:
            return f"the background is {background:.4g}: it must be above 0"
        if not effective >= self.min_effective:
            return f"{effective:.3g} effective background events are fewer than {self.min_effective:g}"
        if not signal + background > 0:
            return f"signal and background together are {signal + background:.4g}: they must be above 0"
        return None

    def values(self, yields: Yields) -> Floats:
        """Return the figure at each of the yields; NaN where it is not computable."""
        return self._evaluate(yields)[0]

    def errors(self, yields: Yields) -> Floats:
        """Return the standard deviation of :meth:`values` to first order; NaN where it is not computable.

        The figure is a function of s, b and, with ``mc_statistics``, of the estimated variance of b, which scatters too.
        """
        to_signal, to_background, to_variance = self.gradients(yields)
        signal_variance, covariance = yields.signal_variance, yields.covariance
        if self.name == "punzi":
            # the efficiency, not the yield: the error of the class's total is not its own
            signal_variance = yields.signal_efficiency_variance * yields.signal_total**2
        variance = np.square(to_signal) * signal_variance + np.square(to_background) * yields.background_variance
        variance += 2.0 * to_signal * to_background * covariance
        variance += np.square(to_variance) * yields.background_fourth
        variance += 2.0 * to_background * to_variance * yields.background_third
        return np.sqrt(np.maximum(variance, 0.0))

    def gradients(self, yields: Yields) -> tuple[Floats, Floats, Floats]:
        """Return the derivatives with respect to s, b and the statistical variance of b; NaN where not computable."""
        return self._evaluate(yields)[1:]

    def _background_variance(self, yields: Yields) -> Floats:
        if self.name != "z_a_sigma_b":
            return np.zeros_like(yields.background)
        variance = self.sigma_b**2 + np.square(self.relative_sigma_b * yields.background)
        return variance + yields.background_variance if self.mc_statistics else variance

    def _evaluate(self, yields: Yields) -> tuple[Floats, Floats, Floats, Floats]:
        """Value and derivatives with respect to s, b and the statistical variance of b."""
        good = self.computable(yields)
        # a harmless pair where nothing is computable, so that no warning hides a real one
        s, b = np.where(good, yields.signal, 0.0), np.where(good, yields.background, 1.0)
        to_variance = np.zeros_like(b)
        if self.name == "s_over_sqrt_b":
            value = s / np.sqrt(b)
            to_s, to_b = 1.0 / np.sqrt(b), -0.5 * value / b
        elif self.name == "s_over_sqrt_s_plus_b":
            value = s / np.sqrt(s + b)
            to_s, to_b = (0.5 * s + b) / (s + b) ** 1.5, -0.5 * value / (s + b)
        elif self.name == "punzi":
            if not yields.signal_total > 0:
                msg = f"punzi needs the signal's efficiency, but its total is {yields.signal_total:.4g}; give signal_total"
                raise InvalidInputError(msg)
            scale = yields.signal_total * (0.5 * self.punzi_a + np.sqrt(b))
            value, to_s = s / scale, 1.0 / scale
            to_b = -0.5 * value * yields.signal_total / (scale * np.sqrt(b))
        elif self.name == "ams":
            value, to_s, to_b, _ = _asimov(s, b + self.b_reg, np.zeros_like(b))
        else:
            variance = np.where(good, self._background_variance(yields), 0.0)
            value, to_s, to_b, slope = _asimov(s, b, variance)
            if self.name == "z_a_sigma_b":
                to_b = to_b + 2.0 * self.relative_sigma_b**2 * b * slope
                to_variance = slope if self.mc_statistics else to_variance
        value, to_s, to_b, to_variance = (np.where(good, item, np.nan) for item in (value, to_s, to_b, to_variance))
        return value, to_s, to_b, to_variance


def figure_of_merit(figure: str | FigureOfMerit) -> FigureOfMerit:
    """Return a figure of merit given by itself, or by its name and with the default parameters."""
    return figure if isinstance(figure, FigureOfMerit) else FigureOfMerit(figure)


def _asimov(s: Floats, b: Floats, variance: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    r"""Median discovery significance and its derivatives with respect to s, b and the variance of b; s + b > 0, b > 0.

    With x = s/b, r = variance/b, a = 1 + r, y = x/(a + rx), z = rx/a, Cowan's formula is
    :math:`Z^2 = 2b[(1+x)\ln(1+y) - \ln(1+z)/r]`, negative s giving negative Z. Written by means of
    :math:`\lambda(u) = (u - \ln(1+u))/u^2`, nothing cancels: :math:`Z^2 = 2 s^2/b\,[1/(a(a+rx)) - (1+x)\lambda(y)/(a+rx)^2
    + r\lambda(z)/a^2]`, which is :math:`s^2/(b + \sigma_b^2)` for small s, and eq. 97 for r = 0.
    """
    x, r = s / b, variance / b
    a = 1.0 + r
    d = a + r * x
    y, z = x / d, r * x / a
    lambda_y, lambda_z = _log_remainder(y), _log_remainder(z)
    # Z / s; for large x the bracket is a difference of equal numbers, but then the formula as it stands is not
    squared = 2.0 / b * (1.0 / (a * d) - (1.0 + x) * lambda_y / d**2 + r * lambda_z / a**2)
    large = x > 1.0
    if np.any(large):
        x_, y_, z_ = x[large], y[large], z[large]
        # log(1 + z) / r = x / a * log(1 + z) / z, which has no r below it
        direct = (1.0 + x_) * np.log1p(y_) - x_ / a[large] * (1.0 - z_ * lambda_z[large])
        squared[large] = 2.0 * direct / (b[large] * x_**2)
    ratio = np.sqrt(np.maximum(squared, 0.0))
    to_s = (1.0 - y * lambda_y) / (b * d * ratio)
    to_b = s / (b**2 * ratio) * (-r / (a * d) - lambda_y / d**2 + 2.0 * r * lambda_z / a**2)
    to_variance = -s * lambda_z / (b**2 * a**2 * ratio)
    return s * ratio, to_s, to_b, to_variance


def _log_remainder(u: Floats) -> Floats:
    """(u - log(1 + u)) / u^2 for u > -1, to full precision; 1/2 at 0."""
    found = np.empty_like(u)
    small = np.abs(u) < _SERIES_BELOW
    found[small] = np.polyval(_SERIES, u[small])
    other = u[~small]
    found[~small] = (other - np.log1p(other)) / np.square(other)
    return found
