"""scikit-learn's contract, and what TMVA's transformations add to it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from hepml.errors import InvalidInputError, UnknownNameError
from hepml.transforms import TmvaTransformer, TransformChain
from tests.transforms.test_chain import gaussians

_WEIGHTS = "check_sample_weight_equivalence_on_dense_data"
_FEW_VALUES = "TMVA's bins of ten events and its smoothing leave nothing of the distribution of so few values"
_FEW = dict.fromkeys(
    (
        "check_sample_weights_pandas_series",
        "check_sample_weights_not_an_array",
        "check_sample_weights_shape",
        "check_sample_weights_not_overwritten",
    ),
    _FEW_VALUES,
)
_REASONS = {
    "I": {},
    "N": {_WEIGHTS: "TMVA's ranges know no weights"},
    "P": {_WEIGHTS: "TMVA's principal components know no weights"},
    "D": {_WEIGHTS: "it has more features than events, whose covariance has no inverse"},
    "U": {_WEIGHTS: "the width of TMVA's bins depends on the smallest weight", **_FEW},
    "G": {_WEIGHTS: "the width of TMVA's bins depends on the smallest weight", **_FEW},
}
_CHECKS = parametrize_with_checks(
    [TmvaTransformer(letter) for letter in _REASONS],
    expected_failed_checks=lambda estimator: _REASONS[estimator.transformations],
).mark


@pytest.mark.parametrize(_CHECKS.args[0], list(_CHECKS.args[1]), **_CHECKS.kwargs)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_it_is_the_chain() -> None:
    X, index, weight = gaussians(500)
    transformer = TmvaTransformer("D,G").fit(X, index, weight)
    chain = TransformChain.fit("D,G", X, weight=weight)
    assert np.array_equal(transformer.transform(X), chain.apply(X))
    assert np.array_equal(transformer.inverse_transform(X / 10), chain.inverse(X / 10))
    assert transformer.get_feature_names_out().tolist() == ["x0", "x1", "x2"]


def test_names_of_features_select() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    X, index, _ = gaussians(500)
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    out = TmvaTransformer("N(b)").fit(frame, index).transform(frame)
    assert np.array_equal(out[:, [0, 2]], X[:, [0, 2]])
    assert np.abs(out[:, 1]).max() == 1
    with pytest.raises(UnknownNameError, match="'x9'"):
        TmvaTransformer("N(x9)").fit(X)


def test_classes_by_label_or_as_signal_and_background() -> None:
    X, index, _ = gaussians(500)
    chain = TransformChain.fit("D", X, index, classes=("Background", "Signal"))
    for option, labels in (
        ("D_Signal", index),
        ("D_1", index),
        ("D_True", index == 1),
        ("D_b", np.array(["a", "b"])[index]),
    ):
        assert np.array_equal(TmvaTransformer(option).fit(X, labels).transform(X), chain.apply(X, 1))
    with pytest.raises(InvalidInputError, match="needs y"):
        TmvaTransformer("D_Signal").fit(X)
    with pytest.raises(UnknownNameError, match="unknown class of events 'Signal'"):
        TmvaTransformer("D_Signal").fit(X, np.arange(500) % 3)


def test_in_a_pipeline() -> None:
    X, index, _ = gaussians(500)
    model = make_pipeline(TmvaTransformer("G,D"), LogisticRegression()).fit(X, index)
    assert model.score(X, index) > 0.9
