"""Weights files that hepml writes: byte for byte what TMVA wrote, and the responses of the models that they hold."""

from __future__ import annotations

import functools
import gzip
import hashlib
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

from hepml.data import Feature
from hepml.errors import ExportError, HepmlError, InvalidInputError, OutputError, UnknownNameError
from hepml.tmva import Reader, write
from hepml.tmva.document import parse_document, read_document
from hepml.tmva.document_writing import document_of
from hepml.tmva.methods.hmatrix import HMatrix
from hepml.tmva.methods.linear import LD, Fisher
from hepml.tmva.methods.mlp import MLP
from hepml.tmva.setup import MethodSetup
from hepml.tmva.setup_making import setup_of
from hepml.tmva.writing import write_method
from tests.tmva.golden import SMALL, reference
from tests.tmva.written import N_OUTPUTS, events, texts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAMES = ("pt", "mass := sqrt(e*e-p*p)", "eta")
COMMITTED = [
    *("random_Fisher", "expr_FisherPart", "expr_FisherDG", "expr_FisherP", "expr_FisherU", "reg_LD", "random_HMatrix"),
    *("random_MLP", "random_MLPBNN", "expr_MLP_GD", "multi_MLP", "reg_MLP"),
]


def golden() -> list[Path]:
    folder = reference()
    found = [SMALL / f"{name}.weights.xml.gz" for name in COMMITTED]
    if folder is not None:
        for path in sorted((folder / "weights").glob("*/*.gz")):
            if path.name.startswith(("TMVA_Fisher", "TMVA_BoostedFisher_B", "TMVA_LD", "TMVA_HMatrix", "TMVA_MLP")):
                found += [path] if path.name != "TMVA_FisherCat.weights.xml.gz" else []
    return found


def structure(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Elements and their attributes, in order."""
    return [(element.tag, tuple(element.attrib)) for element in parse_document(text.encode(), "x").iter()]


@pytest.mark.parametrize("path", golden(), ids=lambda path: f"{path.parent.name}-{path.name.partition('.')[0]}")
def test_files_of_tmva_are_written_as_tmva_wrote_them(path: Path) -> None:
    text = gzip.decompress(path.read_bytes()).decode()
    setup = MethodSetup.from_element(read_document(path)[0], str(path))
    assert document_of(setup) == text
    reader = Reader(path)
    assert isinstance(reader.method, Fisher | LD | HMatrix | MLP)
    again = document_of(replace(setup, weights=reader.method.to_xml()))
    if not isinstance(reader.method, MLP):
        assert again == text
        return
    # TMVA itself reads the weights of an MLP in single precision; it writes a matrix of errors that no response needs
    assert structure(again) == [item for item in structure(text) if item[0] not in {"InverseHessian", "Row"}]
    same = Reader(again).method
    assert isinstance(same, MLP)
    for layer, other in zip(reader.method.layers, same.layers, strict=True):
        np.testing.assert_array_equal(layer.weights, other.weights)
    assert {name: setup.options[name].value for name in reader.method.options() if name != "HiddenLayers"} == {
        name: value for name, value in reader.method.options().items() if name != "HiddenLayers"
    }


@functools.cache
def sample() -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 3, 600)
    # a mass far from zero, and a small number
    X = rng.normal(size=(600, 3)) * [30.0, 2.0, 1e-3] + [50.0, 91.0, 0.0]
    X += np.outer(y, [20.0, 1.0, 1e-3])
    target = np.sin(X[:, 0] / 40.0) + X[:, 1] / 10.0
    return X.astype(np.float32).astype(np.float64), y, target


def fitted(model: Any, what: str) -> Any:
    X, y, target = sample()
    wanted = {"two": y > 0, "three": y, "target": target, "targets": np.stack([target, 2.0 - target], axis=1)}[what]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, wanted)


def network(activation: str, layers: tuple[int, ...] = (6, 4), scaler: Any = None) -> Any:
    model = MLPClassifier(layers, activation=activation, max_iter=20, random_state=1)
    return make_pipeline(StandardScaler() if scaler is None else scaler, model)


LINEAR = [
    LogisticRegression(),
    LinearDiscriminantAnalysis(),
    RidgeClassifier(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(MaxAbsScaler(), StandardScaler(with_mean=False), LinearDiscriminantAnalysis()),
    make_pipeline(RobustScaler(), "passthrough", RidgeClassifier(fit_intercept=False)),
]


@pytest.mark.parametrize("model", LINEAR, ids=lambda model: type(getattr(model, "_final_estimator", model)).__name__)
def test_linear_classifiers_answer_with_their_margin(model: Any, tmp_path: Path) -> None:
    fitted(model, "two")
    check = write(model, tmp_path / "x.weights.xml", variables=NAMES, method_name="lin")
    assert check.verified
    reader = Reader(tmp_path / "x.weights.xml")
    assert (reader.setup.kind, reader.setup.name) == ("Fisher", "lin")
    X, _, _ = sample()
    margin = model.decision_function(X)
    np.testing.assert_allclose(reader.evaluate(X), margin, rtol=0, atol=1e-12 * max(1.0, np.abs(margin).max()))
    assert [feature.expression for feature in reader.features] == ["pt", "sqrt(e*e-p*p)", "eta"]
    own = gzip.decompress((SMALL / "random_Fisher.weights.xml.gz").read_bytes()).decode()
    # TMVA's also say when, where and on how many events
    there = [
        item for item in structure((tmp_path / "x.weights.xml").read_text()) if item[0] not in {"Variable", "Info"}
    ]
    skipped = {"Variable", "Info", "PDF", "Histogram", "Spectator"}
    expected = [item for item in structure(own) if item[0] not in skipped]
    assert there == expected[:-1]


def by_hand(reader: Reader, model: MLPClassifier | MLPRegressor, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """The network with the file's variables and weights, and the activation of scikit-learn."""
    chain = reader._chain
    values = chain.apply(X.astype(np.float32)).astype(np.float64)
    inside = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "logistic": lambda x: 1 / (1 + np.exp(-x))}
    for place, layer in enumerate(reader.method.layers):  # type: ignore[attr-defined]
        np.testing.assert_array_equal(layer.weights, layer.weights.astype(np.float32))
        values = values @ layer.weights[:, :-1].T + layer.weights[:, -1]
        if place < len(model.coefs_) - 1:
            values = inside[model.activation](values)
    return values


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()], ids=["standard", "minmax"])
@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_perceptrons_answer_with_their_probability(activation: str, scaler: Any, tmp_path: Path) -> None:
    model = fitted(network(activation, scaler=scaler), "two")
    write(model, tmp_path / "x.weights.xml", variables=NAMES)
    reader = Reader(tmp_path / "x.weights.xml")
    assert isinstance(reader.method, MLP)
    X, _, _ = sample()
    probability = model.predict_proba(X)[:, 1]
    found = reader.evaluate(X)
    np.testing.assert_allclose(found, probability, rtol=0, atol=2e-6)
    outputs = by_hand(reader, model[-1], X)[:, 0]
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-outputs)), rtol=0, atol=1e-12)
    # the exact tanh is of the releases before the rational function
    assert (reader.setup.release == 262656) == (activation == "tanh")


def test_several_classes_and_targets(tmp_path: Path) -> None:
    X, _, _ = sample()
    several = [
        fitted(make_pipeline(StandardScaler(), LogisticRegression()), "three"),
        fitted(network("relu"), "three"),
    ]
    for model in several:
        write(model, tmp_path / "x.weights.xml", variables=NAMES, class_names=["a", "b", "c"], overwrite=True)
        reader = Reader(tmp_path / "x.weights.xml")
        assert reader.setup.classes == ("a", "b", "c")
        np.testing.assert_allclose(reader.evaluate(X), model.predict_proba(X), rtol=0, atol=2e-6)
    regressions = [
        (LinearRegression(), "targets", "LD"),
        (make_pipeline(StandardScaler(), Ridge()), "target", "LD"),
        (
            make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=2)),
            "targets",
            "MLP",
        ),
    ]
    for model, what, kind in regressions:
        fitted(model, what)
        write(model, tmp_path / "x.weights.xml", variables=NAMES, overwrite=True)
        reader = Reader(tmp_path / "x.weights.xml")
        assert reader.setup.kind == kind
        assert [target.label for target in reader.setup.targets] == [
            f"target{k}" for k in range(1 + (what == "targets"))
        ]
        np.testing.assert_allclose(reader.evaluate(X), model.predict(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", ["MLP", "DL"])
def test_probabilities_of_a_linear_model(method: str, tmp_path: Path) -> None:
    model = fitted(make_pipeline(StandardScaler(), LogisticRegression()), "two")
    write(model, tmp_path / "x.weights.xml", variables=NAMES, method=method)
    reader = Reader(tmp_path / "x.weights.xml")
    X, _, _ = sample()
    np.testing.assert_allclose(reader.evaluate(X), model.predict_proba(X)[:, 1], rtol=0, atol=1e-6)
    assert reader.setup.options["VarTransform"].value == "N"


def test_names_ranges_and_options(tmp_path: Path) -> None:
    model = fitted(network("tanh"), "two")
    features = [Feature("pt", unit="GeV", title="momentum"), Feature("m", "sqrt(e*e-p*p)"), Feature("eta")]
    path = tmp_path / "x.weights.xml.gz"
    ranges = [[0.0, 200.0], [80.0, 100.0], [-3.0, 3.0]]
    write(model, path, variables=features, ranges=ranges, class_names=["S", "B"], options={"NCycles": "20"})
    setup = Reader(path).setup
    assert (setup.variables[0].unit, setup.variables[0].title, setup.variables[0].maximum) == ("GeV", "momentum", 200.0)
    assert setup.classes == ("S", "B")
    assert setup.options["NCycles"].modified
    assert setup.options["HiddenLayers"].value == "6,4"
    assert not setup.options["LearningRate"].modified


class Deviating(LogisticRegression):  # type: ignore[misc]
    """Answers something else than its coefficients say."""

    def decision_function(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = super().decision_function(X) + 1e-6
        return found


REFUSED: dict[str, tuple[Any, dict[str, Any], type[HepmlError], str]] = {
    "trees": (lambda: fitted(RandomForestClassifier(3), "two"), {}, ExportError, "linear models.*to_tmva"),
    "not fitted": (LogisticRegression, {}, InvalidInputError, "not fitted"),
    "no model": (dict, {}, ExportError, "dict"),
    "another step": (
        lambda: fitted(make_pipeline(PolynomialFeatures(), LogisticRegression()), "two"), {}, ExportError, "Polynomial",
    ),
    "clips": (
        lambda: fitted(make_pipeline(MinMaxScaler(clip=True), LogisticRegression()), "two"), {}, ExportError, "clips",
    ),
    "no probabilities": (lambda: fitted(RidgeClassifier(), "three"), {}, ExportError, "no probabilities"),
    "deviates": (lambda: fitted(Deviating(), "two"), {}, ExportError, "instead of"),
    "no names": (lambda: fitted(LogisticRegression(), "two"), {"variables": None}, InvalidInputError, "3 inputs"),
    "few names": (lambda: fitted(LogisticRegression(), "two"), {"variables": ["a"]}, InvalidInputError, "3 inputs"),
    "equal names": (
        lambda: fitted(LogisticRegression(), "two"), {"variables": ["a", "b", "a"]}, InvalidInputError, "different",
    ),
    "unwritable name": (
        lambda: fitted(LogisticRegression(), "two"), {"variables": ["a", "b", "\x00"]}, InvalidInputError, "XML",
    ),
    "a network as Fisher": (lambda: fitted(network("relu"), "two"), {"method": "Fisher"}, ExportError, "MLP, DL"),
    "unknown option": (lambda: fitted(LogisticRegression(), "two"), {"options": {"Hh": "1"}}, UnknownNameError, "Hh"),
    "option of the weights": (
        lambda: fitted(network("relu"), "two"), {"options": {"NeuronType": "tanh"}}, InvalidInputError, "follows",
    ),
    "ranges": (lambda: fitted(LogisticRegression(), "two"), {"ranges": [[1.0, 0.0]] * 3}, InvalidInputError, "ranges"),
    "class names": (lambda: fitted(LogisticRegression(), "two"), {"class_names": ["S"]}, InvalidInputError, "1 names"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    make, given_, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        write(make(), tmp_path / "x.weights.xml", **({"variables": NAMES} | given_))
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.weights.xml"
    path.write_text("kept")
    with pytest.raises(OutputError):
        write(fitted(LogisticRegression(), "two"), path, variables=NAMES)
    assert path.read_text() == "kept"


@pytest.mark.parametrize(
    "name", ["random_Fisher", "expr_FisherDG", "random_HMatrix", "reg_LD", "block_BDT10", "random_BDTD"]
)
def test_a_reader_is_written_again(name: str, tmp_path: Path) -> None:
    original = SMALL / f"{name}.weights.xml.gz"
    write(Reader(original), tmp_path / "x.weights.xml.gz")
    text = gzip.decompress((tmp_path / "x.weights.xml.gz").read_bytes())
    assert text == gzip.decompress(original.read_bytes())
    with pytest.raises(InvalidInputError, match="follows"):
        write(Reader(original), tmp_path / "y.xml", method="MLP")


def test_what_a_reader_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="Likelihood"):
        write(Reader(SMALL / "random_Likelihood.weights.xml.gz"), tmp_path / "x.xml")


def test_methods_as_a_training_has_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(2, 3, 3))
    inverse = np.einsum("kij,klj->kil", matrix, matrix)
    # matrices that negative weights left indefinite: TMVA stops at some events, and the others agree
    for shift in (0.0, 3.0):
        method = HMatrix(rng.normal(size=(2, 3)), inverse - shift * np.eye(3), (0, 1))
        setup = setup_of(method, ["a", "b", "c"], ranges=[[-1.0, 1.0]] * 3, info={"Training events": "100"})
        check = write_method(method, setup, tmp_path / "h.xml", overwrite=True)
        assert 100 < check.n_events <= 3000
        assert (check.n_events == 3000) == (shift == 0.0)
    again = Reader(tmp_path / "h.xml")
    assert isinstance(again.method, HMatrix)
    np.testing.assert_array_equal(again.method.inverses, method.inverses)
    assert again.setup.info["Training events"] == "100"
    other = replace(method, means=method.means + 1e-6)
    with pytest.raises(ExportError, match="instead of"):
        write_method(other, setup, tmp_path / "other.xml")


@given(
    value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
    name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
        lambda text: ":=" not in text and text.strip() == text and not {"\ufffe", "\uffff"} & set(text)
    ),
)
def test_numbers_and_names_survive(value: float, name: str) -> None:
    method = HMatrix(np.full((2, 1), value), np.full((2, 1, 1), value), (0, 1))
    for written in (
        method,
        Fisher(value, np.array([value])),
        LD(np.array([value]), np.array([[value]]), regresses=True),
    ):
        analysis = "Regression" if isinstance(written, LD) else "Classification"
        setup = setup_of(written, [name], analysis_type=analysis, targets=["t"], name=name)  # type: ignore[arg-type]
        again = Reader(document_of(setup))
        assert again.setup.variables[0].expression == name
        assert again.setup.name == name
        assert isinstance(again.method, type(written))
        assert ET.tostring(again.method.to_xml()) == ET.tostring(written.to_xml())


@pytest.mark.parametrize("name", N_OUTPUTS)
def test_a_real_reader_of_tmva_answers_the_same(name: str) -> None:
    text = texts()[name]
    with np.load(SMALL / "written.npz") as answers:
        # what was read then is what is written now
        assert bytes(answers[f"{name}.sha256"]).hex() == hashlib.sha256(text.encode()).hexdigest()
        expected = answers[name]
    found = Reader(text).evaluate(events())
    np.testing.assert_allclose(found.reshape(len(expected), -1), expected, rtol=0, atol=1e-15)
