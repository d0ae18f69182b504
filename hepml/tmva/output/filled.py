"""Histograms filled as ROOT fills them, in its order and precision, and handed to uproot to be written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["BinnedAxis", "Filled"]


@dataclass(frozen=True, slots=True)
class BinnedAxis:
    """Bins of equal width.

    Parameters
    ----------
    n_bins : int
        Number of bins between both ends.
    low, high : float
        The ends.
    title : str
        Title.
    labels : tuple of str
        Labels of the bins, or none.
    """

    n_bins: int
    low: float
    high: float
    title: str = ""
    labels: tuple[str, ...] = ()

    def find(self, values: Floats) -> NDArray[np.int64]:
        """Return ``TAxis::FindBin``: 0 below, ``n_bins + 1`` from the upper end on, and for NaN."""
        below, inside = values < self.low, values < self.high
        scaled = self.n_bins * (np.where(inside & ~below, values, self.low) - self.low) / (self.high - self.low)
        bins = 1 + scaled.astype(np.int64)
        bins[below] = 0
        bins[~inside] = self.n_bins + 1
        return bins

    @property
    def width(self) -> float:
        """Width of a bin."""
        return (self.high - self.low) / self.n_bins


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A histogram of one or two axes, or a profile, as ROOT would hold it.

    Parameters
    ----------
    axes : tuple of BinnedAxis
        One or two.
    title : str
        Its title.
    content : ndarray of float32 or float64
        With the bins beyond the ends, in ROOT's order: x runs fastest. Of a profile sums of weight times y.
    sumw2 : ndarray of float64 or None
        Sums of squared weights; of a profile sums of weight times y squared.
    n_entries : float
        Number of calls of ``Fill``.
    sums : tuple of float
        ROOT's running sums: of w, w², w x, w x², and of two variables w y, w y² (and w x y).
    value_title : str
        Title of the axis of contents.
    bin_weight, bin_weight2 : ndarray of float64 or None
        Of a profile: sums of weights and, if any is not 1, of their squares.
    """

    axes: tuple[BinnedAxis, ...]
    title: str
    content: NDArray[Any]
    sumw2: Floats | None
    n_entries: float
    sums: tuple[float, ...]
    value_title: str = ""
    bin_weight: Floats | None = None
    bin_weight2: Floats | None = None

    @classmethod
    def of(
        cls, axis: BinnedAxis, title: str, values: Floats, weight: Floats, dtype: DTypeLike, *, errors: bool = False
    ) -> Filled:
        """Fill one axis; squares of weights are kept if ``errors``, or if any weight is not 1 as ROOT does since 6.00."""
        bins = axis.find(values)
        size = axis.n_bins + 2
        inside = (bins > 0) & (bins <= axis.n_bins)
        x, w = values[inside], weight[inside]
        return cls(
            axes=(axis,),
            title=title,
            content=_added(bins, weight, size, dtype),
            sumw2=_added(bins, weight * weight, size, np.float64) if errors or (weight != 1.0).any() else None,
            n_entries=float(values.size),
            sums=(_sum(w), _sum(w * w), _sum(w * x), _sum(w * x * x)),
        )

    @classmethod
    def plane(cls, axes: tuple[BinnedAxis, BinnedAxis], title: str, x: Floats, y: Floats, weight: Floats) -> Filled:
        """Fill two axes, in single precision."""
        bins_x, bins_y = axes[0].find(x), axes[1].find(y)
        stride = axes[0].n_bins + 2
        bins, size = bins_y * stride + bins_x, stride * (axes[1].n_bins + 2)
        inside = (bins_x > 0) & (bins_x <= axes[0].n_bins) & (bins_y > 0) & (bins_y <= axes[1].n_bins)
        u, v, w = x[inside], y[inside], weight[inside]
        return cls(
            axes=axes,
            title=title,
            content=_added(bins, weight, size, np.float32),
            sumw2=_added(bins, weight * weight, size, np.float64) if (weight != 1.0).any() else None,
            n_entries=float(x.size),
            sums=tuple(_sum(part) for part in (w, w * w, w * u, w * u * u, w * v, w * v * v, w * u * v)),
        )

    @classmethod
    def profile(cls, axis: BinnedAxis, title: str, x: Floats, y: Floats, weight: Floats) -> Filled:
        """Fill means of y along an axis."""
        bins = axis.find(x)
        size = axis.n_bins + 2
        inside = (bins > 0) & (bins <= axis.n_bins)
        u, v, w = x[inside], y[inside], weight[inside]
        return cls(
            axes=(axis,),
            title=title,
            content=_added(bins, weight * y, size, np.float64),
            sumw2=_added(bins, weight * y * y, size, np.float64),
            n_entries=float(x.size),
            sums=tuple(_sum(part) for part in (w, w * w, w * u, w * u * u, w * v, w * v * v)),
            bin_weight=_added(bins, weight, size, np.float64),
            bin_weight2=_added(bins, weight * weight, size, np.float64) if (weight != 1.0).any() else None,
        )

    def scaled(self, factor: float) -> Filled:
        """Return ``TH1::Scale``."""
        sums = (factor * self.sums[0], factor * factor * self.sums[1], *(factor * value for value in self.sums[2:]))
        sumw2 = np.abs(self.content.astype(np.float64)) if self.sumw2 is None else self.sumw2
        content = (factor * self.content.astype(np.float64)).astype(self.content.dtype)
        return replace(self, content=content, sumw2=sumw2 * (factor * factor), sums=sums)

    def normalised(self) -> Filled:
        """Return a density (``TMVA::Tools::NormHist``); itself where the weights sum to zero or less."""
        axis = self.axes[0]
        area = _sum(self.content[1:-1].astype(np.float64)) * (axis.high - axis.low) / axis.n_bins
        return self.scaled(1.0 / area) if area > 0 else self

    def titled(self, value_title: str) -> Filled:
        """Return it with a title of the axis of contents."""
        return replace(self, value_title=value_title)

    def to_root(self) -> Any:
        """Return it as uproot writes it: ``TH1F``, ``TH1D``, ``TH2F`` or ``TProfile``."""
        from uproot.writing import identify

        axes = [_axis(name, axis) for name, axis in zip(("xaxis", "yaxis"), self.axes, strict=False)]
        last = ("yaxis", "zaxis")[len(axes) - 1]
        axes.append(identify.to_TAxis(fName=last, fTitle=self.value_title, fNbins=1, fXmin=0.0, fXmax=1.0))
        given = {
            "fName": None,
            "fTitle": self.title,
            "data": self.content,
            "fEntries": self.n_entries,
            "fSumw2": self.sumw2,
            **dict(zip(_SUMS, self.sums, strict=False)),
            **dict(zip(("fXaxis", "fYaxis", "fZaxis"), axes, strict=False)),
        }
        if self.bin_weight is not None:
            squares = np.empty(0) if self.bin_weight2 is None else self.bin_weight2
            return identify.to_TProfile(**given, fBinEntries=self.bin_weight, fBinSumw2=squares)
        if len(self.axes) == 1:
            return identify.to_TH1x(**given)
        if self.axes[0].labels:
            given |= {"fMinimum": -100.0, "fMaximum": 100.0, "fMarkerSize": 1.5, "fMarkerColor": 0}
        return identify.to_TH2x(**given)


_SUMS = ("fTsumw", "fTsumw2", "fTsumwx", "fTsumwx2", "fTsumwy", "fTsumwy2", "fTsumwxy")


def _added(bins: NDArray[np.int64], weight: Floats, size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Add weights to bins one by one in the precision of the bins, as ROOT does."""
    if np.dtype(dtype) == np.float64:
        return np.bincount(bins, weights=weight, minlength=size).astype(np.float64, copy=False)
    content = np.zeros(size, dtype=dtype)
    np.add.at(content, bins, weight.astype(dtype))
    return content


def _sum(values: Floats) -> float:
    """Sum one by one."""
    return float(np.cumsum(values)[-1]) if values.size else 0.0


def _axis(name: str, axis: BinnedAxis) -> Any:
    from uproot.writing import identify

    if not axis.labels:
        return identify.to_TAxis(fName=name, fTitle=axis.title, fNbins=axis.n_bins, fXmin=axis.low, fXmax=axis.high)
    labels = [identify.to_TObjString(label) for label in axis.labels]
    for number, label in enumerate(labels):
        label._bases[0]._members["@fUniqueID"] = number + 1  # as uproot does; ROOT finds the bin by it
    return identify.to_TAxis(
        fName=name,
        fTitle=axis.title,
        fNbins=axis.n_bins,
        fXmin=axis.low,
        fXmax=axis.high,
        fLabels=identify.to_THashList(labels),
        fLabelSize=0.055,
        fLabelOffset=0.011 if name == "xaxis" else 0.005,
    )
