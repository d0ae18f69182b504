"""Figures of importance: bars with errors and groups, contributions as densities, dependence on a feature."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hepml import plots
from hepml.evaluation import FeatureImportance, contribution_summary

TITLES = {"mass": r"$m_{\tau\tau}$", "pt": "momentum", "charge": "charge", "angle": "angle", "copy": "angle, again"}
NAMES = tuple(TITLES)


@pytest.fixture(scope="module")
def kinds():
    members = (*((name,) for name in NAMES), ("angle", "copy"), ("mass", "pt", "charge"))
    permuted = FeatureImportance(
        "permutation",
        tuple(" + ".join(names) for names in members),
        members,
        np.array([0.08, 0.03, np.nan, -0.004, 0.01, 0.05, 0.14]),
        np.array([0.004, 0.002, np.nan, 0.003, 0.001, 0.003, 0.006]),
        np.full(7, np.nan),
    )
    gain = FeatureImportance.of_features("total_gain", NAMES, [900.0, 300.0, 0.0, 120.0, 60.0])
    return {"Loss of AUC": permuted, "Total gain": gain}


@pytest.fixture(scope="module")
def summary():
    rng = np.random.default_rng(1)
    X = np.column_stack([rng.exponential(50, 2000), rng.normal(size=2000), rng.integers(-1, 2, 2000)])
    X[rng.random(2000) < 0.2, 0] = np.nan
    phi = np.column_stack(
        [np.where(np.isnan(X[:, 0]), -0.4, np.tanh(X[:, 0] / 50 - 1)), 0.4 * X[:, 1], 0.2 * X[:, 2]]
    ) + 0.1 * rng.normal(size=(2000, 3))
    weight = np.where(rng.random(2000) < 0.1, -1.0, 1.0)
    return contribution_summary(phi, X, rng.random(2000) < 0.5, weight, names=NAMES[:3])


@pytest.fixture(params=plots.STYLES)
def look(request):
    with plots.style(request.param):
        yield request.param


def test_one_panel_a_kind_in_the_order_of_the_first(kinds, look):
    figure, axes = plots.new_importance_figure(2, 7)
    artists = plots.importance(kinds, axes, names=TITLES)
    figure.draw_without_rendering()
    assert look in plots.STYLES
    assert artists.names == ("mass", "pt", "copy", "angle", "charge", "angle + copy", "mass + pt + charge")
    widths = [[bar.get_width() for bar in bars] for bars in artists.bars]
    np.testing.assert_allclose(widths[0], [0.08, 0.03, 0.01, -0.004, 0.0, 0.05, 0.14])
    np.testing.assert_allclose(widths[1], [900, 300, 60, 120, 0, 0, 0])
    labels = [tick.get_text() for tick in axes[0].get_yticklabels()]
    assert labels[:2] == [TITLES["mass"], "momentum"]
    assert labels[5:] == ["angle, angle, again", rf"{TITLES['mass']} and 2 correlated"]
    # a number that should be there is missed; a group that a definition does not have is not
    assert [[text.get_text() for text in ax.texts] for ax in axes] == [["not computable"], []]
    assert axes[0].get_xlim()[0] < -0.007 < 0.146 < axes[0].get_xlim()[1]
    boxes = [label.get_window_extent() for label in axes[0].get_yticklabels()]
    assert all(upper.y0 > lower.y1 - 3 for upper, lower in itertools.pairwise(boxes))


def test_nothing_computable_is_drawn():
    nothing = FeatureImportance.of_features("permutation", NAMES, np.full(5, np.nan))
    with plots.style():
        figure, axes = plots.new_importance_figure(1, 5)
        artists = plots.importance({"Loss of AUC": nothing}, axes)
        figure.draw_without_rendering()
    assert artists.names == NAMES
    assert len(axes[0].texts) == 5


def test_boxes_of_a_row_are_the_density_of_contributions(summary, look):
    figure, ax = plots.new_figure()
    artists = plots.contributions(summary, ax, names=TITLES)
    figure.draw_without_rendering()
    assert look in plots.STYLES
    assert artists.names == tuple(summary.importance.ranked())
    density = summary.densities[artists.names[0]]
    first = [path for path in artists.boxes.get_paths() if abs(path.vertices[:4, 1].mean()) < 1e-9]
    assert len(first) == np.count_nonzero(density.fraction > 0)
    heights = np.array([np.ptp(path.vertices[:4, 1]) for path in first])
    np.testing.assert_allclose(heights / heights.max(), density.fraction[density.fraction > 0] / density.fraction.max())
    assert heights.max() == pytest.approx(0.84)
    few = plots.contributions(summary, plots.new_figure()[1], max_features=1)
    assert few.names == artists.names[:1]


def test_dependence_shows_mean_spread_and_what_is_missing(summary, look):
    profile = summary.profiles["mass"]
    figure, ax = plots.new_figure()
    artists = plots.contribution_dependence(profile, ax, title="mass", unit="GeV")
    figure.draw_without_rendering()
    assert look in plots.STYLES
    known = np.isfinite(profile.mean)
    np.testing.assert_allclose(artists.mean.lines[0].get_xydata(), np.stack([profile.center, profile.mean], 1)[known])
    np.testing.assert_allclose(artists.spread.get_data().values[known], (profile.mean + profile.spread)[known])
    assert ax.get_ylim()[0] < np.nanmin(profile.mean - profile.spread)
    assert ax.get_ylim()[1] > np.nanmax(profile.mean + profile.spread)
    assert ax.get_xlabel() == "mass [GeV]"
    assert ax.get_legend().get_title().get_text().startswith("missing: -0.4")
