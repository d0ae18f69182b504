"""Boosted decision trees beyond forests: splits by Fisher discriminants, preselection, cuts of old releases."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import InvalidInputError, ModelFormatError
from hepml.forest import Forest
from hepml.tmva import Reader
from hepml.tmva.methods.bdt import BDT
from tests.tmva.golden import SMALL
from tests.tmva.test_reader import text_of


def walked(text: str, X: np.ndarray) -> np.ndarray:
    """Return the response of an average of +1 and -1, event by event, from the XML."""
    trees = ET.fromstring(text).findall("Weights/BinaryTree")  # noqa: S314  (files of this test)
    weights = [float(np.float32(tree.get("boostWeight"))) for tree in trees]
    return np.array([sum(w * leaf(tree[0], x) for w, tree in zip(weights, trees, strict=True)) for x in X]) / sum(
        weights
    )


def leaf(node: ET.Element, x: np.ndarray) -> int:
    while node.get("nType") == "0":
        count = int(node.get("NCoef", "0"))
        cut = np.float32(node.get("Cut"))
        if count:
            value = float(node.get(f"fC{count - 1}", "nan"))
            for number in range(count - 1):
                value += float(node.get(f"fC{number}", "nan")) * float(x[number])
            right = value > cut
        else:
            right = bool(x[int(node.get("IVar", "-1"))] >= cut)
        if node.get("cType") == "0":
            right = not right
        node = next(child for child in node if child.get("pos") == ("r" if right else "l"))
    return int(node.get("nType", "0"))


@settings(max_examples=20)
@given(st.lists(st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4), min_size=1, max_size=4))
def test_discriminants_are_those_of_a_walk_through_the_trees(rows: list[list[float]]) -> None:
    X = np.array(rows, dtype=np.float32)
    np.testing.assert_allclose(READER_F.evaluate(X), walked(TEXT_F, X), rtol=0, atol=1e-15)


TEXT_F = text_of("random_BDTF")
READER_F = Reader(TEXT_F)


def test_blocks_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    expected = READER_F.evaluate(X)
    monkeypatch.setattr("hepml.tmva.methods.bdt._BLOCK_NUMBERS", 1)
    np.testing.assert_array_equal(READER_F.evaluate(X), expected)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('NCoef="5"', 'NCoef="1000000000"', "small integer"),
        ('NCoef="5"', 'NCoef="999999999"', "coefficients"),
        ('NCoef="5"', 'NCoef="-5"', "coefficients"),
        ('NCoef="5"', 'NCoef="1"', "coefficients"),
        ('fC0="', 'fC0="nan" was="', "not finite"),
        ('fC0="', 'fC0="x" was="', "not a number"),
        ('fC0="', 'was="', "not a number"),
        ('Cut="', 'Cut="1e300" was="', "out of range"),
    ],
)
def test_damaged_discriminants_are_refused(old: str, new: str, reason: str) -> None:
    assert old in TEXT_F
    with pytest.raises(ModelFormatError, match=reason):
        Reader(TEXT_F.replace(old, new, 1))


def with_preselection(cuts: dict[str, float], n_variables: int = 4) -> str:
    attributes = []
    for variable in range(n_variables):
        for side in ("LowBkg", "LowSig", "HighBkg", "HighSig"):
            name = f"Preselection{side}Var{variable}"
            key = f"{side}{variable}"
            attributes.append(f'{name}="{int(key in cuts)}" {name}Value="{cuts.get(key, 0.0)}"')
    text = text_of("block_BDT10").replace(
        '"DoPreselection" modified="No">False', '"DoPreselection" modified="Yes">True'
    )
    return text.replace('NTrees="10" A', f'{" ".join(attributes)} NTrees="10" A')


def test_preselection_decides_before_the_trees_and_later_cuts_before_earlier_ones() -> None:
    X = np.random.default_rng(1).normal(size=(500, 4)).astype(np.float32)
    cuts = {"LowBkg0": -1.0, "HighSig0": 1.0, "HighBkg1": 0.5, "LowSig3": -0.5}
    expected = Forest.from_tmva(SMALL / "block_BDT10.weights.xml.gz").predict(X)
    for row, x in enumerate(X):
        if x[0] < -1.0:
            expected[row] = -1.0
        if x[0] > 1.0:
            expected[row] = 1.0
        if x[1] > 0.5:
            expected[row] = -1.0
        if x[3] < -0.5:
            expected[row] = 1.0
    reader = Reader(with_preselection(cuts))
    assert isinstance(reader.method, BDT)
    assert not reader.method.is_forest
    np.testing.assert_array_equal(reader.evaluate(X), expected)


@pytest.mark.parametrize(
    "damage", [("LowBkgVar0=", "LowBkgVar0was="), ('Var0Value="0.0"', 'Var0Value="nan"'), ('Var0="1"', 'Var0="2"')]
)
def test_damaged_preselection_is_refused(damage: tuple[str, str]) -> None:
    text = with_preselection(
        {f"{side}{n}": 0.0 for side in ("LowBkg", "LowSig", "HighBkg", "HighSig") for n in range(4)}
    )
    with pytest.raises(ModelFormatError, match="Preselection"):
        Reader(text.replace(*damage, 1))


def test_events_on_a_cut_go_as_the_release_says() -> None:
    text = text_of("block_BDT10")
    forest = Forest.from_tmva(text)
    root = forest.feature[0], np.float32(forest.threshold[0])
    X = np.zeros((1, 4), dtype=np.float32)
    X[0, root[0]] = root[1]
    below, above = X.copy(), X.copy()
    below[0, root[0]] = np.nextafter(root[1], np.float32(-9))
    above[0, root[0]] = np.nextafter(root[1], np.float32(9))
    new, old = Reader(text), Reader(text, cut=">")
    assert new.evaluate(X) == new.evaluate(above)
    assert old.evaluate(X) == old.evaluate(below)
    assert new.evaluate(X) != old.evaluate(X)
    with pytest.raises(InvalidInputError, match="boosted decision trees"):
        Reader(text_of("random_Fisher"), cut=">")
    with pytest.raises(InvalidInputError, match="'<'"):
        Reader(text, cut="<")  # type: ignore[arg-type]


def test_spellings_of_old_releases() -> None:
    text = text_of("block_BDTreal")
    X = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    old = re.sub(r' NCoef="0"| res="[^"]*"| rms="[^"]*"', "", text).replace('AnalysisType="0"', 'TreeType="0"')
    old = (
        re.sub(r'<Info name="AnalysisType".*?/>', "", old)
        .replace("TMVA Release", "TMVA")
        .replace("MinNodeSize", "nEventsMin")
    )
    old = old.replace("MaxDepth", "NNodesMax")
    np.testing.assert_array_equal(Reader(old).evaluate(X), Reader(text).evaluate(X))
    assert Reader(old).setup.release == 262657
    counted = re.sub(r'purity="[^"]*"', 'nS="3.0" nB="1.0"', old)
    np.testing.assert_allclose(Reader(counted).evaluate(X), 0.75)


def test_forests_alone_stay_forests_with_all_that_the_file_says() -> None:
    reader = Reader(SMALL / "block_BDT10.weights.xml.gz")
    assert isinstance(reader.method, BDT)
    assert reader.method.is_forest
    assert reader.method.forest == Forest.from_tmva(SMALL / "block_BDT10.weights.xml.gz")
    with pytest.raises(ModelFormatError, match=r"hepml\.tmva\.Reader"):
        Forest.from_tmva(SMALL / "random_BDTD.weights.xml.gz")
    with pytest.raises(ModelFormatError, match=r"hepml\.tmva\.Reader"):
        Forest.from_tmva(SMALL / "random_BDTF.weights.xml.gz")


def test_variables_may_have_the_same_expression() -> None:
    text = text_of("block_BDT10").replace('Expression="var2" Label="var2"', 'Expression="var1" Label="again"')
    reader = Reader(text)
    assert [feature.name for feature in reader.features] == ["var1", "again", "var3", "var4"]
    x = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
    given = {"var1": x[:, 0], "var3": x[:, 1], "var4": x[:, 2]}
    np.testing.assert_array_equal(reader.evaluate(given), reader.evaluate(x[:, [0, 0, 1, 2]]))
