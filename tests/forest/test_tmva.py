"""TMVA's weights files in and out, against what a real TMVA wrote and answered."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import json
import os
import re
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import (
    ExportError,
    InvalidInputError,
    MissingFileError,
    ModelFormatError,
    OutputError,
    UnknownNameError,
)
from hepml.expressions import parse
from hepml.forest import Forest
from hepml.forest.from_tmva import decode, encode, from_content
from hepml.forest.tmva_xml import DEEPEST_TREE
from tests.forest.reference import random_events, random_forest

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

GOLDEN = Path(__file__).resolve().parent.parent / "data" / "tmva"
SMALL = (
    *("block_BDT10", "block_BDTG10", "block_BDTmis", "block_BDTreal", "block_BDTrf"),
    *("expr_BDT", "multi_BDTGnobag", "reg_BDTGnobag", "reg_BDT"),
)
# what a forest does not hold, and the word that says why
REFUSED = {"random/BDTD": "Decorrelation", "random/BDTF": "Fisher"}
# TMVA keeps the responses of several classes and of regressions in single precision
SINGLE = {"multi", "reg"}


@functools.cache
def golden_text(name: str) -> str:
    return gzip.decompress((GOLDEN / f"{name}.weights.xml.gz").read_bytes()).decode()


def changed(old: str, new: str, name: str = "block_BDT10", count: int = 1) -> str:
    text = golden_text(name)
    assert old in text
    return text.replace(old, new, count)


def features(forest: Forest, columns: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Evaluate the variables of a weights file: in double, rounded to single precision."""
    wide = {name: values.astype(np.float64) for name, values in columns.items()}
    X = [np.broadcast_to(evaluate(name, wide), len(columns["var1"])) for name in forest.feature_names]
    return np.column_stack(X).astype(np.float32)


def evaluate(expression: str, columns: dict[str, NDArray[Any]]) -> NDArray[Any]:
    return np.asarray(parse(expression).evaluate(columns), dtype=np.float64)


def assert_response(forest: Forest, X: NDArray[Any], response: NDArray[Any], job: str) -> None:
    score = forest.predict(X)
    assert score.shape == response.shape
    allowed = (
        1.2e-7 * np.maximum(1.0, np.abs(response)) if job in SINGLE else 5e-16 if forest.link == "tmva_grad" else 0.0
    )
    assert (np.abs(score - response) <= allowed).all(), np.abs(score - response).max()
    if forest.aggregate == "tmva_median":
        np.testing.assert_array_equal(score.astype(np.float32), response)


def assert_written_as_read(text: str, folder: Path) -> None:
    forest = Forest.from_tmva(text)
    result = forest.to_tmva(folder / "again.weights.xml", overwrite=True)
    assert result.verified
    assert result.largest_difference == 0.0
    assert (folder / "again.weights.xml").read_text() == text


# against TMVA


@pytest.mark.parametrize("name", SMALL)
def test_the_score_is_the_response_of_a_reader(name: str) -> None:
    job = name.partition("_")[0]
    with np.load(GOLDEN / "responses.npz") as stored:
        applied = stored[f"apply_{job}" if job in SINGLE else "apply"]
        response = stored[name]
    forest = Forest.from_tmva(GOLDEN / f"{name}.weights.xml.gz")
    columns = {f"var{index + 1}": column for index, column in enumerate(applied.T)}
    assert_response(forest, features(forest, columns), response, job)
    assert not forest.takes_missing
    assert (forest.comparison, forest.precision) == ("<", "float32")


@pytest.mark.parametrize("name", SMALL)
def test_files_are_written_as_tmva_wrote_them_byte_for_byte(name: str, tmp_path: Path) -> None:
    assert_written_as_read(golden_text(name), tmp_path)


def reference_methods() -> list[str]:
    place = os.environ.get("HEPML_REFERENCE_DATA")
    jobs = sorted((Path(place) / "tmva_reference" / "weights").glob("*/TMVA_BDT*.xml.gz")) if place else []
    return [f"{path.parent.name}/{path.name.split('.')[0].removeprefix('TMVA_')}" for path in jobs] or ["none"]


@pytest.fixture(scope="module")
def reference() -> Path:
    place = os.environ.get("HEPML_REFERENCE_DATA")
    if not place:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no real files to read")
    return Path(place) / "tmva_reference"


@functools.cache
def applied_columns(folder: Path, job: str) -> dict[str, NDArray[Any]]:
    import uproot

    name = {"multi": "apply3", "reg": "applyreg"}.get(job, "apply")
    with uproot.open(folder / "data" / f"{name}.root") as file:
        columns: dict[str, NDArray[Any]] = file["TreeA"].arrays(filter_name="var*", library="np")
    return columns


def test_the_reference_is_complete(reference: Path) -> None:
    assert reference.is_dir()
    assert len(reference_methods()) >= 48


@pytest.mark.parametrize("method", reference_methods())
def test_every_reference_method(method: str, reference: Path, tmp_path: Path) -> None:
    job, _, name = method.partition("/")
    path = reference / "weights" / job / f"TMVA_{name}.weights.xml.gz"
    if method in REFUSED:
        with pytest.raises(ModelFormatError, match=REFUSED[method]):
            Forest.from_tmva(path)
        return
    forest = Forest.from_tmva(path)
    with np.load(reference / "responses" / f"{job}.npz") as responses:
        assert_response(forest, features(forest, applied_columns(reference, job)), responses[name], job)
    assert_written_as_read(gzip.decompress(path.read_bytes()).decode(), tmp_path)


class PetrifyNode:
    """A node as petrify-bdt asks PyROOT for it."""

    def __init__(self, element: ET.Element) -> None:
        self.get = element.attrib
        self.daughters = {daughter.attrib["pos"]: PetrifyNode(daughter) for daughter in element}

    def __getattr__(self, name: str) -> Callable[[], Any]:
        answers: dict[str, Callable[[], Any]] = {
            "GetNodeType": lambda: int(self.get["nType"]),
            "GetCutType": lambda: int(self.get["cType"]),
            "GetSelector": lambda: int(self.get["IVar"]),
            "GetNFisherCoeff": lambda: int(self.get["NCoef"]),
            "GetCutValue": lambda: float(np.float32(self.get["Cut"])),
            "GetResponse": lambda: float(np.float32(self.get["res"])),
            "GetLeft": lambda: self.daughters["l"],
            "GetRight": lambda: self.daughters["r"],
            "GetRoot": lambda: self,
        }
        return answers[name]


def petrified(text: str, X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the response of a weights file by the Python source that petrify-bdt makes of its trees."""
    petrify = pytest.importorskip("petrifybdt.tmvabdt", reason="petrify-bdt is not installed")
    weights = ET.fromstring(text).find("Weights")  # noqa: S314  (files of this test)
    assert weights is not None
    by_response = weights.attrib["AnalysisType"] == "1"
    total, norm = np.zeros(len(X)), 0.0
    for number, tree in enumerate(weights):
        scope: dict[str, Any] = {}
        source = petrify.dt_to_py(PetrifyNode(tree[0]), f"tree{number}", by_response)
        exec(source, scope)  # noqa: S102  (source that petrify-bdt made of a file of this test)
        weight = float(np.float32(tree.attrib["boostWeight"]))
        total += [weight * scope[f"tree{number}"](x) for x in X.astype(np.float64).tolist()]
        norm += weight
    return 2.0 / (1.0 + np.exp(-2.0 * total)) - 1.0 if by_response else total / norm


@pytest.mark.parametrize("name", ["block_BDT10", "block_BDTG10", "block_BDTrf"])
def test_petrify_reads_what_was_written(name: str, tmp_path: Path) -> None:
    forest = Forest.from_tmva(golden_text(name))
    path = tmp_path / "written.weights.xml"
    # without what was kept of the file, so that everything is made up
    dataclasses.replace(forest, metadata={}).to_tmva(path)
    X = random_events(np.random.default_rng(3), 300, 4, forest)
    X = np.nan_to_num(X, nan=0.25).clip(-1e38, 1e38).astype(np.float32)
    np.testing.assert_allclose(petrified(path.read_text(), X), forest.predict(X), rtol=0, atol=1e-15)


def test_petrify_scores_a_forest_that_never_saw_tmva(tmp_path: Path) -> None:
    forest = without_infinities(
        random_forest(np.random.default_rng(5), n_trees=20, depth=4, missing=False, link="logistic", comparison="<=")
    )
    path = tmp_path / "written.weights.xml"
    forest.to_tmva(path)
    X = np.nan_to_num(random_events(np.random.default_rng(6), 200, 4, forest), nan=0.0)
    X = X.clip(-1e38, 1e38).astype(np.float32)
    np.testing.assert_allclose(petrified(path.read_text(), X), 2.0 * forest.predict(X) - 1.0, rtol=0, atol=2e-6)


# forests of other origin


def without_infinities(forest: Forest) -> Forest:
    return dataclasses.replace(forest, threshold=np.where(np.isfinite(forest.threshold), forest.threshold, 0.25))


@pytest.mark.parametrize(
    ("options", "link"),
    [
        ({"link": "logistic"}, "tmva_grad"),
        ({"link": "logistic", "comparison": "<="}, "tmva_grad"),
        ({"link": "logistic_2x"}, "tmva_grad"),
        ({"link": "tmva_grad"}, "tmva_grad"),
        ({"link": "identity"}, "identity"),
        ({"link": "softmax", "n_outputs": 3}, "softmax"),
        ({"aggregate": "average"}, "identity"),
        ({"aggregate": "average", "link": "logistic"}, "tmva_grad"),
    ],
    ids=str,
)
def test_forests_of_other_origin(options: dict[str, Any], link: str, tmp_path: Path) -> None:
    forest = without_infinities(random_forest(np.random.default_rng(1), n_trees=20, depth=5, missing=False, **options))
    path = tmp_path / "forest.weights.xml"
    result = forest.to_tmva(path)
    assert result.verified
    written = Forest.from_tmva(path)
    assert written.link == link
    X = np.nan_to_num(random_events(np.random.default_rng(2), 2000, 4, forest), nan=0.0)
    with np.errstate(over="ignore"):
        X = X.astype(np.float32)
    score = forest.predict(X)
    expected = (
        2.0 * score - 1.0 if options["link" if "link" in options else "aggregate"].startswith("logistic") else score
    )
    np.testing.assert_allclose(written.predict(X), expected, rtol=0, atol=3e-6)
    # the same forest gives the same bytes
    forest.to_tmva(tmp_path / "again.weights.xml")
    assert (tmp_path / "again.weights.xml").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("values", "uses_type"),
    [([-1.0, 1.0], "True"), ([0.0, 1.0], "False"), ([0.25, 0.5], "False"), ([1.0, 1.0], "True")],
)
def test_averages_are_written_as_adaboost(values: list[float], uses_type: str, tmp_path: Path) -> None:
    forest = stump(value=[0.0, *values], aggregate="average", tree_weight=[0.3])
    forest.to_tmva(tmp_path / "a.xml", options={"nCuts": "7"}, ranges=[[-2.0, 3.0]])
    text = (tmp_path / "a.xml").read_text()
    assert (
        f'<Option name="UseYesNoLeaf" modified="{"No" if uses_type == "True" else "Yes"}">{uses_type}</Option>' in text
    )
    assert '<Option name="nCuts" modified="Yes">7</Option>' in text
    assert 'Min="-2.00000000e+00" Max="3.00000000e+00"' in text
    assert Forest.from_tmva(text).predict([[0.4], [0.6]]).tolist() == values


def stump(**options: Any) -> Forest:
    parts = {"feature": [0, -1, -1], "threshold": [0.5, 0, 0], "left": [1, -1, -1], "right": [2, -1, -1]}
    given = {"value": [0.0, -1.0, 1.0], "first_node": [0, 3], "feature_names": ["x"], "takes_missing": False}
    return Forest.from_nodes(**{**parts, **given, **options})


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 1e200])
def test_weights_of_any_scale_are_averaged(scale: float, tmp_path: Path) -> None:
    forest = random_forest(
        np.random.default_rng(8), missing=False, aggregate="average", tree_weight=scale * np.arange(1.0, 8.0)
    )
    without_infinities(forest).to_tmva(tmp_path / "a.xml")
    assert Forest.from_tmva(tmp_path / "a.xml").tree_weight.sum() > 1e-6


def test_a_base_keeps_more_than_single_precision(tmp_path: Path) -> None:
    forest = stump(base=[1.0 / 3.0], link="tmva_grad")
    forest.to_tmva(tmp_path / "a.xml")
    written = Forest.from_tmva(tmp_path / "a.xml")
    assert written.n_trees == 3
    assert abs(written.predict([[1.0]], output="margin")[0] - 4.0 / 3.0) < 1e-14


@pytest.mark.parametrize("comparison", ["<", "<="])
@pytest.mark.parametrize("threshold", [0.1, 0.5, -0.0, 1e-45, 1e-60, -1e-60, 16777217.0, 3.4e38])
def test_thresholds_become_exact_cuts(comparison: Any, threshold: float, tmp_path: Path) -> None:
    forest = stump(threshold=[threshold, 0, 0], comparison=comparison, link="tmva_grad")
    forest.to_tmva(tmp_path / "a.xml")
    near = np.float32(threshold)
    X = [
        np.nextafter(near, np.float32(-np.inf)),
        near,
        np.nextafter(near, np.float32(np.inf)),
        0.0,
        -0.0,
        np.inf,
        -np.inf,
    ]
    events = np.array(X, np.float32)[:, None]
    written = Forest.from_tmva(tmp_path / "a.xml")
    np.testing.assert_array_equal(written.predict(events), forest.predict(events))


def test_names_are_escaped_and_kept(tmp_path: Path) -> None:
    name = 'abs(x)<=1 && "é\'" > 0'
    forest = stump(feature_names=[name], link="logistic")
    forest.to_tmva(tmp_path / "a.xml", method_name="My BDT", class_names=["S & B", "B"])
    written = Forest.from_tmva(tmp_path / "a.xml")
    assert written.feature_names == (name,)
    assert written.metadata["tmva"]["method"] == "BDT::My BDT"
    assert [item["Name"] for item in written.metadata["tmva"]["classes"]] == ["S & B", "B"]
    assert re.fullmatch(r"\w+", written.metadata["tmva"]["variables"][0]["Internal"], re.ASCII)


def test_an_xgboost_model_answers_2p_minus_1(tmp_path: Path) -> None:
    import xgboost

    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4)).astype(np.float32)
    data = xgboost.DMatrix(X, X.sum(axis=1) > rng.normal(size=500))
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 3, "nthread": 1}, data, 15)
    Forest.from_xgboost(booster).to_tmva(tmp_path / "a.weights.xml.gz")
    response = Forest.from_tmva(tmp_path / "a.weights.xml.gz").predict(X)
    np.testing.assert_allclose(response, 2.0 * booster.inplace_predict(X) - 1.0, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("forest", "reason"),
    [
        (random_forest(np.random.default_rng(0), categories=True, missing=False), "category"),
        (random_forest(np.random.default_rng(0), missing=True, link="logistic"), "ignore_missing=True"),
        (stump(precision="float64"), "float32_features=True"),
        (random_forest(np.random.default_rng(0), n_outputs=2, missing=False), "2 outputs"),
        (
            random_forest(np.random.default_rng(0), n_outputs=3, vector_leaves=True, missing=False, link="softmax"),
            "3 values",
        ),
        (stump(link="exp"), "exponential"),
        (stump(threshold=[np.inf, 0, 0]), "infinite"),
        (stump(value=[0, 1e39, 0]), "beyond single precision"),
        (stump(base=[1e39]), "beyond single precision"),
    ],
    ids=lambda thing: thing if isinstance(thing, str) else "forest",
)
def test_what_tmva_lacks_is_refused(forest: Forest, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=reason):
        forest.to_tmva(tmp_path / "a.xml")
    assert list(tmp_path.iterdir()) == []


def test_refusals_can_be_overruled(tmp_path: Path) -> None:
    forest = without_infinities(
        random_forest(np.random.default_rng(0), missing=True, link="logistic", precision="float64")
    )
    forest.to_tmva(tmp_path / "a.xml", ignore_missing=True, float32_features=True)
    assert Forest.from_tmva(tmp_path / "a.xml").n_features == 4


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"options": {"BoostType": "Grad"}}, InvalidInputError),
        ({"options": {"NTree": "3"}}, UnknownNameError),
        ({"ranges": [[1.0, 0.0]]}, InvalidInputError),
        ({"ranges": [0.0, 1.0]}, InvalidInputError),
        ({"class_names": ["one"]}, InvalidInputError),
        ({"method_name": "a\nb"}, InvalidInputError),
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(options: dict[str, Any], error: type[Exception], tmp_path: Path) -> None:
    with pytest.raises(error):
        stump(link="logistic").to_tmva(tmp_path / "a.xml", **options)


def test_an_existing_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        stump(link="logistic").to_tmva(path)
    assert path.read_text() == "mine"


def test_a_saved_forest_is_written_the_same(tmp_path: Path) -> None:
    forest = Forest.from_tmva(golden_text("multi_BDTGnobag"))
    forest.save(tmp_path / "forest.npz")
    loaded = Forest.load(tmp_path / "forest.npz")
    assert loaded == forest
    loaded.to_tmva(tmp_path / "a.xml")
    assert (tmp_path / "a.xml").read_text() == golden_text("multi_BDTGnobag")


@pytest.mark.parametrize(
    "damage",
    [
        {"options": 3},
        {"info": [{"name": 1}]},
        {"options": [{"name": "BoostType"}]},
        {"nodes": {"purity": {"dtype": "float32", "base64": "AAAA"}, "response": "x", "rms": 1e300}},
        {"nodes": {"node_type": 0, "cut_type": True, "variable": 1e20}},
        {"nodes": []},
        {"boost_weight": {"dtype": "float64", "base64": 7}},
        {"transformations": "<"},
        {"method": None},
    ],
    ids=str,
)
def test_metadata_that_somebody_changed_do_not_change_the_response(damage: dict[str, Any], tmp_path: Path) -> None:
    forest = Forest.from_tmva(golden_text("block_BDT10"))
    header = {**forest.metadata["tmva"], **damage}
    dataclasses.replace(forest, metadata={"tmva": header}).to_tmva(tmp_path / "a.xml")
    X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    np.testing.assert_allclose(Forest.from_tmva(tmp_path / "a.xml").predict(X), forest.predict(X), rtol=0, atol=1e-7)


@given(
    st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=9),
    st.sampled_from([np.float32, np.float64]),
)
def test_encoded_arrays_come_back(values: list[float], dtype: Any) -> None:
    array = np.array(values, dtype)
    encoded = json.loads(json.dumps(encode(array)))
    found = decode(encoded, dtype, len(values))
    assert found is not None
    np.testing.assert_array_equal(found, array)
    assert isinstance(encoded, float) or decode(encoded, dtype, len(values) + 1) is None


@pytest.mark.parametrize(("name", "n_trees"), [("block_BDT10", 4), ("multi_BDTGnobag", 7), ("reg_BDTGnobag", 50)])
def test_the_first_trees_of_a_forest_are_written(name: str, n_trees: int, tmp_path: Path) -> None:
    forest = Forest.from_tmva(golden_text(name))
    end = forest.first_node[n_trees]
    nodes = (
        "feature",
        "threshold",
        "left",
        "right",
        "missing_right",
        "value",
        "category_set",
        "node_id",
        "gain",
        "cover",
    )
    parts: dict[str, Any] = {part: getattr(forest, part)[:end] for part in nodes}
    parts |= {part: getattr(forest, part)[:n_trees] for part in ("output", "tree_weight")}
    first = dataclasses.replace(forest, first_node=forest.first_node[: n_trees + 1], **parts)
    first.to_tmva(tmp_path / "a.xml")
    X = np.random.default_rng(0).normal(size=(100, forest.n_features)).astype(np.float32)
    np.testing.assert_allclose(
        Forest.from_tmva(tmp_path / "a.xml").predict(X), first.predict(X), rtol=1e-14, atol=1e-14
    )
    staged = forest.predict(X, output="staged", at=[n_trees])[0]
    np.testing.assert_array_equal(first.predict(X, output="margin"), staged)


def test_numbers_that_do_not_matter_may_be_nan(tmp_path: Path) -> None:
    # TMVA writes the square root of a rounding error as -nan
    text = re.sub(' rms="[^"]*"', ' rms="-nan"', golden_text("block_BDTG10"), count=3)
    forest = Forest.from_tmva(text)
    forest.to_tmva(tmp_path / "a.xml")
    assert forest == Forest.from_tmva(tmp_path / "a.xml")
    assert json.loads(json.dumps(dict(forest.metadata), allow_nan=False)) == dict(forest.metadata)


def test_pruned_and_old_files(tmp_path: Path) -> None:
    # before 4.1 files counted events instead of purities, and called the analysis type of the trees otherwise
    text = re.sub(r'purity="[^"]*"', 'nS="3.0" nB="1.0"', golden_text("block_BDTreal"))
    text = text.replace('AnalysisType="0"', 'TreeType="0"')
    forest = Forest.from_tmva(re.sub(r' NCoef="0"| res="[^"]*"| rms="[^"]*"', "", text))
    assert set(forest.value[forest.feature < 0, 0]) == {0.75}
    forest.to_tmva(tmp_path / "a.xml")


# files that nobody vouches for


def nested(depth: int) -> str:
    node = '<Node pos="l" NCoef="0" IVar="0" Cut="0" cType="1" purity="0.5" nType="0">'
    start = golden_text("block_BDT10").partition("<BinaryTree")[0]
    return f'{start}<BinaryTree boostWeight="1">{node * depth}{"</Node>" * depth}</BinaryTree></Weights></MethodSetup>'


def hostile() -> dict[str, Callable[[], str | bytes]]:
    bdt = functools.partial(golden_text, "block_BDT10")
    first_node = re.search(r'<Node pos="s".*?/?>', golden_text("block_BDT10"))
    assert first_node
    laughs = "".join(f'<!ENTITY a{k} "{f"&a{k - 1};" * 10}">' for k in range(1, 10))
    return {
        "nothing": lambda: b"",
        "no XML": lambda: "<",
        "another root": lambda: "<Model/>",
        "another method": lambda: bdt().replace("BDT::BDT10", "Fisher::BDT10"),
        "cut off": lambda: bdt()[: len(bdt()) // 2],
        "cut off gzip": lambda: (GOLDEN / "block_BDT10.weights.xml.gz").read_bytes()[:1000],
        "gzip of nothing": lambda: b"\x1f\x8b",
        "no trees": lambda: re.sub(r"<BinaryTree.*</BinaryTree>", "", bdt(), flags=re.DOTALL),
        "other number of trees": lambda: bdt().replace('NTrees="10" A', 'NTrees="11" A'),
        "entities": lambda: f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><MethodSetup Method="&a9;"/>',
        "external entity": lambda: (
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><MethodSetup>&a;</MethodSetup>'
        ),
        "unknown encoding": lambda: '<?xml version="1.0" encoding="rot13"?><MethodSetup/>',
        "wide encoding": lambda: b'<?xml version="1.0" encoding="utf-16"?><MethodSetup/>',
        "deep nodes": lambda: nested(200_000),
        "not so deep nodes": lambda: nested(900),
        "deep header": lambda: "<MethodSetup>" + "<a>" * 100_000,
        "wide header": lambda: "<MethodSetup>" + "<a/>" * 200_000,
        "long header": lambda: "<MethodSetup><a>" + "\n&amp;" * 5_000_000,
        "bomb": lambda: gzip.compress(b"<MethodSetup>" + b" " * 200_000_000, 1),
        "bomb of nodes": lambda: gzip.compress(
            nested(0).partition("</Bin")[0].encode() + b'<Node pos="l"/>' * 5_000_000, 1
        ),
        "two roots": lambda: bdt().replace("</BinaryTree>", first_node[0].replace(">", "/>") + "</BinaryTree>", 1),
        "no node": lambda: re.sub(r"(<BinaryTree[^>]*>).*?(</BinaryTree>)", r"\1\2", bdt(), count=1, flags=re.DOTALL),
        "two left daughters": lambda: bdt().replace('pos="r"', 'pos="l"', 1),
        "no side": lambda: bdt().replace('pos="r"', 'pos="x"', 1),
        "leaf with daughters": lambda: bdt().replace('nType="0"', 'nType="1"', 1),
        "split without daughters": lambda: bdt().replace('nType="1"', 'nType="0"', 1),
        "unknown variable": lambda: bdt().replace('IVar="3"', 'IVar="4"', 1),
        "negative variable": lambda: bdt().replace('IVar="3"', 'IVar="-2"', 1),
        "cut is NaN": lambda: re.sub('Cut="[^"]*"', 'Cut="nan"', bdt(), count=1),
        "cut is huge": lambda: re.sub('Cut="[^"]*"', 'Cut="1e300"', bdt(), count=1),
        "weight is no number": lambda: re.sub('boostWeight="[^"]*"', 'boostWeight="one"', bdt(), count=1),
        "weight is infinite": lambda: re.sub('boostWeight="[^"]*"', 'boostWeight="inf"', bdt(), count=1),
        "weights sum to nothing": lambda: re.sub('boostWeight="[^"]*"', 'boostWeight="0"', bdt()),
        "no cut": lambda: re.sub('Cut="[^"]*"', "", bdt(), count=1),
        "long integer": lambda: bdt().replace('IVar="3"', f'IVar="{"9" * 100_000}"', 1),
        "another number of variables": lambda: bdt().replace('NVar="4"', 'NVar="5"'),
        "mixed variables": lambda: bdt().replace('VarIndex="0"', 'VarIndex="1"'),
        "same variable twice": lambda: bdt().replace('Expression="var2"', 'Expression="var1"'),
        "header twice": lambda: bdt().replace("<MVAPdfs/>", '<MVAPdfs/><Variables NVar="0"/>'),
        "weights twice": lambda: bdt().replace("</MethodSetup>", "<Weights/></MethodSetup>"),
        "something in a tree": lambda: bdt().replace("</Node>", "<Leaf/></Node>", 1),
        "unknown analysis": lambda: bdt().replace('value="Classification"', 'value="Guess"'),
        "unknown boosting": lambda: bdt().replace(">AdaBoost<", ">Magic<"),
        "preselection": lambda: bdt().replace(
            '"DoPreselection" modified="No">False', '"DoPreselection" modified="No">True'
        ),
        "transformed": lambda: bdt().replace(
            '<Transformations NTransformations="0"/>',
            '<Transformations NTransformations="1"><Transform Name="Gauss"/></Transformations>',
        ),
        "median of classes": lambda: bdt().replace(">AdaBoost<", ">AdaBoostR2<"),
        "median without weights": lambda: re.sub('boostWeight="[^"]*"', 'boostWeight="0"', golden_text("reg_BDT")),
        "negative weight": lambda: golden_text("reg_BDT").replace('boostWeight="', 'boostWeight="-', 1),
        "Fisher cuts": lambda: golden_text("random_BDTF"),
        "one class": lambda: golden_text("multi_BDTGnobag").replace('NClass="3"', 'NClass="1"'),
    }


@pytest.mark.parametrize("kind", hostile())
def test_damaged_and_hostile_files_are_refused_within_a_second(kind: str, tmp_path: Path) -> None:
    content = hostile()[kind]()
    path = tmp_path / "x.weights.xml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    start = time.process_time()
    with pytest.raises(ModelFormatError) as caught:
        Forest.from_tmva(path)
    assert time.process_time() - start < 1.0
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("name", ["block_BDT10", "block_BDTG10"])
def test_the_kind_of_file_is_recognised(name: str, tmp_path: Path) -> None:
    packed = GOLDEN / f"{name}.weights.xml.gz"
    forest = Forest.from_tmva(packed)
    assert Forest.from_file(packed) == forest
    (tmp_path / "model").write_text(golden_text(name))
    assert Forest.from_file(tmp_path / "model") == forest


@pytest.mark.parametrize("source", ["missing.xml", "a\0b"])
def test_files_that_are_not_there(source: str, tmp_path: Path) -> None:
    with pytest.raises((MissingFileError, ModelFormatError)):
        Forest.from_tmva(str(tmp_path / source))
    with pytest.raises(ModelFormatError):
        Forest.from_tmva(tmp_path)


def chain(depth: int) -> Forest:
    """Return one tree whose right daughters are all leaves."""
    n_nodes = 2 * depth + 1
    inner = np.arange(n_nodes) % 2 == 0
    inner[-1] = False
    number = np.arange(n_nodes)
    return Forest.from_nodes(
        feature=np.where(inner, 0, -1),
        threshold=number[::-1].astype(float),
        left=np.where(inner, number + 2, -1),
        right=np.where(inner, number + 1, -1),
        value=number / n_nodes,
        first_node=[0, n_nodes],
        feature_names=["x"],
        link="tmva_grad",
        takes_missing=False,
    )


def test_deep_trees_need_no_deep_stack(tmp_path: Path) -> None:
    chain(DEEPEST_TREE).to_tmva(tmp_path / "a.xml")
    assert Forest.from_tmva(tmp_path / "a.xml").depth.tolist() == [DEEPEST_TREE]
    with pytest.raises(ExportError, match="levels"):
        chain(DEEPEST_TREE + 1).to_tmva(tmp_path / "b.xml")


@settings(max_examples=150)
@given(data=st.data())
def test_mutated_files_are_refused_or_read(data: st.DataObject) -> None:
    content = bytearray(golden_text(data.draw(st.sampled_from(["block_BDT10", "block_BDTG10"]))).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        size = data.draw(st.sampled_from([1, 1, 1, 2, 10, 200]))
        content[at : at + size] = data.draw(st.binary(max_size=4) | st.sampled_from([b"<", b"-", b"9", b"/", b'"']))
    try:
        forest = from_content(bytes(content), "mutated.xml")
    except ModelFormatError:
        return
    assert np.isfinite(forest.predict(np.zeros((3, forest.n_features)))).all()
