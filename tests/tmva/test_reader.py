"""What a Reader takes: variables by name in every form, spectators where a response depends on them, nothing else."""

from __future__ import annotations

import gzip
import logging
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import hepml
from hepml.data import Dataset, Feature
from hepml.errors import FeatureMismatchError, FeatureValueError, InvalidInputError, MissingFileError, ModelFormatError
from hepml.tmva import Reader
from hepml.tmva.methods.boost import Boost
from hepml.tmva.methods.cuts import Cuts
from hepml.workflow import apply_model, convert_model
from tests.tmva.golden import SMALL
from tests.tmva.test_golden import columns, stored

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def text_of(name: str) -> str:
    return gzip.decompress((SMALL / f"{name}.weights.xml.gz").read_bytes()).decode()


def reader_of(name: str) -> Reader:
    return Reader(SMALL / f"{name}.weights.xml.gz")


@pytest.fixture
def events() -> NDArray[np.float32]:
    return np.column_stack([columns()[f"var{number}"] for number in (1, 2, 3, 4)])


def test_what_a_file_says_of_itself() -> None:
    reader = reader_of("expr_FisherCat")
    assert (reader.setup.kind, reader.setup.name, reader.setup.release) == ("Category", "FisherCat", 262657)
    assert [feature.name for feature in reader.features] == ["myvar1", "myvar2", "var3", "abs(var3)"]
    assert [feature.expression for feature in reader.features] == ["var1+var2", "var1-var2", "var3", "abs(var3)"]
    assert [feature.name for feature in reader.spectators] == ["weight"]
    assert repr(reader) == "<Reader of Category::FisherCat (myvar1, myvar2, var3, abs(var3))>"


def test_content_and_path_are_the_same(tmp_path: Path) -> None:
    text = text_of("random_Fisher")
    plain = tmp_path / "a.xml"
    plain.write_text(text)
    expected = stored()["random_Fisher"]
    for source in (text, text.encode(), plain, str(plain), SMALL / "random_Fisher.weights.xml.gz"):
        np.testing.assert_allclose(Reader(source).evaluate(columns()), expected, rtol=0, atol=1e-12)
    with pytest.raises(MissingFileError):
        Reader(tmp_path / "b.xml")


class TestForms:
    def test_branches_in_any_order(self, events: NDArray[np.float32]) -> None:
        reader = reader_of("random_Fisher")
        given = dict(reversed(columns().items()))
        np.testing.assert_array_equal(reader.evaluate(given), reader.evaluate(events))
        del given["var3"]
        with pytest.raises(FeatureMismatchError, match="var3"):
            reader.evaluate(given)

    def test_expressions_in_double_precision_then_rounded(self) -> None:
        reader = reader_of("expr_FisherDG")
        wide = {name: column.astype(np.float64) * (1 + 1e-9) for name, column in columns().items()}
        sums = wide["var1"] + wide["var2"], wide["var1"] - wide["var2"], wide["var3"], np.abs(wide["var3"])
        X = np.column_stack(sums).astype(np.float32)
        np.testing.assert_array_equal(reader.evaluate(wide), reader.evaluate(X))

    def test_finished_features_by_label(self) -> None:
        reader = reader_of("expr_FisherDG")
        finished = {
            "var3": columns()["var3"],
            "abs(var3)": np.abs(columns()["var3"]),
            "myvar2": columns()["var1"] - columns()["var2"],
            "myvar1": columns()["var1"] + columns()["var2"],
        }
        given = reader.evaluate(finished, columns="features")
        np.testing.assert_allclose(given, reader.evaluate(columns()), rtol=0, atol=1e-5)

    def test_data_frames(self) -> None:
        pandas = pytest.importorskip("pandas")
        reader = reader_of("random_Fisher")
        np.testing.assert_array_equal(reader.evaluate(pandas.DataFrame(columns())), reader.evaluate(columns()))

    def test_datasets(self, events: NDArray[np.float32]) -> None:
        reader = reader_of("random_Fisher")
        names = ["var4", "var2", "var1", "var3"]
        dataset = Dataset.from_numpy(events[:, [3, 1, 0, 2]].copy(), features=names)
        np.testing.assert_array_equal(reader.evaluate(dataset), reader.evaluate(events))
        wrong = Dataset.from_numpy(events, features=[Feature("var1", "var1/1000"), *names[:2], "var3"])
        with pytest.raises(FeatureMismatchError, match="var1/1000"):
            reader.evaluate(wrong)

    def test_spectators_behind_the_variables_or_beside_them(self) -> None:
        reader = reader_of("expr_FisherCat")
        sides = columns()["var1"] + columns()["var2"], columns()["var1"] - columns()["var2"]
        X = np.column_stack([*sides, columns()["var3"], np.abs(columns()["var3"])])
        weight = columns()["weight"][:, None]
        expected = reader.evaluate(columns())
        np.testing.assert_array_equal(reader.evaluate(np.hstack([X, weight])), expected)
        np.testing.assert_array_equal(reader.evaluate(X, spectators=weight), expected)
        with pytest.raises(FeatureMismatchError, match="weight"):
            reader.evaluate(X)
        with pytest.raises(InvalidInputError, match="250 events, and spectators of 3"):
            reader.evaluate(X, spectators=weight[:3])
        dataset = Dataset.from_numpy(X, features=list(reader.features), spectators={"weight": columns()["weight"]})
        np.testing.assert_array_equal(reader.evaluate(dataset), expected)
        with pytest.raises(FeatureMismatchError, match="weight"):
            reader.evaluate(Dataset.from_numpy(X, features=list(reader.features)))

    @pytest.mark.parametrize("X", [np.zeros(4), np.zeros((2, 3)), [["a", "b", "c", "d"]], None])
    def test_other_forms_are_refused(self, X: Any) -> None:
        with pytest.raises(InvalidInputError):
            reader_of("random_Fisher").evaluate(X)


def test_missing_and_infinite_values_have_no_response(events: NDArray[np.float32]) -> None:
    for name in ("random_Fisher", "random_BDTD", "random_BoostedFisher"):
        reader = reader_of(name)
        expected = reader.evaluate(events)
        damaged = events.copy()
        damaged[3, 1], damaged[10, 0], damaged[11, 3] = np.nan, np.inf, -np.inf
        response = reader.evaluate(damaged)
        assert np.isnan(response[[3, 10, 11]]).all()
        kept = np.delete(np.arange(len(events)), [3, 10, 11])
        np.testing.assert_array_equal(response[kept], expected[kept])
        assert np.isnan(reader.evaluate(np.full((2, 4), np.nan))).all()


class TestCuts:
    def test_they_answer_at_an_efficiency(self, events: NDArray[np.float32]) -> None:
        reader = reader_of("random_Cuts")
        with pytest.raises(InvalidInputError, match=r"signal_efficiency=0\.7"):
            reader.evaluate(events)
        for wrong in (0.0, -0.1, 1.01, np.nan):
            with pytest.raises(InvalidInputError, match="above 0"):
                reader.evaluate(events, signal_efficiency=wrong)
        assert set(reader.evaluate(events, signal_efficiency=1.0)) <= {0.0, 1.0}
        with pytest.raises(InvalidInputError, match="is for cuts"):
            reader_of("random_Fisher").evaluate(events, signal_efficiency=0.5)

    def test_an_interval_is_open_below_and_closed_above(self) -> None:
        cuts = Cuts(np.full((4, 1), 0.25), np.full((4, 1), 0.75))
        variable = re.search(r"<Variable .*?/>", text_of("random_Fisher"))
        assert variable
        bins = "".join(f'<Bin ibin="{n}"><Cuts cutMin_0="0.25" cutMax_0="0.75"/></Bin>' for n in range(1, 5))
        content = f'<Variables>{variable[0]}</Variables><Weights nbins="4">{bins}</Weights>'
        reader = Reader(f'<MethodSetup Method="Cuts::C">{content}</MethodSetup>')
        found = reader.evaluate([[0.25], [0.2500001], [0.75], [0.7500001]], signal_efficiency=0.5)
        assert found.tolist() == [0.0, 1.0, 1.0, 0.0]
        assert [cuts.bin_of(e) for e in (0.01, 0.25, 0.5, 0.75, 1.0)] == [1, 2, 3, 3, 3]


class TestProbabilities:
    def test_bayes(self, events: NDArray[np.float32]) -> None:
        reader = reader_of("random_Fisher")
        half, rare = reader.proba(events), reader.proba(events, 0.01)
        odds = half / (1 - half) / 99
        np.testing.assert_allclose(rare, odds / (1 + odds), rtol=1e-9)
        assert (reader.proba(events, 0.0) == 0).all()
        assert (reader.proba(events, 1.0) == 1).all()
        with pytest.raises(InvalidInputError, match="fraction"):
            reader.proba(events, 1.5)

    def test_rarity_is_the_background_below(self, events: NDArray[np.float32]) -> None:
        reader = reader_of("random_Fisher")
        response, rarity = reader.evaluate(events), reader.rarity(events)
        assert (np.diff(rarity[np.argsort(response)]) >= 0).all()
        assert 0 <= rarity.min() < 0.1
        assert 0.9 < rarity.max() < 1.0001

    def test_they_need_densities(self, events: NDArray[np.float32]) -> None:
        with pytest.raises(InvalidInputError, match="CreateMVAPdfs"):
            reader_of("random_BDTF").proba(events)
        damaged = re.sub(r"</PDF>\s*<PDF.*?</PDF>", "</PDF>", text_of("random_Fisher"), flags=re.DOTALL)
        with pytest.raises(ModelFormatError, match="1 densities"):
            Reader(damaged).rarity(events)


class TestCategories:
    def changed(self, old: str, new: str) -> Reader:
        text = text_of("expr_FisherCat")
        assert old in text
        return Reader(text.replace(old, new))

    def test_an_event_in_no_category_gets_zero(self, caplog: pytest.LogCaptureFixture) -> None:
        reader = self.changed('Cut="abs(weight)&gt;1"', 'Cut="abs(weight)&gt;1.2"')
        with caplog.at_level(logging.WARNING, "hepml.tmva"):
            response = reader.evaluate(columns())
        outside = (np.abs(columns()["weight"]) > 1) & (np.abs(columns()["weight"]) <= np.float32(1.2))
        assert outside.any()
        np.testing.assert_array_equal(response == 0, outside)
        assert f"{outside.sum()} of 250 events" in caplog.text

    def test_an_event_in_two_is_an_error(self) -> None:
        reader = self.changed('Cut="abs(weight)&gt;1"', 'Cut="abs(weight)&gt;0.9"')
        with pytest.raises(FeatureValueError, match="more than one category"):
            reader.evaluate(columns())

    def test_cuts_may_use_branches_that_are_neither_variable_nor_spectator(self) -> None:
        text = text_of("expr_FisherCat")
        text = text.replace("abs(weight)&lt;=1", "other[0]&lt;=1").replace("abs(weight)&gt;1", "other[0]&gt;1")
        reader = Reader(text)
        assert [feature.name for feature in reader.spectators] == ["other"]
        given = {**columns(), "other": np.abs(columns()["weight"])}
        np.testing.assert_array_equal(reader.evaluate(given), reader_of("expr_FisherCat").evaluate(columns()))

    def test_variables_of_a_category_are_chosen_by_label(self) -> None:
        text = text_of("expr_FisherCat")
        swapped = Reader(
            text.replace('Variables="myvar1:myvar2:var3:abs(var3)"', 'Variables="myvar2:myvar1:var3:weight"')
        )
        sub = swapped.method.parts[0].method  # type: ignore[attr-defined]
        inside = np.abs(columns()["weight"]) <= 1
        x = {name: column.astype(np.float64)[inside] for name, column in columns().items()}
        values = x["var1"] - x["var2"], x["var1"] + x["var2"], x["var3"], x["weight"]
        rounded = [value.astype(np.float32).astype(np.float64) for value in values]
        expected = sub.offset + sum(c * v for c, v in zip(sub.coefficients, rounded, strict=True))
        np.testing.assert_allclose(swapped.evaluate(columns())[inside], expected, rtol=0, atol=1e-12)

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ('NSubMethods="2"', 'NSubMethods="3"', "2 categories and says 3"),
            ('Cut="abs(weight)&lt;=1"', 'Cut="abs(weight"', "cannot be understood"),
            ('Cut="abs(weight)&lt;=1"', 'Cut=""', "cannot be understood"),
            ('Variables="myvar1:', 'Variables="nothing:', "neither a variable nor a spectator"),
            ('Variables="myvar1:', 'Variables="', "and its method has 4"),
            ("Fisher::Category_Fisher_1", "Category::Again", "of kind 'Category'"),
            ("Fisher::Category_Fisher_1", "Cuts::Category_Cuts", "of kind 'Cuts'"),
            ("Fisher::Category_Fisher_1", "Nothing::Else", "not known"),
            ('Label="weight"', 'Label="var3"', "and its method has 4"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, old: str, new: str, reason: str) -> None:
        with pytest.raises(ModelFormatError, match=reason):
            self.changed(old, new)


class TestBoost:
    @pytest.mark.parametrize(
        ("transform", "oracle"),
        [
            ("linear", lambda r, _: r),
            ("step", lambda r, cut: np.where(r > cut, 1.0, -1.0)),
            ("log", lambda r, cut: np.log(np.maximum(r - cut, 0.0) + np.exp(-1.0))),
            ("gauss", lambda r, cut: np.exp(-0.5 * (r - cut - 1.0) ** 2)),
        ],
    )
    def test_transforms(self, transform: str, oracle: Any, events: NDArray[np.float32]) -> None:
        text = text_of("random_BoostedFisher").replace(">log<", f">{transform}<")
        reader = Reader(text)
        boost = reader.method
        assert isinstance(boost, Boost)
        x = events.astype(np.float64)
        responses = [member.offset + x @ member.coefficients for member in boost.members]  # type: ignore[attr-defined]
        expected = sum(
            weight * oracle(response, cut)
            for weight, response, cut in zip(boost.weights, responses, boost.cuts, strict=True)
        )
        np.testing.assert_allclose(reader.evaluate(events), expected / boost.weights.sum(), rtol=0, atol=1e-12)

    def test_signal_below_the_cut(self, events: NDArray[np.float32]) -> None:
        text = text_of("random_BoostedFisher").replace(">log<", ">step<")
        turned = text.replace('MethodSigCutOrientation="1', 'MethodSigCutOrientation="-1')
        np.testing.assert_array_equal(Reader(turned).evaluate(events), -Reader(text).evaluate(events))

    def test_boosted_trees_and_their_options(self) -> None:
        bdt = text_of("block_BDT10")
        weights = re.search(r"<Weights.*</Weights>", bdt, re.DOTALL)
        assert weights
        member = (
            '<Weights NMethods="1"><Method Index="0" Weight="2" MethodTypeName="BDT" MethodName="B0" '
            f'Options="~!H:~Boost_Num=1:NTrees=10:UseYesNoLeaf:!DoPreselection">{weights[0]}</Method></Weights>'
        )
        boosted = bdt.replace(weights[0], member).replace("BDT::BDT10", "Boost::B")
        boosted = boosted.replace("<Options>", '<Options><Option name="Boost_Transform">linear</Option>')
        np.testing.assert_array_equal(Reader(boosted).evaluate(columns()), stored()["block_BDT10"])

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ('NMethods="20"', 'NMethods="1000000000"', "integer up to"),
            ('NMethods="20"', 'NMethods="21"', "20 members and says 21"),
            (">log<", ">sine<", "Boost_Transform"),
            ('Weight="3.87', 'Weight="nan" was="3.87', "not finite"),
            ('MethodTypeName="Fisher"', 'MethodTypeName="Boost"', "cannot be boosted"),
            ('MethodTypeName="Fisher"', 'MethodTypeName="Category"', "cannot be boosted"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, old: str, new: str, reason: str) -> None:
        text = text_of("random_BoostedFisher")
        assert old in text
        with pytest.raises(ModelFormatError, match=reason):
            Reader(text.replace(old, new, 1))


def test_linear_regression_of_two_targets_rounds_after_each_term() -> None:
    text = text_of("reg_LD")
    target = re.search(r"<Target .*?/>", text)
    coefficients = re.search(r"<Coefficient.*/>", text, re.DOTALL)
    assert target
    assert coefficients
    second = target[0].replace('TargetIndex="0"', 'TargetIndex="1"').replace("fvalue", "other")
    text = text.replace(target[0], target[0] + second).replace('NTrgt="1"', 'NTrgt="2"').replace('NOut="1"', 'NOut="2"')
    more = coefficients[0].replace('IndexOut="0"', 'IndexOut="1"').replace('Value="', 'Value="-')
    text = text.replace(coefficients[0], coefficients[0] + more.replace('Value="--', 'Value="'))
    response = Reader(text).evaluate(columns("reg"))
    assert response.shape == (250, 2)
    np.testing.assert_array_equal(response[:, 0], stored()["reg_LD"])
    np.testing.assert_array_equal(response[:, 1], -stored()["reg_LD"])


def test_models_are_loaded_and_know_what_they_need(events: NDArray[np.float32]) -> None:
    model = hepml.load(SMALL / "expr_FisherCat.weights.xml.gz")
    assert model.kind == "tmva"
    assert [feature.name for feature in model.features] == ["myvar1", "myvar2", "var3", "abs(var3)", "weight"]
    np.testing.assert_allclose(model.evaluate(columns()), stored()["expr_FisherCat"], rtol=0, atol=1e-12)
    trees = hepml.load(SMALL / "random_BDTD.weights.xml.gz")
    np.testing.assert_array_equal(trees.evaluate(events), stored()["random_BDTD"])
    with pytest.raises(InvalidInputError, match="signal_efficiency"):
        hepml.load(SMALL / "random_Cuts.weights.xml.gz").evaluate(events)
    with pytest.raises(FeatureValueError, match="var2"):
        trees.evaluate({**columns(), "var2": np.full(250, np.nan)})


def test_files_are_scored_by_any_method(tmp_path: Path) -> None:
    uproot = pytest.importorskip("uproot")
    with uproot.recreate(tmp_path / "events.root") as file:
        file["TreeA"] = columns()
    for name, efficiency in (("expr_FisherCat", None), ("random_Cuts", 0.7), ("random_BDTD", None)):
        friend = tmp_path / f"{name}.root"
        apply_model(SMALL / f"{name}.weights.xml.gz", tmp_path / "events.root", friend, signal_efficiency=efficiency)
        with uproot.open(friend) as file:
            score = file["TreeA"][name.partition("_")[2]].array(library="np")
        expected = stored()[name if efficiency is None else f"{name}@{efficiency}"]
        np.testing.assert_allclose(score, expected, rtol=0, atol=1e-12)
    for name, efficiency, reason in (("random_Cuts", None, "--signal-efficiency"), ("random_BDTD", 0.7, "no cuts")):
        with pytest.raises(InvalidInputError, match=reason):
            apply_model(
                SMALL / f"{name}.weights.xml.gz",
                tmp_path / "events.root",
                tmp_path / "x.root",
                signal_efficiency=efficiency,
            )
    assert not (tmp_path / "x.root").exists()


@pytest.mark.parametrize("name", ["random_Fisher", "block_BDT10"])
def test_entries_with_infinite_variables_have_no_score(name: str, tmp_path: Path) -> None:
    uproot = pytest.importorskip("uproot")
    damaged = {**columns(), "var2": columns()["var2"].copy()}
    damaged["var2"][[4, 9]] = np.inf
    with uproot.recreate(tmp_path / "events.root") as file:
        file["TreeA"] = damaged
    (result,) = apply_model(SMALL / f"{name}.weights.xml.gz", tmp_path / "events.root", tmp_path / "x.root")
    assert result.n_not_scored == 2
    with uproot.open(tmp_path / "x.root") as file:
        score = file["TreeA"][name.partition("_")[2]].array(library="np")
    expected = stored()[name].copy()
    expected[[4, 9]] = np.nan
    np.testing.assert_allclose(score, expected, rtol=0, atol=1e-12)


def test_forests_of_transformed_variables_are_not_converted(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="neither a tree ensemble nor"):
        convert_model(SMALL / "random_BDTD.weights.xml.gz", tmp_path / "x.onnx")
