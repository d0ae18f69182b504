"""Forests as Python source: nothing but numpy, and the forest's margin bit for bit."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepml.forest import to_python
from hepml.forest.verification import verify
from tests.forest.reference import random_events, random_forest

if TYPE_CHECKING:
    from pathlib import Path


@given(
    seed=st.integers(0, 2**32 - 1),
    depth=st.integers(0, 8),
    n_outputs=st.integers(1, 3),
    link=st.sampled_from(["identity", "logistic", "logistic_2x", "tmva_grad", "exp", "softmax"]),
    flags=st.fixed_dictionaries(
        {"vector_leaves": st.booleans(), "categories": st.booleans(), "takes_missing": st.booleans()}
    ),
    average=st.booleans(),
    precision=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=30)
def test_every_forest_is_the_same_in_python(  # noqa: PLR0917  (hypothesis gives them by name)
    seed: int, depth: int, n_outputs: int, link: Any, flags: dict[str, bool], average: bool, precision: Any
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
        precision=precision,
        tree_weight=rng.uniform(0.5, 2.0, 7),
        **flags,
    )
    result = verify(to_python.make_form(forest), forest)
    assert (result.verified, result.largest_difference) == (True, 0.0)


def test_the_module_stands_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    forest = random_forest(rng, n_trees=20, depth=5, link="logistic")
    forest = replace(forest, feature_names=('"""; import os', "a\\", "{x}\n", "é"))
    forest.to_python(tmp_path / "scorer.py")
    source = (tmp_path / "scorer.py").read_text()
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert sorted(node.names[0].name for node in imports) == ["base64", "numpy"]
    X = random_events(rng, 5000, 4, forest)
    np.save(tmp_path / "X.npy", X)
    code = (
        "import numpy, scorer; X = numpy.load('X.npy'); "
        "numpy.save('out.npy', [scorer.margin(X), scorer.score(X)]); print(scorer.FEATURES)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert ast.literal_eval(done.stdout) == forest.feature_names
    margin, score = np.load(tmp_path / "out.npy")
    np.testing.assert_array_equal(margin, forest.predict(X, output="margin"))
    np.testing.assert_allclose(score, forest.predict(X), rtol=1e-14)


def test_missing_values_are_refused_by_name() -> None:
    forest = random_forest(np.random.default_rng(1), takes_missing=False, full=True)
    form = to_python.make_form(forest)
    with pytest.raises(ValueError, match="feature 'x0' is missing"):
        form.evaluate(np.full((3, 4), np.nan, np.float32))
