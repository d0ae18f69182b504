"""Figures of calibration, purity, flatness, slices and matrices: they hold their results, and nothing is cut off."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from hepml import plots
from hepml.errors import InvalidInputError
from hepml.evaluation import (
    calibration,
    classifier_agreement,
    compare_methods,
    confusion_matrix,
    fit_platt,
    flatness,
    purity_scan,
    roc_curve,
    score_slices,
    sculpting,
)
from tests.plots.test_figures import assert_legend_stands_clear, assert_nothing_is_cut_off, texts
from tests.plots.test_images import compare, figure_of


@pytest.fixture(params=plots.STYLES)
def canvas(request):
    """Figure and axes in each style."""
    with plots.style(request.param):
        yield plots.new_figure()


@pytest.fixture(scope="module")
def events():
    """Labels, probabilities, weights, and a mass that rises with the score and is sometimes missing."""
    rng = np.random.default_rng(3)
    label = rng.random(6000) < 0.4
    score = rng.normal(1.5 * label - 0.75, 1)
    mass = rng.exponential(40, 6000) + 5 * score + 30
    mass[::40] = np.nan
    return label, expit(2 * score + 0.5), np.where(rng.random(6000) < 0.1, -1.0, 1.0), mass


@pytest.fixture(scope="module")
def calibrations(events):
    label, score, weight, _ = events
    return {
        "as trained": calibration(label, score, weight),
        "Platt": calibration(label, fit_platt(label, score, weight).apply(score), weight),
    }


@pytest.fixture(scope="module")
def efficiencies(events):
    label, score, weight, mass = events
    background = ~label
    return {
        f"cut at {cut}": flatness((score > cut)[background], mass[background], weight[background]) for cut in (0.5, 0.8)
    }


@pytest.mark.parametrize("style", plots.STYLES)
def test_calibration_shows_both_panels(style, calibrations):
    with plots.style(style):
        figure, axes = plots.new_ratio_figure()
        artists = plots.calibration(calibrations, axes, title="BDT")
        for drawn, below, result in zip(artists.curves, artists.differences, calibrations.values(), strict=True):
            assert drawn.lines[0].get_xdata() == pytest.approx(result.predicted)
            assert drawn.lines[0].get_ydata() == pytest.approx(result.observed)
            assert below.lines[0].get_ydata() == pytest.approx(result.difference)
        for text, (name, result) in zip(texts(artists.legend), calibrations.items(), strict=True):
            assert text.startswith(f"{name}: ECE {result.ece:.4f}")
        for ax in axes:
            assert_nothing_is_cut_off(figure, ax)
        assert_legend_stands_clear(figure, axes[0], artists.legend, 1.0)


def test_purity_shows_four_curves(canvas, events):
    figure, ax = canvas
    result = purity_scan(roc_curve(*events[:3]), signal_yield=50, background_yield=400)
    artists = plots.purity(result, ax, title="BDT")
    for line, name in zip(
        artists.lines,
        ("signal_efficiency", "background_efficiency", "purity", "efficiency_times_purity"),
        strict=True,
    ):
        assert line.get_xdata() == pytest.approx(result.thresholds)
        assert line.get_ydata() == pytest.approx(getattr(result, name), nan_ok=True)
    assert "50 signal, 400 background" in artists.legend.get_title().get_text()
    assert_nothing_is_cut_off(figure, ax)
    assert_legend_stands_clear(figure, ax, artists.legend, 1.0)


def test_flatness_shows_each_bin(canvas, efficiencies):
    figure, ax = canvas
    artists = plots.flatness(efficiencies, ax, variable="$m$", unit="GeV", title="BDT")
    for drawn, result in zip(artists.points, efficiencies.values(), strict=True):
        assert drawn.lines[0].get_ydata() == pytest.approx(result.efficiency)
        assert f"spread {result.spread:.4f}" in " ".join(texts(artists.legend))
    labels = [tick.get_text() for tick in ax.get_xticklabels()]
    assert labels[-1] == "missing"
    assert len(labels) == next(iter(efficiencies.values())).efficiency.size - 1
    assert_nothing_is_cut_off(figure, ax)


def test_flatness_refuses_different_bins(canvas, events, efficiencies):
    label, score, weight, mass = events
    signal = flatness((score > 0.5)[label], mass[label], weight[label])
    with pytest.raises(InvalidInputError, match="different bins"):
        plots.flatness({**efficiencies, "signal": signal}, canvas[1])


def test_score_slices_show_shapes(canvas, events):
    figure, ax = canvas
    label, score, weight, mass = events
    result = score_slices(score[~label], mass[~label], weight[~label])
    artists = plots.score_slices(result, ax, variable="$m$", unit="GeV")
    for patch, histogram in zip(artists.steps, result.histograms, strict=True):
        assert patch.get_data().values == pytest.approx(histogram.fractions()[0])
    assert texts(artists.legend)[-1].startswith("last")
    assert_nothing_is_cut_off(figure, ax)


def test_a_slice_without_a_shape_is_left_out(canvas):
    result = score_slices([0.1, 0.2, 0.8, 0.9], [1.0, 2.0, 1.0, 2.0], [2, 2, 1, -1], efficiencies=[0.3])
    assert len(plots.score_slices(result, canvas[1]).steps) == 1


@pytest.mark.parametrize("kind", ["by_truth", "by_assigned"])
def test_confusion_shows_percentages(canvas, events, kind):
    figure, ax = canvas
    label, score, weight, _ = events
    result = confusion_matrix(label, score > 0.5, weight)
    artists = plots.confusion(result, ax, ["background", "signal"], kind=kind, title="BDT")
    assert np.asarray(artists.cells.get_array()) == pytest.approx(getattr(result, kind))
    first = 100 * getattr(result, kind)[0, 0]
    assert artists.texts[0].get_text().startswith(f"{first:.1f}"[:3])
    assert "±" in artists.texts[0].get_text()
    assert_nothing_is_cut_off(figure, ax)


@pytest.mark.parametrize(("of", "kind"), [("signal", "both"), ("background", "same")])
def test_agreement_shows_the_overlap_that_is_asked_for(canvas, events, of, kind):
    figure, ax = canvas
    label, score, weight, _ = events
    noise = np.random.default_rng(0).normal(size=label.size)
    result = classifier_agreement(label, {"BDT": score, "a rather long name": score + 0.1 * noise}, weight)
    artists = plots.agreement(result, ax, of=of, kind=kind)
    assert np.asarray(artists.cells.get_array()) == pytest.approx(getattr(getattr(result, f"{of}_overlap"), kind))
    assert_nothing_is_cut_off(figure, ax)


def test_cells_that_are_not_computable_are_empty(canvas):
    result = confusion_matrix([0, 1], [0, 0], n_classes=2)
    artists = plots.confusion(result, canvas[1], ["a", "b"], kind="by_assigned")
    assert len(artists.texts) == 2


@compare
def test_flatness_image(efficiencies):
    return figure_of(lambda ax: plots.flatness(efficiencies, ax, variable=r"$m_{vis}$", unit="GeV", title="BDT"))


@compare
def test_calibration_image(calibrations):
    with plots.style("plain"):
        figure, axes = plots.new_ratio_figure()
        plots.calibration(calibrations, axes, title="BDT")
        figure.draw_without_rendering()
    return figure


def test_areas_stand_beside_their_differences_from_the_first(events):
    label, score, weight, _ = events
    noise = np.random.default_rng(1).normal(size=label.size)
    scores = {"BDT": score, "a source/another $name": score + 0.3 * noise, "copy": score}
    curves = {name: roc_curve(label, values, weight) for name, values in scores.items()}
    pairs = compare_methods(label, scores, weight)
    with plots.style("ATLAS"):
        figure, axes = plots.new_importance_figure(2, len(curves))
        artists = plots.areas(curves, pairs, axes)
    areas, places = artists.areas.lines[0].get_data()
    assert np.asarray(areas).tolist() == [curve.auc for curve in curves.values()]
    assert np.asarray(places).tolist() == [0, 1, 2]
    differences, rows = artists.differences.lines[0].get_data()
    assert np.asarray(differences).tolist() == [pair.auc.difference for pair in pairs[:2]]
    assert np.asarray(rows).tolist() == [1, 2]
    for ax in axes:
        assert_nothing_is_cut_off(figure, ax)


def test_many_methods_are_numbered_in_a_matrix(canvas, events):
    figure, ax = canvas
    label, score, weight, _ = events
    result = classifier_agreement(label, {f"source/METHOD_{number}": score for number in range(7)}, weight)
    plots.agreement(result, ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == [str(number) for number in range(1, 8)]
    assert_nothing_is_cut_off(figure, ax)


def test_trade_off(canvas, events):
    label, score, weight, mass = (np.asarray(column) for column in events)
    pairs = {}
    for name, values in {"all": score, "less": score + np.random.default_rng(1).normal(0, 0.3, len(score))}.items():
        background = ~label
        passed = values[background] >= 0.5
        pairs[name] = (roc_curve(label, values, weight), sculpting(passed, mass[background], weight[background]))
    flat = sculpting(np.random.default_rng(2).random(len(label)) < 0.3, mass, weight)
    pairs["flat"] = (pairs["less"][0], flat)
    figure, ax = canvas
    artists = plots.trade_off(pairs, "m_vis", ax)
    assert artists.points[0].get_xdata().tolist() == [pairs[name][0].auc for name in ("all", "less")]
    assert artists.points[0].get_ydata().tolist() == [pairs[name][1].inverse for name in ("all", "less")]
    assert artists.bounds[0].get_ydata()[0] == pytest.approx(
        1.0 / (max(flat.divergence, 0.0) + 2.0 * flat.divergence_error)
    )
    assert [text.get_text() for text in artists.names] == ["all", "less", "flat"]
    assert ax.get_yscale() == "log"
    assert_nothing_is_cut_off(figure, ax)
