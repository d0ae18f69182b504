"""Trained methods: the numbers of a real TMVA, closed forms, every option, and events that cannot train."""

from __future__ import annotations

import functools
import gzip
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import hepml
from hepml.errors import (
    EmptyClassError,
    FeatureValueError,
    HepmlError,
    InvalidInputError,
    NotSupportedError,
    OutputError,
    UnknownNameError,
    WeightError,
)
from hepml.tmva import train
from hepml.tmva.preparation import from_arrays
from hepml.tmva.training import separation_ranking, variable_rankings
from hepml.tmva.training.correlations import correlation_tables
from hepml.tmva.training.moments import product_sums, single_product_sums, value_sums
from hepml.tmva.training.reporting import Ranking
from tests.tmva.golden import SMALL, applied, reference
from tests.tmva.golden_trainings import FOUR, all_trainings, difference, training_events

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.tmva import PreparedData, TrainedMethod
    from tests.tmva.golden_trainings import GoldenTraining

LINEAR = {"Fisher", "LD", "HMatrix"}
PDFS = "CreateMVAPdfs:PDFInterpolMVAPdf=Spline2:NbinsMVAPdf=50:NsmoothMVAPdf=10"


@functools.cache
def stored() -> dict[str, NDArray[Any]]:
    with np.load(SMALL / "training.npz") as arrays:
        return dict(arrays)


@functools.cache
def block(job: str = "block") -> PreparedData:
    events = stored()
    weight = events["weight"] if job == "negw" else None
    return from_arrays(events["X"], np.repeat([0, 1], 5000), weight, variables=FOUR, norm_mode="NumEvents")


def toy(n: int = 400, **more: Any) -> PreparedData:
    rng = np.random.default_rng(5)
    y = np.arange(n) % 2
    X = rng.normal(size=(n, 3)) @ np.array([[1.0, 0.5, 0.2], [0.0, 1.0, -0.3], [0.0, 0.0, 2.0]]) - y[:, None] * [
        0.5,
        0.2,
        -1,
    ]
    given = {"X": X, "class_index": y, "weight": rng.uniform(0.5, 1.5, n), "variables": ["a", "b", "c"]}
    return from_arrays(**(given | more))


def coefficients(model: TrainedMethod) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.ravel(model.method.coefficients)
    return found


def reference_trainings() -> list[GoldenTraining | None]:
    folder = reference()
    found = (
        [] if folder is None else [t for t in all_trainings(folder) if t.kind in LINEAR and "Boost_" not in t.options]
    )
    return [*found] or [None]


@pytest.fixture(scope="module")
def folder() -> Path:
    found = reference()
    if found is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no trainings of a real TMVA")
    return found


@pytest.mark.parametrize("training", reference_trainings(), ids=lambda t: f"{t.job}-{t.name}" if t else "none")
def test_reference(training: GoldenTraining, folder: Path) -> None:
    model = training.train(folder)
    assert difference(folder, training, model).max() <= 1e-12
    assert model.engine == "native"


@pytest.mark.parametrize(
    "key", ["block_Fisher", "block_FisherG", "block_LD", "block_HMatrix", "negw_Fisher", "negw_LD"]
)
def test_committed(key: str) -> None:
    job, name = key.split("_")
    model = train(name.removesuffix("G"), "VarTransform=Gauss" if name == "FisherG" else "", block(job))
    np.testing.assert_allclose(model.evaluate(stored()["apply"]), stored()[key], rtol=0, atol=1e-12)


def test_densities_are_those_of_tmva(folder: Path) -> None:
    for job, name in (("negw", "Fisher"), ("posw", "LD")):
        training = next(t for t in all_trainings(folder) if (t.job, t.name) == (job, name))
        model = training.train(folder)
        events = applied(folder, job)
        with np.load(folder / "responses" / f"{job}.npz") as expected:
            np.testing.assert_allclose(model.proba(events), expected[f"{name}.Proba"], rtol=0, atol=1e-9)
            np.testing.assert_allclose(model.rarity(events), expected[f"{name}.Rarity"], rtol=0, atol=1e-9)


def test_files_are_laid_out_as_tmva_lays_them_out(folder: Path, tmp_path: Path) -> None:
    training = next(t for t in all_trainings(folder) if (t.job, t.name) == ("expr", "FisherDG"))
    path = tmp_path / "F.weights.xml"
    training.train(folder).save(path)
    ours = path.read_text().splitlines()
    theirs = gzip.decompress((folder / "weights/expr/TMVA_FisherDG.weights.xml.gz").read_bytes()).decode().splitlines()
    number = re.compile(r"-?\d\.\d{8,}e[+-]\d\d")
    pairs = list(zip(*([line for line in text if "<Info" not in line] for text in (ours, theirs)), strict=True))
    for found, expected in pairs:
        assert number.sub("#", found) == number.sub("#", expected)
        np.testing.assert_allclose(
            [float(x) for x in number.findall(found)],
            [float(x) for x in number.findall(expected)],
            rtol=1e-8,
            atol=1e-12,
        )
    assert len(pairs) > 200


def test_what_is_printed_is_what_tmva_prints(folder: Path) -> None:
    lines = gzip.decompress((folder / "logs/block.log.gz").read_bytes()).decode().splitlines()
    for training in [t for t in all_trainings(folder) if t.job == "block" and t.name in {"Fisher", "LD"}]:
        model = training.train(folder)
        printed = [line.partition(": ")[2] for line in lines if re.match(rf"--- ({training.name}|DataSetInfo) ", line)]
        printed = [line.removeprefix("Dataset[dataset] : ").rstrip() for line in printed]
        for table in model.log.text.split("\n"):
            assert table.rstrip() in printed
        assert model.log.rankings[0].text in "\n".join(printed)
        assert model.log.correlations[1].text in "\n".join(printed)


def test_separations_are_those_that_tmva_prints(folder: Path) -> None:
    for job in ("random", "block", "posw", "negw"):
        lines = gzip.decompress((folder / f"logs/{job}.log.gz").read_bytes()).decode().splitlines()
        printed = [line.partition(": ")[2].rstrip() for line in lines if line.startswith("--- IdTransformation ")]
        table = separation_ranking(training_events(folder, job)).text.split("\n")
        assert [line.rstrip() for line in table] == printed[: len(table)]


def test_rankings_of_a_regression_are_those_that_tmva_prints(folder: Path) -> None:
    lines = gzip.decompress((folder / "logs/reg.log.gz").read_bytes()).decode().splitlines()
    printed = [line.partition(": ")[2].rstrip() for line in lines if line.startswith("--- IdTransformation ")]
    rankings = variable_rankings(training_events(folder, "reg"))
    assert [line.rstrip() for ranking in rankings for line in ranking.text.split("\n")] == printed
    assert len(rankings) == 4


def test_correlations_of_classes_and_regressions_are_those_that_tmva_prints(folder: Path) -> None:
    for job, n_tables in (("multi", 3), ("reg", 1)):
        log = gzip.decompress((folder / f"logs/{job}.log.gz").read_bytes()).decode()
        printed = [line.partition(": ")[2].rstrip() for line in log.splitlines() if "DataSetInfo" in line]
        text = "\n".join(line.removeprefix("Dataset[dataset] : ") for line in printed)
        tables = correlation_tables(training_events(folder, job))
        assert len(tables) == n_tables
        assert all(table.text in text for table in tables)


def test_rankings_by_a_target() -> None:
    grid = np.repeat(np.arange(10.0), 10)
    across = np.tile(np.arange(10.0), 10)
    X = np.column_stack([grid, across])
    data = from_arrays(X, variables=["same", "other"], targets=grid[:, None], target_variables=["t"])
    found = {
        ranking.quantity: dict(zip(ranking.variables, ranking.values, strict=True))
        for ranking in variable_rankings(data)
    }
    assert found["|Correlation with target|"] == pytest.approx({"same": 1.0, "other": 0.0}, abs=1e-12)
    # the largest values lie beside the axes: nine are left of each
    assert found["Mutual information"] == pytest.approx({"same": math.log(9), "other": 0.0}, abs=1e-12)
    assert found["Correlation Ratio"]["other"] < 0.5 * found["Correlation Ratio"]["same"]
    assert variable_rankings(three()) == ()
    assert variable_rankings(toy())[0].quantity == "Separation"


def test_separation_of_what_does_not_overlap_is_one() -> None:
    rng = np.random.default_rng(4)
    y = np.arange(300) % 2
    X = np.column_stack([y + 0.1 * rng.uniform(size=300), rng.permutation(300) % 150, y + 2.0])
    ranking = separation_ranking(from_arrays(X, y, variables=["apart", "alike", ("whole", "whole", "", "I")]))
    assert ranking.values[:2] == pytest.approx((1.0, 1.0))
    assert ranking.variables[2] == "alike"
    assert 0.0 < ranking.values[2] < 0.3
    with pytest.raises(NotSupportedError, match="A, B, C"):
        separation_ranking(three())


def test_fisher_is_the_closed_form() -> None:
    data = toy()
    rows = [data.train.class_index == index for index in (0, 1)]
    w = [data.train.weight[row] for row in rows]
    X = [data.train.variables[row].astype(np.float64) for row in rows]
    means = [np.average(x, axis=0, weights=weight) for x, weight in zip(X, w, strict=True)]
    within = sum(np.cov(x.T, aweights=weight, ddof=0) for x, weight in zip(X, w, strict=True))
    total = [weight.sum() for weight in w]
    expected = np.linalg.solve(within, means[0] - means[1]) * np.sqrt(total[0] * total[1]) / sum(total)
    model = train("Fisher", "", data)
    np.testing.assert_allclose(coefficients(model), expected, rtol=1e-10)
    middle = (means[0] + means[1]) / 2.0
    assert model.evaluate(middle[None].astype(np.float32))[0] == pytest.approx(0.0, abs=1e-6)
    # with another matrix, the direction is the same (Sherman and Morrison)
    other = train("Fisher", "Method=Mahalanobis", data)
    ratio = coefficients(other) / coefficients(model)
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-9)
    assert 0.0 < ratio[0] < 0.99
    assert other.log.rankings == model.log.rankings


def test_ld_is_least_squares() -> None:
    rng = np.random.default_rng(2)
    X = rng.uniform(-1.0, 3.0, size=(300, 2)).astype(np.float32)
    target = (3.0 * X[:, 0] - X[:, 1] ** 2 + 5.0).astype(np.float32)
    weight = rng.uniform(0.1, 2.0, 300)
    data = from_arrays(X, None, weight, variables=["a", "b"], targets=target, target_variables=["t"], norm_mode="None")
    model = train("LD", "", data)
    wide = np.column_stack([np.ones(300), X]).astype(np.float64)
    expected = np.linalg.solve(wide.T @ (wide * weight[:, None]), wide.T @ (weight * target))
    np.testing.assert_allclose([*model.method.offsets, *coefficients(model)], expected, rtol=1e-6)
    # a linear function of normalised variables, to a normalised target, is the same function
    normalised = train("LD", "VarTransform=N", data)
    assert not np.allclose(coefficients(normalised), coefficients(model), rtol=0.1)
    np.testing.assert_allclose(normalised.evaluate(X), model.evaluate(X), rtol=2e-6, atol=2e-6)
    assert model.log.rankings[0].variables[0] == "a"


def test_hmatrix_is_a_ratio_of_distances() -> None:
    data = toy()
    model, parts = train("HMatrix", "", data), []
    X = np.random.default_rng(8).normal(size=(50, 3)).astype(np.float32)
    for index in (0, 1):
        rows = data.train.class_index == index
        events, weight = data.train.variables[rows].astype(np.float64), data.train.weight[rows]
        away = X - np.average(events, axis=0, weights=weight)
        parts.append((away @ np.linalg.inv(np.cov(events.T, aweights=weight, ddof=0)) * away).sum(axis=1))
    signal, background = parts
    np.testing.assert_allclose(model.evaluate(X), (background - signal) / (background + signal), rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", sorted(LINEAR))
def test_ignored_negative_weights_count_as_zero(kind: str) -> None:
    data = block("negw")
    apply = stored()["apply"]
    ignored = train(kind, "IgnoreNegWeightsInTraining", data)
    assert any("have negative weights, which count as 0" in note for note in ignored.log.notes)
    assert not np.allclose(ignored.evaluate(apply), train(kind, "", data).evaluate(apply), atol=1e-4)
    kept = data.train.weight > 0.0
    left = from_arrays(
        data.train.variables[kept],
        data.train.class_index[kept],
        data.train.weight[kept],
        variables=FOUR,
        norm_mode="None",
    )
    np.testing.assert_allclose(ignored.evaluate(apply), train(kind, "", left).evaluate(apply), rtol=0, atol=1e-9)


def test_options_of_densities_change_them() -> None:
    data, X = toy(), toy().train.variables[:50]
    found = {"": train("Fisher", "CreateMVAPdfs", data).proba(X)}
    for text in (
        "NbinsMVAPdf=9",
        "NAvEvtPerBinMVAPdf=20",
        "NSmoothMVAPdf=3",
        "MinNSmoothMVAPdf=1:MaxNSmoothMVAPdf=4",
        "PDFInterpolMVAPdf=Spline1",
        "PDFInterpolMVAPdfSig=Spline3",
        "NbinsMVAPdfBkg=7",
        "PDFInterpolMVAPdf=KDE",
        "PDFInterpolMVAPdf=KDE:KDEiterMVAPdf=Adaptive",
        "PDFInterpolMVAPdf=KDE:KDEiterMVAPdf=Adaptive:KDEFineFactorMVAPdf=3",
        "PDFInterpolMVAPdf=KDE:KDEborderMVAPdf=Mirror",
    ):
        found[text] = train("Fisher", f"CreateMVAPdfs:{text}", data).proba(X)
    texts = list(found)
    for place, text in enumerate(texts):
        assert np.nanmax(found[text]) <= 1.0
        for other in texts[:place]:
            assert not np.allclose(found[text], found[other], equal_nan=True), (text, other)
    with pytest.raises(InvalidInputError, match="CreateMVAPdfs"):
        train("Fisher", "", data).proba(X)


def test_saved_models_answer_the_same(tmp_path: Path) -> None:
    for kind, options in (("Fisher", f"VarTransform=D,G:{PDFS}"), ("LD", ""), ("HMatrix", "VarTransform=D_Signal")):
        model = train(kind, options, block(), name=f"My{kind}")
        path = tmp_path / f"{kind}.weights.xml"
        check = model.save(path)
        assert check.verified
        read = hepml.load(path)
        np.testing.assert_array_equal(read.evaluate(stored()["apply"]), model.evaluate(stored()["apply"]))
        with pytest.raises(OutputError):
            model.save(path)
        before = path.read_bytes()
        train(kind, options, block(), name=f"My{kind}").save(path, overwrite=True)
        assert path.read_bytes() == before
    assert b'<MethodSetup Method="HMatrix::MyHMatrix">' in before
    assert b'<Option name="VarTransform" modified="Yes">D_Signal</Option>' in before


def test_transformations_of_one_class_are_trained_with_and_noted() -> None:
    model = train("Fisher", "VarTransform=D_Signal", block())
    assert any("TMVA's Reader" in note for note in model.log.notes)
    assert not np.allclose(coefficients(model), coefficients(train("Fisher", "VarTransform=D", block())))


def test_the_log_is_plain_data() -> None:
    log = train("Fisher", "!H:VarTransform=None", toy(), name="F").log.to_dict()
    assert (log["kind"], log["name"], log["engine"], log["n_events"]) == ("Fisher", "F", "native", 400)
    assert log["options"] == "!H:VarTransform=None"
    assert log["correlations"][0]["values"][0][0] == 1.0
    assert Ranking.of("Q", ["a", "b", "c"], np.array([1.0, 2.0, 1.0])).variables == ("b", "a", "c")


def test_sums_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    X, weight = rng.normal(size=(200, 5)).astype(np.float32), rng.normal(size=200)
    wide, centre = X.astype(np.float64), rng.normal(size=5)
    np.testing.assert_allclose(value_sums(X, weight), (wide * weight[:, None]).sum(axis=0), rtol=1e-12)
    expected = np.einsum("e,ei,ej->ij", weight, wide - centre, wide - centre)
    np.testing.assert_allclose(product_sums(X, weight, centre), expected, rtol=1e-10, atol=1e-10)
    single = (X[:, :, None] * X[:, None, :]).astype(np.float64)
    np.testing.assert_allclose(single_product_sums(X, weight), (single * weight[:, None, None]).sum(axis=0), rtol=1e-10)


def test_datasets_train_too() -> None:
    data = toy()
    dataset = hepml.Dataset.from_numpy(
        data.train.variables,
        features=["a", "b", "c"],
        label=1 - data.train.class_index,
        weight=data.train.original_weight,
    )
    np.testing.assert_array_equal(coefficients(train("Fisher", "", dataset)), coefficients(train("Fisher", "", data)))


def with_last(column: NDArray[np.float64]) -> dict[str, Any]:
    X = toy().train.variables.copy()
    X[:, 2] = column
    return {"X": X}


@pytest.mark.parametrize("kind", sorted(LINEAR))
@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        (with_last(toy().train.variables[:, 1]), FeatureValueError, "singular"),
        (
            {"weight": np.where(np.arange(400) % 2, -1.0, 1.0), "norm_mode": "None"},
            WeightError,
            "background events sum to -200",
        ),
        (
            {"weight": np.where(np.arange(400) % 2, 1.0, 0.0), "norm_mode": "None"},
            WeightError,
            "signal events sum to 0",
        ),
    ],
)
def test_events_that_cannot_train(kind: str, more: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        train(kind, "", toy(**more))


def test_an_empty_class_cannot_train() -> None:
    data = toy()
    with pytest.raises(EmptyClassError, match="no training event of class 'Background'"):
        train("Fisher", "", replace(data, train=data.train[data.train.class_index == 0]))


def test_nearly_singular_matrices_are_noted() -> None:
    twice = train("LD", "", toy(**with_last(2.0 * toy().train.variables[:, 0])))
    assert any("nearly singular" in note for note in twice.log.notes)
    assert not train("LD", "", toy()).log.notes
    X = toy().train.variables * np.float32(1e-5)
    model = train("Fisher", "", toy(X=X))
    assert any("nearly singular" in note for note in model.log.notes)
    scaled = train("Fisher", "", toy())
    np.testing.assert_allclose(model.evaluate(X), scaled.evaluate(toy().train.variables), rtol=1e-4, atol=1e-4)


def three() -> PreparedData:
    return toy(class_index=np.arange(400) % 3, class_names=["A", "B", "C"])


@pytest.mark.parametrize(
    ("kind", "options", "data", "engine", "error", "words"),
    [
        ("Likelihood", "", toy(), "auto", NotSupportedError, r'Likelihood is not trained natively.*engine="root"'),
        ("Fisher", "Boost_Num=5", toy(), "native", NotSupportedError, r'Boost_Num=5 of Fisher.*engine="root"'),
        ("Fisher", "", three(), "auto", NotSupportedError, "Fisher does no multiclass"),
        ("LD", "CreateMVAPdfs:NbinsMVAPdf=-1:NAvEvtPerBinMVAPdf=900", toy(), "auto", FeatureValueError, "no bin"),
        ("Fisher", "", toy(), "fast", UnknownNameError, "native"),
        ("Fischer", "", toy(), "auto", UnknownNameError, "did you mean 'Fisher'"),
        ("Fisher", "Methode=Fisher", toy(), "auto", InvalidInputError, "Method"),
        ("Fisher", "VarTransform=Q", toy(), "auto", UnknownNameError, "Q"),
    ],
)
def test_requests_that_cannot_be_met(  # noqa: PLR0917
    kind: str, options: str, data: PreparedData, engine: Any, error: type[HepmlError], words: str
) -> None:
    with pytest.raises(error, match=words):
        train(kind, options, data, engine=engine)
