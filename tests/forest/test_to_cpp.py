"""Forests as C++ and C: compiled with all warnings as errors, and the forest's margin bit for bit."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.errors import ExportError, InvalidInputError
from hepml.forest import Forest, compiling, source_text, to_cpp
from hepml.forest.verification import verify
from hepml.root_process import RootProcess, root_is_installed
from tests.forest.reference import random_events, random_forest

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = {
    "c++17": ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-O2"],
    "c99": ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O2"],
}
HOSTILE = ('a"; } int main() { /*', "*/ #error x\\", "x\ny??/", "é\x00 日本")

needs_compiler = pytest.mark.skipif(
    compiling.find_compiler("c++17") is None or compiling.find_compiler("c99") is None,
    reason="there is no compiler for C++ and C",
)


def compiled(folder: Path, file: Path, language: Any, more: str) -> Path:
    """Return a shared library of a generated file and what calls it."""
    source = folder / f"calls{len(list(folder.iterdir()))}.{'cpp' if language == 'c++17' else 'c'}"
    source.write_text(f'#include "{file}"\n{more}\n')
    library = source.with_suffix(".so")
    compiler = compiling.find_compiler(language)
    assert compiler
    subprocess.run([compiler, *FLAGS[language], "-shared", "-fPIC", source, "-o", library, "-lm"], check=True)
    return library


def called(library: Path, function: str, X: np.ndarray, n_outputs: int = 1) -> np.ndarray:
    call = getattr(ctypes.CDLL(str(library)), function)
    result = np.empty((len(X), n_outputs))
    for x, out in zip(np.ascontiguousarray(X), result, strict=True):
        call(x.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p))
    return result


@needs_compiler
@pytest.mark.parametrize("language", ["c++17", "c99"])
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_margins_are_the_same_bit_for_bit(language: Any, precision: Any, n_outputs: int, tmp_path: Path) -> None:
    rng = np.random.default_rng([n_outputs, precision == "float32"])
    forest = random_forest(
        rng, n_trees=30, depth=9, n_outputs=n_outputs, categories=True, precision=precision, link="logistic_2x"
    )
    forest = replace(forest, feature_names=HOSTILE)
    file = tmp_path / "forest.txt"
    assert forest.to_cpp(file, name="bdt", language=language).verified
    real = "float" if precision == "float32" else "double"
    extern = 'extern "C" ' if language == "c++17" else ""
    taken = f"(const {real}* x, double* out)"
    one = "{{ *out = bdt_{0}(x); }}" if n_outputs == 1 else "{{ bdt_{0}s(x, out); }}"
    more = "\n".join(
        f"{extern}void {what}_of{taken};\n{extern}void {what}_of{taken} {one.format(what)}"
        for what in ("margin", "score")
    )
    library = compiled(tmp_path, file, language, more)
    X = random_events(rng, 3000, 4, forest)
    with np.errstate(over="ignore"):
        X = X.astype(precision)
    expected = forest.predict(X, output="margin").reshape(len(X), n_outputs)
    np.testing.assert_array_equal(called(library, "margin_of", X, n_outputs), expected)
    score = forest.predict(X).reshape(len(X), n_outputs)
    np.testing.assert_allclose(called(library, "score_of", X, n_outputs), score, rtol=1e-14, atol=1e-15)


@needs_compiler
@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(0, 10),
    n_outputs=st.integers(1, 3),
    link=st.sampled_from(["identity", "logistic", "tmva_grad", "exp", "softmax"]),
    language=st.sampled_from(["c++17", "c99"]),
    flags=st.fixed_dictionaries(
        {"vector_leaves": st.booleans(), "categories": st.booleans(), "takes_missing": st.booleans()}
    ),
    average=st.booleans(),
)
@settings(max_examples=12)
def test_every_forest_can_be_compiled(  # noqa: PLR0917  (hypothesis gives them by name)
    seed: int, depth: int, n_outputs: int, link: Any, language: Any, flags: dict[str, bool], average: bool
) -> None:
    rng = np.random.default_rng(seed)
    flags["vector_leaves"] &= n_outputs > 1
    forest = random_forest(
        rng,
        depth=depth,
        n_outputs=n_outputs,
        link="identity" if link == "softmax" and n_outputs == 1 else link,
        aggregate="average" if average and (flags["vector_leaves"] or n_outputs == 1) else "sum",
        comparison="<=" if seed % 2 else "<",
        tree_weight=rng.uniform(0.5, 2.0, 7),
        **flags,
    )
    result = verify(to_cpp.make_form(forest, "some_forest", language), forest)
    assert (result.verified, result.largest_difference) == (True, 0.0)


@needs_compiler
def test_numbers_can_be_given_one_by_one_and_two_forests_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    one, several = random_forest(rng, link="logistic"), random_forest(rng, n_outputs=3, link="softmax", n_trees=9)
    one.to_cpp(tmp_path / "2 one.hpp")
    several.to_cpp(tmp_path / "several.hpp")
    more = f"""#include "{tmp_path / "several.hpp"}"
    extern "C" void of_one(const float* x, double* out) {{ *out = forest_2_one_score(x[0], double(x[1]), x[2], x[3]); }}
    extern "C" void of_several(const float* x, double* out) {{
      const auto scores = several_scores(x[0], x[1], x[2], x[3]);
      for (int k = 0; k < 3; ++k) out[k] = scores[k];
    }}"""
    library = compiled(tmp_path, tmp_path / "2 one.hpp", "c++17", more)
    X = rng.normal(size=(100, 4)).astype(np.float32)
    np.testing.assert_allclose(called(library, "of_one", X)[:, 0], one.predict(X), rtol=1e-14)
    np.testing.assert_allclose(called(library, "of_several", X, 3), several.predict(X), rtol=1e-14)


@needs_compiler
@pytest.mark.parametrize("language", ["c++17", "c99"])
def test_two_libraries_keep_forests_of_one_name_apart(language: Any, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    extern = 'extern "C" ' if language == "c++17" else ""
    taken = "(const float* x, double* out)"
    more = f"{extern}void margin_of{taken};\n{extern}void margin_of{taken} {{ *out = bdt_margin(x); }}"
    forests = [random_forest(np.random.default_rng(seed), depth=4) for seed in range(2)]
    libraries = []
    for number, forest in enumerate(forests):
        folder = tmp_path / str(number)
        forest.to_cpp(folder / "bdt.h", language=language)
        libraries.append(compiled(folder, folder / "bdt.h", language, more))
    for forest, library in zip(forests, libraries, strict=True):
        np.testing.assert_array_equal(called(library, "margin_of", X)[:, 0], forest.predict(X, output="margin"))


@needs_compiler
@pytest.mark.parametrize("language", ["c++17", "c99"])
def test_missing_values_give_nan_where_the_forest_refuses_them(language: Any) -> None:
    forest = random_forest(np.random.default_rng(3), takes_missing=False, full=True)
    X = np.zeros((2, 4), np.float32)
    X[1] = np.nan
    result = to_cpp.make_form(forest, "bdt", language).evaluate(X)
    assert result.margin is not None
    np.testing.assert_array_equal(np.isnan(result.margin[:, 0]), [False, True])


@pytest.mark.parametrize("name", ["", "1st", "a b", "_x", "a__b", "class", "x;y", "ä", "a" * 200])
def test_names_that_are_no_identifiers_are_refused(name: str, tmp_path: Path) -> None:
    if not name:
        assert source_text.safe_identifier(name) == "forest"
        return
    with pytest.raises(InvalidInputError, match="cannot begin the names"):
        random_forest(np.random.default_rng(0)).to_cpp(tmp_path / "forest.hpp", name=name)
    assert re.fullmatch(r"[a-zA-Z]\w*", source_text.safe_identifier(name), re.ASCII)


def test_an_unknown_language_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"did you mean 'c\+\+17'"):
        random_forest(np.random.default_rng(0)).to_cpp(tmp_path / "forest.hpp", language="c++11")  # type: ignore[arg-type]


def test_without_a_compiler_it_is_written_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    result = random_forest(np.random.default_rng(0)).to_cpp(tmp_path / "forest.hpp")
    assert not result.verified
    assert "no compiler" in result.by
    assert "no compiler" in caplog.text
    assert (tmp_path / "forest.hpp").exists()


@needs_compiler
def test_what_the_compiler_refuses_is_not_written(tmp_path: Path) -> None:
    form = to_cpp.make_form(random_forest(np.random.default_rng(0)), "bdt")
    broken = replace(form, content=form.content.replace(b"int32_t left", b"int32_t"))
    with pytest.raises(ExportError, match=r"refuses the C\+\+17 header: .*error"):
        broken.evaluate(np.zeros((1, 4), np.float32))
    changed = form.content.replace(b">=", b">", 2)
    with pytest.raises(ExportError, match="margin differs"):
        verify(replace(form, content=changed), random_forest(np.random.default_rng(0)))
    assert list(tmp_path.iterdir()) == []


TASK = """
import numpy as np
def run(folder, header):
    import ROOT
    assert ROOT.gInterpreter.Declare(f'#include "{header}"')
    frame = ROOT.RDataFrame(200)
    for k in range(4):
        frame = frame.Define(f"x{k}", f"(rdfentry_ * {k + 3} % 17) * 0.25 - 2.0")
    frame = frame.Define("score", "bdt_score(x0, x1, x2, x3)").Define("margin", "bdt_margin(x0, x1, x2, x3)")
    columns = frame.AsNumpy(["x0", "x1", "x2", "x3", "margin", "score"])
    return {name: [float(value) for value in values] for name, values in columns.items()}
"""


@pytest.mark.requires_root
@pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed")
@pytest.mark.skipif(sys.platform != "linux", reason="ROOT is tested on Linux")
def test_root_defines_a_column_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forest: Forest = random_forest(np.random.default_rng(7), n_trees=40, link="tmva_grad", categories=True)
    forest.to_cpp(tmp_path / "bdt.hpp")
    (tmp_path / "forest_tasks.py").write_text(TASK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with RootProcess(purpose="a test") as process:
        columns = process.call("forest_tasks:run", {"header": str(tmp_path / "bdt.hpp")})
    X = np.column_stack([columns[f"x{k}"] for k in range(4)])
    np.testing.assert_array_equal(columns["margin"], forest.predict(X, output="margin"))
    np.testing.assert_allclose(columns["score"], forest.predict(X), rtol=1e-14, atol=1e-15)
