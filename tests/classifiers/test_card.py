"""Model cards: ranges of the training against what is known in closed form, and cards that somebody changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml import classifiers
from hepml.classifiers.card import CARD, FeatureRange, ModelCard, TrainedSample, trained_ranges
from hepml.classifiers.card_text import CARD_FILE, card_text
from hepml.errors import InvalidInputError, ModelFormatError

if TYPE_CHECKING:
    from pathlib import Path


def test_ranges_of_a_ladder() -> None:
    """Of 0, 1, ..., 9999 the quantiles are known; signs of weights do not move them, events of no weight do not count."""
    n = 10_000
    x = np.random.default_rng(1).permutation(n).astype(np.float32)
    weight = np.where(x % 3 == 0, -2.0, 2.0)
    X = np.column_stack([np.append(x, [1e6, -1e6]), np.append(np.where(x % 4 == 0, np.nan, -x), [np.nan, 5.0])])
    found = trained_ranges(np.asfortranarray(X, dtype=np.float32), np.append(weight, [0.0, 0.0]), ["a", "b"])
    assert found[0] == FeatureRange("a", 0.0, n - 1.0, 9.0, 9989.0, 0.0)
    assert (found[1].minimum, found[1].maximum, found[1].missing) == (-(n - 1.0), -1.0, 0.25)


def test_quantiles_follow_the_sizes_of_weights() -> None:
    x = np.arange(100, dtype=np.float32)[:, None]
    weight = np.where(x[:, 0] < 50, 1e-6, -1.0)
    assert trained_ranges(x, weight, ["a"])[0].low == 50.0


def test_a_feature_without_values_has_no_range() -> None:
    X = np.full((5, 1), np.nan, dtype=np.float32)
    assert trained_ranges(X, np.ones(5), ["a"]) == (FeatureRange("a", None, None, None, None, 1.0),)
    assert trained_ranges(X[:0], np.ones(0), ["a"])[0].missing == 0.0


CARD_OF_TWO = ModelCard(
    (TrainedSample("ggH", "signal", 3, 1, 1.5, 0.5),),
    (FeatureRange("x", -1.0, 2.0, -0.9, 1.9, 0.0), FeatureRange("y|<b>", None, None, None, None, 1.0)),
)


def test_a_card_survives_json_and_a_changed_one_is_refused() -> None:
    content = json.loads(json.dumps(CARD_OF_TWO.to_dict()))
    assert ModelCard.from_context({CARD: content}) == CARD_OF_TWO
    assert ModelCard.from_context({}) is None
    damaged: list[Any] = [
        [],
        {"samples": []},
        content | {"more": 1},
        content | {"samples": [None]},
        content | {"samples": {}},
        content | {"features": [{**content["features"][0], "minimum": "0"}]},
        content | {"features": [{**content["features"][0], "missing": None}]},
        content | {"samples": [{**content["samples"][0], "n_events": True}]},
    ]
    for wrong in damaged:
        with pytest.raises(ModelFormatError, match="damaged"):
            ModelCard.from_context({CARD: wrong})


def test_every_bundle_has_a_card_for_people(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(60, 2)).astype(np.float32), np.arange(60) % 2
    estimator = classifiers.get("hist_gradient_boosting")(max_iter=2).fit(X, y)
    folder = estimator.save(tmp_path / "model", context={"method": "A|B", CARD: CARD_OF_TWO.to_dict()})
    text = (folder / CARD_FILE).read_text(encoding="utf-8")
    assert text.startswith("# Model A\\|B\n")
    assert "| ggH | signal | 3 | 1 | 1.5 | 0.5 |" in text
    assert "| y\\|\\<b\\> |  |  |  |  | 1 |" in text
    assert "None are stored with the model" in text
    document = json.loads((folder / "model.json").read_text())
    assert text == card_text(document)
    assert "| AUC | 0.9 |" in card_text(document, {"AUC": "0.9"})
    # nothing is read from it, and models of older versions have none
    (folder / CARD_FILE).unlink()
    del document["context"][CARD]
    (folder / "model.json").write_text(json.dumps(document))
    assert np.array_equal(classifiers.load(folder).evaluate(X), estimator.evaluate(X))
    with pytest.raises(InvalidInputError, match=CARD_FILE):
        estimator.save(tmp_path / "other", attachments={CARD_FILE: b""})
