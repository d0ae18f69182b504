"""Significance in a run: what stands in metrics.json is what the scores of the run give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

from hepml.config import parse_analysis
from hepml.errors import AnalysisFileError
from hepml.evaluation import FIGURES_OF_MERIT, binned_significance, choose_score_binning, significance_at_cut
from tests.workflow.toys import analysis_content

if TYPE_CHECKING:
    from hepml import Run


def part(run: Run, tree: str, split: int, name: str) -> dict[str, Any]:
    """Events of a part, to be scaled to all, as anyone reads them off scores.root."""
    with uproot.open(run.path / "scores.root") as file:
        trees = {
            key: file[key].arrays(["classID", "weight", "split", name], library="np")
            for key in ("TrainTree", "TestTree")
        }
    label, weight = (np.concatenate([found[key] for found in trees.values()]) for key in ("classID", "weight"))
    here = trees[tree]["split"] == split
    return {
        "y_true": trees[tree]["classID"][here] == 0,
        "score": trees[tree][name][here],
        "weight": trees[tree]["weight"][here],
        "full_sums": [weight[label == number].sum() for number in (1, 0)],
        "full_squares": [np.square(weight[label == number]).sum() for number in (1, 0)],
    }


@pytest.mark.parametrize("name", ["BDT", "HGB"])
def test_metrics_are_those_of_the_scores(toy_run: Run, name: str) -> None:
    found = toy_run.metrics["methods"][name]["significance"]
    test = part(toy_run, "TestTree", 3, name)
    assert [cut["figure"] for cut in found["cuts"]] == list(FIGURES_OF_MERIT)
    for cut in found["cuts"]:
        for events, key in ((part(toy_run, "TrainTree", 2, name), "validation"), (test, "test")):
            here = significance_at_cut(**events, threshold=cut["threshold"], figures=[cut["figure"]])
            expected = here.significances[cut["figure"]].to_dict()
            assert cut[key] == {
                item: pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
                for item, value in expected.items()
            }
    edges = choose_score_binning(**part(toy_run, "TrainTree", 2, name)).edges
    assert found["binning"]["edges"] == edges[1:-1].tolist()
    assert found["binned"]["combined"] == pytest.approx(binned_significance(**test, edges=edges).combined, rel=1e-9)
    # everything passes the loosest cut, scaled to all events of the sample
    assert found["curve"]["background"][-1] == pytest.approx(test["full_sums"][0])
    assert found["curve"]["signal"][-1] == pytest.approx(test["full_sums"][1])
    assert found["curve"]["thresholds"] == toy_run.metrics["methods"][name]["roc"]["curve"]["thresholds"][1:]
    assert found["optimum_bias"]["noise"] > 0


def test_report_and_figures_show_it(toy_run: Run) -> None:
    report = (toy_run.path / "report.html").read_text(encoding="utf-8")
    for text in ("Working points and significance", "BDT: significance", "Significance of noise at the optimum"):
        assert text in report
    for name in ("significance_000", "score_binning_001"):
        assert (toy_run.path / "plots" / f"{name}.svg").is_file()
    table = (toy_run.path / "plots" / "significance_000.yaml").read_text(encoding="utf-8")
    assert "z_a_sigma_b" in table


def test_analysis_file_is_closed() -> None:
    with pytest.raises(AnalysisFileError, match="relative_sigma_b"):
        parse_analysis(analysis_content(evaluation={"significance": {"relative_sigmab": 0.1}}))
    with pytest.raises(AnalysisFileError, match="z_a_sigma_b"):
        parse_analysis(analysis_content(evaluation={"significance": {"figure": "z"}}))
