"""Densities of TMVA: a histogram in a weights file, smoothed, interpolated, and tabulated in 10000 bins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Self

import numpy as np
from scipy.interpolate import CubicSpline, make_interp_spline

from hepml.errors import ModelFormatError
from hepml.tmva.axis import centres_of, find_bins
from hepml.tmva.kernels import Kernels
from hepml.tmva.setup import number, whole_number
from hepml.transforms.smoothing import smoothed

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Pdf", "spending"]

# PDF::fgNbin_PdfHist and PDF::fgEpsilon
_N_BINS = 10_000
_SMALLEST = 1e-12
_MOST_BINS = 1_000_000
_MOST_SMOOTHING = 200
# bins times passes; a pass costs as much as 500 bins at least
_MOST_SMOOTHED, _BINS_OF_A_PASS = 2_000_000, 500
# PDF::EInterpolateMethod
_KERNELS = 5
# error functions of all densities of a method: a second of them, twelve times as many as eight variables of 500 bins need
_MOST_WORK = 150_000_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Pdf:
    """A density.

    Parameters
    ----------
    low, high : float
        Where it begins and ends.
    contents : ndarray of float32, shape (n_bins,)
        Density in bins of equal width.
    interpolates : bool
        Whether it is interpolated between the centres of bins; not for discrete variables (Spline0).
    """

    low: float
    high: float
    contents: NDArray[np.float32]
    interpolates: bool

    @classmethod
    def from_element(cls, element: Element, source: str, spend: Callable[[float], None] | None = None) -> Self:
        """Read a ``PDF``.

        Parameters
        ----------
        element : Element
            It.
        source : str
            What to call the file in messages.
        spend : callable, optional
            Of :func:`spending`, shared by densities that together may cost no more than that. Default: its own.

        Raises
        ------
        ModelFormatError
            If it is damaged, of a kind that is not read (bins of unequal width), or would cost too much.
        """
        histogram = element.find("Histogram")
        method = whole_number(element, "InterpolMethod", source)
        if histogram is None or method not in (*_INTERPOLATIONS, _KERNELS):
            _refuse(source, f"it has no histogram, or is interpolated by method {method} (known: 0 to {_KERNELS})")
        contents, low, high = _histogram(histogram, source)
        interpolate, least = _INTERPOLATIONS.get(method, (None, 2))
        if len(contents) < least:
            _refuse(source, f"its histogram has {len(contents)} bins, and needs {least} to be interpolated")
        if method == _KERNELS:
            kernels = _kernels(element, source)
            table = kernels.estimate(contents, low, high, _N_BINS, spend or spending(source))
        else:
            table = _smoothed(contents, element, source)
        if interpolate is not None:
            table = _tabulated(table, low, high, interpolate)
        total = np.add.accumulate(table.astype(np.float64))[-1] * (high - low) / len(table)
        if not (total > 0.0 and math.isfinite(total)):
            _refuse(source, "it integrates to nothing")
        return cls(low, high, (table * (1.0 / total)).astype(np.float32), method != 0)

    def value(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the density, at least 1e-12, float64 of the shape of ``x`` (``PDF::GetVal``)."""
        points = np.asarray(x, dtype=np.float64)
        place = np.clip(find_bins(points, len(self.contents), self.low, self.high), 1, len(self.contents))
        here = np.maximum(self._at(points, place, interpolates=self.interpolates), _SMALLEST)
        return np.where(np.isnan(points), np.nan, here)

    def plain_value(self, x: NDArray[np.float64], *, interpolates: bool) -> NDArray[np.float64]:
        """Return the density without a least value, and beyond its ends interpolated to 0 (``MethodLikelihood``)."""
        return self._at(x, find_bins(x, len(self.contents), self.low, self.high), interpolates=interpolates)

    def _at(self, x: NDArray[np.float64], place: NDArray[np.int64], *, interpolates: bool) -> NDArray[np.float64]:
        """Interpolate between the bins at places from 0 to ``n_bins + 1``."""
        n_bins = len(self.contents)
        content = np.concatenate([[0.0], self.contents.astype(np.float64), [0.0]])
        here = content[place]
        if not interpolates:
            return here
        centre = centres_of(place, n_bins, self.low, self.high)
        up = ((x > centre) & (place != n_bins)) | (place == 1)
        beside = np.where(up, place + 1, place - 1)
        step = centre - centres_of(beside, n_bins, self.low, self.high)
        result: NDArray[np.float64] = here + (x - centre) * (here - content[np.clip(beside, 0, n_bins + 1)]) / step
        return result

    def integral(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the integral from the low end to ``x``, float64 of its shape (``PDF::GetIntegral``)."""
        points = np.asarray(x, dtype=np.float64)
        n_bins = len(self.contents)
        last = np.minimum(find_bins(points, n_bins, self.low, self.high), n_bins)
        width = (self.high - self.low) / n_bins
        # widths are in single precision
        content = self.contents.astype(np.float64)
        below = np.concatenate([[0.0], np.add.accumulate(content * float(np.float32(width)))])
        edge = self.low + (last - 1) * width
        part = np.maximum(points - edge, 0.0).astype(np.float32).astype(np.float64)
        whole = below[np.maximum(last - 1, 0)] + content[np.maximum(last - 1, 0)] * part
        # the first bin counts as a whole
        whole = np.where(last == 1, below[1], whole)
        return np.where(np.isnan(points), np.nan, np.where(last < 1, 0.0, whole))


def spending(source: str) -> Callable[[float], None]:
    """Return what counts the error functions of kernels, and refuses a file that needs too many."""
    total = 0.0

    def spend(work: float) -> None:
        nonlocal total
        total += work
        if not total <= _MOST_WORK:
            _refuse(source, f"its kernels need more than {_MOST_WORK:.2g} error functions: fewer bins would do")

    return spend


def _refuse(source: str, problem: str) -> NoReturn:
    msg = f"{source}: a density cannot be read: {problem}"
    raise ModelFormatError(msg)


def _histogram(element: Element, source: str) -> tuple[NDArray[np.float32], float, float]:
    if element.get("HasEquidistantBins") != "1":
        _refuse(source, "its bins are of unequal width")
    n_bins = whole_number(element, "NBins", source, most=_MOST_BINS)
    low, high = number(element, "XMin", source), number(element, "XMax", source)
    try:
        with np.errstate(over="ignore"):
            contents = np.array((element.text or "").split(), dtype=np.float64).astype(np.float32)
    except ValueError:
        _refuse(source, "a content of its histogram is not a number")
    finite = math.isfinite(low) and math.isfinite(high - low) and np.isfinite(contents).all()
    if len(contents) != n_bins or n_bins < 1 or not finite or not low < high:
        _refuse(
            source,
            f"its histogram has {len(contents)} of {n_bins} bins, or one that is not finite, from {low} to {high}",
        )
    return contents, low, high


def _smoothed(contents: NDArray[np.float32], element: Element, source: str) -> NDArray[np.float32]:
    """Smooth as often as ``PDF::SmoothHistogram`` does."""
    least = whole_number(element, "MinNSmooth", source, most=_MOST_SMOOTHING)
    most = whole_number(element, "MaxNSmooth", source, most=_MOST_SMOOTHING)
    if most <= 0 or least < 0 or len(contents) == 1:
        return contents
    if most < least:
        _refuse(source, f"it is smoothed at least {least} and at most {most} times")
    passes = _n_passes(contents, least, most)
    if passes > 1 and passes * (len(contents) + _BINS_OF_A_PASS) > _MOST_SMOOTHED:
        _refuse(source, f"it is smoothed {passes} times in {len(contents)} bins (together at most {_MOST_SMOOTHED})")
    return smoothed(contents, passes)


def _n_passes(contents: NDArray[np.float32], least: int, most: int) -> int:
    """Return how often the histogram is smoothed if the wanted number depends on the bin.

    Bins of larger relative errors are smoothed more often. TMVA finds the ranges of such bins, but smooths the whole
    histogram for each of them, and once more than the least number asks for.
    """
    if most == least:
        return least
    single = np.float32
    content = contents.astype(np.float64)
    error = np.sqrt(np.abs(content))
    precise = content > error
    if not precise.any():
        wanted = np.full(len(contents), most)
    else:
        relative = np.where(precise, error / np.where(precise, content, 1.0), 0.0).astype(single)
        mean = np.add.accumulate(relative, dtype=single)[-1] / single(precise.sum())
        square = np.add.accumulate(relative * relative, dtype=single)[-1] / single(precise.sum())
        spread = single(math.sqrt(max(float(square - mean * mean), 0.0)))
        low, high = mean - spread, mean + spread
        if high > low:
            share = np.clip((relative - low) / (high - low) * single(most - least), -1e6, 1e6)
            wanted = np.where(precise, np.trunc(share).astype(np.int64) + least, most)
        else:
            wanted = np.where(precise, least, most)
    wanted = np.clip(wanted, least, most)
    passes = least + 1
    for level in range(least + 1, most + 1):
        inside = np.concatenate([[False], wanted >= level])
        ends = np.flatnonzero(inside[:-1] & ~inside[1:])
        # single bins and the range that ends with the histogram do not count
        passes += int((inside[ends - 1] & inside[ends]).sum())
    return passes


def _kernels(element: Element, source: str) -> Kernels:
    kind, iteration, border = (whole_number(element, f"KDE_{name}", source) for name in ("type", "iter", "border"))
    factor = number(element, "KDE_finefactor", source)
    if kind != 1 or iteration not in {1, 2} or border not in {1, 2, 3} or not 0.0 < factor < math.inf:
        _refuse(source, f"its kernel is of type {kind}, iteration {iteration}, border {border}, fine factor {factor}")
    return Kernels(iteration == 2, border, factor)


def _tabulated(
    contents: NDArray[np.float32],
    low: float,
    high: float,
    interpolate: Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]], NDArray[np.float64]],
) -> NDArray[np.float32]:
    """Fill 10000 bins (``PDF::FillSplineToHist``)."""
    x = centres_of(np.arange(1, _N_BINS + 1), _N_BINS, low, high)
    centres = centres_of(np.arange(1, len(contents) + 1), len(contents), low, high)
    y = interpolate(x, centres, contents)
    # splines may fall to nothing where slopes are steep
    place = find_bins(x, len(contents), low, high) - 1
    y = np.where(y <= _SMALLEST, contents[place], y)
    return np.maximum(y, _SMALLEST).astype(np.float32)


def _linear(x: NDArray[np.float64], centres: NDArray[np.float64], contents: NDArray[np.float32]) -> NDArray[np.float64]:
    y = contents.astype(np.float64)
    place = np.maximum(np.searchsorted(centres, x, side="right") - 1, 0)
    up = ((x > centres[place]) & (place != len(centres) - 1)) | (place == 0)
    beside = np.where(up, place + 1, place - 1)
    return y[place] + (x - centres[place]) * (y[place] - y[beside]) / (centres[place] - centres[beside])


def _quadratic(
    x: NDArray[np.float64], centres: NDArray[np.float64], contents: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the mean of the parabolas through three points on either side (``TSpline2::Eval``)."""
    n_points = len(centres)
    place = np.clip(np.searchsorted(centres, x, side="right") - 1, 0, n_points - 1)
    at_end = place >= n_points - 2
    # where there is one parabola only, both are the same
    first = np.where(place == 0, 0, np.where(at_end, n_points - 3, place - 1))
    second = np.where((place == 0) | at_end, first, first + 1)
    arguments = x.astype(np.float32), centres.astype(np.float32), contents
    return np.where(
        first == second,
        _parabola(first, *arguments),
        (_parabola(first, *arguments) + _parabola(np.minimum(second, n_points - 3), *arguments)) * 0.5,
    )


def _parabola(
    start: NDArray[np.int64], x: NDArray[np.float32], centres: NDArray[np.float32], contents: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the parabolas through three points from ``start`` on, rounded as ``TSpline2::Quadrax`` does."""
    x1, x2, x3 = (centres[start + step] for step in range(3))
    y1, y2, y3 = (contents[start + step] for step in range(3))
    a = y1 * (x2 - x3) + y2 * (x3 - x1) + y3 * (x1 - x2)
    b = y1 * (x2 * x2 - x3 * x3) + y2 * (x3 * x3 - x1 * x1) + y3 * (x1 * x1 - x2 * x2)
    c = y1 * (x2 - x3) * x2 * x3 + y2 * (x3 - x1) * x3 * x1 + y3 * (x1 - x2) * x1 * x2
    scale = (x2 - x3) * (x3 - x1) * (x1 - x2)
    top = (-a) * x * x + b * x - c
    result: NDArray[np.float32] = np.divide(top, scale, out=np.zeros_like(top), where=scale != 0)
    return result.astype(np.float64)


def _cubic(x: NDArray[np.float64], centres: NDArray[np.float64], contents: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cubic spline without knots at the second and last but one point (``TSpline3``)."""
    result: NDArray[np.float64] = CubicSpline(centres, contents.astype(np.float64))(x)
    return result


def _quintic(
    x: NDArray[np.float64], centres: NDArray[np.float64], contents: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the natural quintic spline, beyond the last point its parabola (``TSpline5``)."""
    natural = [(3, 0.0), (4, 0.0)]
    # knots of distance 1 keep the equations solvable for axes of any length
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    knots = np.arange(len(centres), dtype=np.float64)
    spline = make_interp_spline(knots, contents.astype(np.float64), k=5, bc_type=(natural, natural))
    position = (x - centres[0]) / step
    end = knots[-1]
    beyond = position - end
    parabola = spline(end) + beyond * (spline(end, 1) + beyond * (0.5 * spline(end, 2)))
    result: NDArray[np.float64] = np.where(beyond >= 0.0, parabola, spline(np.minimum(position, end)))
    return result


# by PDF::EInterpolateMethod, and how many bins each needs; None leaves the histogram as it is
_INTERPOLATIONS = {0: (None, 1), 1: (_linear, 2), 2: (_quadratic, 3), 3: (_cubic, 3), 4: (_quintic, 6)}
