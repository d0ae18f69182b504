"""The bootstrap by event beside the formulas."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hepml.errors import InvalidInputError
from hepml.evaluation import bootstrap_roc, roc_bootstrap, roc_curve

N_REPLICAS = 400


@pytest.mark.parametrize("negative", [0.0, 0.25], ids=["positive", "signed"])
@pytest.mark.parametrize("clustered", [False, True], ids=["rows", "events"])
def test_errors_agree_with_the_formulas(draw, negative, clustered):
    label, score, weight = draw(np.random.default_rng(1), 3000, 1.0, negative)
    event = None
    if clustered:
        # three candidates of one event with almost the same score
        score = np.repeat(score[::3], 3)[: label.size] + np.random.default_rng(2).normal(0, 0.1, label.size)
        event = np.arange(label.size) // 3
    curve = roc_curve(label, score, weight, event=event)
    found = bootstrap_roc(
        label, score, weight, event=event, signal_efficiencies=(0.5, 0.8), n_replicas=N_REPLICAS, seed=3
    )
    assert found.auc == curve.auc
    # three times the precision of 400 replicas
    assert found.auc_error == pytest.approx(curve.auc_error, rel=3 * found.relative_precision)
    assert found.auc_interval[0] < found.auc < found.auc_interval[1]
    for efficiency in found.efficiencies:
        point = curve.at_signal_efficiency(efficiency.signal_efficiency)
        assert efficiency.background_efficiency == point.background_efficiency
        # how dense the scores of this sample lie at the cut is also an estimate
        assert efficiency.error == pytest.approx(point.background_efficiency_error, rel=0.25)


def test_rows_of_one_event_are_drawn_together(draw):
    label, score, weight = draw(np.random.default_rng(1), 500, 1.0)
    twice = [np.concatenate([column, column]) for column in (label, score, weight)]
    event = np.tile(np.arange(label.size), 2)
    single = bootstrap_roc(label, score, weight, n_replicas=50, seed=4)
    together = bootstrap_roc(*twice, event=event, n_replicas=50, seed=5)
    apart = bootstrap_roc(*twice, n_replicas=50, seed=5)
    assert together.auc_error == pytest.approx(single.auc_error, rel=0.4)
    assert apart.auc_error < 0.85 * together.auc_error


def test_ties_are_counted_half():
    label = np.arange(600) % 2 == 0
    found = bootstrap_roc(label, np.ones(600), n_replicas=20)
    assert (found.auc, found.auc_error) == (0.5, 0)


def test_seed_decides_and_is_stated(draw):
    sample = draw(np.random.default_rng(2), 300, 1.0, 0.25)
    sequence = np.random.SeedSequence(5, spawn_key=(1,))
    one, same = bootstrap_roc(*sample, seed=sequence), bootstrap_roc(*sample, seed=sequence)
    assert one == same
    assert one.seed == {"entropy": 5, "spawn_key": [1]}
    assert one.n_replicas == 200
    assert one.relative_precision == pytest.approx(0.05, abs=2e-4)
    assert bootstrap_roc(*sample, seed=6).auc_error != one.auc_error


def test_replicas_without_a_class_are_counted_and_too_many_leave_no_error():
    # one background event is missing in a replica with probability 1/e
    found = bootstrap_roc([1, 1, 1, 0], [1, 2, 3, 2], signal_efficiencies=(0.5,), n_replicas=100)
    assert 20 < found.n_lost < 60
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["auc_error"] is None
    assert content["auc_interval"] == [None, None]
    assert content["efficiencies"][0]["background_efficiency_error"] is None


def test_a_spread_needs_two_replicas():
    with pytest.raises(InvalidInputError, match="n_replicas is 1"):
        bootstrap_roc([0, 1], [0.1, 0.2], n_replicas=1)


@pytest.mark.parametrize("negative", [0.0, 0.25])
def test_cells_scatter_as_the_formulas_say(draw, negative, monkeypatch):
    """Many rows are drawn in cells of neighbours: here of 20 rows, and some of equal scores."""
    monkeypatch.setattr(roc_bootstrap, "_MANY_ROWS", 0)
    monkeypatch.setattr(roc_bootstrap, "_N_CELLS", 1000)
    label, score, weight = draw(np.random.default_rng(4), 10_000, 1.0, negative)
    score = score.round(3)
    curve = roc_curve(label, score, weight)
    found = bootstrap_roc(label, score, weight, signal_efficiencies=(0.3, 0.7), n_replicas=1000, seed=2, curve=curve)
    assert 900 < found.n_cells <= 1000
    assert found.auc_error == pytest.approx(curve.auc_error, rel=0.1)
    assert np.mean(found.auc_interval) == pytest.approx(curve.auc, abs=0.2 * curve.auc_error)
    for efficiency in found.efficiencies:
        point = curve.at_signal_efficiency(efficiency.signal_efficiency)
        assert efficiency.error == pytest.approx(point.background_efficiency_error, rel=0.25)
        middle = np.mean(efficiency.interval)
        assert middle == pytest.approx(point.background_efficiency, abs=0.25 * point.background_efficiency_error)
    assert bootstrap_roc(label[::40], score[::40], weight[::40], event=np.arange(500) // 2).n_cells is None
