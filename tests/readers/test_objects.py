"""Members and methods of TLorentzVectors against ROOT's own, in branches split and not split."""

from __future__ import annotations

import os
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

import hepml
from hepml.errors import BranchNotFoundError, BranchTypeError, ExpressionError
from hepml.expressions import parse, to_text
from hepml.expressions.cpp import CppColumn, translate
from hepml.expressions.cpp_functions import CPP_METHODS, CPP_PRELUDE
from hepml.expressions.methods import METHOD_FUNCTIONS
from hepml.readers import TreeLocation, TreeSource, inspect_file
from hepml.root_process import RootProcess, root_is_installed
from tests.readers.lorentz import METHODS

needs_root = [
    pytest.mark.requires_root,
    pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed"),
]
SINGLES = ["flat", "split", "dot"]
LISTS = ["vflat", "vsplit", "clones"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, np.ndarray]:
    path = str(tmp_path_factory.mktemp("objects") / "objects.root")
    with RootProcess(purpose="a test") as process:
        process.call("tests.readers.lorentz:write", {"path": path})
        return path, np.array(process.array("values"))


@pytest.fixture(scope="module")
def real() -> Path:
    place = os.environ.get("HEPML_REFERENCE_DATA")
    if not place:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no real files to read")
    return Path(place) / "real_data" / "uproot-HZZ-objects.root"


class TestAgainstRoot:
    pytestmark = needs_root

    @pytest.mark.parametrize("name", SINGLES)
    def test_methods_of_one_vector(self, written: tuple[str, np.ndarray], name: str) -> None:
        path, values = written
        spectators = [(method, f"{name}.{method}()") for method in METHODS]
        data = hepml.read(path, features=["event"], spectators=spectators, identity=["event"])
        for number, method in enumerate(METHODS):
            # the logarithms of two libraries differ in the last bits
            tolerance = 1e-14 if method == "Eta" else 4e-16
            np.testing.assert_allclose(
                data.spectators[method], values[:, number], rtol=tolerance, atol=0, err_msg=method
            )
        assert (np.abs(values[:, METHODS.index("Eta")]) == 10e10).any()
        assert (values[:, METHODS.index("M")] < 0).any()

    @pytest.mark.parametrize("name", LISTS)
    def test_methods_of_lists_of_vectors(self, written: tuple[str, np.ndarray], name: str) -> None:
        path, values = written
        pt, eta, mass = (values[:, METHODS.index(method)] for method in ("Pt", "Eta", "M"))
        events = [range(entry, min(entry + entry % 4, len(values))) for entry in range(len(values))]
        leading = [max(event, key=lambda i: (pt[i], -i), default=None) for event in events]
        central = [next((i for i in event if abs(eta[i]) < 1), None) for event in events]
        spectators = [
            ("n", f"Length$({name}.E())"),
            ("sum", f"Sum$({name}.fP.fZ)"),
            ("first", f"{name}.Pt()[0]"),
            ("leading", f"SortBy$({name}.M(), {name}.Pt())[0]"),
            ("central", f"{name}.Pt()[abs({name}.Eta()) < 1][0]"),
        ]
        data = hepml.read(path, features=["event"], spectators=spectators, identity=["event"])
        found = data.spectators
        np.testing.assert_array_equal(found["n"], [len(event) for event in events])
        np.testing.assert_allclose(found["sum"], [sum(values[i, 2] for i in event) for event in events], atol=1e-12)
        np.testing.assert_allclose(found["first"], [pt[e[0]] if len(e) else np.nan for e in events], rtol=4e-16)
        np.testing.assert_allclose(found["leading"], [np.nan if i is None else mass[i] for i in leading], rtol=4e-16)
        np.testing.assert_allclose(found["central"], [np.nan if i is None else pt[i] for i in central], rtol=4e-16)

    @pytest.mark.parametrize("threads", [1, 3])
    def test_members_in_chunks_and_by_threads(self, written: tuple[str, np.ndarray], threads: int) -> None:
        path, values = written
        with TreeSource(TreeLocation(path, "events"), threads=threads) as source:
            names = ["split.fP.fX", "vsplit.fE", "split.fP.fY", "flat.fE", "dot.fP.fZ", "clones.fP.fX", "split.fE"]
            parts = [source.read(names, start, stop) for start, stop in ((0, 7), (7, 100), (100, source.n_entries))]
            whole = {name: ak.concatenate([part[name] for part in parts]) for name in names}
            np.testing.assert_array_equal(whole["split.fP.fX"], values[:, 0])
            np.testing.assert_array_equal(whole["split.fP.fY"], values[:, 1])
            np.testing.assert_array_equal(whole["dot.fP.fZ"], values[:, 2])
            np.testing.assert_array_equal(whole["split.fE"], values[:, 3])
            np.testing.assert_array_equal(whole["flat.fE"], values[:, 3])
            assert source.branch("clones.fP.fX").shape == source.branch("vsplit.fE").shape == "jagged"
            assert source.branch("gen.fCoordinates.fPt").kind == "scalar floating"
            np.testing.assert_array_equal(source.read_branch("gen.fCoordinates.fPt", 0, 9), np.abs(values[:9, 0]))
            assert source.chunk_edges(names, 1000)[-1] == source.n_entries

    def test_what_can_be_used_is_told(self, written: tuple[str, np.ndarray]) -> None:
        path, _ = written
        with pytest.raises(BranchTypeError, match=r"use their members \(vsplit\.fP\.fX, .*\) or vsplit\.Pt\(\) and"):
            hepml.read(path, features=["vsplit"], identity=["event"])
        with pytest.raises(BranchTypeError, match=r"words.*text is no number"):
            hepml.read(path, features=["words"], identity=["event"])
        with pytest.raises(BranchNotFoundError, match=r"no branch 'split\.fP\.fQ'"):
            hepml.read(path, features=["split.fP.fQ"], identity=["event"])
        with pytest.raises(BranchTypeError, match=r"branch 'split' of .*use 'reader: uproot'"):
            hepml.read(path, features=["split.Pt()"], identity=["event"], reader="root")
        (tree,) = inspect_file(TreeLocation(path)).trees
        members = {branch.name: branch.members for branch in tree.branches}
        assert members["dot."] == ("dot.fP.fX", "dot.fP.fY", "dot.fP.fZ", "dot.fE")
        assert members["vflat"] == ("vflat.fP.fX", "vflat.fP.fY", "vflat.fP.fZ", "vflat.fE")
        assert members["event"] == members["words"] == ()

    def test_models_and_skims_know_only_names(self, written: tuple[str, np.ndarray]) -> None:
        path, _ = written
        features = hepml.data.leading("m", 2, expression="vsplit.M()", by="vsplit.Pt()", pad=0)
        data = hepml.read(path, features=[*features, ("e", "flat.E()")], identity=["event"])
        assert data.X.shape[1] == 3
        assert np.isfinite(data.X).all()


def test_muons_are_those_of_the_plain_file(real: Path) -> None:
    options = {"tree": "events", "identity": ["0"]}
    names = ["fP.fX", "fP.fY", "fP.fZ", "fE"]
    spectators = [(name, f"Sum$(muonp4.{name})") for name in names]
    spectators += [("pt", "muonp4.Pt()[0]"), ("m", "SortBy$(muonp4.M(), muonp4.Pt())[0]"), ("met", "MET.fX")]
    data = hepml.read(str(real), features=["num_primaryvertex"], spectators=spectators, **options)
    with uproot.open(real) as file:
        muons = file["events"]["muonp4"].array()
        met = file["events"]["MET"].array()
    np.testing.assert_allclose(data.spectators["fE"], ak.sum(muons.fE, axis=1), rtol=1e-15)
    np.testing.assert_allclose(data.spectators["fP.fX"], ak.sum(muons.fP.fX, axis=1), rtol=1e-12, atol=1e-12)
    pt = np.hypot(muons.fP.fX, muons.fP.fY)
    first = ak.to_numpy(ak.fill_none(ak.firsts(pt), np.nan))
    np.testing.assert_allclose(data.spectators["pt"], first, rtol=1e-14)
    np.testing.assert_array_equal(data.spectators["met"], met.fX)
    # a muon has its mass, within what single precision has left of it
    masses = data.spectators["m"]
    assert np.nanmedian(masses) == pytest.approx(0.10566, rel=0.05)


class TestTheLanguage:
    @pytest.mark.parametrize(
        "text", ["p4.Pt()", "a.b.Eta()[0]", "j.M()[j.Pt() > 20][1]", "SortBy$(j.Phi(), j.Pt())[0]"]
    )
    def test_it_is_printed_as_it_is_written(self, text: str) -> None:
        assert to_text(parse(text).tree) == text

    def test_a_method_needs_its_members(self) -> None:
        assert parse("p4.Pt()").branches == {"p4.fP.fX", "p4.fP.fY"}
        assert parse("p4.E()").is_branch

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("p4.Pt(1)", "takes no arguments"),
            ("p4.Boost()", r"not methods, but for Px\(\), "),
            ("p4[0].Pt()", r"write|written 'p4\.Pt\(\)\[0\]'"),
            ("TLorentzVector::Pt(x, y)", "unknown function"),
            ("p4.Pt()[0][1]", "two indices"),
        ],
    )
    def test_what_is_refused(self, text: str, message: str) -> None:
        with pytest.raises(ExpressionError, match=message):
            parse(text)

    def test_a_missing_member_stays_missing(self) -> None:
        columns = {f"p.{name}": np.array([1.0, np.nan]) for name in ("fP.fX", "fP.fY", "fP.fZ", "fE")}
        for method in METHODS:
            assert np.isnan(parse(f"p.{method}()").evaluate(columns)).tolist() == [False, True], method

    def test_every_method_has_a_translation(self) -> None:
        assert set(CPP_METHODS) == set(METHOD_FUNCTIONS)
        for method, call in CPP_METHODS.items():
            assert f"inline double {call.partition('::')[2]}(" in CPP_PRELUDE, method
        columns = {f"p.{name}": CppColumn(f"c{n}", np.dtype("f8")) for n, name in enumerate(("fP.fX", "fP.fY"))}
        assert "hepml_expressions::lorentz_pt" in translate(parse("p.Pt()"), columns, prefix="e").statements[-1]


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2"])
def test_booleans_and_small_integers_in_all_shapes(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "small.root"
    fixed = np.array([[1, 0, 1], [0, 0, 1]]).astype(dtype)
    lists = ak.values_astype(ak.Array([[1, 0], [1]]), dtype)
    with uproot.recreate(path) as file:
        file.mktree("events", {"x": np.dtype(dtype), "fixed": (np.dtype(dtype), (3,)), "lists": lists.type.content})
        file["events"].extend({"x": fixed[:, 0], "fixed": fixed, "lists": lists})
    features = [
        "x",
        ("sum", "Sum$(fixed)"),
        ("third", "fixed[2]"),
        ("n", "Length$(lists[lists != 0])"),
        ("l", "lists[0]"),
    ]
    data = hepml.read(path, features=features, identity=["0"])
    assert data.X.tolist() == [[1, 2, 1, 1, 1], [0, 1, 1, 1, 1]]
    shapes = {branch.name: branch.shape for branch in inspect_file(TreeLocation(str(path))).trees[0].branches}
    assert (shapes["x"], shapes["fixed"], shapes["lists"]) == ("scalar", "fixed", "jagged")
