"""Figures of significance: what they show is what the results hold."""

from __future__ import annotations

import numpy as np
import pytest

from hepml import plots
from hepml.evaluation import (
    FIGURES_OF_MERIT,
    FigureOfMerit,
    binned_significance,
    choose_score_binning,
    significance_at_cut,
    significance_scan,
)
from tests.plots.conftest import draw_scores
from tests.plots.test_images import compare, figure_of

TENTH = FigureOfMerit(relative_sigma_b=0.1)


def toy(seed, n=4000):
    label, score, sign = draw_scores(np.random.default_rng(seed), n, 1.6)
    return label, score, sign * np.where(label, 0.05, 0.5)


@pytest.fixture(scope="module")
def scan():
    return significance_scan(*toy(5), figures=[TENTH, "z_a", "s_over_sqrt_b", "s_over_sqrt_s_plus_b", "punzi"])


@pytest.fixture(scope="module")
def cut():
    threshold = significance_scan(*toy(6), figures=[TENTH]).optima["z_a_sigma_b"].threshold
    return significance_at_cut(*toy(5), threshold=threshold, figures=[TENTH])


@pytest.fixture(scope="module")
def binned():
    edges = choose_score_binning(*toy(6), figure=TENTH, max_bins=6).edges
    return binned_significance(*toy(5), edges=edges, figure=TENTH)


@compare
def test_significance_scan(scan, cut):
    at_cut = cut.significances["z_a_sigma_b"]
    return figure_of(
        lambda ax: plots.significance_scan(scan, ax, cut=cut.threshold, at_cut=at_cut, title="XGBoost"), label="hepml"
    )


@compare
def test_binned_significance(binned, cut):
    with plots.style("plain"):
        figure, axes = plots.new_ratio_figure()
        plots.binned_significance(binned, axes, title="XGBoost", cut=cut.significances["z_a_sigma_b"])
        figure.draw_without_rendering()
    return figure


def test_scan_draws_what_it_is_given(scan, cut):
    with plots.style("plain"):
        _, ax = plots.new_figure()
        drawn = plots.significance_scan(scan, ax, cut=cut.threshold, at_cut=cut.significances["z_a_sigma_b"])
    assert drawn.lines[0].get_label() == r"$Z_A$, $\sigma_b$: 10% and MC statistics"
    # punzi is not a number of standard deviations
    assert len(drawn.lines) == 4
    np.testing.assert_array_equal(drawn.lines[1].get_ydata(), scan.values["z_a"])
    assert drawn.cut.get_xdata()[0] == cut.threshold
    assert "chosen cut" in drawn.cut.get_label()
    highest = np.nanmax(scan.values["s_over_sqrt_b"] + scan.errors["s_over_sqrt_b"])
    legend_foot = ax.transData.inverted().transform(drawn.legend.get_window_extent())[0, 1]
    assert legend_foot > highest


def test_nothing_computable_is_drawn_empty():
    label, score, weight = toy(5, n=16)
    scan = significance_scan(label, score, np.abs(weight))
    assert all(np.isnan(scan.values[name]).all() for name in FIGURES_OF_MERIT)
    binned = binned_significance(label, score, np.abs(weight), edges=[0.0, 1e-3, 1.0])
    with plots.style("plain"):
        _, ax = plots.new_figure()
        plots.significance_scan(scan, ax, cut=np.nan)
        _, axes = plots.new_ratio_figure()
        drawn = plots.binned_significance(binned, axes)
    # the empty bin leaves no logarithm
    assert axes[0].get_yscale() == "linear"
    assert not len(drawn.significances[0].get_xdata())


def test_bins_stack_signal_on_background(binned):
    with plots.style("CMS"):
        _, axes = plots.new_ratio_figure()
        drawn = plots.binned_significance(binned, axes)
    background = np.array([item.background for item in binned.bins])
    signal = np.array([item.signal for item in binned.bins])
    np.testing.assert_allclose(drawn.signal.get_data().values, background + signal)
    np.testing.assert_allclose(drawn.significances[0].get_ydata(), [item.value for item in binned.bins])
    assert axes[1].get_xticklabels()[0].get_text() == "lowest"
