"""An export that disagrees with its forest is refused, however small or rare the disagreement is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml.errors import ExportError, OutputError
from hepml.forest.verification import FLOAT32_TOLERANCE, Evaluation, edge_case_sample, export, verify
from tests.forest.reference import random_events, random_forest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hepml.forest import Forest


@dataclass(frozen=True)
class Stored:
    """A form that is evaluated by a forest, perhaps a wrong one."""

    forest: Forest
    name: str = "the stored form"
    content: bytes = b"content"
    dtype: np.dtype[Any] = np.dtype(np.float32)  # noqa: RUF009
    margin_tolerance: float = 0.0
    score_tolerance: float = 0.0
    shift: float = 0.0
    runs: bool = True

    def evaluate(self, X: NDArray[Any]) -> Evaluation:
        if not self.runs:
            return Evaluation(by="nothing here can run it")
        margin, score = (
            self.forest.predict(X, output=what).reshape(len(X), -1)  # type: ignore[arg-type]
            for what in ("margin", "score")
        )
        return Evaluation(by="hepml", margin=margin * (1.0 + self.shift), score=score)


@pytest.fixture
def forest() -> Forest:
    return random_forest(np.random.default_rng(5), n_trees=20, depth=6, link="logistic")


def test_agreement_is_reported_and_written(forest: Forest, tmp_path: Path) -> None:
    result = export(Stored(forest), forest, tmp_path / "forest.bin")
    assert result.verified
    assert (result.by, result.n_events, result.largest_difference) == ("hepml", 6000, 0.0)
    assert (tmp_path / "forest.bin").read_bytes() == b"content"
    with pytest.raises(OutputError, match="exists already"):
        export(Stored(forest), forest, tmp_path / "forest.bin")
    export(Stored(forest, content=b"new"), forest, tmp_path / "forest.bin", overwrite=True)
    assert (tmp_path / "forest.bin").read_bytes() == b"new"


def test_every_leaf_and_threshold_is_tried(forest: Forest, tmp_path: Path) -> None:
    """Any one leaf value changed in its last digit is found, in 20 trees of depth 6."""
    reached = reached_leaves(forest, edge_case_sample(forest, np.dtype(np.float32)))
    value = forest.value.copy()
    changed = np.flatnonzero(reached & (np.abs(value[:, 0]) > 1.0))
    value[changed[-1]] *= 1.0 + 1e-14
    with pytest.raises(ExportError, match=r"nothing was written: in \d+ of 6000 events the margin differs.*x0 = "):
        export(Stored(replace(forest, value=value)), forest, tmp_path / "forest.bin")
    assert list(tmp_path.iterdir()) == []
    # of what can be reached at all, which thirty times as many events find
    rng = np.random.default_rng(0)
    reachable = (
        reached_leaves(forest, random_events(rng, 200_000, 4, forest).clip(-1e38, 1e38).astype(np.float32)) | reached
    )
    assert reached.sum() > 0.97 * reachable.sum()


def reached_leaves(forest: Forest, X: NDArray[Any]) -> NDArray[np.bool_]:
    reached = np.zeros(len(forest.feature), dtype=bool)
    ids = forest.predict(X, output="leaf")
    for tree in range(forest.n_trees):
        reached[forest.first_node[tree] + np.unique(ids[:, tree])] = True
    return reached


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_the_other_comparison_is_found(precision: Any) -> None:
    forest = random_forest(np.random.default_rng(8), precision=precision, comparison="<")
    other = replace(forest, comparison="<=")
    with pytest.raises(ExportError, match="margin"):
        verify(Stored(other, dtype=np.dtype(precision)), forest)


def test_the_other_direction_of_missing_values_is_found(forest: Forest) -> None:
    turned = replace(forest, missing_right=~forest.missing_right)
    with pytest.raises(ExportError, match="nan"):
        verify(Stored(turned), forest)
    complete = replace(forest, takes_missing=False)
    assert not np.isnan(edge_case_sample(complete, np.dtype(np.float32))).any()
    assert np.isnan(edge_case_sample(forest, np.dtype(np.float32))).any()


def test_the_tolerance_is_that_of_the_form(forest: Forest) -> None:
    within = Stored(forest, margin_tolerance=FLOAT32_TOLERANCE, score_tolerance=1e-6, shift=0.5 * FLOAT32_TOLERANCE)
    assert verify(within, forest).largest_difference > 0.0
    with pytest.raises(ExportError, match="is allowed"):
        verify(replace(within, shift=2e-4), forest)
    nothing = Stored(replace(forest, link="identity"))
    with pytest.raises(ExportError, match="the score differs"):
        verify(nothing, forest)


def test_a_result_of_another_shape_is_refused(forest: Forest) -> None:
    other = random_forest(np.random.default_rng(5), n_outputs=2)
    with pytest.raises(ExportError, match=r"shape \(6000, 2\), not \(6000, 1\)"):
        verify(Stored(other), forest)


def test_what_cannot_be_run_says_so(forest: Forest, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    result = export(Stored(forest, runs=False), forest, tmp_path / "forest.bin")
    assert (result.verified, result.by) == (False, "nothing here can run it")
    assert "without a check of its response" in caplog.text


def test_the_sample_is_always_the_same_and_small_for_many_features() -> None:
    forest = random_forest(np.random.default_rng(0), categories=True)
    one, two = (edge_case_sample(forest, np.dtype(np.float64)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert 2.5 in one
    wide = random_forest(np.random.default_rng(0), n_features=200_000, n_trees=1)
    assert edge_case_sample(wide, np.dtype(np.float32)).shape == (100, 200_000)
