"""Networks as ONNX and C++: what onnxruntime and a compiler make of them is what double precision gives."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hepml import classifiers
from hepml.classifiers.networks.program import ACTIVATIONS, Activation, Affine, Column, Program, Residual
from hepml.classifiers.networks.to_cpp import cpp_form
from hepml.classifiers.networks.to_onnx import onnx_form
from hepml.classifiers.networks.verification import edge_case_events, export, verify
from hepml.data import Feature
from hepml.errors import ExportError, InvalidInputError
from hepml.forest import compiling
from hepml.root_process import RootProcess, root_is_installed
from tests.classifiers.networks.programs import program

if TYPE_CHECKING:
    from pathlib import Path

    from hepml.classifiers.networks.program import Link

needs_compiler = pytest.mark.skipif(compiling.find_compiler("c++17") is None, reason="there is no compiler for C++")

CASES: list[tuple[str, int, Link]] = [
    *((activation, 1, "logistic") for activation in ACTIVATIONS),
    ("relu", 3, "softmax"),
    ("silu", 2, "identity"),
]


def exact(made: Program):
    """The network itself, as far as these tests have one: double precision."""
    return lambda X: made.evaluate(X)[1]


@pytest.mark.parametrize(("activation", "n_outputs", "link"), CASES)
def test_onnxruntime_agrees(activation: str, n_outputs: int, link: Link) -> None:
    pytest.importorskip("onnxruntime")
    made = program(1, activation=activation, n_outputs=n_outputs, link=link)
    check = verify(onnx_form(made, {}), made, exact(made))
    assert check.verified
    assert check.largest_difference > 0.0


@needs_compiler
@pytest.mark.parametrize(("activation", "n_outputs", "link"), [CASES[0], CASES[4], *CASES[7:]])
def test_a_compiler_agrees(activation: str, n_outputs: int, link: Link) -> None:
    made = program(2, activation=activation, n_outputs=n_outputs, link=link)
    check = verify(cpp_form(made, "net"), made, exact(made))
    assert (check.verified, check.n_events) == (True, 6000)


def test_the_events_of_the_check_reach_every_case() -> None:
    made = program(1)
    X = edge_case_events(made)
    margin, score, error = made.evaluate(X)
    assert np.isnan(X).any(axis=0).all()
    # what is not cut off is tried out less far, since sums in single precision overflow
    assert (np.abs(X).max(axis=0, where=~np.isnan(X), initial=0) > [1e30, 1e30, 1e30, 1e8]).all()
    gone = np.isnan(X[:, [0, 3]]).any(axis=1)
    assert np.array_equal(np.isnan(score[:, 0]), gone)
    assert 0.5 < (~gone).mean() < 1.0
    assert np.ptp(margin[~gone & (np.abs(margin[:, 0]) < 10)]) > 0.5
    assert np.median(error[~gone]) < 1e-3


def test_one_neuron_by_hand() -> None:
    layer = Affine(np.array([[2.0, -1.0]], dtype=np.float32), np.array([0.5], dtype=np.float32))
    columns = (Column(0, shift=1.0, scale=2.0, low=-4.0, high=4.0, fill=3.0), Column(0, is_indicator=True))
    made = Program(("x",), columns, (layer, Residual((Activation("relu"),))), "logistic")
    X = np.array([[1.0], [-100.0], [np.nan]], dtype=np.float32)
    margin, score, _ = made.evaluate(X)
    # scaled 0 gives 0.5, doubled by the residual; cut off at -4 gives -7.5; filled: 2 * 4 - 1 + 0.5, doubled
    assert margin[:, 0].tolist() == [1.0, -7.5, 15.0]
    np.testing.assert_allclose(score, 1 / (1 + np.exp(-margin)), rtol=1e-15)


def test_what_does_not_agree_is_not_written(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    made, other = program(1), program(3)
    with pytest.raises(ExportError, match=r"the ONNX model does not give .* nothing was written"):
        export(onnx_form(other, {}), made, exact(made), tmp_path / "x.onnx")
    with pytest.raises(ExportError, match="the network does not give"):
        export(onnx_form(made, {}), made, exact(other), tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ExportError, match=r"scores? of shape|margins? of shape"):
        verify(onnx_form(program(1, n_outputs=3, link="softmax"), {}), made, exact(made))


def test_an_exported_network_is_a_model_with_names(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    made = replace(program(4), features=("pt", "eta", "mass", "met"))
    described = [Feature(name, expression=f"2 * x{k}", unit="GeV").to_dict() for k, name in enumerate(made.features)]
    export(onnx_form(made, {"features": described}), made, exact(made), tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 15)]
    loaded = classifiers.load(tmp_path / "net.onnx")
    assert tuple(feature.name for feature in loaded.features) == made.features
    assert [feature.expression for feature in loaded.features] == ["2 * x0", "2 * x1", "2 * x2", "2 * x3"]
    X = edge_case_events(made, 500)
    X = X[np.isfinite(X).all(axis=1)]
    np.testing.assert_allclose(loaded.evaluate(X), made.evaluate(X)[1][:, 0], atol=1e-5)


def test_what_does_not_fit_is_refused() -> None:
    made = program(5)
    with pytest.raises(InvalidInputError, match="a layer of shape"):
        replace(made, columns=made.columns[:-1])
    with pytest.raises(InvalidInputError, match="activation 'mish' is not known"):
        replace(made, steps=(*made.steps, Activation("mish")))
    with pytest.raises(InvalidInputError, match="a residual block"):
        replace(made, steps=(Residual(made.steps[:1]),))
    with pytest.raises(InvalidInputError, match="cannot begin the names"):
        cpp_form(made, "class")
    wide = np.zeros((70_000, len(made.columns)), dtype=np.float32)
    with pytest.raises(ExportError, match="source code can hold"):
        cpp_form(replace(made, steps=(Affine(wide, wide[:, 0]),), link="softmax"), "net")


TASK = """
import numpy as np
def run(folder, header):
    import ROOT
    assert ROOT.gInterpreter.Declare(f'#include "{header}"')
    frame = ROOT.RDataFrame(300)
    for k in range(4):
        frame = frame.Define(f"x{k}", f"(rdfentry_ * {k + 3} % 17) * 2.5 - 20.0")
    frame = frame.Redefine("x1", "rdfentry_ % 5 == 0 ? std::nan(\\"\\") : x1")
    frame = frame.Define("score", "net_score(x0, x1, x2, x3)")
    columns = frame.AsNumpy(["x0", "x1", "x2", "x3", "score"])
    return {name: [None if value != value else float(value) for value in values] for name, values in columns.items()}
"""


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="ROOT is tested on Linux")
def test_root_defines_a_column_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = program(11)
    export(cpp_form(made, "net"), made, exact(made), tmp_path / "net.hpp")
    (tmp_path / "network_tasks.py").write_text(TASK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with RootProcess(purpose="a test") as process:
        columns = process.call("network_tasks:run", {"header": str(tmp_path / "net.hpp")})
    X = np.array([columns[f"x{k}"] for k in range(4)], dtype=np.float32).T
    assert np.isnan(X).any()
    np.testing.assert_allclose(np.array(columns["score"]), made.evaluate(X)[1][:, 0], rtol=0, atol=1e-6)
