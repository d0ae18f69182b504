"""Figures compared with images that were looked at (pytest --mpl; without it they are only drawn)."""

from __future__ import annotations

import numpy as np
import pytest

from hepml import plots
from hepml.evaluation import FeatureImportance


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
def test_training_curve(course):
    return figure_of(lambda ax: plots.training_curve(course, ax, title="XGBoost"))


@compare
def test_learning_curve(learned):
    return figure_of(lambda ax: plots.learning_curve(learned, ax, title="XGBoost"))


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


@compare
def test_importance():
    groups = (("mass",), ("pt",), ("angle",), ("pt", "angle"))
    permuted = FeatureImportance(
        "permutation",
        tuple(" + ".join(names) for names in groups),
        groups,
        np.array([0.08, 0.02, -0.004, 0.05]),
        np.array([0.004, 0.002, 0.006, 0.003]),
        np.full(4, np.nan),
    )
    gain = FeatureImportance.of_features("total_gain", ["mass", "pt", "angle"], [900.0, 300.0, np.nan])
    with plots.style():
        figure, axes = plots.new_importance_figure(2, 4)
        plots.importance({"Permutation: loss of AUC": permuted, "Total gain": gain}, axes, names={"mass": "$m_{vis}$"})
        figure.draw_without_rendering()
    return figure
