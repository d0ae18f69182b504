"""How much of a largest significance is chance: toys without signal, and toys of the choice of the cut itself."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError
from hepml.evaluation.display import Displayed
from hepml.evaluation.figures_of_merit import FigureOfMerit, figure_of_merit
from hepml.evaluation.scaled_events import ScaledEvents, sums_by
from hepml.evaluation.yields import Yields, sorted_by_score, spread_cuts, yields_at_cuts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Indices = NDArray[np.int64]

__all__ = ["OptimumBias", "optimum_bias"]

_MAX_CUTS = 200


@dataclass(frozen=True, slots=True)
class OptimumBias(Displayed):
    """What choosing the best cut adds by chance.

    Parameters
    ----------
    figure : str
        Name of the figure of merit.
    noise, noise_error : float
        Mean, with its error from the number of toys, of the largest value in toys without signal: the signal is a
        bootstrap of the background minus the background, 0 at every cut on average.
    noise_95 : float
        Only one toy in twenty without signal exceeds this.
    bias, bias_error : float
        By how much the value at the chosen cut is too high on the events on which it was chosen, with its error: mean over
        bootstraps of signal and background of what the bootstrap's own best cut t gains there on the best cut t0 of all
        events, plus what it loses on all events, ``Z*(t) - Z*(t0) + Z(t0) - Z(t)``.
    n_toys, n_cuts : int
        Number of toys of each kind, and of cuts that they are scanned at.
    n_not_computable : int
        Toys, of both kinds, in which no cut was computable; they are left out.
    """

    figure: str
    noise: float
    noise_error: float
    noise_95: float
    bias: float
    bias_error: float
    n_toys: int
    n_cuts: int
    n_not_computable: int

    def to_dict(self) -> dict[str, str | float | int | None]:
        """Return the numbers as plain JSON types; what is not computable is null."""
        numbers = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in numbers.items()
        }


def optimum_bias(
    y_true: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    figure: str | FigureOfMerit = "z_a_sigma_b",
    min_effective: float = 40.0,
    n_toys: int = 200,
    seed: int | np.random.SeedSequence = 0,
    event: ArrayLike | None = None,
    sample: ArrayLike | None = None,
    full_sums: ArrayLike | None = None,
    full_squares: ArrayLike | None = None,
) -> OptimumBias:
    """Largest significance that comes out by choosing the best cut where there is no signal, and what the choice adds.

    Parameters
    ----------
    y_true, score, weight, event, sample, full_sums, full_squares : array-like
        As :func:`hepml.evaluation.significance_scan`: the events on which the cut is chosen.
    figure : str or FigureOfMerit
        What is made largest.
    min_effective : float
        Fewest effective background events behind a best cut, as :func:`hepml.evaluation.significance_scan` has it.
    n_toys : int
        Number of toys of each kind.
    seed : int or numpy.random.SeedSequence
        Of the toys.

    Returns
    -------
    OptimumBias
        Means and a quantile over the toys.

    Raises
    ------
    EmptyClassError, InvalidInputError, UnknownNameError, WeightError
        As :func:`hepml.evaluation.significance_scan`.

    Notes
    -----
    Multiplier bootstrap (A. van der Vaart, J. Wellner, *Weak Convergence and Empirical Processes* (1996), chapter 2.9):
    between neighbours of up to 200 cuts, each class's sum is moved by a normal number of its own variance. Rows of one event
    are taken as one where they lie between the same cuts.
    """
    chosen = figure_of_merit(figure)
    # what may be chosen; the value at a cut that was chosen needs no more than the figure itself
    strict = replace(chosen, min_effective=max(min_effective, chosen.min_effective))
    if n_toys < 2:
        msg = f"n_toys={n_toys!r}: a mean and its error need at least 2 toys"
        raise InvalidInputError(msg)
    given = ScaledEvents.check(
        y_true, score, weight, event, sample=sample, full_sums=full_sums, full_squares=full_squares
    )
    scaled, rows, _ = sorted_by_score(given)
    cuts = spread_cuts(rows.last.size, _MAX_CUTS)
    nominal = yields_at_cuts(scaled, rows, cuts)
    signal_sigma, background_sigma = (
        _sigma_between(scaled, rows.last[cuts], signal=signal) for signal in (True, False)
    )
    generator = np.random.default_rng(seed)

    def moved(values: Floats, sigma: Floats) -> Floats:
        return values + np.cumsum(generator.normal(size=(n_toys, sigma.size)) * sigma, axis=1)

    no_signal = moved(np.zeros_like(nominal.signal), background_sigma)
    noise, _ = _largest(strict, _toys(nominal, no_signal, moved(nominal.background, background_sigma)))
    signal, background = moved(nominal.signal, signal_sigma), moved(nominal.background, background_sigma)
    toys = _toys(nominal, signal, background)
    largest, place = _largest(strict, toys)
    allowed = strict.values(nominal)
    if np.isnan(allowed).all():
        msg = f"no cut has a positive background of {strict.min_effective:g} effective events: nothing can be chosen"
        raise InvalidInputError(msg)
    best = int(np.nanargmax(allowed))
    values, in_toys = chosen.values(nominal), chosen.values(toys)[:, best]
    shift = largest - in_toys + values[best] - values[place]
    noise_found, shift_found = noise[np.isfinite(noise)], shift[np.isfinite(shift)]
    noise_mean, noise_error = _mean(noise_found)
    bias, bias_error = _mean(shift_found)
    return OptimumBias(
        figure=chosen.name,
        noise=noise_mean,
        noise_error=noise_error,
        noise_95=float(np.quantile(noise_found, 0.95)) if noise_found.size else math.nan,
        bias=bias,
        bias_error=bias_error,
        n_toys=n_toys,
        n_cuts=int(cuts.size),
        n_not_computable=2 * n_toys - int(noise_found.size + shift_found.size),
    )


def _sigma_between(scaled: ScaledEvents, last: Indices, *, signal: bool) -> Floats:
    """Return the square root of a class's sum of squared weights between neighbouring cuts, given by their last rows."""
    factor = np.zeros(int(scaled.sample.max()) + 1)
    for sample in scaled.samples:
        factor[sample.number] = sample.factor if sample.is_signal == signal else 0.0
    weight = scaled.events.weight * factor[scaled.sample]
    interval = np.repeat(np.arange(last.size), np.diff(last, prepend=-1))
    interval = np.append(interval, np.full(weight.size - interval.size, last.size))
    if scaled.events.event is not None:
        key, inverse = np.unique(scaled.events.event * (last.size + 1) + interval, return_inverse=True)
        weight, interval = sums_by(inverse, weight), key % (last.size + 1)
    return np.sqrt(sums_by(interval, np.square(weight), last.size + 1)[: last.size])


def _toys(nominal: Yields, signal: Floats, background: Floats) -> Yields:
    """Return yields of shape (n_toys, n_cuts); the background's variance moves with it, as for events of one weight."""
    positive = nominal.background > 0
    scale = np.where(positive, background / np.where(positive, nominal.background, 1.0), 1.0)
    scale = np.maximum(scale, 0.0)
    return replace(
        nominal,
        signal=signal,
        background=background,
        background_squares=scale * nominal.background_squares,
        background_variance=scale * nominal.background_variance,
    )


def _largest(figure: FigureOfMerit, toys: Yields) -> tuple[Floats, NDArray[np.int64]]:
    """Largest value of each toy, NaN if there is none, and the number of its cut."""
    values = figure.values(toys)
    values = np.where(np.isfinite(values), values, -np.inf)
    place = np.argmax(values, axis=1)
    largest = np.take_along_axis(values, place[:, np.newaxis], axis=1)[:, 0]
    return np.where(np.isfinite(largest), largest, np.nan), place


def _mean(values: Floats) -> tuple[float, float]:
    if values.size < 2:
        return math.nan, math.nan
    return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(values.size)
