"""Densities of TMVA: a histogram in a weights file, smoothed, interpolated, and tabulated in 10000 bins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Self

import numpy as np

from hepml.errors import ModelFormatError
from hepml.tmva.axis import find_bins
from hepml.tmva.setup import number, whole_number
from hepml.transforms.smoothing import smoothed

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Pdf"]

# PDF::fgNbin_PdfHist and PDF::fgEpsilon
_N_BINS = 10_000
_SMALLEST = 1e-12
_MOST_BINS = 1_000_000
_MOST_SMOOTHING = 1000
_LEAST_BINS = 3


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
    def from_element(cls, element: Element, source: str) -> Self:
        """Read a ``PDF``.

        Parameters
        ----------
        element : Element
            It.
        source : str
            What to call the file in messages.

        Raises
        ------
        ModelFormatError
            If it is damaged, or of a kind that is not read: splines of degree 3 and 5, kernels, bins of unequal width.
        """
        histogram = element.find("Histogram")
        method = whole_number(element, "InterpolMethod", source)
        if histogram is None or method not in _INTERPOLATIONS:
            known = ", ".join(map(str, _INTERPOLATIONS))
            _refuse(source, f"it has no histogram, or is interpolated by method {method} (known: {known})")
        contents, low, high = _histogram(histogram, source)
        smooth = _smoothed(contents, element, source)
        interpolate = _INTERPOLATIONS[method]
        table = smooth if interpolate is None else _tabulated(smooth, low, high, interpolate)
        total = np.add.accumulate(table.astype(np.float64))[-1] * (high - low) / len(table)
        if not (total > 0.0 and math.isfinite(total)):
            _refuse(source, "it integrates to nothing")
        return cls(low, high, (table * (1.0 / total)).astype(np.float32), interpolate is not None)

    def value(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the density, at least 1e-12, float64 of the shape of ``x`` (``PDF::GetVal``)."""
        points = np.asarray(x, dtype=np.float64)
        n_bins = len(self.contents)
        place = np.clip(find_bins(points, n_bins, self.low, self.high), 1, n_bins)
        content = self.contents.astype(np.float64)
        here = content[place - 1]
        if self.interpolates and n_bins > 1:
            width = (self.high - self.low) / n_bins
            centre = self.low + (place - 1) * width + 0.5 * width
            up = ((points > centre) & (place != n_bins)) | (place == 1)
            beside = np.where(up, place + 1, place - 1)
            step = centre - (self.low + (beside - 1) * width + 0.5 * width)
            here = here + (points - centre) * (here - content[beside - 1]) / step
        return np.where(np.isnan(points), np.nan, np.maximum(here, _SMALLEST))

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
    if len(contents) != n_bins or n_bins < _LEAST_BINS or not finite or not low < high:
        _refuse(
            source,
            f"its histogram has {len(contents)} of {n_bins} bins, or one that is not finite, from {low} to {high}",
        )
    return contents, low, high


def _smoothed(contents: NDArray[np.float32], element: Element, source: str) -> NDArray[np.float32]:
    """Smooth as often as ``PDF::SmoothHistogram`` does."""
    least = whole_number(element, "MinNSmooth", source, most=_MOST_SMOOTHING)
    most = whole_number(element, "MaxNSmooth", source, most=_MOST_SMOOTHING)
    if most <= 0 or least < 0:
        return contents
    if most != least:
        _refuse(source, f"it is smoothed {least} to {most} times, depending on the bin")
    return smoothed(contents, least)


def _tabulated(
    contents: NDArray[np.float32],
    low: float,
    high: float,
    interpolate: Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]], NDArray[np.float64]],
) -> NDArray[np.float32]:
    """Fill 10000 bins (``PDF::FillSplineToHist``)."""
    width, wide = (high - low) / _N_BINS, (high - low) / len(contents)
    x = low + np.arange(_N_BINS, dtype=np.float64) * width + 0.5 * width
    centres = low + np.arange(len(contents), dtype=np.float64) * wide + 0.5 * wide
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


# by PDF::EInterpolateMethod; None leaves the histogram as it is
_INTERPOLATIONS = {0: None, 1: _linear, 2: _quadratic}
