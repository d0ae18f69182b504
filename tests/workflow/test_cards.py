"""What models of runs know of their training, and what `apply` says of events that are not like it."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uproot

from hepml.classifiers.card import CARD, FeatureRange, ModelCard
from hepml.workflow import apply_model, applying
from hepml.workflow.ranges import RangeCounter, add_up, range_warning
from tests.workflow.toys import write_sample

if TYPE_CHECKING:
    from pathlib import Path

    from hepml import Run


def test_the_card_is_of_the_training_part(toy_run: Run) -> None:
    tree = toy_run.scores("TrainTree")
    train = tree["split"] == 1
    for method in ("BDT", "HGB"):
        card = ModelCard.from_context(toy_run.model(method).context)
        assert card is not None
        for sample, class_id in zip(card.samples, (0, 1), strict=True):
            here = train & (tree["classID"] == class_id)
            assert sample.n_events == here.sum()
            assert sample.sum_weights == pytest.approx(tree["weight"][here].sum(), rel=1e-12)
            assert sample.sum_train_weights == pytest.approx(tree["train_weight"][here].sum(), rel=1e-12)
        assert card.samples[0].n_negative > 0
        for trained in card.features:
            values = tree[trained.name][train]
            assert (trained.minimum, trained.maximum) == (values.min(), values.max())
            assert trained.minimum < trained.low < trained.high < trained.maximum


def test_the_card_for_people_states_the_results(toy_run: Run) -> None:
    text = (toy_run.path / "models" / "BDT" / "MODEL_CARD.md").read_text(encoding="utf-8")
    roc = toy_run.metrics["methods"]["BDT"]["roc"]
    assert f"| area under the ROC curve | {roc['auc']:.4f} ± {roc['auc_error']:.4f} |" in text
    assert str(toy_run.path) not in text
    assert "roc" not in toy_run.model("BDT").context


def test_apply_tells_what_lies_outside(
    toy_run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "_CHUNK_BYTES", 4000)
    write_sample(tmp_path / "far.root", 300, mean=20.0, seed=5)
    write_sample(tmp_path / "near.root", 900, mean=0.0, seed=6)
    results = apply_model(
        toy_run.path, [tmp_path / "far.root", tmp_path / "near.root"], tmp_path / "out", sample="none"
    )
    warnings = [record.getMessage() for record in caplog.records if "outside" in record.getMessage()]
    assert len(warnings) == 1
    # of 1200 entries the 300 are a quarter, and a few of the others may lie beyond the most extreme ones of the training
    assert re.search(r"x \((0\.\d\d% below \S+, )?2[56]\.\d\d% above", warnings[0])
    far, near = (result.ranges for result in results)
    assert [one.feature for one in far] == ["x", "y2"]
    assert (far[0].n_entries, far[0].n_above, far[0].share) == (300, 300, 1.0)
    assert near[0].share < 0.02
    with uproot.open(results[0].output) as file:
        facts = json.loads(file["hepml"])
        # the friend itself is as it would be without
        assert np.isfinite(file["events"]["BDT"].array(library="np")).all()
    assert facts["ranges"][0] == far[0].to_dict()
    assert facts["ranges"][0]["share_outside"] == 1.0


def test_models_without_a_card_are_applied_without_a_word(
    toy_run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "old"
    shutil.copytree(toy_run.path / "models" / "BDT", folder)
    document = json.loads((folder / "model.json").read_text())
    del document["context"][CARD]
    (folder / "model.json").write_text(json.dumps(document))
    (folder / "MODEL_CARD.md").unlink()
    write_sample(tmp_path / "far.root", 50, mean=20.0, seed=5)
    (result,) = apply_model(folder, tmp_path / "far.root", tmp_path / "out", sample="none")
    assert result.ranges == ()
    assert not caplog.records


def test_counts_do_not_depend_on_chunks_and_files_add_up() -> None:
    X = np.array([[-2, np.nan], [-1, 0], [3, np.inf], [5, 1], [np.nan, 2]], dtype=np.float32)
    never, always = FeatureRange("a", -1.0, 3.0, 0, 1, 0.0), FeatureRange("b", None, None, None, None, 1.0)
    whole, parts = RangeCounter([(0, never), (1, always), (0, never)]), RangeCounter([(0, never), (1, always)])
    whole.count(X)
    found = whole.take()
    assert [(one.n_below, one.n_above, one.n_missing) for one in found] == [(1, 1, 1), (4, 0, 1)]
    assert [one.n_outside for one in found] == [3, 4]
    files = []
    for rows in (slice(0, 2), slice(2, 5)):
        for row in X[rows]:
            parts.count(row[None])
        files.append(parts.take())
    assert add_up(files) == found
    text = range_warning(found)
    assert text is not None
    assert "b (80.00% below anything, as all were missing); a (20.00% below -1, 20.00% above 3, 20.00% missing" in text
    assert range_warning(RangeCounter([(0, never)]).take()) is None
