"""Significance behind cuts: do the errors cover, are the sums those of plain loops, is the best cut the best."""

from __future__ import annotations

import json
import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import FIGURES_OF_MERIT, FigureOfMerit, significance, significance_at_cut, significance_scan

N_TOYS = 300
# 300 toys scatter by 2.7% around 68.3%
TOLERANCE = 8.0
SIGNAL, BACKGROUND = 100.0, 1000.0
FIGURES = (FigureOfMerit("z_a"), FigureOfMerit("z_a_sigma_b", relative_sigma_b=0.1))


def poisson_toy(draw, rng, n, distance, negative, *, fixed=False):
    """Labels, scores and weights that stand for SIGNAL and BACKGROUND events."""
    classes = []
    for kept in (True, False):
        number = n if fixed else int(rng.poisson(n))
        label, score, weight = draw(rng, number, distance, negative)
        total = SIGNAL if kept else BACKGROUND
        classes.append(
            (label[label == kept], score[label == kept], weight[label == kept] * total * (1 + 2 * negative) / n)
        )
    return tuple(np.concatenate(parts) for parts in zip(*classes, strict=True))


def true_values(n, distance, negative, cut, *, fraction=1.0, estimated=True):
    """Each of FIGURES behind the cut, with the variance that the background has on average."""
    efficiency, wide = norm.sf(cut), norm.sf(cut, -0.5, 1.5)
    squares = (BACKGROUND * (1 + 2 * negative) / n) ** 2 * n / (1 + 2 * negative)
    passing, everything = squares * (efficiency + 2 * negative * wide), squares * (1 + 2 * negative)
    failing_share = efficiency * (float(estimated) - 1 / fraction)
    variance = (1 / fraction + failing_share) ** 2 * passing + failing_share**2 * (everything - passing)
    variance = fraction * variance + (1 - fraction) * efficiency**2 * everything * estimated
    yields = SIGNAL * norm.sf(cut - distance), BACKGROUND * efficiency
    return [significance(figure, *yields, background_error=math.sqrt(variance)).value for figure in FIGURES]


def pulls(found, truth):
    significances = [found.significances[figure.name] for figure in FIGURES]
    return [(item.value - value) / item.error for item, value in zip(significances, truth, strict=True)]


def assert_covers(pulls):
    covered = 100 * np.mean(np.abs(pulls) < 1, axis=0)
    assert np.all(np.abs(covered - 68.3) < TOLERANCE), covered


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
@pytest.mark.parametrize("area", [0.6, 0.76, 0.95])
def test_errors_cover(draw, area, negative):
    """At a fixed cut, and at the best cut of independent events."""
    rng = np.random.default_rng(20240502)
    distance = np.sqrt(2) * norm.ppf(area)
    toys = []
    for _ in range(N_TOYS):
        toy = poisson_toy(draw, rng, 1000, distance, negative)
        cut = 0.5 * distance
        found = significance_at_cut(*toy, threshold=cut, figures=FIGURES)
        here = pulls(found, true_values(1000, distance, negative, cut))
        scan = significance_scan(
            *poisson_toy(draw, rng, 1000, distance, negative), figures=FIGURES[1:], min_effective=50
        )
        best = scan.optima["z_a_sigma_b"].threshold
        found = significance_at_cut(*toy, threshold=best, figures=FIGURES)
        toys.append(here + pulls(found, true_values(1000, distance, negative, best)))
    assert_covers(toys)


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
def test_errors_of_scaled_parts_cover(draw, negative):
    """One event in three, scaled to the sums of all: with the errors of these sums, or to sums that are known."""
    rng = np.random.default_rng(3)
    distance, cut, toys = 1.0, 0.3, []
    for _ in range(N_TOYS):
        label, score, weight = poisson_toy(draw, rng, 3000, distance, negative)
        part = rng.random(label.size) < 1 / 3
        sums, squares = (np.bincount(label, weights=values) for values in (weight, weight**2))
        found = significance_at_cut(
            label[part], score[part], weight[part], threshold=cut, figures=FIGURES, full_sums=sums, full_squares=squares
        )
        here = pulls(found, true_values(3000, distance, negative, cut, fraction=1 / 3))
        toy = poisson_toy(draw, rng, 1000, distance, negative, fixed=True)
        found = significance_at_cut(*toy, threshold=cut, figures=FIGURES, full_sums=[BACKGROUND, SIGNAL])
        toys.append(here + pulls(found, true_values(1000, distance, negative, cut, estimated=False)))
    assert_covers(toys)


def test_without_a_cut_the_variance_is_that_of_all_events():
    """All weights alike, everything passes: only the events outside of the part tell what their squares scatter."""
    label = np.repeat([True, False], [50, 100])
    options = {"threshold": -1.0, "figures": ["z_a_sigma_b"]}
    part = significance_at_cut(label, np.zeros(150), full_sums=[300, 150], full_squares=[300, 150], **options)
    label = np.repeat([True, False], [150, 300])
    everything = significance_at_cut(label, np.zeros(450), **options)
    found, expected = (item.significances["z_a_sigma_b"] for item in (part, everything))
    assert (found.value, found.error) == pytest.approx((expected.value, expected.error), rel=1e-12)


@pytest.mark.parametrize("estimated", [False, True], ids=["known sums", "estimated sums"])
def test_errors_of_scaled_parts_are_those_of_a_jackknife(draw, estimated):
    """Each event left out in turn: the scale, and with it the variance in Z_A, moves as well."""
    figure = FigureOfMerit("z_a_sigma_b", relative_sigma_b=0.05)
    label, score, weight = draw(np.random.default_rng(4), 400, 1.0, 0.25)
    part = np.arange(label.size) % 3 == 0 if estimated else np.ones(label.size, bool)

    def found(kept):
        options = {"full_sums": [300.0, 30.0]}
        if estimated:
            sums, squares = (np.bincount(label[kept], weights=values[kept]) for values in (weight, weight**2))
            options = {"full_sums": sums, "full_squares": squares}
        inside = kept & part
        at_cut = significance_at_cut(
            label[inside], score[inside], weight[inside], threshold=0.6, figures=[figure], **options
        )
        return at_cut.significances["z_a_sigma_b"]

    everything = np.ones(label.size, bool)
    without = [found(everything & (np.arange(label.size) != number)).value for number in range(label.size)]
    by_jackknife = math.sqrt(np.square(np.array(without) - np.mean(without)).sum())
    assert found(everything).error == pytest.approx(by_jackknife, rel=0.01)


def test_error_of_candidates_of_one_event_covers():
    """A signal and a background candidate share a shift of their score, and another pair of candidates a whole event."""
    rng = np.random.default_rng(12)
    cut, toys, naive = 0.5, [], []
    for _ in range(N_TOYS):
        n = int(rng.poisson(400))
        shift = rng.normal(0, 1, n)
        score = np.concatenate([shift + rng.normal(offset, 0.5, n) for offset in (1, 0, 0)])
        label, event = np.repeat([True, False, False], n), np.tile(np.arange(n), 3)
        weight = np.where(label, 0.2, 1.0)
        truth = significance(
            "s_over_sqrt_b", 80 * norm.sf(cut - 1, scale=np.sqrt(1.25)), 800 * norm.sf(cut, scale=np.sqrt(1.25))
        ).value
        for kind, given_event in ((toys, event), (naive, None)):
            found = significance_at_cut(
                label, score, weight, threshold=cut, figures=["s_over_sqrt_b"], event=given_event
            ).significances["s_over_sqrt_b"]
            kind.append((found.value - truth) / found.error)
    assert_covers(toys)
    # the shift cancels between signal and background, and what the two backgrounds share does not
    assert np.mean(np.abs(naive) < 1) != np.mean(np.abs(toys) < 1)


def random_events(seed, n=300):
    """Signed weights, ties, events of several rows that stay within a sample of their class, four samples."""
    rng = np.random.default_rng(seed)
    label, event = rng.random(n) < 0.5, rng.integers(0, n // 2, n)
    sample = np.where(label, 2, 0) + rng.integers(0, 2, n // 2)[event]
    score = (rng.normal(size=n) + label).round(1)
    weight = rng.choice([-1.0, 1.0, 1.0, 1.0, 1.0], n) * rng.uniform(0.5, 1.5, n)
    sums = np.array([np.abs(weight[sample == number]).sum() * 4 for number in range(4)])
    weight = np.where([weight[sample == number].sum() > 0 for number in range(4)], 1.0, -1.0)[sample] * weight
    return label, score, weight, {"event": event, "sample": sample, "full_sums": sums}


@given(st.integers(0, 2**32 - 1), st.sampled_from(["plain", "events", "known", "estimated"]))
def test_is_what_a_loop_over_events_gives(seed, kind):
    label, score, weight, options = random_events(seed)
    if kind == "plain":
        options = {}
    elif kind == "events":
        options = {"event": options["event"]}
    elif kind == "estimated":
        options["full_squares"] = np.full(4, 1000.0)
    figures = [
        FigureOfMerit("z_a_sigma_b", relative_sigma_b=0.2, min_effective=1),
        FigureOfMerit("z_a", min_effective=1),
    ]
    scan = significance_scan(label, score, weight, figures=figures, min_effective=1, **options)
    cut = float(np.random.default_rng(seed).choice(scan.thresholds))
    event = options.get("event", np.arange(label.size))
    sample = options.get("sample", label.astype(int))
    yields, variances, shares = {}, {}, {}
    for of_signal in (True, False):
        total, variance = 0.0, 0.0
        share = dict.fromkeys(event.tolist(), 0.0)
        for number in np.unique(sample[label == of_signal]):
            rows = np.flatnonzero(sample == number)
            part, passing = weight[rows].sum(), weight[rows[score[rows] >= cut]].sum()
            full = options["full_sums"][number] if "full_sums" in options else part
            grows = 0.0 if kind == "known" else 1.0
            total += full * passing / part
            for row in rows:
                share[event[row]] += weight[row] * (
                    full / part * (score[row] >= cut) + passing / part * (grows - full / part)
                )
            if kind == "estimated":
                squares = sum(weight[rows[event[rows] == one]].sum() ** 2 for one in np.unique(event[rows]))
                variance += max(1000 - squares, 0) * (passing / part) ** 2
        yields[of_signal], shares[of_signal] = total, np.array(list(share.values()))
        variances[of_signal] = variance + np.square(shares[of_signal]).sum()
    at = int(np.flatnonzero(scan.thresholds == cut)[0])
    assert scan.signal[at] == pytest.approx(yields[True], rel=1e-9, abs=1e-9)
    assert scan.background[at] == pytest.approx(yields[False], rel=1e-9, abs=1e-9)
    assert scan.signal_error[at] ** 2 == pytest.approx(variances[True], rel=1e-7, abs=1e-9)
    assert scan.background_error[at] ** 2 == pytest.approx(variances[False], rel=1e-7, abs=1e-9)
    found = significance_at_cut(label, score, weight, threshold=cut, figures=figures, **options)
    for name, item in found.significances.items():
        assert item.value == pytest.approx(scan.values[name][at], rel=1e-9, nan_ok=True)
        assert item.error == pytest.approx(scan.errors[name][at], rel=1e-6, nan_ok=True)
    plain = found.significances["z_a"]
    if plain.reason is None and yields[True] != 0:
        by_hand = significance(
            figures[1], yields[True], yields[False],
            signal_error=math.sqrt(variances[True]), background_error=math.sqrt(variances[False]),
            covariance=(shares[True] * shares[False]).sum(),
        )  # fmt: skip
        assert plain.value == pytest.approx(by_hand.value, rel=1e-9)
        assert plain.error == pytest.approx(by_hand.error, rel=1e-5)


@given(st.integers(0, 2**32 - 1), st.sampled_from(FIGURES_OF_MERIT), st.floats(0, 0.9))
def test_optimum_is_the_largest_of_all_allowed_cuts(seed, name, least):
    label, score, weight, _ = random_events(seed, n=200)
    scan = significance_scan(label, score, weight, figures=[name], min_effective=15, min_signal_efficiency=least)
    values = {}
    for cut in np.unique(score):
        found = significance_at_cut(label, score, weight, threshold=cut, figures=[name])
        item = found.significances[name]
        if item.reason is None and item.n_effective_background >= 15 and found.signal_efficiency >= least:
            values[float(cut)] = item.value
    optimum = scan.optima[name]
    if not values:
        assert optimum.significance is None
        assert "15 effective events" in optimum.reason
    else:
        assert optimum.significance.value == pytest.approx(max(values.values()), rel=1e-12)
        assert values[optimum.threshold] == pytest.approx(max(values.values()), rel=1e-9)


@given(st.integers(0, 2**32 - 1))
def test_order_of_rows_and_monotone_scores_change_nothing(seed):
    label, score, weight, options = random_events(seed)
    order = np.random.default_rng(seed).permutation(label.size)
    first = significance_scan(label, score, weight, **options)
    again = significance_scan(
        label[order], np.exp(score[order]), weight[order],
        event=options["event"][order], sample=options["sample"][order], full_sums=options["full_sums"],
    )  # fmt: skip
    np.testing.assert_allclose(again.thresholds, np.exp(first.thresholds))
    for name in FIGURES_OF_MERIT:
        np.testing.assert_allclose(again.values[name], first.values[name], rtol=1e-9)
        np.testing.assert_allclose(again.errors[name], first.errors[name], rtol=1e-6, atol=1e-5)


def test_splitting_a_sample_in_two_of_equal_scale_changes_no_yield():
    rng = np.random.default_rng(5)
    label, score = rng.random(2000) < 0.5, rng.normal(size=2000)
    halves = np.where(label, 2, rng.integers(0, 2, 2000))
    n = np.bincount(halves)
    one = significance_at_cut(label, score, threshold=0.3, full_sums=[7.0 * (n[0] + n[1]), 7.0 * n[2]])
    two = significance_at_cut(label, score, threshold=0.3, sample=halves, full_sums=7.0 * n)
    for name in FIGURES_OF_MERIT:
        assert two.significances[name].background == pytest.approx(one.significances[name].background)


def test_uncertain_background_wants_another_cut(draw):
    """The more uncertain the background, the tighter the best cut."""
    label, score, weight = draw(np.random.default_rng(1), 20_000, 1.5)
    cuts = [
        significance_scan(label, score, weight, figures=[FigureOfMerit(relative_sigma_b=relative)])
        .optima["z_a_sigma_b"]
        .threshold
        for relative in (0.0, 0.02, 0.2)
    ]
    assert cuts == sorted(cuts)
    assert cuts[0] < cuts[2]


def test_curve_is_thinned_and_plain_json(draw):
    scan = significance_scan(*draw(np.random.default_rng(1), 5000, 1.0))
    assert scan.n_cuts == 10_000
    assert 300 < scan.thresholds.size <= 400
    plain = json.loads(json.dumps(scan.to_dict(), allow_nan=False))
    assert len(plain["curve"]["thresholds"]) == 200
    # nothing is computable where hardly any background is left
    assert plain["curve"]["figures"]["z_a"]["values"][0] is None
    assert plain["optima"]["punzi"]["significance"]["figure"] == "punzi"


def test_curve_at_given_cuts(draw):
    events = draw(np.random.default_rng(1), 500, 1.0)
    scan = significance_scan(*events, figures=["z_a"], thresholds=[0.5, -0.1, 1.0])
    for place, cut in enumerate([1.0, 0.5, -0.1]):
        found = significance_at_cut(*events, threshold=cut, figures=["z_a"]).significances["z_a"]
        assert scan.thresholds[place] >= cut
        assert scan.background[place] == found.background
        assert scan.errors["z_a"][place] == pytest.approx(found.error)
    assert scan.optima == significance_scan(*events, figures=["z_a"]).optima
    with pytest.raises(InvalidInputError, match="no event passes a threshold of 50"):
        significance_scan(*events, thresholds=[50])


def test_refused(draw):
    toy = draw(np.random.default_rng(1), 50, 1.0)
    label, score, weight = toy
    with pytest.raises(
        EmptyClassError, match="sample 1 sum to 50, those of the whole sample to -3: it cannot be scaled"
    ):
        significance_scan(*toy, full_sums=[100, -3])
    with pytest.raises(EmptyClassError, match="the 0 events of sample 2 sum to 0, those of the whole sample to 8"):
        significance_scan(*toy, full_sums=[100, 100, 8])
    with pytest.raises(InvalidInputError, match="sample 0 has rows of both classes"):
        significance_scan(*toy, sample=np.zeros(100, int), full_sums=[100])
    with pytest.raises(InvalidInputError, match="one finite number for each of 2 samples"):
        significance_scan(*toy, full_sums=[100])
    with pytest.raises(InvalidInputError, match="full_squares without full_sums"):
        significance_scan(*toy, full_squares=[100, 100])
    with pytest.raises(InvalidInputError, match="1 of 49 events stand in two samples of one class"):
        significance_scan(
            *toy,
            event=np.maximum(np.arange(100), 1),
            sample=np.where(label, np.arange(100) % 2, 2),
            full_sums=[25, 25, 50],
        )
    with pytest.raises(InvalidInputError, match="each may stand once"):
        significance_scan(*toy, figures=["z_a", "z_a"])
    with pytest.raises(InvalidInputError, match="threshold is nan"):
        significance_at_cut(*toy, threshold=math.nan)
    nothing = significance_scan(label, score, weight, figures=["z_a"], min_effective=60).optima["z_a"]
    assert nothing.reason == "no cut keeps 0 of the signal and a positive background of 60 effective events"
    assert nothing.to_dict() == {"threshold": None, "significance": None, "reason": nothing.reason}


@pytest.mark.parametrize("seed", range(6))
def test_bounds_leave_out_no_better_cut(seed, monkeypatch):
    """Blocks of a few cuts, hardly any of which is looked at, and one block of all; negative weights of both classes."""
    rng = np.random.default_rng(seed)
    label = rng.random(4000) < 0.3
    score = rng.normal(size=4000) + label
    weight = rng.exponential(size=4000) * np.where(rng.random(4000) < 0.2, -1.0, 1.0)
    others = [name for name in FIGURES_OF_MERIT if name != "z_a_sigma_b"]
    figures = [FigureOfMerit("z_a_sigma_b", relative_sigma_b=0.1 * (seed % 2)), *others]
    found = []
    for size in (8, 10_000):
        monkeypatch.setattr(sys.modules["hepml.evaluation.significance_scan"], "_BLOCK", size)
        found.append(significance_scan(label, score, weight, figures=figures).to_dict()["optima"])
    assert found[0] == found[1]
    assert sum(optimum["significance"] is not None for optimum in found[0].values()) >= 3
