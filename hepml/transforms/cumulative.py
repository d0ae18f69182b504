"""Cumulative distributions of variables, as TMVA tabulates, interpolates and writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from hepml.transforms.markup import attribute_number, digits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.transforms.markup import Source

__all__ = ["Cumulative"]

# bins of the table between which TMVA interpolates (PDF::fgNbin_PdfHist), and its smallest content
_N_TABLE = 10_000
_SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Cumulative:
    """A cumulative distribution: a histogram whose contents rise to one.

    TMVA interpolates linearly between its bin centres, tabulates that in 10000 equal bins in single precision, and
    interpolates linearly again, or extrapolates, between the centres of these.

    Parameters
    ----------
    name, histogram : str
        What TMVA calls it, and its histogram.
    contents : ndarray of float32, shape (n_bins,)
        Share of events below the upper edge.
    edges : ndarray of float64, shape (n_bins + 1,)
        Bin edges; two may be equal.
    limits : tuple of float
        First and last edge, with all their digits.
    interpolates : bool
        False if contents are used as they are (``Spline0``).
    """

    name: str
    histogram: str
    contents: NDArray[np.float32]
    edges: NDArray[np.float64]
    limits: tuple[float, float]
    interpolates: bool = True

    @classmethod
    def from_xml(cls, pdf: Element, source: Source) -> Self:
        """Read a ``PDF``."""
        histogram = source.child(pdf, "Histogram")
        interpolation = source.count(pdf, "InterpolMethod")
        if interpolation > 1 or source.count(pdf, "MaxNSmooth") or source.count(pdf, "MinNSmooth"):
            source.fail(f"a cumulative distribution is of kind {interpolation}, or smoothed: TMVA writes none such")
        n_bins = source.count(histogram, "NBins")
        contents = source.numbers(histogram, n_bins).astype(np.float32)
        limits = source.number(histogram, "XMin"), source.number(histogram, "XMax")
        if source.count(histogram, "HasEquidistantBins"):
            steps = np.arange(n_bins + 1, dtype=np.float64)
            edges = limits[0] + (limits[1] - limits[0]) / max(n_bins, 1) * steps
        else:
            binning = source.child(pdf, "HistogramBinning")
            if source.count(binning, "NBins") != n_bins:
                source.fail(f"a histogram has {n_bins} bins, and edges of {binning.get('NBins')}")
            edges = source.numbers(binning, n_bins + 1)
        found = cls(pdf.get("Name", ""), histogram.get("Name", ""), contents, edges, limits, bool(interpolation))
        if problem := found.problem():
            source.fail(f"the cumulative distribution {found.histogram[:60]!r} {problem}")
        return found

    def problem(self) -> str:
        """Return why it cannot be evaluated, or nothing."""
        if len(self.contents) < 2:
            return f"has {len(self.contents)} bins, fewer than two"
        if (np.diff(self.contents) < 0).any() or not (self.contents[0] >= 0 and self.contents[-1] <= 2):
            return "does not rise from 0 to 1"
        # a bin may have no width, but not two beside each other
        if (np.diff(self.edges) < 0).any() or (np.diff(self.centres) <= 0).any():
            return "has edges that do not rise"
        # with that, the table's centres differ and all that is computed from them is finite
        largest = np.abs(self.edges).max()
        fits = largest < 1e100 and self.edges[-1] - self.edges[0] > max(1e-10 * largest, 1e-100)
        return "" if fits else "has edges that are too large or too close"

    @property
    def centres(self) -> NDArray[np.float64]:
        """Centres of the bins."""
        return self.edges[:-1] + 0.5 * (self.edges[1:] - self.edges[:-1])

    def evaluate(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the cumulative distribution, not clipped above; see ``PDF::GetVal``."""
        values = x.astype(np.float64)
        if not self.interpolates:
            level: NDArray[np.float64] = self.contents.astype(np.float64)[self._bin(values)]
            level[np.isnan(values)] = np.nan
            return np.maximum(level, _SMALLEST)
        place = _N_TABLE * (values - self.edges[0]) / (self.edges[-1] - self.edges[0])
        bins = np.fmin(np.fmax(place, 0.0), _N_TABLE - 1.0).astype(np.intp)
        centre = self._table_centre(bins)
        upwards = ((values > centre) & (bins != _N_TABLE - 1)) | (bins == 0)
        neighbour = np.where(upwards, bins + 1, bins - 1)
        if 2 * len(values) < _N_TABLE:
            level, beside = self._table(bins), self._table(neighbour)
        else:
            table = self._table(np.arange(_N_TABLE))
            level, beside = table[bins], table[neighbour]
        slope = (level - beside) / (centre - self._table_centre(neighbour))
        return np.maximum(level + (values - centre) * slope, _SMALLEST)

    def invert(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where the distribution has this value; see ``PDF::GetValInverse``."""
        if self.interpolates:
            n_bins = _N_TABLE
            table = self._table(np.arange(n_bins))
        else:
            n_bins = len(self.contents)
            table = self.contents.astype(np.float64)
        # TMVA counts bins from 1 and never looks at the last; what lies before the first or in the last counts as 0
        padded = np.concatenate([[0.0], table[:-1], [0.0]])
        lower = np.searchsorted(table[:-1], level, side="right")
        below, above = padded[lower], padded[lower + 1]
        length = above - below
        rising = length > 1e-10
        fraction = np.where(rising, (level - below) / np.where(rising, length, 1.0), below)
        if self.interpolates:
            left, right = self._table_centre(lower - 1), self._table_centre(lower)
        else:
            width = (self.edges[-1] - self.edges[0]) / n_bins
            centres = np.concatenate([[self.edges[0] - 0.5 * width], self.centres])
            left, right = centres[lower], centres[lower + 1]
        return left + (right - left) * fraction

    def to_xml(self) -> Element:
        """Return its ``PDF``."""
        settings = {"Name": self.name, "MinNSmooth": "0", "MaxNSmooth": "0"}
        settings["InterpolMethod"] = str(int(self.interpolates))
        kernel = {"KDE_type": "0", "KDE_iter": "1", "KDE_border": "1", "KDE_finefactor": attribute_number(0.0)}
        pdf = Element("PDF", {**settings, **kernel})
        n_bins = str(len(self.contents))
        limits = {"XMin": attribute_number(self.limits[0]), "XMax": attribute_number(self.limits[1])}
        names = {"Name": self.histogram, "NBins": n_bins, **limits, "HasEquidistantBins": "0"}
        SubElement(pdf, "Histogram", names).text = digits(self.contents)
        SubElement(pdf, "HistogramBinning", NBins=n_bins).text = digits(self.edges)
        return pdf

    def _bin(self, x: NDArray[np.float64]) -> NDArray[np.intp]:
        found: NDArray[np.intp] = np.searchsorted(self.edges, x, side="right") - 1
        return found.clip(0, len(self.contents) - 1)

    def _table_centre(self, bins: NDArray[np.intp]) -> NDArray[np.float64]:
        width = (self.edges[-1] - self.edges[0]) / _N_TABLE
        centres: NDArray[np.float64] = self.edges[0] + bins * width + 0.5 * width
        return centres

    def _table(self, bins: NDArray[np.intp]) -> NDArray[np.float64]:
        """Contents of TMVA's table: ``TSpline1::Eval`` at its bin centres, in single precision."""
        x = self._table_centre(bins)
        centres, contents = self.centres, self.contents.astype(np.float64)
        nearest = np.maximum(np.searchsorted(centres, x, side="right") - 1, 0)
        last = len(centres) - 1
        upwards = ((x > centres[nearest]) & (nearest != last)) | (nearest == 0)
        other = np.where(upwards, nearest + 1, nearest - 1)
        rise = (x - centres[nearest]) * (contents[nearest] - contents[other])
        level = contents[nearest] + rise / (centres[nearest] - centres[other])
        level = np.where(level <= _SMALLEST, contents[self._bin(x)], level)
        single = np.maximum(level, _SMALLEST).astype(np.float32)
        return single.astype(np.float64)
