"""What surrounds a real TMVA: events handed over, names put back, its words found, what is missing; all without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import uproot

from hepml.errors import InvalidInputError, MissingDependencyError, MissingFileError
from hepml.root_process import root_is_installed
from hepml.tmva import Member, RootReader, examine_tmva, train
from hepml.tmva.engine.handover import hand_over
from hepml.tmva.engine.process import complaint
from hepml.tmva.preparation import from_arrays
from hepml.tmva.setup import Variable
from hepml.tmva.training.with_root import _member
from hepml.workflow import examine_installation

if TYPE_CHECKING:
    from pathlib import Path

    from hepml.tmva import PreparedData

needs_root = [
    pytest.mark.requires_root,
    pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed"),
]


@pytest.fixture
def data() -> PreparedData:
    rng = np.random.default_rng(3)
    return from_arrays(
        rng.normal(size=(40, 3)),
        np.tile([0, 1, 1, 0], 10),
        rng.normal(1.0, 0.5, 40),
        variables=["sum := a+b", "a", "Alt$(c[0],-1)>2&&a"],
    )


def test_events_are_handed_over_with_their_own_weights(data: PreparedData, tmp_path: Path) -> None:
    handover = hand_over(data, tmp_path / "input.root")
    assert handover.variables == ("hepml_column_0", "a", "hepml_column_2")
    assert [tree["part"] for tree in handover.trees] == ["Training", "Test"] * 2
    train_events = data.train
    with uproot.open(tmp_path / "input.root") as file:
        for index, name in enumerate(data.class_names):
            assert handover.trees[2 * index]["class_name"] == name
            chosen = train_events.class_index == index
            columns = file[handover.trees[2 * index]["tree"]].arrays(library="np")
            for place, branch in enumerate(handover.variables):
                assert columns[branch].dtype == np.float32
                np.testing.assert_array_equal(columns[branch], train_events.variables[chosen, place])
            np.testing.assert_array_equal(columns[handover.weight], train_events.original_weight[chosen])


def test_expressions_stand_where_tmva_saw_branches(data: PreparedData, tmp_path: Path) -> None:
    handover = hand_over(data, tmp_path / "input.root")
    text = '<V Expression="hepml_column_0"/><V Expression="hepml_column_2" Label="hepml_column_2"/><V Expression="a"/>'
    assert handover.expressions_back(text) == (
        '<V Expression="a+b"/><V Expression="Alt$(c[0],-1)&gt;2&amp;&amp;a" Label="hepml_column_2"/><V Expression="a"/>'
    )
    code = handover.expressions_back('{ "hepml_column_2", "a" }', quoted='"{}"')
    assert code == '{ "Alt$(c[0],-1)>2&&a", "a" }'


@pytest.mark.parametrize("name", ["weights", "hepml_weight", "x", "2b", "a b", "a" * 300])
def test_only_plain_names_are_branches(name: str, tmp_path: Path) -> None:
    from dataclasses import replace

    data = from_arrays(np.arange(4.0)[:, None], [0, 1, 0, 1], variables=["a"])
    data = replace(data, variables=(Variable(name, "label"),))
    found = hand_over(data, tmp_path / "input.root").variables
    assert found == ((name,) if name == "weights" else ("hepml_column_0",))


def test_the_words_of_tmva_are_found() -> None:
    old = """--- Factory    : Booking method: BDT
--- <ERROR> BDT        : Option string is odd
--- <FATAL> BDT        : The following options were specified, but could not be interpreted: 'Foo=1', please check!
***> abort program execution"""
    words = "The following options were specified, but could not be interpreted: 'Foo=1', please check!"
    assert complaint(old) == f"Option string is odd {words}"
    new = "                         : Booking\n\x1b[37;41;1m<FATAL>                         : Dataset has no events\x1b[0m\n"
    assert complaint(new) == "Dataset has no events"
    assert complaint("--- <ERROR> BDT : goes on all the same") == ""
    assert complaint("ClassifierFactory<>::Create - don't know anything about BTD\nassertion") == (
        "don't know anything about BTD"
    )
    assert complaint("") == ""


def test_what_cannot_be_asked_is_refused(data: PreparedData, tmp_path: Path) -> None:
    for wrong in ("a/b", "", "..", "two words"):
        with pytest.raises(InvalidInputError, match="name"):
            train("Fisher", "", data, engine="root", name=wrong)
    with pytest.raises(InvalidInputError, match="needs members"):
        train("Category", "", data, engine="root")
    with pytest.raises(InvalidInputError, match="of a Category"):
        train("Fisher", "", data, engine="root", members=[Member("a<0", "LD")])
    with pytest.raises(InvalidInputError, match=r"'b', which is no label of a variable \(there: sum, a, "):
        _member(Member("a<0", "LD", variables=["a", "b"]), 0, data)
    with pytest.raises(InvalidInputError, match='for engine="root"'):
        train("Fisher", "", data, folder=tmp_path / "x")
    with pytest.raises(MissingFileError, match="no such file"):
        RootReader(tmp_path / "none.weights.xml")


def test_a_python_that_is_not_there(data: PreparedData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEPML_TMVA_PYTHON", str(tmp_path / "python"))
    found = examine_tmva()
    assert found.tmva is None
    assert "is no program that can be run" in found.problem
    with pytest.raises(MissingFileError, match="is no program"):
        train("Fisher", "", data, engine="root", folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    engines = {finding.name: finding for finding in examine_installation() if finding.name.startswith("engine")}
    assert engines["engine root"].version is None
    assert "is no program" in engines["engine root"].hint
    assert "Fisher" in engines["engine native"].purpose


class TestWithRoot:
    """ROOT without TMVA."""

    pytestmark = needs_root

    def test_a_library_that_is_not_there(self, data: PreparedData, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HEPML_TMVA_LIBRARY", "/nowhere/libTMVA.so")
        monkeypatch.delenv("HEPML_TMVA_PYTHON", raising=False)
        with pytest.raises(MissingDependencyError, match=r"cannot load /nowhere/libTMVA\.so.*conda-forge"):
            train("Fisher", "", data, engine="root")
        assert "cannot load" in examine_tmva().problem
