"""Contributions of features: exact for trees, by shap for other models, stated where neither is there."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from hepml.classifiers import Model
from hepml.classifiers.explanation import explain
from hepml.classifiers.model_files import ForestScorer
from hepml.data import Feature
from hepml.errors import InvalidInputError, MissingDependencyError
from hepml.forest import Forest

FEATURES = (Feature("x"), Feature("z"))
SEED = np.random.SeedSequence(1)


class Linear:
    """A model without trees, whose Shapley values are known."""

    handles_nan = True

    def decision_function(self, X: Any) -> Any:
        return X.astype(np.float64) @ np.array([2.0, -1.0])

    def evaluate(self, X: Any) -> Any:
        return 1 / (1 + np.exp(-self.decision_function(X)))


def stump(**changes: Any) -> Forest:
    given: dict[str, Any] = {
        "feature": [0, -1, -1], "threshold": [0.5, 0.0, 0.0], "left": [1, -1, -1], "right": [2, -1, -1],
        "value": [0.0, -1.0, 3.0], "first_node": [0, 3], "cover": [4.0, 3.0, 1.0], "feature_names": ["x", "z"],
    }  # fmt: skip
    return Forest.from_nodes(**(given | changes))


def test_trees_are_explained_exactly() -> None:
    model = Model("forest", FEATURES, ForestScorer(stump()))
    X = np.array([[0.0, 5.0], [1.0, 5.0]], dtype=np.float32)
    found = explain(model, X, X, SEED)
    # three quarters of the training events answer -1, one quarter 3
    np.testing.assert_allclose(found.contributions, [[-1.0, 0.0], [3.0, 0.0]])
    assert found.algorithm == "TreeSHAP"
    assert model.forest is not None


def test_other_models_need_shap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shap", None)
    model = Model("linear", FEATURES, Linear())
    assert model.forest is None
    with pytest.raises(MissingDependencyError, match=r'pip install "hepml-framework\[explain\]"'):
        explain(model, np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32), SEED)


def test_shap_finds_the_slopes_of_a_linear_margin() -> None:
    pytest.importorskip("shap", reason="shap is not installed: models without trees are not explained")
    rng = np.random.default_rng(2)
    X, background = rng.normal(size=(20, 2)).astype(np.float32), rng.normal(size=(80, 2)).astype(np.float32)
    found = explain(Model("linear", FEATURES, Linear()), X, background, SEED)
    np.testing.assert_allclose(found.contributions, (X - background.mean(axis=0)) * [2.0, -1.0], atol=1e-5)
    assert found.algorithm == "permutation SHAP"


def test_several_scores_are_refused() -> None:
    forest = stump(output=[1], base=[0.0, 0.0])
    with pytest.raises(InvalidInputError, match="2 scores"):
        explain(
            Model("forest", FEATURES, ForestScorer(forest)),
            np.zeros((1, 2), np.float32),
            np.zeros((1, 2), np.float32),
            SEED,
        )
