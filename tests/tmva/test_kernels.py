"""Kernel estimates: closed forms of one bin, and what each treatment of the borders adds."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy.special import erf

from hepml.errors import ModelFormatError
from hepml.tmva.kernel_sum import _SERIES, _erf
from hepml.tmva.kernels import Kernels, _scott_width
from hepml.tmva.pdf import spending


def gaussian(n_bins: int = 200, low: float = -5.0, high: float = 5.0) -> np.ndarray:
    edges = np.linspace(low, high, n_bins + 1)
    return (10_000 * 0.5 * np.diff(erf(edges / math.sqrt(2.0)))).astype(np.float32)


def test_a_gaussian_is_widened_by_the_width_of_scott() -> None:
    width = math.sqrt(2.0) * (4.0 / 3.0) ** 0.2 * 10_000**-0.2
    estimate = Kernels(adaptive=False, border=1, fine_factor=1.0).estimate(gaussian(), -5.0, 5.0, 1000)
    x = -5.0 + (np.arange(1000) + 0.5) * 0.01
    # a kernel erf((x - mean) / width) is a Gaussian of standard deviation width / sqrt(2)
    spread = math.sqrt(1.0 + 0.5 * width * width)
    # half of each kernel lies on either side
    expected = 10_000 * 0.01 * np.exp(-0.5 * (x / spread) ** 2) / (spread * math.sqrt(2.0 * math.pi))
    np.testing.assert_allclose(estimate[:-1], expected[:-1], rtol=0, atol=5e-3 * expected.max())
    assert estimate[-1] == 0.0


def test_the_last_bin_of_the_histogram_is_not_used() -> None:
    kernels = Kernels(adaptive=False, border=1, fine_factor=1.0)
    contents = gaussian()
    other = contents.copy()
    other[-1] = 1e-3
    np.testing.assert_allclose(
        kernels.estimate(contents, -5.0, 5.0, 100), kernels.estimate(other, -5.0, 5.0, 100), rtol=1e-5
    )
    alone = np.zeros(10, dtype=np.float32)
    alone[-1] = 7.0
    alone[0] = 1e-3
    assert 0.0 < kernels.estimate(alone, 0.0, 1.0, 50).max() <= 1e-3


@pytest.mark.parametrize("adaptive", [False, True])
def test_borders_lose_nothing_where_they_are_treated(adaptive: bool) -> None:
    contents = np.full(100, 50.0, dtype=np.float32)
    plain, renormalised, mirrored = (
        Kernels(adaptive, border, 1.0).estimate(contents, 0.0, 1.0, 1000).sum() for border in (1, 2, 3)
    )
    # the last bin of the histogram does not count, and the last one of the estimate is empty
    whole = 99 * 50.0
    assert plain < 0.98 * whole
    assert plain < renormalised
    assert plain < mirrored
    assert renormalised == pytest.approx(whole, rel=0.01)
    assert mirrored == pytest.approx(whole, rel=0.02)


def test_adaptive_kernels_are_wider_where_the_first_estimate_is_low() -> None:
    contents = np.full(400, 100.0, dtype=np.float32)
    contents[200:] = 1.0
    contents[100] = contents[300] = 0.0
    added = contents.copy()
    added[100] = added[300] = 1e-2
    kernels = Kernels(adaptive=True, border=1, fine_factor=0.2)
    bump = kernels.estimate(added, 0.0, 1.0, 4000).astype(np.float64) - kernels.estimate(contents, 0.0, 1.0, 4000)
    dense, sparse = bump[500:1500], bump[2500:3500]
    assert dense.max() > 3.0 * sparse.max() > 0.0
    fine, coarse = (Kernels(True, 1, factor).estimate(contents, 0.0, 1.0, 1000) for factor in (0.02, 1.0))
    assert np.abs(np.diff(fine)).sum() > 1.1 * np.abs(np.diff(coarse)).sum()


@pytest.mark.parametrize(
    ("adaptive", "border", "expected"),
    [
        (False, 1, [1.02228475, 2.17897415, 1.4525342]),
        (False, 2, [1.49839449, 2.17898154, 1.78110194]),
        (False, 3, [2.01629066, 2.17897415, 2.27770424]),
        (True, 1, [0.924401522, 2.12760973, 1.29414868]),
        (True, 2, [1.49203658, 2.13627172, 1.54807174]),
        (True, 3, [2.12811875, 2.13558412, 1.89916563]),
    ],
)
def test_the_estimate_is_that_of_tmva(adaptive: bool, border: int, expected: list[float]) -> None:
    # bins 1, 250 and 490 of PDF::BuildKDEPDF and KDEKernel, compiled, for a histogram with negative contents
    i = np.arange(1, 61)
    contents = np.floor(20 + 15 * np.sin(i * i) + i % 7) - 30.0 * (i % 9 == 4)
    estimate = Kernels(adaptive, border, 0.3).estimate(contents.astype(np.float32), -1.37, 4.21, 500)
    np.testing.assert_allclose(estimate[[0, 249, 489]], expected, rtol=3e-7)


@pytest.mark.parametrize("contents", [[0.0, 0.0, 0.0], [-1.0, -1.0, 0.5], [0.0, 5.0, 0.0]])
def test_no_width_is_no_estimate(contents: list[float]) -> None:
    estimate = Kernels(False, 1, 1.0).estimate(np.array(contents, dtype=np.float32), 0.0, 1.0, 10)
    assert np.isnan(estimate).all()


def test_negative_first_estimates_are_taken_away_everywhere_as_tmva_does() -> None:
    contents = np.zeros(50, dtype=np.float32)
    contents[10:20] = 100.0
    contents[40] = -30.0
    estimate = Kernels(True, 1, 1.0).estimate(contents, 0.0, 1.0, 100)
    # GaussIntegral answers -1 for a width that is no number: minus a negative content in each bin
    assert estimate[:-1].min() >= 29.0


def test_the_error_function_is_scipys_to_the_last_digits() -> None:
    x = np.concatenate([np.linspace(-7, 7, 20_001), np.random.default_rng(1).normal(size=2000), [0.0, 1e-300, np.inf]])
    found = np.array([_erf.py_func(value, _SERIES) for value in x.tolist()])
    np.testing.assert_allclose(found, erf(x), rtol=4e-16, atol=2e-16)
    assert math.isnan(_erf.py_func(math.nan, _SERIES))


@pytest.mark.parametrize("border", [1, 2, 3])
def test_kernels_are_summed_as_their_formula_says(border: int) -> None:
    rng = np.random.default_rng(2)
    contents = rng.integers(0, 9, 30).astype(np.float32)
    low, high, n_bins = -1.0, 2.0, 70
    found = Kernels(False, border, 1.0).estimate(contents, low, high, n_bins)
    width = _scott_width(contents, low, high)
    edges = np.linspace(low, high, n_bins + 1)
    expected = np.zeros(n_bins)
    for place, content in enumerate(contents[:-1].tolist()):
        centre = low + (place + 0.5) * 0.1
        means = [centre] + [
            2 * end - centre for end, near in ((low, place + 1 < 6), (high, place + 1 > 24)) if near and border == 3
        ]
        for mean in means:
            parts = 0.5 * np.diff(erf((edges - mean) / width))
            expected += content * parts / (parts.sum() if border == 2 else 1.0)
    np.testing.assert_allclose(found[:-1], expected[:-1], rtol=2e-5)


def test_too_many_kernels_are_refused_before_they_are_computed() -> None:
    contents = np.ones(20_000, dtype=np.float32)
    start = time.process_time()
    with pytest.raises(ModelFormatError, match="error functions"):
        Kernels(True, 1, 1.0).estimate(contents, 0.0, 1.0, 10_000, spending("x"))
    # what many densities cost adds up
    spend = spending("x")
    spend(1.49e8)
    with pytest.raises(ModelFormatError, match="error functions"):
        Kernels(True, 1, 1.0).estimate(contents[:500], 0.0, 1.0, 10_000, spend)
    assert time.process_time() - start < 1.0
