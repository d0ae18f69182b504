"""Bins, smoothing and interpolation of cumulative distributions, against plain loops as TMVA and ROOT run them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hepml.transforms import TransformChain
from hepml.transforms.cumulative import Cumulative
from hepml.transforms.smoothing import smoothed
from hepml.transforms.tabulation import _edges


def edges_one_by_one(values: np.ndarray, weight: np.ndarray, per_bin: np.float32) -> list[np.float32]:
    edges = [values[0] - np.float32(1e-4), values[0]]
    last, total = values[0], np.float32(0)
    for value, w in zip(values, weight, strict=True):
        total = total + w
        if total >= per_bin and value > last:
            edges.append(value)
            total, last = np.float32(0), value
    return [*edges, values[-1]] if total != 0 else edges


def smoothed_one_by_one(contents: list[float]) -> list[float]:
    n = len(contents)
    kept: list[float] = []
    z = list(contents)
    for second in (False, True):
        for step, window in enumerate((3, 5, 3)):
            y = list(z)
            half = window // 2
            for i in range(half, n - half):
                z[i] = float(np.median(y[i - half : i + half + 1]))
            if step == 0:
                z[0] = float(np.median([z[1], z[0], 3 * z[1] - 2 * z[2]]))
                z[-1] = float(np.median([z[-2], z[-1], 3 * z[-2] - 2 * z[-3]]))
            if window == 5:
                z[1], z[-2] = float(np.median(y[:3])), float(np.median(y[-3:]))
        y = list(z)
        for i in range(2, n - 2):
            below, above = z[i - 2] - z[i], z[i + 2] - z[i]
            if z[i - 1] == z[i] == z[i + 1] and below * above > 0:
                k = -1 if abs(above) > abs(below) else 1
                y[i] = -0.5 * z[i - 2 * k] + z[i] / 0.75 + z[i + 2 * k] / 6
                y[i + k] = 0.5 * (z[i + 2 * k] - z[i - 2 * k]) + z[i]
        z = [y[0], *(0.25 * y[i - 1] + 0.5 * y[i] + 0.25 * y[i + 1] for i in range(1, n - 1)), y[-1]]
        if not second:
            kept = z
            z = [a - b for a, b in zip(contents, z, strict=True)]
    result = [a + b for a, b in zip(kept, z, strict=True)]
    return result if min(contents) < 0 else [max(value, 0.0) for value in result]


def value_one_by_one(cumulative: Cumulative, x: float) -> float:
    """``PDF::GetVal`` after ``PDF::FillSplineToHist``, for one event."""
    n = 10000
    low, high = cumulative.edges[0], cumulative.edges[-1]
    width = (high - low) / n
    centres = (cumulative.edges[:-1] + cumulative.edges[1:]) / 2
    contents = cumulative.contents.astype(float)

    def table(number: int) -> float:
        at = low + (number - 0.5) * width
        first = min(max(int(np.sum(centres <= at)) - 1, 0), len(centres) - 1)
        second = first + 1 if (at > centres[first] and first < len(centres) - 1) or first == 0 else first - 1
        slope = (contents[second] - contents[first]) / (centres[second] - centres[first])
        y = contents[first] + (at - centres[first]) * slope
        if y <= 1e-12:
            y = contents[min(max(int(np.sum(cumulative.edges <= at)) - 1, 0), len(contents) - 1)]
        return float(np.float32(max(y, 1e-12)))

    number = 0 if x < low else n + 1 if x >= high else 1 + int(n * (x - low) / (high - low))
    number = min(max(number, 1), n)
    centre = low + (number - 0.5) * width
    other = number + 1 if (x > centre and number != n) or number == 1 else number - 1
    step = (other - number) * width
    return max(table(number) + (x - centre) * (table(other) - table(number)) / step, 1e-12)


@given(
    arrays(np.float32, st.integers(1, 300), elements=st.integers(-50, 50).map(np.float32)),
    st.integers(0, 1000),
    st.sampled_from([0.5, 3.0, 40.0]),
)
def test_edges_are_those_of_a_loop_over_events(values: np.ndarray, seed: int, per_bin: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.sort(values)
    weight = (rng.uniform(0.1, 2, len(values)) * np.where(rng.random(len(values)) < 0.1, -1, 1)).astype(np.float32)
    limit = np.float32(per_bin)
    assert _edges(values, weight, limit).tolist() == edges_one_by_one(values, weight, limit)


@given(st.lists(st.integers(-3, 30), min_size=3, max_size=40))
def test_smoothing_is_that_of_a_loop_over_bins(contents: list[int]) -> None:
    found = smoothed(np.array(contents, dtype=np.float32))
    assert np.allclose(found, smoothed_one_by_one([float(value) for value in contents]), rtol=1e-6, atol=1e-5)


def test_smoothing_keeps_lines_and_short_histograms() -> None:
    line = np.arange(20, dtype=np.float32)
    assert np.allclose(smoothed(line, times=3), line, atol=1e-5)
    assert smoothed(np.array([1, 9], np.float32)).tolist() == [1, 9]
    # a spike goes into the residuals and is smoothed away there too
    spike = np.where(line == 10, np.float32(100), np.float32(1))
    assert smoothed(spike).max() < 2


@given(st.integers(0, 10**6))
def test_values_are_those_of_tmva_event_by_event(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.choice([rng.normal(size=200), rng.exponential(size=200), rng.integers(0, 9, 200)]).astype(np.float32)
    (tables,) = TransformChain.fit("U", X[:, None]).steps[0].cumulatives
    cumulative = tables[0]
    x = np.concatenate([rng.choice(X, 20), rng.normal(size=5), [-1e6, 1e6, X.min(), X.max()]]).astype(np.float32)
    wanted = [value_one_by_one(cumulative, float(value)) for value in x]
    assert np.allclose(cumulative.evaluate(x), wanted, rtol=1e-9, atol=1e-9)


def test_inverse_searches_as_tmva_does() -> None:
    cumulative = Cumulative("", "", np.array([0.25, 0.5, 1.0], np.float32), np.array([0.0, 1.0, 2.0, 3.0]), (0.0, 3.0))
    # between bin centres the distribution is linear
    assert np.allclose(cumulative.invert(np.array([0.25, 0.375, 0.5, 0.75])), [0.5, 1.0, 1.5, 2.0], atol=1e-3)
    # below all that is tabulated lies the bin before the first, above all the last
    ends = cumulative.invert(np.array([0.0, 2.0]))
    assert np.allclose(ends, [-0.00015, 3.0], atol=2e-4)
    steps = Cumulative("", "", cumulative.contents, cumulative.edges, (0.0, 3.0), interpolates=False)
    assert steps.evaluate(np.array([-1, 0.5, 1.5, 9], np.float32)).tolist() == [0.25, 0.25, 0.5, 1.0]
    assert np.allclose(steps.invert(np.array([0.25, 0.375])), [0.5, 1.0])


def test_missing_values_stay_missing() -> None:
    X = np.random.default_rng(1).normal(size=(500, 1)).astype(np.float32)
    for option in "UGN":
        out = TransformChain.fit(option, X).apply(np.array([[np.nan], [0.0]], np.float32))
        assert np.isnan(out[:, 0]).tolist() == [True, False]


def test_sums_of_weights_are_in_single_precision() -> None:
    # 2^24 + 1 is not a float32: TMVA's sum stops there, and with it the number of events per bin
    X = np.linspace(0, 1, 400, dtype=np.float32)[:, None]
    weight = np.full(400, 1.0)
    weight[0] = 2.0**24
    (tables,) = TransformChain.fit("U", X, weight=weight).steps[0].cumulatives
    assert len(tables[0].contents) == pytest.approx(4, abs=2)
