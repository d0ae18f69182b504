"""Weights files that TMVA did not write: an error that names them, at once, or a chain that works."""

from __future__ import annotations

import re

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import ModelFormatError
from hepml.transforms import TransformChain
from tests.transforms.golden import OPTIONS, small

# of a file with N and D, one with D, one with P, one with U
PART, SIGNAL, PCA, FLAT = "expr_FisherPart", "expr_FisherDsig", "expr_FisherP", "expr_FisherU"


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (PART, 'NTransformations="2"', 'NTransformations="1"', "but there are 2"),
        (PART, 'NTransformations="2"', 'NTransformations="999999999"', "but there are 2"),
        (PART, 'NTransformations="2"', 'NTransformations="many"', "not a whole number"),
        (PART, 'Name="Normalize"', 'Name="Sphere"', "'Sphere' is not known"),
        (PART, 'NInputs="2"', 'NInputs="1000000000"', "not a whole number"),
        (PART, 'NInputs="2"', 'NInputs="3"', "NInputs is 3, but there are 2"),
        (PART, 'Type="Variable"', 'Type="Weight"', "type of an 'Input'"),
        (PART, 'Label="myvar1" Expression="var1+var2"', 'Label="x" Expression="y"', "none of its Variables"),
        (PART, "<Output NOutputs", "<Input NOutputs", None),
        (PART, 'Index="1"', 'Index="0"', "2 ranges are not one for each"),
        (PART, 'Index="1"', 'Index="-1"', "not a whole number"),
        (PART, 'ClassIndex="1"', 'ClassIndex="7"', "class number 1"),
        (PART, 'Min="-5.7736587524414062e+00"', 'Min="nan"', "not a finite number"),
        (PART, 'Min="-5.7736587524414062e+00"', 'Min="-1e300"', "single precision"),
        (PART, ' Min="-5.7736587524414062e+00"', "", "lacks 'Min'"),
        (SIGNAL, 'Rows="4"', 'Rows="400000000"', "400000000 x 4 numbers"),
        (SIGNAL, 'Rows="4"', "", "lacks 'Rows'"),
        (SIGNAL, "e-01 ", "e-01 1 ", "holds 17 numbers, not 16"),
        (SIGNAL, "e-01 ", "e-0x ", "not a finite number"),
        (SIGNAL, "e-01 ", "e+999 ", "not a finite number"),
        (PCA, 'NRows="4"', 'NRows="3"', "of 3 values, not 4"),
        (PCA, 'ClassIndex="2"', 'ClassIndex="5"', "of the classes"),
        (FLAT, 'FlatOrGauss="Flat"', 'FlatOrGauss="Round"', "neither Flat nor Gauss"),
        (FLAT, 'VarIndex="1"', 'VarIndex="2"', "variable number 1"),
        (FLAT, 'InterpolMethod="1"', 'InterpolMethod="3"', "of kind 3"),
        (FLAT, 'MaxNSmooth="0"', 'MaxNSmooth="9"', "or smoothed"),
        (FLAT, 'NBins="201"', 'NBins="200"', "holds 201 numbers, not 200"),
        (FLAT, '<HistogramBinning NBins="201"', '<HistogramBinning NBins="7"', "and edges of 7"),
        (FLAT, "3.61370714e-03", "3.61370714e-01", "does not rise"),
        (FLAT, "-5.77375889e+00", "5.77375889e+00", "edges that do not rise"),
        (FLAT, "-5.77375889e+00", "-5.77375889e+200", "too large"),
    ],
)
def test_damage_is_named(name: str, old: str, new: str, message: str | None) -> None:
    golden = small(name)
    assert old in golden.text
    if message is None:
        text = golden.text.replace("<Output NOutputs", "<Input NOutputs").replace("</Output>", "</Input>")
        message = "holds no 'Output'"
    else:
        text = golden.text.replace(old, new, 1)
    with pytest.raises(ModelFormatError, match=re.escape(message)):
        golden.chain(text)


@pytest.mark.parametrize("tag", ["Selection", "Matrix", "Class", "Variable", "Statistics", "Eigenvectors", "Histogram"])
def test_missing_elements(tag: str) -> None:
    n_tested = 0
    for name in OPTIONS:
        root = fromstring(small(name).text)
        parents = [parent for parent in root.iter() if parent.find(tag) is not None]
        for parent in parents:
            for child in parent.findall(tag):
                parent.remove(child)
        # a file without selections is an old one, of all variables
        if parents and not (tag == "Selection" and name not in {"expr_FisherPart", "expr_FisherN"}):
            n_tested += 1
            with pytest.raises(ModelFormatError):
                TransformChain.from_xml(root, small(name).variables)
    assert n_tested


def test_old_files_transform_all_variables() -> None:
    golden = small("expr_FisherDsig")
    root = fromstring(golden.text)
    transform = root[0]
    transform.remove(transform[0])
    X = np.random.default_rng(1).normal(size=(10, 4)).astype(np.float32)
    assert np.array_equal(TransformChain.from_xml(root, golden.variables).apply(X), golden.chain().apply(X))
    old = (
        '<Transformations NTransformations="1"><Transform Name="Normalize" NVariables="1" NTargets="1">'
        '<Class ClassIndex="0"><Variables NVariables="1"><Variable VarIndex="0" Min="0" Max="4"/></Variables>'
        '<Targets NTargets="1"><Target TargetIndex="0" Min="0" Max="2"/></Targets></Class></Transform></Transformations>'
    )
    chain = TransformChain.from_xml(fromstring(old), ["x"], targets=["t"])
    assert chain.apply(np.array([[1.0]], np.float32)).tolist() == [[-0.5]]
    assert chain.inverse_targets(np.array([[0.5]], np.float32)).tolist() == [[1.5]]


@settings(max_examples=150)
@given(st.sampled_from(list(OPTIONS)), st.integers(0, 10**9), st.data())
def test_mutations_never_crash(name: str, seed: int, data: st.DataObject) -> None:
    golden = small(name)
    rng = np.random.default_rng(seed)
    root = fromstring(golden.text)
    elements = list(root.iter())
    parents = {child: parent for parent in elements for child in parent}
    for _ in range(data.draw(st.integers(1, 3))):
        element = elements[rng.integers(len(elements))]
        action = data.draw(st.sampled_from(["attribute", "number", "text", "remove", "repeat", "tag"]))
        junk = data.draw(st.sampled_from(["", "0", "-1", "1", "3", "1e308", "-inf", "nan", "x", "999999999", "1e-320"]))
        if action == "attribute" and element.attrib:
            element.set(list(element.attrib)[rng.integers(len(element.attrib))], junk)
        elif action == "number" and (element.text or "").strip():
            words = (element.text or "").split()
            words[rng.integers(len(words))] = junk
            element.text = " ".join(words)
        elif action == "text" and (element.text or "").strip():
            words = (element.text or "").split()
            words[rng.integers(len(words)) : rng.integers(len(words) + 1)] = [junk]
            element.text = " ".join(words)
        elif action == "remove" and element in parents and element in list(parents[element]):
            parents[element].remove(element)
        elif action == "repeat" and element in parents:
            parents[element].append(element)
        elif action == "tag":
            element.tag = "Junk"
    try:
        chain = TransformChain.from_xml(root, golden.variables, golden.spectators)
    except ModelFormatError as error:
        message = str(error)
    else:
        message = ""
        X = np.vstack([np.zeros(4), np.full(4, 3e38), np.full(4, -3e38), np.full(4, 1e-40)]).astype(np.float32)
        assert all(chain.apply(X, index).shape == X.shape for index in (None, 0, 1))
        assert chain.inverse(X).shape == X.shape
        chain.to_xml()
    assert not message or (message.startswith("the weights.xml: ") and len(message) < 500)
