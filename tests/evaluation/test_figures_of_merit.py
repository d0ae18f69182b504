"""Figures of merit of given numbers: printed values, the likelihood itself, limits, exact arithmetic, gradients."""

from __future__ import annotations

import json
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from hepml.errors import InvalidInputError, UnknownNameError
from hepml.evaluation import FIGURES_OF_MERIT, FigureOfMerit, significance


def value(name, s, b, **parameters):
    return significance(FigureOfMerit(name, mc_statistics=False, **parameters), s, b, signal_total=100.0).value


def exact_squared(s, b, variance):
    """Cowan's formulae as they are printed, in 80 digits."""
    with localcontext() as context:
        context.prec = 80
        s, b, v = (Decimal(number) for number in (s, b, variance))
        n = s + b
        if v == 0:
            return float(2 * (n * (n / b).ln() - s))
        first = n * (n * (b + v) / (b * b + n * v)).ln()
        return float(2 * (first - b * b / v * (1 + v * s / (b * (b + v))).ln()))


def test_printed_example_of_the_authors():
    """Cranmer and Cowan's code for the same formula prints 3.72 for 50 signal on 100 +- 7 background events."""
    assert value("z_a_sigma_b", 50, 100, sigma_b=7) == pytest.approx(3.72, abs=0.005)


@pytest.mark.parametrize(("s", "b", "sigma"), [(2, 1, 0.3), (10, 5, 2), (50, 100, 7), (5, 100, 30), (100, 3, 1)])
def test_is_the_likelihood_ratio_of_the_asimov_data(s, b, sigma):
    """Maximise the likelihood of n = s + b with the auxiliary measurement m = tau b numerically."""
    tau = b / sigma**2
    n, m = s + b, tau * b

    def minus_log(signal, background):
        expected = signal + background
        return expected - n * math.log(expected) + tau * background - m * math.log(tau * background)

    without = minimize_scalar(
        lambda b_: minus_log(0, b_), bounds=(0.01 * b, s + 3 * b), method="bounded", options={"xatol": 1e-10}
    )
    assert value("z_a_sigma_b", s, b, sigma_b=sigma) == pytest.approx(
        math.sqrt(2 * (without.fun - minus_log(s, b))), rel=1e-6
    )
    known = math.sqrt(2 * ((0 + b - n * math.log(b)) - (s + b - n * math.log(s + b))))
    assert value("z_a", s, b) == pytest.approx(known, rel=1e-12)


@pytest.mark.parametrize("x", [1e-12, 1e-6, 1e-3, 0.049, 0.051, 0.5, 0.99, 1.01, 30, 1e4, -1e-9, -0.01, -0.5, -0.99])
@pytest.mark.parametrize("r", [0, 1e-14, 1e-8, 1e-3, 0.04, 1, 50, 1e6, 1e12])
def test_agrees_with_exact_arithmetic(x, r):
    b = 7.0
    found = value("z_a_sigma_b", x * b, b, sigma_b=math.sqrt(r * b))
    assert found == pytest.approx(
        math.copysign(math.sqrt(exact_squared(x * b, b, math.sqrt(r * b) ** 2)), x), rel=1e-11
    )


def test_limits():
    assert value("z_a", 1e-7, 100) == pytest.approx(1e-8, rel=1e-8)
    assert value("z_a_sigma_b", 20, 30, sigma_b=1e-9) == pytest.approx(value("z_a", 20, 30), rel=1e-12)
    assert value("z_a_sigma_b", 20, 30) == value("z_a", 20, 30)
    # a large uncertainty drowns everything else
    assert value("z_a_sigma_b", 1, 1e4, sigma_b=1e6) == pytest.approx(1e-6, rel=1e-3)
    assert value("z_a_sigma_b", 1e-3, 100, sigma_b=20) == pytest.approx(1e-3 / math.sqrt(100 + 400), rel=1e-4)


def test_other_figures():
    assert value("s_over_sqrt_b", 6, 9) == 2
    assert value("s_over_sqrt_s_plus_b", 7, 9) == 1.75
    assert value("punzi", 30, 16, punzi_a=4) == pytest.approx(0.3 / (2 + 4), rel=1e-15)
    assert value("ams", 5, 10, b_reg=7) == pytest.approx(value("z_a", 5, 17), rel=1e-14)


def test_sigma_b_says_what_it_holds():
    figure = FigureOfMerit("z_a_sigma_b", sigma_b=3, relative_sigma_b=0.04)
    found = significance(figure, 10, 100, background_error=12)
    assert found.sigma_b == 13
    assert found.mc_statistics
    assert found.value == pytest.approx(value("z_a_sigma_b", 10, 100, sigma_b=13))
    alone = significance(FigureOfMerit(mc_statistics=False, sigma_b=3), 10, 100, background_error=12)
    assert (alone.sigma_b, alone.mc_statistics) == (3, False)
    assert significance("z_a", 10, 100, background_error=12).sigma_b == 0


@given(
    st.sampled_from(FIGURES_OF_MERIT),
    st.floats(-0.8, 20),
    st.floats(0.5, 1e4),
    st.floats(0, 0.5),
    st.floats(0.001, 0.3),
)
def test_error_is_that_of_finite_differences(name, x, b, relative, mc):
    """Propagated numerically through s, b and the variance of b, all background events having one weight."""
    figure = FigureOfMerit(name, relative_sigma_b=relative)
    variance = (mc * b) ** 2
    weight = variance / b
    s, s_error, covariance = x * b, 0.1 * b, 0.3 * 0.1 * b * mc * b

    def shifted(ds, db, dv):
        return significance(figure, s + ds, b + db, background_error=math.sqrt(variance + dv), signal_total=2e4).value

    h = 1e-5
    steps = [(h * b, 0, 0), (0, h * b, 0), (0, 0, h * variance)]
    gradient = [(shifted(*step) - shifted(*(-part for part in step))) / (2 * max(map(abs, step))) for step in steps]
    moments = np.array(
        [
            [s_error**2, covariance, 0],
            [covariance, variance, variance * weight],
            [0, variance * weight, variance * weight**2],
        ]
    )
    if name != "z_a_sigma_b":
        gradient[2] = 0.0
    expected = math.sqrt(gradient @ moments @ gradient)
    found = significance(
        figure, s, b, signal_error=s_error, background_error=mc * b, covariance=covariance, signal_total=2e4
    )
    assert found.error == pytest.approx(expected, rel=2e-4)


@given(st.floats(1e-6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1e3), st.floats(1.01, 10))
def test_order(s, b, sigma, more):
    """Uncertainty never helps, more signal always does, and Z_A is below s / sqrt(b)."""
    found = value("z_a_sigma_b", s, b, sigma_b=sigma)
    assert 0 < found <= value("z_a", s, b) * (1 + 1e-12)
    assert value("z_a", s, b) <= value("s_over_sqrt_b", s, b) * (1 + 1e-12)
    assert found < value("z_a_sigma_b", more * s, b, sigma_b=sigma)
    assert value("z_a_sigma_b", s, b, sigma_b=more * sigma) <= found * (1 + 1e-12)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ({"signal": 1, "background": 0}, "the background is 0: it must be above 0"),
        ({"signal": 1, "background": -2}, "the background is -2: it must be above 0"),
        ({"signal": 1, "background": 8, "background_error": 4}, "4 effective background events are fewer than 10"),
        ({"signal": -8, "background": 8}, "signal and background together are 0: they must be above 0"),
    ],
)
@pytest.mark.parametrize("figure", FIGURES_OF_MERIT)
def test_not_computable(figure, numbers, reason):
    found = significance(figure, signal_total=10, **numbers)
    assert found.reason == reason
    assert math.isnan(found.value)
    assert math.isnan(found.error)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["value"] is None
    assert plain["background"] == numbers["background"]


def test_threshold_of_effective_events_is_a_parameter():
    figure = FigureOfMerit("z_a", min_effective=4)
    assert significance(figure, 1, 8, background_error=4).reason is None


def test_no_signal_has_an_error():
    found = significance("z_a_sigma_b", 0, 100, signal_error=5)
    assert found.value == 0
    assert found.error == pytest.approx(0.5, rel=1e-12)


def test_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'punzi'"):
        FigureOfMerit("punzy")
    with pytest.raises(InvalidInputError, match=r"relative_sigma_b is -0\.1"):
        FigureOfMerit(relative_sigma_b=-0.1)
    with pytest.raises(InvalidInputError, match="punzi needs the signal's efficiency"):
        significance("punzi", 1, 100)
    for numbers in ((math.nan, 1), (1, math.inf)):
        with pytest.raises(InvalidInputError, match="finite numbers"):
            significance("z_a", *numbers)
    with pytest.raises(InvalidInputError, match="errors of at least 0"):
        significance("z_a", 1, 1, background_error=-1)
