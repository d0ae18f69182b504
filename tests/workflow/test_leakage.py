"""No event is scored by a model that was trained on it: noise stays noise, and the tests see it when it does not."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml.config import parse_analysis
from hepml.data import Dataset, Feature, Folds, Identity, Part, SampleInfo
from hepml.evaluation import roc_curve
from hepml.workflow.plan import Plan
from hepml.workflow.training import train_all
from tests.workflow.toys import analysis_content

if TYPE_CHECKING:
    from pathlib import Path

    from hepml.workflow.methods import MethodScores, TrainedMethod

N_TOYS, N_EVENTS, N_FOLDS = 8, 240, 4

SAMPLES = (SampleInfo("signal", "signal"), SampleInfo("background", "background"))


def noise(seed: int, *, candidates: int = 1, both_classes: bool = False) -> Dataset:
    """Events whose features know nothing of their class; all candidates of an event have the same features.

    With ``both_classes`` each event stands in both samples, with the same features.
    """
    rng = np.random.default_rng(seed)
    label = np.arange(N_EVENTS) % 2
    X = rng.normal(size=(N_EVENTS, 2))
    number = rng.permutation(N_EVENTS) + 2**53
    if both_classes:
        X[1::2], number[1::2] = X[::2], number[::2]
    rows = np.repeat(np.arange(N_EVENTS), candidates)
    return Dataset(
        X=np.asfortranarray(X[rows], dtype=np.float32),
        features=(Feature("x"), Feature("z")),
        weight=np.ones(len(rows)),
        sample=(1 - label[rows]).astype(np.int32),
        samples=SAMPLES,
        identity=Identity(("event",), (number[rows],)),
    )


def trained(dataset: Dataset, folder: Path) -> tuple[Plan, TrainedMethod, MethodScores]:
    """Train trees that are deep enough to learn by heart."""
    method = {
        "kind": "hist_gradient_boosting",
        "max_iter": 40,
        "min_samples_leaf": 1,
        "learning_rate": 0.5,
        "n_jobs": 1,
    }
    content = analysis_content(
        features=list(dataset.feature_names),
        spectators=[],
        weight="",
        folds=N_FOLDS,
        methods={"HGB": method},
    )
    plan = Plan.of(parse_analysis(content), dataset)
    (one,) = train_all(plan, folder, tell=lambda *_: None, clock=lambda _: contextlib.nullcontext())
    return plan, one, one.score_parts(plan.evaluated)


def z_of_half(datasets: list[Dataset], folder: Path, scores_of: str = "test") -> float:
    """Mean of the pooled areas of toys, less 0.5, in units of its error."""
    areas, variances = [], []
    for number, dataset in enumerate(datasets):
        plan, _, scores = trained(dataset, folder / str(number))
        test = plan.evaluated.test
        curve = roc_curve(test.y, getattr(scores, scores_of), test.weight, event=test.event)
        areas.append(curve.auc)
        variances.append(curve.auc_error**2)
    return float(np.sum(np.array(areas) - 0.5) / np.sqrt(np.sum(variances)))


def deal_rows(folds: Folds, identity: Identity) -> np.ndarray:
    """Folds as they must not be: by row, whatever event it belongs to."""
    return np.random.default_rng(folds.seed).integers(0, folds.n_folds, len(identity)).astype(np.int16)


def test_noise_gives_an_area_of_one_half(tmp_path: Path) -> None:
    assert abs(z_of_half([noise(seed) for seed in range(N_TOYS)], tmp_path)) < 3


def test_models_that_were_trained_on_the_events_would_be_noticed(tmp_path: Path) -> None:
    assert z_of_half([noise(seed) for seed in range(N_TOYS)], tmp_path, "train") > 6


def test_candidates_of_an_event_stay_together(tmp_path: Path) -> None:
    """Four rows an event, all alike: whoever has seen one of them knows the class of the others."""
    assert abs(z_of_half([noise(seed, candidates=4) for seed in range(N_TOYS)], tmp_path)) < 3


def test_candidates_that_are_torn_apart_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Folds, "of", deal_rows)
    assert z_of_half([noise(seed, candidates=4) for seed in range(2)], tmp_path) > 10


def test_an_identity_in_two_classes_is_in_one_fold(tmp_path: Path) -> None:
    """Each event as signal and as background: one model scores both, so they are ties."""
    dataset = noise(1, both_classes=True)
    plan, _, scores = trained(dataset, tmp_path)
    number, fold = dataset.identity.columns[0], plan.evaluated.model[Part.TEST]
    assert np.array_equal(fold[np.argsort(number, kind="stable")][::2], fold[np.argsort(number, kind="stable")][1::2])
    assert roc_curve(plan.evaluated.test.y, scores.test).auc == pytest.approx(0.5, abs=1e-12)


def test_an_identity_in_two_folds_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has seen an event as background takes it for background."""
    monkeypatch.setattr(Folds, "of", deal_rows)
    assert z_of_half([noise(seed, both_classes=True) for seed in range(N_TOYS)], tmp_path) < -4


def test_poisoned_test_labels_change_no_model_and_no_cut_of_the_fold(tmp_path: Path) -> None:
    """Swap the classes of all events of one fold: the model that tests on it stays as it is, to the last bit."""
    dataset = noise(3)
    plan, method, scores = trained(dataset, tmp_path / "clean")
    fold = plan.evaluated.model[Part.TEST]
    for number, name in enumerate(plan.folds.names if plan.folds else ()):
        here = fold == number
        poisoned = replace(dataset, sample=np.where(here, 1 - dataset.sample, dataset.sample).astype(np.int32))
        _, other, changed = trained(poisoned, tmp_path / name)
        assert np.array_equal(changed.all[here], scores.all[here])
        assert not np.array_equal(changed.all[~here], scores.all[~here])
        folders = [tmp_path / run / "HGB" / name for run in ("clean", name)]
        assert len(list(folders[0].iterdir())) == 3
        for path in folders[0].iterdir():
            assert path.read_bytes() == (folders[1] / path.name).read_bytes()
        context = other.models[number].context
        assert context["cuts"] == method.models[number].context["cuts"]
        neighbour = plan.folds.names[number - 1] if plan.folds else ""
        texts = [(tmp_path / run / "HGB" / neighbour / "model.json").read_text() for run in ("clean", name)]
        assert json.loads(texts[0])["training_report"] != json.loads(texts[1])["training_report"]
