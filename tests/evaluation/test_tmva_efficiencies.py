"""TMVA's printed numbers: its own table to the last digit, and closed forms."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from hepml.errors import EmptyClassError, InvalidInputError
from hepml.evaluation import roc_curve, tmva_efficiencies

JOBS = ("random", "block", "alternate", "expr", "posw", "negw")
EFFICIENCY = r"\s+(\d\.\d{3})\((\d\d)\)"
LINE = re.compile(rf"(\S+){EFFICIENCY * 3}\s+(\d\.\d{{3}})\s+\S+\s+\S+ \|\s+(\S+)")
needs_reference = pytest.mark.skipif("HEPML_REFERENCE_DATA" not in os.environ, reason="HEPML_REFERENCE_DATA is not set")


def reference():
    return Path(os.environ["HEPML_REFERENCE_DATA"]) / "tmva_reference"


def table(job):
    """Read the lines of one job: name, three times efficiency and error, ROC-integ, exact area; no Cuts, which have '-'."""
    text = (reference() / "ROC_TABLE.txt").read_text()
    (section,) = re.findall(rf"^== {job}\n(.*?)(?=^==|\Z)", text, re.MULTILINE | re.DOTALL)
    lines = [match.groups() for match in map(LINE.match, section.splitlines()) if match]
    assert len(lines) == len(section.splitlines()) - 1
    return [line for line in lines if line[-1] != "-"]


def printed(result):
    columns = []
    for value, error in zip(result.signal_efficiencies, result.signal_efficiency_errors, strict=True):
        columns += [f"{value:.3f}", f"{int(1000 * error):02d}"]
    return (*columns, f"{result.roc_integral:.3f}")


@needs_reference
@pytest.mark.parametrize("job", JOBS)
def test_numbers_are_those_that_tmva_printed(job):
    wrong = []
    with np.load(reference() / "trees" / f"{job}.npz") as tree:
        # in this job 'weight' is a spectator of that name: its log says that the events weigh 1
        weight = None if job == "expr" else tree["TestTree/weight"]
        for method, *columns, _ in table(job):
            result = tmva_efficiencies(tree["TestTree/classID"] == 0, tree[f"TestTree/{method}"], weight)
            if printed(result) != tuple(columns):
                wrong.append((method, printed(result), columns))
    assert not wrong


@needs_reference
@pytest.mark.parametrize("job", JOBS)
def test_exact_areas_are_those_of_the_table(job):
    with (
        np.load(reference() / "data" / "apply.npz") as sample,
        np.load(reference() / "responses" / f"{job}.npz") as responses,
    ):
        lines = table(job)
        for method, *_, area in lines:
            assert roc_curve(sample["label"], responses[method]).auc == pytest.approx(float(area), abs=1e-5), method
    assert len(lines) >= 4


@needs_reference
def test_an_inverted_classifier_is_flipped_by_tmva_and_not_by_us():
    (line,) = [line for line in table("random") if line[0] == "FDA_MT"]
    with (
        np.load(reference() / "data" / "apply.npz") as sample,
        np.load(reference() / "responses" / "random.npz") as responses,
    ):
        label, score = sample["label"], responses["FDA_MT"]
    assert float(line[-1]) == 0.27631
    assert roc_curve(label, score).auc == pytest.approx(0.276, abs=1e-3)
    result = tmva_efficiencies(label, score)
    assert result.flipped
    assert result.roc_integral == pytest.approx(1 - roc_curve(label, score).auc, abs=0.01)


@pytest.mark.parametrize("negative", [0.0, 0.25])
def test_two_gaussians(draw, negative):
    distance = 1.5
    label, score, weight = draw(np.random.default_rng(3), 200_000, distance, negative)
    result = tmva_efficiencies(label, score, weight)
    # TMVA's straight lines between 100 points lose a little of the area
    assert result.roc_integral == pytest.approx(norm.cdf(distance / np.sqrt(2)), abs=5e-3)
    for target, value in zip(result.background_efficiencies, result.signal_efficiencies, strict=True):
        assert value == pytest.approx(norm.sf(norm.isf(target) - distance), abs=0.012)
    assert not result.flipped


def test_reversed_scores_give_the_same_but_flipped(draw):
    label, score, weight = draw(np.random.default_rng(4), 20_000, 1.0)
    forward, reversed_ = tmva_efficiencies(label, score, weight), tmva_efficiencies(label, -score, weight)
    assert (forward.flipped, reversed_.flipped) == (False, True)
    assert reversed_.roc_integral == pytest.approx(forward.roc_integral, abs=1e-3)
    np.testing.assert_allclose(reversed_.signal_efficiencies, forward.signal_efficiencies, atol=2e-3)


def test_order_of_events_and_scale_of_weights_change_no_printed_digit(draw):
    label, score, weight = draw(np.random.default_rng(5), 5000, 1.0, 0.25)
    order = np.random.default_rng(6).permutation(label.size)
    one, other = tmva_efficiencies(label, score, weight), tmva_efficiencies(label[order], score[order], weight[order])
    assert printed(one) == printed(other)
    # errors follow the sum of weights, which TMVA takes for a number of events
    four = tmva_efficiencies(label, score, 4 * weight)
    assert four.signal_efficiencies == one.signal_efficiencies
    np.testing.assert_allclose(four.signal_efficiency_errors, 0.5 * np.array(one.signal_efficiency_errors))


def test_json_is_plain(draw):
    content = json.loads(
        json.dumps(tmva_efficiencies(*draw(np.random.default_rng(1), 500, 1.0)).to_dict(), allow_nan=False)
    )
    assert content["background_efficiencies"] == [0.01, 0.1, 0.3]
    assert len(content["signal_efficiency_errors"]) == 3


def test_what_has_no_range_or_no_class_is_an_error():
    with pytest.raises(InvalidInputError, match=r"all 4 scores lie at 0\.5"):
        tmva_efficiencies([0, 1, 0, 1], [0.5] * 4)
    with pytest.raises(EmptyClassError, match="no signal event"):
        tmva_efficiencies([0, 0], [0.1, 0.5])
