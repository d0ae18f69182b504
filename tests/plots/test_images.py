"""Figures compared with images that were looked at (pytest --mpl; without it they are only drawn)."""

from __future__ import annotations

import pytest

from hepml import plots


def compare(test):
    return pytest.mark.mpl_image_compare(
        baseline_dir="baseline", style="default", tolerance=18, savefig_kwargs={"dpi": 60}
    )(test)


def figure_of(draw, style="plain", label=""):
    with plots.style(style):
        figure, ax = plots.new_figure()
        draw(ax)
        plots.experiment_label(ax, label)
        # text is resolved when it is drawn
        figure.draw_without_rendering()
    return figure


@compare
def test_roc(curves):
    return figure_of(lambda ax: plots.roc(curves, ax), label="hepml")


@compare
def test_inverse_background_efficiency(curves):
    return figure_of(lambda ax: plots.inverse_background_efficiency(curves, ax))


@compare
def test_overtraining(comparison):
    return figure_of(lambda ax: plots.overtraining(comparison, ax, title="XGBoost"))


@compare
def test_folds(folds):
    return figure_of(lambda ax: plots.folds(folds, ax), label="hepml")


@compare
def test_feature(mass):
    return figure_of(lambda ax: plots.feature(mass, ax, title=r"$m_{\tau\tau}^{vis}$", unit="GeV"))


@compare
def test_feature_of_whole_numbers(n_jets):
    return figure_of(lambda ax: plots.feature(n_jets, ax, title="Number of jets"))


@compare
def test_experiment(comparison):
    return figure_of(
        lambda ax: plots.overtraining(comparison, ax, title="XGBoost"), style="ATLAS", label="Simulation Internal"
    )
