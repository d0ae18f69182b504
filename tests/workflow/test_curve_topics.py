"""What a run says of its curves beyond the area: bands, partial areas, replicas, TMVA's numbers, pairs of methods."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hepml import Analysis
from hepml.evaluation import compare_auc, partial_auc, tmva_efficiencies
from hepml.workflow.topics.curve import BAND_LEVEL
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from pathlib import Path

    from hepml import Run


def test_numbers_are_those_of_the_test_events(toy_run: Run) -> None:
    import uproot

    with uproot.open(toy_run.path / "scores.root") as file:
        tree = file["TestTree"].arrays(["classID", "weight", "BDT", "HGB"], library="np")
    label = tree["classID"] == 0
    found = toy_run.metrics["methods"]["BDT"]
    area = partial_auc(label, tree["BDT"], tree["weight"], background_efficiency=(0, 0.1))
    assert found["partial_auc"]["area"] == pytest.approx(area.area)
    assert found["tmva"] == tmva_efficiencies(label, tree["BDT"], tree["weight"]).to_dict()
    (pair,) = toy_run.metrics["comparisons"]
    assert (pair["a"], pair["b"]) == ("BDT", "HGB")
    expected = compare_auc(label, tree["BDT"], tree["HGB"], tree["weight"])
    assert pair["auc"]["difference"] == pytest.approx(expected.difference)
    assert pair["auc"]["p_value"] == pytest.approx(expected.p_value)


def test_one_number_stands_everywhere_it_is_told(toy_run: Run) -> None:
    methods = toy_run.metrics["methods"]
    (pair,) = toy_run.metrics["comparisons"]
    for end, name in (("a", "BDT"), ("b", "HGB")):
        found = methods[name]
        assert pair["auc"][f"value_{end}"] == pytest.approx(found["roc"]["auc"])
        assert pair["auc"][f"error_{end}"] == pytest.approx(found["roc"]["auc_error"])
        assert found["roc_bootstrap"]["auc"] == found["roc"]["auc"]
        assert found["roc_bootstrap"]["auc_error"] == pytest.approx(found["roc"]["auc_error"], rel=0.2)
        band = found["roc_band"]
        assert (band["kind"], band["level"]) == ("simultaneous", BAND_LEVEL)
        assert band["factor"] > 2
        for point, compared in zip(found["working_points"], pair["background_efficiency"], strict=True):
            assert compared["signal_efficiency"] == point["target"]
            assert compared[f"value_{end}"] == point["background_efficiency"]
            assert compared[f"error_{end}"] == point["background_efficiency_error"]


def test_the_report_shows_them(toy_run: Run) -> None:
    page = (toy_run.path / "report.html").read_text(encoding="utf-8")
    for heading in ("Area under the curve", "Is one method better than another?", "As TMVA would print it"):
        assert heading in page
    figure = (toy_run.path / "plots" / "roc.svg").read_text(encoding="utf-8")
    assert "Bands: 95% simultaneous" in figure


def test_a_single_method_is_compared_with_nothing_and_few_events_cost_no_run(tmp_path: Path) -> None:
    write_sample(tmp_path / "signal.root", 200, mean=1.0, seed=1)
    write_sample(tmp_path / "background.root", 200, mean=-1.0, seed=2)
    path = write_analysis(tmp_path, evaluation={"permutations": 20, "partial_auc": 0.05})
    run = Analysis.from_file(path).train(tmp_path / "run")
    assert "comparisons" not in run.metrics
    found = run.metrics["methods"]["BDT"]
    assert found["partial_auc"]["high"] == 0.05
    assert found["partial_auc"]["area_error"] is None
    assert found["working_points"][0]["background_efficiency_error"] is None
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Is one method better than another?" not in page
    json.dumps(run.metrics, allow_nan=False)
