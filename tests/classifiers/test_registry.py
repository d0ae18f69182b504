"""The registry finds kinds and plug-ins by name, imports nothing early, and helps with misspelt names."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from hepml import classifiers
from hepml.classifiers import registry
from hepml.errors import InvalidInputError, UnknownNameError


def test_both_kinds_are_there_and_know_their_name():
    assert {"xgboost", "hist_gradient_boosting"} <= set(classifiers.available())
    for kind in classifiers.available():
        assert classifiers.get(kind).kind == kind
        assert issubclass(classifiers.get(kind), classifiers.Classifier)


def test_unknown_kind_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown classifier 'xgbost'; did you mean 'xgboost'\? \(known: "):
        classifiers.get("xgbost")


def test_listing_the_kinds_imports_no_library_of_one():
    code = "import sys, hepml.classifiers as c; c.available(); assert 'xgboost' not in sys.modules; c.get('xgboost')"
    subprocess.run([sys.executable, "-c", code + "; assert 'xgboost' in sys.modules"], check=True)


def test_an_entry_point_adds_a_kind_but_cannot_replace_one(monkeypatch):
    points = [
        EntryPoint(
            "mine", "hepml.classifiers.xgboost:XGBoostClassifier", registry.ENTRY_POINT_GROUPS["classification"]
        ),
        EntryPoint("bad", "math:sqrt", registry.ENTRY_POINT_GROUPS["classification"]),
        EntryPoint("xgboost", "math:sqrt", registry.ENTRY_POINT_GROUPS["classification"]),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "hepml.classifiers" else [])
    assert {"bad", "mine", "tmva", "xgboost"} <= set(registry.available())
    assert registry.get("mine") is registry.get("xgboost")
    with pytest.raises(InvalidInputError, match=r"'bad' gives .*sqrt"):
        registry.get("bad")
