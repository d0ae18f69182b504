"""What the figures show: the artists hold the numbers of the results, and nothing is hidden or cut off."""

from __future__ import annotations

import numpy as np
import pytest

from hepml import plots
from hepml.evaluation import feature_histograms, overtraining, roc_curve


@pytest.fixture(params=plots.STYLES)
def canvas(request):
    """Figure and axes in each style."""
    with plots.style(request.param):
        yield plots.new_figure()


def texts(legend):
    return [text.get_text() for text in legend.get_texts()]


def ticks_in_view(axis):
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def assert_nothing_is_cut_off(figure, ax):
    figure.draw_without_rendering()
    page = figure.bbox
    for artist in (
        ax.xaxis.label,
        ax.yaxis.label,
        ax.title,
        *ticks_in_view(ax.xaxis),
        *ticks_in_view(ax.yaxis),
        *ax.texts,
    ):
        if artist.get_text() and artist.get_visible():
            box = artist.get_window_extent()
            assert box.x0 >= page.x0 - 1, artist
            assert box.y0 >= page.y0 - 1, artist
            assert box.x1 <= page.x1 + 1, artist
            assert box.y1 <= page.y1 + 1, artist


def assert_legend_stands_clear(figure, ax, legend, highest):
    figure.draw_without_rendering()
    _, top = ax.transData.transform((ax.get_xlim()[0], highest))
    assert top <= legend.get_window_extent().y0
    frame = ax.get_window_extent()
    assert legend.get_window_extent().x0 >= frame.x0
    assert legend.get_window_extent().x1 <= frame.x1


def test_roc_shows_each_curve_with_its_area(canvas, curves):
    figure, ax = canvas
    artists = plots.roc(curves, ax)
    for line, band, (name, curve) in zip(artists.lines, artists.bands, curves.items(), strict=True):
        efficiency, rejection = line.get_data()
        on_curve = set(zip(curve.signal_efficiency, 1 - curve.background_efficiency, strict=True))
        assert set(zip(efficiency, rejection, strict=True)) <= on_curve
        assert (efficiency[0], rejection[0], efficiency[-1], rejection[-1]) == (0, 1, 1, 0)
        outline = band.get_paths()[0].vertices
        point = curve.at_signal_efficiency(0.5)
        there = outline[np.isclose(outline[:, 0], point.signal_efficiency), 1]
        assert there.min() == pytest.approx(point.background_rejection - point.background_rejection_error)
        assert there.max() == pytest.approx(point.background_rejection + point.background_rejection_error)
        entry = next(text for text in texts(artists.legend) if text.startswith(name))
        assert f"{curve.auc:.4f} ± {curve.auc_error:.4f}" in entry
    assert artists.legend.get_title().get_text() == "Bands: 68% pointwise"
    assert_nothing_is_cut_off(figure, ax)


def test_legend_of_the_roc_is_clear_of_the_curves(canvas, curves):
    figure, ax = canvas
    artists = plots.roc(curves, ax)
    figure.draw_without_rendering()
    box = artists.legend.get_window_extent()
    for line in artists.lines:
        points = ax.transData.transform(np.transpose(line.get_data()))
        inside = (points[:, 0] > box.x0) & (points[:, 0] < box.x1) & (points[:, 1] > box.y0) & (points[:, 1] < box.y1)
        assert not inside.any()


def test_inverse_background_efficiency_leaves_out_what_is_not_computable(canvas, curves):
    figure, ax = canvas
    artists = plots.inverse_background_efficiency(curves, ax)
    assert ax.get_yscale() == "log"
    for line, curve in zip(artists.lines, curves.values(), strict=True):
        efficiency, inverse = line.get_data()
        assert np.isfinite(inverse).all()
        assert inverse.min() > 0
        assert (efficiency[-1], inverse[-1]) == (1, 1)
        assert curve.background_efficiency[0] == 0
    assert_nothing_is_cut_off(figure, ax)


def test_bands_are_drawn_as_given_and_named(canvas, curves):
    figure, ax = canvas
    bands = {name: curve.band(0.95) for name, curve in curves.items()}
    for draw in (plots.roc, plots.inverse_background_efficiency):
        ax.clear()
        artists = draw(curves, ax, bands=bands)
        assert artists.legend.get_title().get_text() == "Bands: 95% pointwise"
        band = bands["XGBoost"]
        place = np.flatnonzero(band.signal_efficiency > 0.7)[0]
        ends = [1 - band.upper[place], 1 - band.lower[place]]
        if draw is plots.inverse_background_efficiency:
            ends = [1 / band.upper[place], 1 / band.lower[place]]
        outline = artists.bands[0].get_paths()[0].vertices
        there = outline[np.isclose(outline[:, 0], band.signal_efficiency[place]), 1]
        assert [there.min(), there.max()] == pytest.approx(ends)
        assert_nothing_is_cut_off(figure, ax)


def test_perfect_separation_is_drawn(canvas):
    _, ax = canvas
    curve = roc_curve([1, 1, 0, 0], [4, 3, 2, 1])
    plots.roc({"perfect": curve}, ax)
    artists = plots.inverse_background_efficiency({"perfect": curve}, ax)
    assert "AUC = 1.0000 ± 0.0000" in texts(artists.legend)[0]


def test_overtraining_shows_test_as_areas_and_training_as_points(canvas, comparison):
    figure, ax = canvas
    artists = plots.overtraining(comparison, ax, title="XGBoost")
    for patch, points, name in (
        (artists.test_signal, artists.train_signal, "signal"),
        (artists.test_background, artists.train_background, "background"),
    ):
        test, train = (getattr(comparison.histograms, f"{part}_{name}") for part in ("test", "train"))
        np.testing.assert_allclose(patch.get_data().values, test.sum_w / test.total)
        filled = train.sum_w2 > 0
        np.testing.assert_allclose(points.lines[0].get_ydata(), train.sum_w[filled] / train.total)
        bars = np.array([segment[:, 1] for segment in points.lines[2][1].get_segments()])
        np.testing.assert_allclose(np.diff(bars)[:, 0] / 2, train.error[filled] / train.total)
    assert f"{comparison.signal.ks_p_value:.2g}" in texts(artists.legend)[2]
    title = artists.legend.get_title().get_text()
    assert title.startswith("XGBoost\n")
    assert comparison.verdict in title
    assert_nothing_is_cut_off(figure, ax)


def test_overtraining_shows_negative_bins_and_keeps_the_legend_above(canvas, comparison):
    figure, ax = canvas
    artists = plots.overtraining(comparison, ax, title="XGBoost")
    values = [artists.test_signal.get_data().values, artists.test_background.get_data().values]
    lowest = min(value.min() for value in values)
    assert lowest < 0
    assert ax.get_ylim()[0] <= lowest
    highest = max(
        (
            getattr(comparison.histograms, name).fractions()[0] + getattr(comparison.histograms, name).fractions()[1]
        ).max()
        for name in comparison.histograms.__dataclass_fields__
    )
    assert_legend_stands_clear(figure, ax, artists.legend, highest)


def test_smallest_p_value_is_said_to_be_a_limit():
    label = np.arange(400) % 2
    score = label + np.linspace(0, 0.5, 400)
    result = overtraining(label, score, None, label, score + 10, None, n_permutations=49)
    with plots.style():
        _, ax = plots.new_figure()
        artists = plots.overtraining(result, ax)
    assert "≤ 0.02" in texts(artists.legend)[2]


def test_feature_states_units_bins_and_what_is_not_shown(canvas, mass):
    figure, ax = canvas
    artists = plots.feature(mass, ax, title="$m$", unit="GeV")
    assert ax.get_xlabel() == "$m$ [GeV]"
    assert ax.get_ylabel() == f"Fraction of events / {mass.signal.width[0]:.3g} GeV"
    np.testing.assert_allclose(artists.signal.get_data().values, mass.signal.sum_w / mass.signal.total)
    background = mass.background
    np.testing.assert_allclose(
        artists.background.get_data().values, background.sum_w / (background.total - background.missing)
    )
    bars = np.array([segment[:, 1] for segment in artists.background_errors.lines[2][0].get_segments()])
    filled = background.sum_w2 > 0
    np.testing.assert_allclose(
        np.diff(bars)[:, 0] / 2, background.error[filled] / (background.total - background.missing)
    )
    entry = texts(artists.legend)[1]
    assert f"missing: {100 * background.missing / background.total:.2g}%" in entry
    highest = max((value + error).max() for value, error in (mass.signal.fractions(), background.fractions()))
    assert_legend_stands_clear(figure, ax, artists.legend, highest)
    assert_nothing_is_cut_off(figure, ax)


def test_whole_numbers_need_no_width(n_jets):
    with plots.style():
        _, ax = plots.new_figure()
        plots.feature(n_jets, ax, title="n")
    assert ax.get_ylabel() == "Fraction of events"


@pytest.mark.parametrize("values", [[np.nan] * 4, [7.0] * 4])
def test_degenerate_features_are_drawn(values):
    result = feature_histograms(values, [0, 1, 0, 1])
    with plots.style():
        figure, ax = plots.new_figure()
        artists = plots.feature(result, ax, title="x")
        figure.draw_without_rendering()
    # NaN everywhere is said, one value fills one bin
    assert ("missing: 100%" in texts(artists.legend)[0]) == bool(np.isnan(values).all())
    assert artists.signal.get_data().values.sum() == (0 if np.isnan(values).all() else 1)


def test_a_class_whose_weights_are_all_missing_leaves_the_other():
    result = feature_histograms([np.nan, 1.0, 2.0, np.nan, 3.0], [1, 1, 1, 0, 0], [3, 1, -2, 1, 1])
    with plots.style():
        _, ax = plots.new_figure()
        artists = plots.feature(result, ax, title="x")
    assert "not computable" in texts(artists.legend)[0]
    assert artists.background.get_data().values.sum() == 1


@pytest.mark.parametrize("title", ["price in $", "a_b", "100%", r"\alpha"])
def test_titles_that_are_no_mathematics_are_drawn_as_they_are(title, mass, curves, comparison):
    with plots.style():
        for draw in (
            lambda ax: plots.feature(mass, ax, title=title, unit="GeV"),
            lambda ax: plots.roc({title: curves["Cut"]}, ax),
            lambda ax: plots.overtraining(comparison, ax, title=title),
        ):
            figure, ax = plots.new_figure()
            draw(ax)
            figure.draw_without_rendering()


def test_folds_show_areas_with_errors_and_the_pooled_area(canvas, folds):
    _, ax = canvas
    artists = plots.folds(folds, ax)
    for result, points, line, band in zip(folds.values(), artists.points, artists.lines, artists.bands, strict=True):
        assert points.lines[0].get_ydata().tolist() == [area.auc for area in result.areas]
        low, high = points.lines[2][0].get_segments()[1][:, 1]
        assert (high - low) / 2 == pytest.approx(result.areas[1].auc_error)
        assert set(line.get_ydata()) == {result.auc_pooled}
        assert band.get_height() == pytest.approx(2 * result.auc_pooled_error)
    # methods stand side by side, and the legend above all points
    first, second = (points.lines[0].get_xdata() for points in artists.points)
    assert (np.round(first) == np.arange(5)).all()
    assert (first < second).all()
    ax.figure.canvas.draw()
    highest = max(segment[1, 1] for points in artists.points for segment in points.lines[2][0].get_segments())
    assert ax.transData.transform((0, highest))[1] < artists.legend.get_window_extent().y0
    assert "spread" in artists.legend.get_texts()[0].get_text()
