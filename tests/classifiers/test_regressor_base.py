"""What every kind inherits: targets of a regressor, more than two classes, spectators; shown with the smallest kinds."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from hepml.classifiers import Classifier, Regressor
from hepml.errors import EmptyClassError, InvalidInputError, WeightError


class _Mean(Regressor):
    """Estimates the weighted mean."""

    kind: ClassVar[str] = "mean"
    library: ClassVar[str] = "numpy"

    def __init__(self, *, negative_weights: str = "signed", random_state: int = 0, n_jobs: int | None = None) -> None:
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    n_iter_ = 1

    def needed_spectators(self) -> tuple[str, ...]:
        return ("mass",) if self.random_state == 7 else ()

    def _train(self, train: Any, validation: Any) -> dict[str, Any]:
        self.mean_ = (train.weight[:, None] * train.target).sum(axis=0) / train.weight.sum()
        self.seen_ = (train, validation)
        return {}

    def _values(self, X: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.mean_, (len(X), self.n_targets_))

    def _state(self) -> dict[str, Any]:
        return {}

    def _payloads(self) -> dict[str, bytes]:
        return {}

    def _restore(self, state: Any, payloads: Any) -> None:
        raise NotImplementedError


class _Shares(Classifier):
    """Estimates the shares of the classes."""

    kind: ClassVar[str] = "shares"
    library: ClassVar[str] = "numpy"
    multiclass: ClassVar[bool] = True
    n_iter_ = 1

    __init__ = _Mean.__init__
    _state, _payloads, _restore = _Mean._state, _Mean._payloads, _Mean._restore

    def _train(self, train: Any, validation: Any) -> dict[str, Any]:
        del validation
        self.log_ = np.log(np.bincount(train.target, train.weight))
        return {}

    def _margin(self, X: np.ndarray) -> np.ndarray:
        margin = np.broadcast_to(self.log_, (len(X), len(self.classes_)))
        return margin[:, 1] - margin[:, 0] if len(self.classes_) == 2 else margin


X = np.arange(12, dtype=np.float32).reshape(6, 2)


def test_one_target_and_several_with_signed_weights() -> None:
    many = np.tile(X, (4, 1))
    y, weight = np.arange(24.0), np.where(np.arange(24) == 5, -1.0, 1.0)
    model = _Mean().fit(many, y, weight)
    assert model.evaluate(X) == pytest.approx(np.full(6, (276.0 - 10.0) / 22.0))
    assert (model.n_targets_, model.n_outputs) == (1, 1)
    both = _Mean(negative_weights="ignore").fit(many, np.column_stack([y, -y]), weight)
    assert both.predict(X).shape == (6, 2)
    assert both.predict(X)[0] == pytest.approx([271.0 / 23.0, -271.0 / 23.0])
    assert both.training_report_["classes"]["all"]["n_negative"] == 1
    assert set(both.training_report_["shifts"]["x0"]) == {"all"}


def test_a_sum_that_is_not_positive_is_refused_without_naming_a_class() -> None:
    with pytest.raises(EmptyClassError, match=r"^the weights of its 6 training events sum to -6"):
        _Mean().fit(X, np.arange(6.0), -np.ones(6))
    with pytest.raises(WeightError, match="NaN"):
        _Mean().fit(X, np.arange(6.0), [1, 1, 1, 1, 1, np.nan])
    with pytest.raises(EmptyClassError, match="validation events sum to -6"):
        _Mean().fit(X, np.arange(6.0), validation=(X, np.arange(6.0), -np.ones(6)))


def test_several_classes() -> None:
    y = np.array(["W", "Z", "top", "top", "Z", "top"])
    model = _Shares().fit(X, y, [1, 1, 1, 1, 1, 3])
    assert model.classes_.tolist() == ["W", "Z", "top"]
    assert model.n_outputs == 3
    assert model.evaluate(X)[0] == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(6))
    assert model.predict(X).tolist() == ["top"] * 6
    assert list(model.training_report_["classes"]) == ["W", "Z", "top"]
    with pytest.raises(EmptyClassError, match=r"class 'Z'.* sum to -1"):
        _Shares().fit(X, y, [1, -1, 1, 1, 0, 3])
    with pytest.raises(InvalidInputError, match="holds the label 'H'"):
        _Shares().fit(X, y, validation=(X, np.array(["H"] * 6), None))


def test_spectators_are_asked_for_by_name_and_follow_the_events() -> None:
    mass = np.arange(6.0) * 10.0
    weight = np.array([1.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    model = _Mean(random_state=7).fit(
        X, np.arange(6.0), weight, validation=(X[:2], [0.0, 1.0], None), spectators={"mass": (mass, mass[:2])}
    )
    train, validation = model.seen_
    assert train.spectators["mass"].tolist() == [0.0, 20.0, 30.0, 40.0, 50.0]
    assert validation.spectators["mass"].tolist() == [0.0, 10.0]
    with pytest.raises(InvalidInputError, match="'mass', whose values for the training events are not given"):
        _Mean(random_state=7).fit(X, np.arange(6.0))
    with pytest.raises(InvalidInputError, match=r"'mass' has shape \(5,\) for 6 events"):
        _Mean(random_state=7).fit(X, np.arange(6.0), spectators={"mass": (mass[:5], None)})
