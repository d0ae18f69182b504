"""Figures of the exploration: data over simulation, correlation matrices, ranking."""

from __future__ import annotations

import numpy as np
import pytest

from hepml import plots
from hepml.evaluation import correlations, data_mc, separation


@pytest.fixture(scope="module")
def comparison():
    """Negative weights; bins without data; missing values and a tail outside the axis."""
    rng = np.random.default_rng(1)
    simulation = {
        "Ztautau": (rng.normal(90, 10, 5000), np.full(5000, 0.2)),
        "ttbar": (rng.exponential(60, 4000), np.where(rng.random(4000) < 0.2, -0.2, 0.2)),
    }
    data = np.concatenate([rng.normal(90, 10, 1000), rng.exponential(60, 500), [np.nan] * 20])
    return data_mc((data, None), simulation)


@pytest.fixture(params=plots.STYLES)
def look(request):
    with plots.style(request.param):
        yield request.param


def test_data_stand_over_the_stack_and_their_ratio_below(comparison, look):
    figure, axes = plots.new_ratio_figure()
    artists = plots.data_mc(comparison, axes, title="mass", unit="GeV", names={"Ztautau": "Z"})
    plots.experiment_label(axes[0], "Internal")
    figure.draw_without_rendering()
    first, second = (histogram.sum_w for histogram in comparison.simulation.values())
    np.testing.assert_allclose(artists.stack[0].get_data().values, first)
    np.testing.assert_allclose(artists.stack[1].get_data().baseline, first)
    np.testing.assert_allclose(artists.stack[1].get_data().values, first + second)
    band = artists.band.get_data()
    np.testing.assert_allclose(band.values - band.baseline, 2 * comparison.total.error)
    filled = comparison.data.sum_w > 0
    assert not filled.all()
    np.testing.assert_allclose(artists.data.lines[0].get_ydata(), comparison.data.sum_w[filled])
    shown = filled & (comparison.total.sum_w > 0)
    np.testing.assert_allclose(
        artists.ratio.lines[0].get_ydata(), comparison.data.sum_w[shown] / comparison.total.sum_w[shown]
    )
    assert axes[1].get_xlabel() == "mass [GeV]"
    assert [text.get_text() for text in artists.legend.get_texts()][:2] == ["Z", "ttbar"]
    title = artists.legend.get_title().get_text()
    assert f"{comparison.ratio:.3f} ± {comparison.ratio_error:.3f}" in title
    assert "missing or outside: data" in title
    _, top = axes[0].transData.transform((0, (comparison.data.sum_w + comparison.data.error).max()))
    assert top <= artists.legend.get_window_extent().y0
    assert look in plots.STYLES


def test_nothing_to_compare_is_drawn():
    empty = data_mc((np.zeros(0), None), {"all": (np.arange(5.0), np.full(5, -1.0))})
    with plots.style():
        figure, axes = plots.new_ratio_figure()
        artists = plots.data_mc(empty, axes, title="x")
        figure.draw_without_rendering()
    assert "too few events" in artists.legend.get_title().get_text()
    assert axes[0].get_ylim()[0] < 0


def test_correlations_are_in_percent_below_the_diagonal(look):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(500, 4))
    X[:, 1] += X[:, 0]
    X[:, 3] = 1.0
    result = correlations(X)
    figure, ax = plots.new_figure()
    artists = plots.correlations(result, ax, ["a", "b_c", "$p_T$", "price $"], title="signal", n_features=2)
    plots.experiment_label(ax, "Internal")
    figure.draw_without_rendering()
    found = {(text.get_position(), text.get_text()) for text in artists.numbers}
    assert found == {((j, i), f"{round(100 * result.linear[i, j])}") for i in range(3) for j in range(i)}
    shown = artists.cells.get_array()
    assert shown.mask[np.triu_indices(4, 1)].all()
    assert shown.mask[3].all()
    np.testing.assert_allclose(shown[:3, :3][np.tril_indices(3)], result.linear[:3, :3][np.tril_indices(3)])
    page = figure.bbox
    for text in (*ax.get_xticklabels(), *ax.get_yticklabels()):
        box = text.get_window_extent()
        assert box.x0 >= page.x0 - 1
        assert box.y0 >= page.y0 - 1
    assert look in plots.STYLES


def test_rank_correlations_are_drawn_too():
    x = np.arange(50.0)
    with plots.style():
        _, ax = plots.new_figure()
        artists = plots.correlations(correlations(np.column_stack([x, np.exp(x / 5)])), ax, ["x", "y"], kind="rank")
    assert artists.numbers[0].get_text() == "100"


def test_the_ranking_is_from_top_to_bottom(look):
    rng = np.random.default_rng(3)
    label = np.arange(1000) % 2 == 0
    results = {name: separation(rng.normal(shift * label), label) for name, shift in (("weak", 0.3), ("$p_T$", 2.0))}
    results["none"] = separation(
        np.array([1.0, np.nan] + [2.0] * 30), [1, 1] + [0] * 30, np.array([-1.0, 20.0] + [1.0] * 30)
    )
    figure, ax = plots.new_figure()
    artists = plots.ranking(results, ax, names={"weak": "weak one"})
    figure.draw_without_rendering()
    assert artists.names == ("$p_T$", "weak", "none")
    widths = [bar.get_width() for bar in artists.bars]
    assert widths == [results["$p_T$"].value, results["weak"].value, 0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["$p_T$", "weak one", "none (not computable)"]
    heights = ax.transData.transform(np.column_stack([np.zeros(3), np.arange(3)]))[:, 1]
    assert (np.diff(heights) < 0).all()
    assert look in plots.STYLES


def test_many_columns_are_numbered():
    X = np.random.default_rng(4).normal(size=(100, 9))
    with plots.style():
        _, ax = plots.new_figure()
        plots.correlations(correlations(X), ax, [f"feature {letter}" for letter in "abcdefghi"])
    assert ax.get_yticklabels()[2].get_text() == "feature c  3"
    assert [text.get_text() for text in ax.get_xticklabels()] == [str(number) for number in range(1, 10)]
