"""A loaded model takes events in several forms, and never one column for another."""

from __future__ import annotations

from types import SimpleNamespace

import awkward as ak
import numpy as np
import pytest

import hepml
from hepml.data import Feature
from hepml.errors import FeatureMismatchError, FeatureValueError, InvalidInputError, UnknownNameError

FEATURES = (
    Feature("lpt", "log(pt + 1)"),
    Feature("eta", unit="rad"),
    Feature("mjj", "mjj_mev / 1000", unit="GeV", missing=(-999.0,)),
)


@pytest.fixture
def raw():
    rng = np.random.default_rng(1)
    mjj = rng.exponential(300, 500)
    mjj[::5] = -999.0
    return {"pt": rng.exponential(50, 500), "eta": rng.normal(size=500), "mjj_mev": 1000.0 * mjj, "other": np.ones(500)}


@pytest.fixture
def matrix(raw):
    mjj = raw["mjj_mev"] / 1000
    columns = [np.log(raw["pt"] + 1), raw["eta"], np.where(mjj == -999.0, np.nan, mjj)]
    return np.column_stack(columns).astype(np.float32)


@pytest.fixture
def model(kind, quick, matrix, tmp_path):
    y = np.random.default_rng(2).random(500) < 1 / (1 + np.exp(-matrix[:, 0]))
    return hepml.load(quick(kind, 10, min_child_weight=1.0).fit(matrix, y).save(tmp_path / "m", FEATURES))


@pytest.fixture
def score(model, matrix):
    score = model.estimator.evaluate(matrix)
    assert len(np.unique(score)) > 50
    return score


def test_array_in_the_order_of_the_training(model, matrix, score):
    assert np.array_equal(model.evaluate(matrix), score)
    assert np.array_equal(model.evaluate(matrix.astype(np.float64)), score)
    assert np.array_equal(model.evaluate(matrix.tolist()), score)


def test_sentinels_in_an_array_become_missing_in_a_copy(model, matrix, score):
    with_sentinels = np.where(np.isnan(matrix), np.float32(-999), matrix)
    before = with_sentinels.copy()
    assert np.array_equal(model.evaluate(with_sentinels), score)
    assert np.array_equal(with_sentinels, before)


@pytest.mark.parametrize("shape", [(500, 2), (500, 4), (500,), (3, 500, 1)])
def test_array_of_wrong_shape(model, shape):
    with pytest.raises(InvalidInputError, match=r"\(n_events, 3\) is needed \(lpt, eta, mjj\)"):
        model.evaluate(np.zeros(shape))


def test_array_of_words(model):
    with pytest.raises(InvalidInputError, match="numerical"):
        model.evaluate([["a", "b", "c"]])


def test_raw_branches(model, raw, score):
    assert np.array_equal(model.evaluate(raw), score)
    assert np.array_equal(model.evaluate(dict(reversed(raw.items()))), score)
    assert np.array_equal(model.evaluate(raw, columns="branches"), score)


def test_expressions_are_evaluated_in_double_precision(quick, tmp_path):
    rng = np.random.default_rng(0)
    large = 2.0**30 + rng.random(500)
    X = (large - 2.0**30).astype(np.float32)[:, None]
    model = quick("xgboost", 5, min_child_weight=1.0).fit(X, X[:, 0] > 0.5)
    loaded = hepml.load(model.save(tmp_path / "m", [Feature("rest", "a - 1073741824")]))
    assert np.array_equal(loaded.evaluate({"a": large}), model.evaluate(X))


def test_jagged_branches(quick, tmp_path):
    jets = ak.Array([[30.0, 20.0], [50.0], [], [70.0, 60.0, 10.0]] * 50)
    leading = np.array([30.0, 50.0, np.nan, 70.0] * 50, dtype=np.float32)[:, None]
    model = quick("hist_gradient_boosting", 5, min_child_weight=1.0).fit(leading, np.arange(200) % 4 > 1)
    loaded = hepml.load(model.save(tmp_path / "m", [Feature("leading", "jet_pt[0]")]))
    assert np.array_equal(loaded.evaluate({"jet_pt": jets}), model.evaluate(leading))


def test_plain_lists_are_columns(model, raw, score):
    assert np.array_equal(model.evaluate({name: column.tolist() for name, column in raw.items()}), score)


def test_a_missing_branch_is_named_with_its_neighbours(model, raw):
    raw["ptt"] = raw.pop("pt")
    with pytest.raises(FeatureMismatchError, match=r"lack the branches .*'pt'; did you mean 'ptt'"):
        model.evaluate(raw)


def test_finished_features_by_name(model, matrix, score):
    ready = {"mjj": matrix[:, 2], "lpt": matrix[:, 0], "eta": matrix[:, 1]}
    assert np.array_equal(model.evaluate(ready), score)
    assert np.array_equal(model.evaluate(ready, columns="features"), score)
    del ready["lpt"]
    with pytest.raises(FeatureMismatchError, match="'pt'"):
        model.evaluate(ready)
    with pytest.raises(FeatureMismatchError, match=r"lack the features .*'lpt'"):
        model.evaluate(ready, columns="features")


def test_branches_win_where_all_are_there(model, raw, score):
    wrong = {"lpt": np.zeros(500), "mjj": np.zeros(500)}
    assert np.array_equal(model.evaluate({**wrong, **raw}), score)


def test_a_name_that_could_mean_two_things_is_refused(quick, matrix, tmp_path):
    features = [Feature("pt", "pt / 1000"), Feature("lm", "log(m)")]
    X = np.abs(matrix[:, :2]) + 1
    model = hepml.load(quick("xgboost", 5).fit(X, X[:, 0] > 4).save(tmp_path / "m", features))
    ready = {"pt": X[:, 0], "lm": X[:, 1]}
    with pytest.raises(FeatureMismatchError, match="'pt' could be the branch or the feature 'pt' = pt / 1000"):
        model.evaluate(ready)
    expected = model.estimator.evaluate(X)
    assert np.array_equal(model.evaluate(ready, columns="features"), expected)
    branches = {"pt": 1000.0 * X[:, 0].astype(float), "m": np.exp(X[:, 1].astype(float))}
    np.testing.assert_allclose(model.evaluate(branches), expected, atol=0.02)


def test_a_feature_named_as_a_branch_of_another_is_refused(quick, matrix, tmp_path):
    features = [Feature("a", "b"), Feature("b", "c")]
    X = matrix[:, :2]
    model = hepml.load(quick("xgboost", 5).fit(X, X[:, 0] > 4).save(tmp_path / "m", features))
    with pytest.raises(FeatureMismatchError, match="'b' could be"):
        model.evaluate({"a": X[:, 0], "b": X[:, 1]})


def test_unknown_meaning(model, raw):
    with pytest.raises(UnknownNameError, match="did you mean 'branches'"):
        model.evaluate(raw, columns="branch")


def test_columns_of_different_length_or_type(model, raw):
    with pytest.raises(InvalidInputError, match=r"different lengths: .*pt 499"):
        model.evaluate({**raw, "pt": raw["pt"][:-1]})
    with pytest.raises(InvalidInputError, match="'eta' is not numerical"):
        model.evaluate({"lpt": raw["pt"], "eta": ["x"] * 500, "mjj": raw["pt"]})
    with pytest.raises(InvalidInputError, match=r"one value.*for a single event \["):
        model.evaluate({name: values[0] for name, values in raw.items()})


def test_data_frame_like(model, raw, matrix, score):
    class Frame:
        def __init__(self, content):
            self.content, self.columns = content, list(content)

        def __getitem__(self, name):
            return self.content[name]

    assert np.array_equal(model.evaluate(Frame(raw)), score)
    assert np.array_equal(model.evaluate(Frame({f.name: matrix[:, i] for i, f in enumerate(FEATURES)})), score)


def test_dataset_is_reordered_by_name(model, matrix, score):
    extra = Feature("extra")
    dataset = SimpleNamespace(
        X=np.column_stack([matrix[:, 2], np.ones(500), matrix[:, 0], matrix[:, 1]]),
        features=(FEATURES[2], extra, FEATURES[0], FEATURES[1]),
    )
    assert np.array_equal(model.evaluate(dataset), score)
    assert np.array_equal(model.evaluate(SimpleNamespace(X=matrix, features=FEATURES)), score)
    spaced = (Feature("lpt", "log(pt+1)"), *FEATURES[1:])
    assert np.array_equal(model.evaluate(SimpleNamespace(X=matrix, features=spaced)), score)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Feature("lptt", "log(pt + 1)"), r"the dataset lack.* 'lpt'; did you mean 'lptt'"),
        (Feature("lpt", "log10(pt + 1)"), r"'lpt' was trained with the expression 'log\(pt\+1\)'"),
        (Feature("lpt", "log(pt + 1)", unit="MeV"), "the unit ''"),
        (Feature("lpt", "log(pt + 1)", missing=(-1,)), "missing values"),
    ],
)
def test_dataset_with_another_feature(model, matrix, other, message):
    with pytest.raises(FeatureMismatchError, match=message):
        model.evaluate(SimpleNamespace(X=matrix, features=(other, *FEATURES[1:])))


def test_dataset_that_contradicts_itself(model, matrix):
    with pytest.raises(InvalidInputError, match="3 features"):
        model.evaluate(SimpleNamespace(X=matrix[:, :2], features=FEATURES))


def test_infinite_values_are_named(model, raw, matrix):
    with pytest.raises(FeatureValueError, match=r"'lpt' \(1 of 500"):
        model.evaluate({**raw, "pt": np.where(np.arange(500) == 3, np.inf, raw["pt"])})
    with pytest.raises(FeatureValueError, match="'mjj'"):
        model.evaluate(np.where(np.isnan(matrix), np.inf, matrix))


def test_no_events(model, raw):
    assert model.evaluate(np.empty((0, 3))).shape == (0,)
    assert model.evaluate({name: column[:0] for name, column in raw.items()}).shape == (0,)
