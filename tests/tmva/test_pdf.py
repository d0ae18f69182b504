"""Densities: what integrates to one, interpolates what is linear or quadratic, and is refused if it is neither."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import ModelFormatError
from hepml.tmva.axis import find_bins
from hepml.tmva.pdf import Pdf


def element(contents: object, method: int = 2, smooth: int = 0, low: float = -1.0, high: float = 3.0) -> ET.Element:
    numbers = [float(x) for x in np.asarray(contents)]
    made = ET.Element("PDF", MinNSmooth=str(smooth), MaxNSmooth=str(smooth), InterpolMethod=str(method))
    histogram = ET.SubElement(
        made, "Histogram", NBins=str(len(numbers)), XMin=str(low), XMax=str(high), HasEquidistantBins="1"
    )
    histogram.text = " ".join(map(repr, numbers))
    return made


@pytest.mark.parametrize("method", [0, 1, 2])
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
        ("InterpolMethod", "x"),
        ("MaxNSmooth", "7"),
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


@pytest.mark.parametrize(
    "contents", [[1.0, 2.0], [0.0, 0.0, 0.0], [1.0, np.nan, 2.0], [1e300, 1.0, 1.0], [-1.0, -2.0, -1.0]]
)
def test_contents_that_are_no_density_are_refused(contents: list[float]) -> None:
    with pytest.raises(ModelFormatError):
        Pdf.from_element(element(contents, method=0), "x")


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
