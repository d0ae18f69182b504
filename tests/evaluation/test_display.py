"""Every public result shows itself as HTML tables, with errors beside numbers and names escaped."""

from __future__ import annotations

import dataclasses
import inspect
from html.parser import HTMLParser

import numpy as np
import pytest

from hepml import evaluation

NAME = "<b>score & more</b>"


def nested(value):
    """Yield a result and all results in its fields."""
    if dataclasses.is_dataclass(value):
        yield value
        for field in dataclasses.fields(value):
            yield from nested(getattr(value, field.name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from nested(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from nested(item)


@pytest.fixture(scope="module")
def results(draw):
    """One result of each public class, by class."""
    rng = np.random.default_rng(1)
    label, score, weight = draw(rng, 400, 1.0, 0.1)
    events = label, score, weight
    other, variable = score + rng.normal(0, 0.5, score.size), rng.normal(size=score.size)
    probability = 1 / (1 + np.exp(0.5 - score))
    X = np.column_stack([score, variable])
    curve = evaluation.roc_curve(*events)
    stages = np.array([1, 2, 4])
    margins = stages[:, np.newaxis] * 0.2 * score
    training = evaluation.training_curve(stages, label, margins, weight, label, margins, weight)
    histogram = evaluation.fill_histogram(score, np.linspace(-3, 3, 5), weight)
    scan = evaluation.significance_scan(*events)
    binning = evaluation.choose_score_binning(*events, max_bins=3)
    binned = evaluation.binned_significance(*events, edges=binning.edges)
    bias = evaluation.optimum_bias(*events, n_toys=20)
    at_cut = evaluation.significance_at_cut(*events, threshold=0.5)
    separation = evaluation.separation(score, label, weight)
    dependence = evaluation.variable_dependence(label, score, variable, weight, variable=NAME, thresholds=[0.5])
    permuted = np.take_along_axis(X, rng.permuted(np.arange(len(X))[:, np.newaxis], axis=0), axis=0)
    data = evaluation.data_mc((score, None), {NAME: (other, weight)}, n_replicas=20)
    columns = evaluation.correlations(X, weight)
    found = [
        curve,
        curve.band(),
        curve.at_signal_efficiency(0.5),
        training,
        histogram,
        data,
        dependence,
        evaluation.efficiency(score > 0, weight),
        evaluation.bootstrap_roc(*events, signal_efficiencies=(0.5,), n_replicas=50),
        evaluation.partial_auc(*events, background_efficiency=(0.0, 0.2)),
        evaluation.tmva_efficiencies(*events),
        evaluation.overtraining(*events, *events, curve=training, reference_test=other, reference_name=NAME),
        evaluation.calibration(label, probability, weight, n_bins=5),
        evaluation.recalibration(label, probability, weight, label, probability, weight, kind="platt"),
        evaluation.recalibration(label, probability, weight, label, probability, weight, kind="isotonic"),
        evaluation.score_densities(*events),
        evaluation.classifier_agreement(label, {NAME: score, "other": other}, weight),
        evaluation.compare_methods(label, {NAME: score, "other": other}, weight, signal_efficiencies=(0.5,)),
        evaluation.confusion_matrix(label, score > 0.5, weight),
        evaluation.multiclass_auc(label.astype(int), np.column_stack([-score, score]), weight),
        evaluation.class_log_loss(label.astype(int), np.column_stack([1.0 - probability, probability]), weight),
        evaluation.class_histograms(score, label.astype(int), [NAME, "signal"], weight, n_bins=4),
        evaluation.regression_quality(variable, variable + 0.1 * score, np.abs(weight)),
        evaluation.regression_profile(variable, variable + 0.1 * score, np.abs(weight), n_bins=3),
        evaluation.regression_distribution(*(variable, variable + 0.1 * score, np.abs(weight)) * 2),
        evaluation.LossCurve.of([0.7, 0.6], [0.68, 0.66], 2),
        evaluation.contribution_summary(X - X.mean(axis=0), X, label, weight, names=[NAME, "noise"]),
        evaluation.auc_losses("permutation", label, score, [([NAME], [permuted[:, 0]])], weight),
        evaluation.compare_folds(label, score, np.arange(label.size) % 3, weight, n_permutations=20),
        evaluation.learning_curve([100, 200, 400, 800, 1600], [0.7, 0.74, 0.76, 0.77, 0.775], [0.002] * 5),
        evaluation.purity_scan(curve, n_points=11),
        evaluation.feature_histograms(score, label, weight),
        evaluation.SignificanceReport(
            evaluation.FigureOfMerit(), scan.optima, {"z_a": at_cut}, scan, binning, binned, bias, same_events=False
        ),
        evaluation.Exploration(
            {NAME: separation}, {NAME: separation}, (NAME, "noise"), {"signal": columns}, {"CR": {NAME: data}}, {}
        ),
    ]
    return {type(result): result for item in found for result in nested(item)}


def result_classes():
    public = [getattr(evaluation, name) for name in evaluation.__all__]
    return [item for item in public if inspect.isclass(item) and dataclasses.is_dataclass(item)]


class Reader(HTMLParser):
    """Collects cells and tags."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not dict(attrs).keys() - {"style"}

    def handle_data(self, data):
        self.texts.append(data)


@pytest.mark.parametrize("result_class", result_classes(), ids=lambda item: item.__name__)
def test_every_result_shows_its_numbers(results, result_class):
    page = Reader(results[result_class]._repr_html_())
    assert page.tags <= {"div", "strong", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert page.texts[0] == result_class.__name__
    # a name and a number at least
    assert len(page.texts) >= 3
    assert any(character.isdigit() for text in page.texts[1:] for character in text)


def test_errors_stand_beside_numbers_and_names_are_escaped(results):
    paired = results[evaluation.MethodPair]
    texts = Reader(paired._repr_html_()).texts
    assert NAME in texts
    assert f"{paired.auc.difference:.4f} ± {paired.auc.difference_error:.4f}" in texts
    assert not any("error" in text for text in texts)
    matrix = results[evaluation.ConfusionMatrix]
    texts = Reader(matrix._repr_html_()).texts
    assert f"{matrix.by_truth[1, 1]:.3f} ± {matrix.by_truth_error[1, 1]:.3f}" in texts
    importance = results[evaluation.FeatureImportance]
    texts = Reader(importance._repr_html_()).texts
    assert NAME in texts
    assert texts[texts.index(NAME) + 1].count("±") == 1
    # too long to be shown
    curve = results[evaluation.RocCurve]
    texts = Reader(curve._repr_html_()).texts
    assert f"{len(curve.thinned())} values" in texts
