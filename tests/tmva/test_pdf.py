"""Densities: what integrates to one, interpolates what is linear or quadratic, and is refused if it is neither."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import ModelFormatError
from hepml.tmva.axis import find_bins
from hepml.tmva.pdf import Pdf, _n_passes, _quintic


def element(contents: object, method: int = 2, smooth: int = 0, low: float = -1.0, high: float = 3.0) -> ET.Element:
    numbers = [float(x) for x in np.asarray(contents)]
    made = ET.Element("PDF", MinNSmooth=str(smooth), MaxNSmooth=str(smooth), InterpolMethod=str(method))
    histogram = ET.SubElement(
        made, "Histogram", NBins=str(len(numbers)), XMin=str(low), XMax=str(high), HasEquidistantBins="1"
    )
    histogram.text = " ".join(map(repr, numbers))
    return made


@pytest.mark.parametrize("method", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("smooth", [0, 3])
def test_it_integrates_to_one(method: int, smooth: int) -> None:
    contents = np.random.default_rng(0).uniform(0.2, 1.0, 40)
    pdf = Pdf.from_element(element(contents, method, smooth), "x")
    assert pdf.integral([3.0 - 1e-9])[0] == pytest.approx(1.0, abs=1e-5)
    assert pdf.integral([-1.5, np.nan])[0] == 0.0
    assert np.isnan(pdf.integral([np.nan])[0])
    x = np.linspace(-1, 3, 400_001)
    assert pdf.value(x).mean() * 4.0 == pytest.approx(1.0, abs=1e-4)
    assert (np.diff(pdf.integral(x)[100:]) >= 0).all()


def test_lines_and_parabolas_are_interpolated_as_they_are() -> None:
    centres = -1.0 + (np.arange(20) + 0.5) * 0.2
    for method, shape in ((1, 2.0 + 0.5 * centres), (2, 2.0 + centres + 0.3 * centres**2)):
        pdf = Pdf.from_element(element(shape, method), "x")
        x = np.linspace(-0.8, 2.8, 100)
        expected = 2.0 + 0.5 * x if method == 1 else 2.0 + x + 0.3 * x**2
        ratio = pdf.value(x) / expected
        np.testing.assert_allclose(ratio, ratio[0], rtol=2e-4)


def test_discrete_variables_keep_their_bins() -> None:
    pdf = Pdf.from_element(element([1.0, 2.0, 0.0, 1.0], method=0), "x")
    assert pdf.value([-0.99, -0.01, 0.5, 1.5, 2.99]).tolist() == [0.25, 0.25, 0.5, 1e-12, 0.25]
    # outside as in the last bin
    assert pdf.value([-9.0, 9.0]).tolist() == [0.25, 0.25]


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("InterpolMethod", "5"),
        ("InterpolMethod", "6"),
        ("InterpolMethod", "-1"),
        ("InterpolMethod", "x"),
        ("MinNSmooth", "99999999999"),
        ("NBins", "1000000000"),
        ("NBins", "5"),
        ("XMin", "nan"),
        ("XMin", "3"),
        ("XMax", "inf"),
        ("HasEquidistantBins", "0"),
    ],
)
def test_what_is_damaged_or_not_known_is_refused(attribute: str, value: str) -> None:
    damaged = element([1.0, 2.0, 3.0, 4.0])
    (damaged if attribute in damaged.attrib else damaged[0]).set(attribute, value)
    with pytest.raises(ModelFormatError, match="x"):
        Pdf.from_element(damaged, "x")


@pytest.mark.parametrize("contents", [[], [0.0, 0.0, 0.0], [1.0, np.nan, 2.0], [1e300, 1.0, 1.0], [-1.0, -2.0, -1.0]])
def test_contents_that_are_no_density_are_refused(contents: list[float]) -> None:
    with pytest.raises(ModelFormatError):
        Pdf.from_element(element(contents, method=0), "x")


def test_smoothing_is_bounded() -> None:
    with pytest.raises(ModelFormatError, match="smoothed 100 times in 50000 bins"):
        Pdf.from_element(element(np.ones(50_000), smooth=100), "x")
    with pytest.raises(ModelFormatError, match=r"M(ax|in)NSmooth"):
        Pdf.from_element(element(np.ones(5), smooth=300), "x")


def test_splines_need_bins() -> None:
    for method, least in ((0, 1), (1, 2), (2, 3), (3, 3), (4, 6)):
        Pdf.from_element(element(np.ones(least), method), "x")
        if least > 1:
            with pytest.raises(ModelFormatError, match="bins"):
                Pdf.from_element(element(np.ones(least - 1), method), "x")


def test_cubics_are_interpolated_as_they_are_and_parabolas_by_quintics() -> None:
    centres = -1.0 + (np.arange(40) + 0.5) * 0.1
    x = np.linspace(-0.9, 2.9, 301)
    # third and fourth derivatives of a parabola vanish at both ends
    cubic, parabola = np.polynomial.Polynomial([5.0, 0.5, -1.0, 0.3]), np.polynomial.Polynomial([5.0, 1.0, -0.7])
    for method, shape in ((3, cubic), (4, parabola)):
        pdf = Pdf.from_element(element(shape(centres), method), "x")
        ratio = pdf.value(x) / shape(x)
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)


def test_the_quintic_spline_is_that_of_root() -> None:
    # TSpline5 of 12 points, evaluated before, between and beyond them
    y = np.sin(np.arange(12.0) ** 2) + 2.0
    x = -2.0 + 12 * 0.37 * (np.array([0, 1, 2, 30, 58, 59]) + 0.5) / 60
    root = [-0.0492107748, 1.10265191, 2.0, 1.53183933, 3.27577563, 3.54009669]
    np.testing.assert_allclose(
        _quintic(x, -2.0 + 0.37 * (np.arange(12) + 0.5), y.astype(np.float32)), root, rtol=0, atol=1e-6
    )


def passes_one_by_one(contents: np.ndarray, least: int, most: int) -> int:
    """Count them as PDF::SmoothHistogram does, range by range."""
    single = np.float32
    errors = np.sqrt(np.abs(contents.astype(float)))
    relative = [single(e / c) for c, e in zip(contents.astype(float), errors, strict=True) if c > e]
    mean, square = single(0), single(0)
    for value in relative:
        mean, square = single(mean + value), single(square + value * value)
    mean, square = single(mean / single(len(relative))), single(square / single(len(relative)))
    spread = single(np.sqrt(float(single(square - mean * mean))))
    low, high = single(mean - spread), single(mean + spread)
    wanted = []
    for c, e in zip(contents.astype(float), errors, strict=True):
        smooth = most if c <= e else int((single(e / c) - low) / (high - low) * single(most - least)) + least
        wanted.append(max(least, min(most, smooth)))
    passes = 0
    for level in range(most, -1, -1):
        if level <= least:
            passes += 1
            continue
        first = last = -1
        for place, number in enumerate(wanted):
            if number >= level:
                first, last = (place, last) if first == -1 else (first, place)
            else:
                passes += last >= 0
                first = last = -1
    return passes


@pytest.mark.parametrize("seed", range(20))
def test_smoothing_by_bin_is_counted_as_tmva_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    contents = rng.poisson(rng.uniform(0.5, 60.0, rng.integers(3, 80))).astype(np.float32)
    contents[0] = 25.0
    contents[1] = 100.0
    least, most = 1, int(rng.integers(2, 9))
    assert _n_passes(contents, least, most) == passes_one_by_one(contents, least, most)
    assert _n_passes(contents, 3, 3) == 3


@given(st.integers(1, 300), st.floats(-50, 50), st.floats(0.01, 50))
def test_bins_hold_what_lies_between_their_edges(n_bins: int, low: float, length: float) -> None:
    high = low + length
    width = (high - low) / n_bins
    edges = low + np.arange(n_bins) * width
    inside = edges[(edges >= low) & (edges < high)]
    np.testing.assert_array_equal(find_bins(inside, n_bins, low, high), 1 + np.arange(len(inside)))
    below = np.nextafter(inside[1:], -np.inf)
    np.testing.assert_array_equal(find_bins(below, n_bins, low, high), 1 + np.arange(len(below)))
    assert find_bins([low - 1, high, high + 1, np.nan], n_bins, low, high).tolist() == [0, *[n_bins + 1] * 3]


def test_bins_of_efficiencies_are_those_of_root() -> None:
    # 0.7 < 70 * 0.01, but 0.3 = 30 * 0.01
    assert find_bins([0.3, 0.5, 0.7, 0.9], 100, 0.0, 1.0).tolist() == [31, 51, 70, 91]
