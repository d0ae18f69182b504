"""What the figures of training show: artists that hold the numbers of the results, clear of legends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hepml import plots
from hepml.errors import InvalidInputError
from hepml.evaluation import LossCurve, learning_curve, training_curve


@pytest.fixture(params=plots.STYLES)
def canvas(request):
    """Figure and axes in each style."""
    with plots.style(request.param):
        yield plots.new_figure()


def shaded(collection):
    """Ranges of x that a filled collection covers."""
    return sorted((path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in collection.get_paths())


@pytest.mark.parametrize("figure", ["log_loss", "auc"])
def test_training_curve_shows_both_parts_and_the_plateau(canvas, course, figure):
    _, ax = canvas
    artists = plots.training_curve(course, ax, figure=figure, title="XGBoost")
    for line, band, part in zip(
        (artists.train, artists.validation), artists.bands, (course.train, course.validation), strict=True
    ):
        value, error = getattr(part, figure), getattr(part, f"{figure}_error")
        np.testing.assert_array_equal(line.get_xdata(), course.stages)
        np.testing.assert_array_equal(line.get_ydata(), value)
        outline = band.get_paths()[0].vertices
        at_first = outline[np.isclose(outline[:, 0], course.stages[0]), 1]
        assert at_first.min() == pytest.approx(value[0] - error[0])
        assert at_first.max() == pytest.approx(value[0] + error[0])
    against = getattr(course, figure)
    ((low, high),) = shaded(artists.plateau)
    on = course.stages[against.plateau]
    assert on[0] / 2 < low < on[0]
    assert on[-1] < high < on[-1] * 2
    assert artists.optimum.get_xdata() == [against.optimum]
    assert (artists.monitored is None) == (figure == "auc")
    title = artists.legend.get_title().get_text()
    assert "XGBoost" in title
    assert f"at {course.stages[-1]}" in title
    assert f"Optimum, at {against.optimum}" in [text.get_text() for text in artists.legend.get_texts()]


def test_a_curve_without_log_loss_shows_its_area(canvas, course):
    _, ax = canvas
    without = replace(course, log_loss=None)
    with pytest.raises(InvalidInputError, match="no log_loss: its margins are no log-odds"):
        plots.training_curve(without, ax)
    assert plots.training_curve(without, ax, figure="auc").monitored is None


def test_legend_of_the_training_curve_stands_above_the_data(canvas, course):
    figure, ax = canvas
    artists = plots.training_curve(course, ax, title="XGBoost")
    figure.draw_without_rendering()
    highest = max(line.get_ydata().max() for line in (artists.train, artists.validation, artists.monitored))
    _, top = ax.transData.transform((1, highest))
    assert top <= artists.legend.get_window_extent().y0
    assert artists.monitored.get_xdata()[-1] == 300
    assert ax.get_xlim()[1] > 300


def test_every_stage_off_the_plateau_but_one_is_left_unshaded():
    label = np.arange(4000) % 2 == 0
    x = np.random.default_rng(1).normal(size=4000) + label
    margin = np.array([0.1, 1.0, -0.5])[:, None] * (x - 0.5)
    curve = training_curve([10, 100, 1000], label, margin, None, label, margin, None)
    assert curve.log_loss.plateau.tolist() == [False, True, False]
    with plots.style():
        _, ax = plots.new_figure()
        ((low, high),) = shaded(plots.training_curve(curve, ax).plateau)
    assert (low, high) == pytest.approx((np.sqrt(10 * 100), np.sqrt(100 * 1000)))


def test_one_stage_is_drawn():
    label = np.arange(100) % 2 == 0
    margin = np.random.default_rng(1).normal(size=(1, 100))
    with plots.style():
        figure, ax = plots.new_figure()
        artists = plots.training_curve(training_curve([1], label, margin, None, label, margin, None), ax)
        figure.draw_without_rendering()
    assert "the optimum" in artists.legend.get_title().get_text()


def test_learning_curve_shows_points_fit_and_predictions(canvas, learned):
    figure, ax = canvas
    artists = plots.learning_curve(learned, ax, title="XGBoost")
    np.testing.assert_array_equal(artists.points.lines[0].get_xdata(), learned.n_events)
    np.testing.assert_array_equal(artists.points.lines[0].get_ydata(), learned.auc)
    assert artists.fit.get_xdata()[-1] <= learned.n_events[-1] < artists.extrapolation.get_xdata()[0]
    np.testing.assert_allclose(artists.fit.get_ydata(), learned.at(artists.fit.get_xdata())[0])
    np.testing.assert_array_equal(artists.predictions.lines[0].get_ydata(), [one.auc for one in learned.predictions])
    title = artists.legend.get_title().get_text()
    assert "2 times the events: +0.0" in title
    figure.draw_without_rendering()
    highest = (learned.auc + learned.auc_error).max()
    _, top = ax.transData.transform((learned.n_events[0], max(highest, artists.extrapolation.get_ydata().max())))
    box, frame = artists.legend.get_window_extent(), ax.get_window_extent()
    assert top <= box.y0
    assert frame.x0 <= box.x0
    assert box.x1 <= frame.x1


def test_learning_curve_without_a_fit_says_why():
    flat = learning_curve([100, 200, 400, 800], [0.9, 0.89, 0.88, 0.87], np.full(4, 0.01))
    with plots.style():
        figure, ax = plots.new_figure()
        artists = plots.learning_curve(flat, ax)
        figure.draw_without_rendering()
        box, frame = artists.legend.get_window_extent(), ax.get_window_extent()
    assert frame.x0 <= box.x0
    assert box.x1 <= frame.x1
    assert artists.fit is artists.band is artists.predictions is None
    assert "does not rise" in artists.legend.get_title().get_text().replace("\n", " ")


def test_loss_curve(canvas):
    _, ax = canvas
    result = LossCurve.of([0.7, 0.6, 0.55, 0.54], [0.65, 0.58, 0.57, 0.59], 3)
    artists = plots.loss_curve(result, ax, title="NN")
    assert artists.training.get_xdata().tolist() == [1, 2, 3, 4]
    assert artists.training.get_ydata().tolist() == result.training.tolist()
    assert artists.validation.get_ydata().tolist() == result.validation.tolist()
    assert artists.kept.get_xdata()[0] == 3
    assert result.to_dict() == {"n_epochs": 4, "kept": 3, "training": 0.55, "validation": 0.57}
    alone = LossCurve.of([0.7, 0.6], [], 2)
    assert plots.loss_curve(alone, ax).validation is None
    assert alone.to_dict()["validation"] is None
    for wrong in (([0.7], [], 2), ([0.7, 0.6], [0.5], 1), ([], [], 1)):
        with pytest.raises(InvalidInputError, match="no curve"):
            LossCurve.of(*wrong)
