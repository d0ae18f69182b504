"""Kernel estimates of densities from finely binned histograms, with the roundings of TMVA's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.axis import centres_of
from hepml.tmva.kernel_sum import REACH, add_kernels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Kernels"]

# KDEKernel::EKernelBorder
_MIRRORED = 3
# what a kernel costs beside its error functions, in units of one
_OVERHEAD = 20.0


@dataclass(frozen=True, slots=True)
class Kernels:
    """How a kernel is put into each bin of a histogram: functions erf, which are Gaussian in form.

    Parameters
    ----------
    adaptive : bool
        Whether kernels are wider where a first estimate is low.
    border : {1, 2, 3}
        At the ends of the axis nothing, kernels normalised within it, or bins near them mirrored.
    fine_factor : float
        Factor of the width of adaptive kernels.
    """

    adaptive: bool
    border: int
    fine_factor: float

    def estimate(
        self,
        contents: NDArray[np.float32],
        low: float,
        high: float,
        n_bins: int,
        spend: Callable[[float], None] | None = None,
    ) -> NDArray[np.float32]:
        r"""Return the estimate in bins of equal width, not normalised.

        Parameters
        ----------
        contents : ndarray of float32, shape (n_contents,)
            The histogram. Its last bin is not used.
        low, high : float
            Ends of its axis.
        n_bins : int
            Number of bins of the estimate. The last one stays empty.
        spend : callable, optional
            Is told how many error functions are about to be computed, and may raise.

        Returns
        -------
        ndarray of float32, shape (n_bins,)
            Integrals of the kernels; NaN if no width can be computed from the histogram.

        Notes
        -----
        D. W. Scott, Multivariate density estimation (1992), gives the width
        :math:`\sqrt{2} (4/3)^{1/5} \mathrm{rms} N^{-1/5}`. ``PDF::BuildKDEPDF``, ``KDEKernel::SetKernelType``.
        """
        width = _scott_width(contents, low, high)
        if not width > 0.0:
            return np.full(n_bins, np.nan, dtype=np.float32)
        widths = np.full(len(contents), width)
        if self.adaptive:
            first = self._sum(contents, low, high, len(contents), widths, spend)
            bin_width = (high - low) / len(contents)
            # TMVA rounds the sum to single precision after each bin
            total = np.float32(0.0)
            for content in first[:-1].tolist():
                total = np.float32(float(total) + content * bin_width)
            with np.errstate(divide="ignore", invalid="ignore"):
                first = (first * (1.0 / np.float64(total))).astype(np.float32)
                narrow = float(np.float32(np.float32(self.fine_factor) * np.float32(width)))
                widths = (narrow / np.sqrt(first.astype(np.float64))).astype(np.float32).astype(np.float64)
        return self._sum(contents, low, high, n_bins, widths, spend)

    def _sum(  # noqa: PLR0917  (a histogram, its axis, the bins to fill, and the kernels)
        self,
        contents: NDArray[np.float32],
        low: float,
        high: float,
        n_bins: int,
        widths: NDArray[np.float64],
        spend: Callable[[float], None] | None,
    ) -> NDArray[np.float32]:
        if spend is not None:
            used = np.flatnonzero(contents[:-1])
            share = np.minimum(np.nan_to_num(2.0 * REACH * widths[used] / (high - low), nan=1.0), 1.0)
            spend(float((share * n_bins + _OVERHEAD).sum()) * (2.0 if self.border == _MIRRORED else 1.0))
        edges = _single(low + np.arange(n_bins, dtype=np.float64) * ((high - low) / n_bins))
        n_contents = len(contents)
        centres = centres_of(np.arange(1, n_contents + 1), n_contents, low, high)
        ends = _single(np.array([low, low + (n_bins - 1) * ((high - low) / n_bins) + (high - low) / n_bins]))
        result = np.zeros(n_bins, dtype=np.float32)
        add_kernels(np.ascontiguousarray(contents, dtype=np.float32), widths, centres, self.border, edges, ends, result)
        return result


def _scott_width(contents: NDArray[np.float32], low: float, high: float) -> float:
    weight = contents.astype(np.float64)
    x = centres_of(np.arange(1, len(contents) + 1), len(contents), low, high)
    total, first, second = (np.add.accumulate(weight * power)[-1] for power in (np.ones_like(x), x, x * x))
    if not total > 0.0:
        return math.nan
    mean = first / total
    rms = math.sqrt(abs(second / total - mean * mean))
    return float(np.float32(math.sqrt(2.0) * math.pow(4.0 / 3.0, 0.2) * rms * math.pow(total, -0.2)))


def _single(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x.astype(np.float32).astype(np.float64)
