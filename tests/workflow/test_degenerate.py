"""Runs on events that allow little or nothing: a clear error, or a statement in metrics, table and report."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from hepml import Analysis
from hepml.classifiers import Classifier, registry
from hepml.errors import EmptyClassError, EmptySelectionError, HepmlError, InvalidInputError, WeightError
from hepml.report import methods_table
from hepml.report.figures import drawing
from hepml.workflow.topics import METHOD_TOPICS, RUN_TOPICS
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from pathlib import Path

    from hepml import Run

METHOD = {"kind": "xgboost", "n_estimators": 3, "max_depth": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("degenerate")
    write_sample(path / "signal.root", 400, mean=1.0, seed=1)
    write_sample(path / "background.root", 400, mean=-1.0, seed=2)
    write_sample(path / "few_signal.root", 60, mean=1.0, seed=3)
    write_sample(path / "few_background.root", 60, mean=-1.0, seed=4)
    return path


def train(folder: Path, out: Path, **changes: Any) -> Run:
    options = {
        "methods": {"BDT": METHOD},
        "features": ["x"],
        "spectators": [],
        "report": {"formats": ["svg"]},
    } | changes
    return Analysis.from_file(write_analysis(folder, **options)).train(out)


def samples(prefix: str = "", **background: Any) -> list[dict[str, Any]]:
    return [
        {"name": "signal", "role": "signal", "files": f"{prefix}signal.root"},
        {"name": "background", "role": "background", "files": f"{prefix}background.root", **background},
    ]


def assert_whole(run: Run) -> None:
    """Nothing failed that was not foreseen, all is written, and the table can be made."""
    log = (run.path / "log.txt").read_text(encoding="utf-8")
    assert "Traceback" not in log, log
    json.dumps(run.metrics, allow_nan=False)
    _, rows = methods_table(run.metrics)
    assert len(rows) == len(run.method_names)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "could not be drawn" not in page
    assert ">nan<" not in page.lower()


@pytest.mark.parametrize(
    ("background", "message"),
    [
        ({"selection": "x > 100"}, "sample 'background': none of 400 entries passes"),
        ({"weight": "-1"}, "weights of background in the train part sum to -"),
        ({"weight": "event_number % 2 == 0 ? 1 : -1"}, "a class needs a sum above three times its uncertainty"),
        ({"weight": "0"}, "all 400 weights are zero"),
    ],
    ids=["missing", "negative", "zero sum", "all zero"],
)
def test_a_class_of_nothing_is_refused_by_name(folder: Path, tmp_path: Path, background: Any, message: str) -> None:
    with pytest.raises((EmptyClassError, EmptySelectionError, WeightError), match=message):
        train(folder, tmp_path / "run", samples=samples(**background))
    assert not (tmp_path / "run").exists()
    assert message in (tmp_path / ".run.partial" / "log.txt").read_text(encoding="utf-8")


def test_a_test_part_of_nothing_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    write_sample(folder / "test_signal.root", 200, mean=1.0, seed=5, first_event=10**6)
    write_sample(folder / "odd.root", 200, mean=-1.0, seed=6, first_event=10**6, negative=0.9)
    parts = [
        {"name": name, "role": name, "files": {"train": f"{name}.root", "test": test}}
        for name, test in (("signal", "test_signal.root"), ("background", "odd.root"))
    ]
    with pytest.raises(EmptyClassError, match="weights of background in the test part sum to -"):
        train(folder, tmp_path / "run", samples=parts)


def test_a_constant_feature_gives_equal_scores_and_a_run(folder: Path, tmp_path: Path) -> None:
    features = [{"name": "nothing", "expression": "0*x"}, {"name": "one", "expression": "0*x + 1"}]
    methods = {"BDT": METHOD, "HGB": {"kind": "hist_gradient_boosting", "max_iter": 3}}
    run = train(folder, tmp_path / "run", features=features, methods=methods)
    assert_whole(run)
    for name in methods:
        found = run.metrics["methods"][name]
        assert len(set(run.scores()[name].tolist())) == 1
        assert (found["roc"]["auc"], found["roc"]["auc_error"]) == (0.5, 0.0)
        assert found["working_points"][0]["background_rejection_error"] is None
        assert "need a range" in found["tmva"]["not_computable"]
        assert [row["value"] for row in found["permutation_importance"]["features"]] == [0.0, 0.0]
        assert [row["value"] for row in found["contributions"]["features"]] == [0.0, 0.0]
    assert run.metrics["correlations"]["signal"]["linear"][0][1] is None
    assert (run.path / "report.html").read_text(encoding="utf-8").count("TMVA&#39;s histograms need a range") == len(
        methods
    )


def test_fewer_events_than_bins(folder: Path, tmp_path: Path) -> None:
    run = train(folder, tmp_path / "run", samples=samples("few_"), features=["x", {"name": "y2", "expression": "y*y"}])
    assert_whole(run)
    found = run.metrics["methods"]["BDT"]
    assert found["roc"]["n_signal"] < 40
    assert found["working_points"][0]["background_efficiency_error"] is None
    assert {found["significance"][name]["not_computable"] for name in ("binned", "binning")} == {
        "no bins have a positive background of 40 effective events known to 1 of itself: more events are needed"
    }
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Bins of the score: not computable" in page
    assert "Chance in the choice of the cut: not computable" in page


def test_a_feature_that_is_always_missing(folder: Path, tmp_path: Path) -> None:
    features = ["x", {"name": "missing", "expression": "0*x - 999", "missing": [-999]}]
    run = train(folder, tmp_path / "run", features=features)
    assert_whole(run)
    assert run.metrics["features"][1]["n_missing"] == run.metrics["features"][1]["n_events"]


class Broken(Classifier):
    """Says NaN of every second event."""

    kind = "broken"
    library = "numpy"
    n_iter_ = 1

    def __init__(self, *, negative_weights: str = "signed", random_state: int = 0, n_jobs: int | None = None) -> None:
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _train(self, *_: Any) -> dict[str, Any]:
        return {}

    def _margin(self, X: Any) -> Any:
        return np.where(np.arange(len(X)) % 2 == 0, np.nan, 0.0)

    def _state(self) -> dict[str, Any]:
        return {}

    def _payloads(self) -> dict[str, bytes]:
        return {}

    def _restore(self, *_: Any) -> None:
        pass


def test_scores_that_are_no_numbers_are_refused_by_method(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._BUILT_IN["classification"], "broken", f"{__name__}:Broken")
    with pytest.raises(InvalidInputError, match=r"Odd: .*\d+ NaN and 0 infinite values"):
        train(folder, tmp_path / "run", methods={"BDT": METHOD, "Odd": {"kind": "broken"}})
    # what was trained is taken up when the method is left out
    assert (tmp_path / ".run.partial" / "models" / "BDT" / "model.json").exists()


@pytest.mark.parametrize("error", [HepmlError("nothing <b>to</b> tell"), ZeroDivisionError("by nothing")])
def test_topics_that_fail_are_stated_and_cost_nothing_else(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def failing(topic: str) -> Any:
        def fails(_: Any) -> Any:
            message = f"{error}: {topic}"
            raise type(error)(message)

        return fails

    for topics in (METHOD_TOPICS, RUN_TOPICS):
        for topic in topics:
            if topic != "roc":
                monkeypatch.setitem(topics, topic, failing(topic))  # type: ignore[arg-type]
    run = train(folder, tmp_path / "run")
    reason = str(error) if isinstance(error, HepmlError) else "ZeroDivisionError: by nothing"
    found = run.metrics["methods"]["BDT"]
    page = (run.path / "report.html").read_text(encoding="utf-8")
    for topic in [*METHOD_TOPICS, *RUN_TOPICS]:
        if topic != "roc":
            where = found if topic in METHOD_TOPICS else run.metrics
            assert where[topic] == {"not_computable": f"{reason}: {topic}"}
            # of folds the report of a run without them says nothing
            assert topic in {"folds", "fold_cuts"} or escape(f"{reason}: {topic}") in page, topic
    assert found["roc"]["auc"] > 0.8
    _, ((name, _, *cells),) = methods_table(run.metrics)
    assert name == "BDT"
    assert all("not computable" in cell for cell in cells)
    assert ("Traceback" in (run.path / "log.txt").read_text(encoding="utf-8")) == isinstance(error, ZeroDivisionError)


def test_figures_that_fail_are_said_to_be_missing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = drawing._draw

    def fails(place: Path, job: Any, settings: Any) -> None:
        if job.section == "importance":
            raise ZeroDivisionError
        draw(place, job, settings)

    monkeypatch.setattr(drawing, "_draw", fails)
    run = train(folder, tmp_path / "run")
    index = json.loads((run.path / "plots" / "index.json").read_text(encoding="utf-8"))["figures"]
    failed = [entry["name"] for entry in index if entry.get("failed")]
    assert failed[0] == "importance_000"
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert page.count("this figure could not be drawn") == len(failed)
    assert (run.path / "plots" / "roc.svg").exists()
