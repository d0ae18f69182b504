"""Runs, TMVA.root files and models side by side: the same numbers as alone, and no difference where there is none."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot
from click.testing import CliRunner

import hepml
from hepml.errors import (
    FeatureMismatchError,
    IdentityError,
    InvalidInputError,
    MissingFileError,
    ModelFormatError,
    OutputError,
    UnknownNameError,
)
from hepml.tmva import Reader
from hepml.tmva.output import OutputEvents, write_output
from hepml.workflow import convert_model
from hepml.workflow.comparing.opening import open_sources
from tests.workflow.test_documentation import documented, leaves
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from hepml import Run

SMALL = Path(__file__).parents[1] / "data" / "tmva"
REFERENCE = os.environ.get("HEPML_REFERENCE_DATA")


@pytest.fixture(scope="module")
def toy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    write_sample(folder / "signal.root", 800, mean=1.0, seed=1, negative=0.1)
    write_sample(folder / "background.root", 800, mean=-1.0, seed=2)
    return folder


@pytest.fixture(scope="module")
def toy_run(toy_folder: Path) -> Run:
    """A run of two methods with as few topics as there can be."""
    methods = {
        "BDT": {"kind": "xgboost", "n_estimators": 20, "max_depth": 3},
        "HGB": {"kind": "hist_gradient_boosting", "max_iter": 3},
    }
    evaluation = {"permutations": 20, "permutation_repeats": 0, "explained_events": 0}
    path = write_analysis(toy_folder, methods=methods, evaluation=evaluation)
    return hepml.Analysis.from_file(path).train(toy_folder / "toy")


@pytest.fixture(scope="module")
def weights_file(toy_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The BDT of the run as a model that knows nothing of its training."""
    return convert_model(toy_run.path, tmp_path_factory.mktemp("weights") / "BDT.weights.xml", method="BDT").path


def output_of(run: Run, path: Path, *, real: type = np.float64) -> Path:
    """Write scores of a run as a TMVA.root, with the identity as integers or as ``real``."""
    trees = []
    for name in ("TrainTree", "TestTree"):
        found = run.scores(name)
        chosen = found["split"] != 2
        found = {column: values[chosen] for column, values in found.items()}
        trees.append(
            OutputEvents(
                class_id=found["classID"],
                classes={0: "Signal", 1: "Background"},
                weight=found["weight"],
                variables={"x": found["x"], "y2": found["y2"]},
                spectators={
                    column: found[column] if real is np.int64 else found[column].astype(real)
                    for column in ("run", "event_number")
                },
                responses={"BDT": found["BDT"]},
                weight_is_normalised=False,
            )
        )
    write_output(path, trees[0], trees[1], kinds={"BDT": "BDT"})
    return path


def test_a_run_alone_says_what_its_metrics_say(toy_run: Run) -> None:
    found = hepml.compare([toy_run.path], working_points=(0.5,), permutations=5).to_dict()
    for name in ("BDT", "HGB"):
        alone, here = toy_run.metrics["methods"][name], found["methods"][name]
        assert here["roc"]["auc"] == pytest.approx(alone["roc"]["auc"], rel=1e-12)
        assert here["roc"]["auc_error"] == pytest.approx(alone["roc"]["auc_error"], rel=1e-9)
        assert here["overtraining"]["verdict"] == alone["overtraining"]["verdict"]
        assert here["overtraining"]["auc_gap"] == pytest.approx(alone["overtraining"]["auc_gap"], abs=1e-12)
        assert here["training_seconds"] == toy_run.provenance["seconds"][f"train {name}"]
    known, difference = toy_run.metrics["comparisons"][0]["auc"], found["comparisons"][0]["auc"]
    for key in ("difference", "difference_error", "p_value"):
        assert difference[key] == pytest.approx(known[key], rel=1e-6)
    assert found["weights"] == {"of": "toy", "kind": "physics weights", "proportional": {}}
    assert found["sources"][0]["n_compared"] == sum(
        row["n_events"] for row in toy_run.metrics["parts"] if row["part"] == "test"
    )


def test_a_run_its_model_its_weights_file_and_its_tmva_output_do_not_differ(
    toy_run: Run, weights_file: Path, tmp_path: Path
) -> None:
    output = output_of(toy_run, tmp_path / "TMVA.root", real=np.int64)
    sources = [toy_run.path, toy_run.path / "models" / "BDT", weights_file, output]
    found = hepml.compare(sources, tmp_path / "compared", methods=["BDT"], permutations=5)
    content = found.to_dict()
    assert content["method_order"] == ["toy/BDT", "BDT/BDT", "BDT.weights.xml/BDT", "TMVA/BDT"]
    assert content["matching"]["by"] == "identity"
    assert {row["n_trained"] + row["n_absent"] for row in content["sources"]} == {0}
    assert len({round(content["methods"][name]["roc"]["auc"], 6) for name in content["method_order"]}) == 1
    assert all(abs(pair["auc"]["difference"]) < 1e-6 for pair in content["comparisons"])
    assert content["comparisons"][0]["auc"]["reason"] == "the two scores order all events alike"
    assert any("weights.xml was trained on is not known" in remark for remark in content["remarks"])
    assert "not_computable" in content["methods"][content["method_order"][2]]["overtraining"]
    folder = tmp_path / "compared"
    assert {path.name for path in folder.iterdir()} == {"comparison.json", "report.html", "plots", "provenance.json"}
    written = json.loads((folder / "comparison.json").read_text())
    assert written["comparisons"][0]["auc"] == content["comparisons"][0]["auc"]
    page = (folder / "report.html").read_text()
    assert "this figure could not be drawn" not in page
    assert page.count("<img ") == len(json.loads((folder / "plots" / "index.json").read_text())["figures"])
    keys = {re.sub(r"^methods\.(.*?/BDT|[^.]+)", "methods.NAME", path) for path in leaves(written)}
    check_documented(keys)
    with pytest.raises(OutputError, match="exists already"):
        hepml.compare([toy_run.path], folder)


def check_documented(written: set[str]) -> None:
    told = documented("comparing.md", "## comparison.json", "## Refused")
    exact = {key for key in told if not key.endswith("*")}
    families = {key[:-1] for key in told if key.endswith("*")}
    assert {path for path in written - exact if not any(f"{path}.".startswith(family) for family in families)} == set()
    assert exact - written == set()


def test_events_of_a_training_are_dropped_and_counted(toy_run: Run, toy_folder: Path) -> None:
    model = toy_run.path / "models" / "BDT"
    files = {name: [f"{toy_folder}/{name}.root:events"] for name in ("signal", "background")}
    found = hepml.compare([model], **files, weight="weight", identity=["run", "event_number"], permutations=5).to_dict()
    parts = toy_run.metrics["parts"]
    assert found["sources"][0]["n_test"] == sum(row["n_events"] for row in parts)
    assert found["sources"][0]["n_compared"] == sum(row["n_events"] for row in parts if row["part"] == "test")
    alone = toy_run.metrics["methods"]["BDT"]["roc"]["auc"]
    assert found["methods"]["BDT"]["roc"]["auc"] == pytest.approx(alone, rel=1e-12)


def test_models_score_the_events_of_an_analysis(toy_run: Run, toy_folder: Path, weights_file: Path) -> None:
    found = hepml.compare(
        [toy_run.path, weights_file], analysis=toy_folder / "analysis.yaml", methods=["BDT"], permutations=5
    )
    content = found.to_dict()
    learnt = sum(row["n_events"] for row in toy_run.metrics["parts"] if row["part"] != "test")
    assert [row["n_trained"] for row in content["sources"]] == [0, learnt]
    assert content["weights"]["proportional"] == {"BDT": True}
    assert content["matching"]["columns_that_agree"] == ["x", "y2"]
    assert abs(content["comparisons"][0]["auc"]["difference"]) < 1e-6


def test_identities_that_float32_cannot_hold_are_refused(toy_run: Run, tmp_path: Path) -> None:
    output = output_of(toy_run, tmp_path / "TMVA.root", real=np.float32)
    with pytest.raises(IdentityError, match="run:event_number is kept as float32 by one of the sources"):
        hepml.compare([toy_run.path, output])


def test_a_model_of_other_features_is_refused(toy_run: Run, weights_file: Path, tmp_path: Path) -> None:
    text = weights_file.read_text(encoding="utf-8")
    other = tmp_path / "other.weights.xml"
    other.write_text(text.replace('"y*y"', '"y*y*y"'), encoding="utf-8")
    with pytest.raises(FeatureMismatchError, match=r"needs 'y\*y\*y'.*which is no column of toy"):
        hepml.compare([toy_run.path, other])


def test_what_cannot_be_compared_is_said(toy_run: Run, weights_file: Path, tmp_path: Path) -> None:
    run = toy_run.path
    for sources, options, kind, message in (
        ([], {}, InvalidInputError, "nothing to compare"),
        ([run, run], {}, InvalidInputError, "named twice"),
        ([weights_file], {}, InvalidInputError, "is a model and holds no events"),
        ([run], {"analysis": "a.yaml", "signal": ["x.root"]}, InvalidInputError, "not from both"),
        ([run], {"signal": ["x.root"]}, InvalidInputError, "files of background are missing"),
        ([run], {"tree": "t"}, InvalidInputError, "of which there are none"),
        ([run], {"analysis": run / "analysis.yaml"}, InvalidInputError, "there is no model to score them"),
        ([run, weights_file], {"signal_efficiency": 0.7}, InvalidInputError, "none of the models holds cuts"),
        ([run], {"working_points": (0.5, 1.5)}, InvalidInputError, "between 0 and 1"),
        ([run], {"methods": ["BTD"]}, UnknownNameError, "did you mean 'BDT'"),
        ([run], {"style": "ATLSA"}, UnknownNameError, "did you mean 'ATLAS'"),
        ([tmp_path], {}, ModelFormatError, "neither a run"),
        ([tmp_path / "gone.root"], {}, MissingFileError, "does not exist"),
    ):
        given: dict[str, Any] = options
        with pytest.raises(kind, match=message):
            hepml.compare(sources, **given)


def test_sources_of_one_name_are_told_apart_by_their_folders(toy_run: Run, tmp_path: Path) -> None:
    copy = tmp_path / "again" / "toy"
    copy.mkdir(parents=True)
    for name in ("metrics.json", "provenance.json", "analysis.yaml", "scores.root"):
        shutil.copy(toy_run.path / name, copy / name)
    made = hepml.compare([toy_run.path, copy], methods=["BDT", "again/toy/HGB"], permutations=5)
    assert list(made.methods) == [f"{toy_run.path.parent.name}/toy/BDT", "again/toy/BDT", "HGB"]


def test_cuts_decide_at_a_signal_efficiency(tmp_path: Path) -> None:
    cuts = SMALL / "random_Cuts.weights.xml.gz"
    rng = np.random.default_rng(4)
    events = {}
    for number, name in enumerate(("signal", "background")):
        columns = {f"var{index}": rng.normal(0.5 - number, 1.0, 500).astype(np.float32) for index in range(1, 5)}
        events[name] = [str(tmp_path / f"{name}.root")]
        with uproot.recreate(events[name][0]) as file:
            file["tree"] = columns | {"event": np.arange(500) + 500 * number}
        decisions = Reader(cuts).evaluate(columns, signal_efficiency=0.7)
        events[name].append(float(decisions.mean()))
    given = {"signal": events["signal"][:1], "background": events["background"][:1], "identity": ["event"]}
    with pytest.raises(InvalidInputError, match="--signal-efficiency"):
        hepml.compare([cuts], **given)
    content = hepml.compare([cuts], signal_efficiency=0.7, permutations=2, **given).to_dict()
    # the area of a decision
    expected = 0.5 * (1.0 + events["signal"][1] - events["background"][1])
    assert content["methods"]["Cuts"]["roc"]["auc"] == pytest.approx(expected, abs=1e-12)
    assert any("signal efficiency of 0.7" in remark for remark in content["remarks"])


def test_the_command_prints_tables(toy_run: Run) -> None:
    from hepml.cli.compare import compare

    told = CliRunner().invoke(compare, [str(toy_run.path), "--methods", "BDT, HGB", "--working-point", "0.5"])
    assert told.exit_code == 0, told.output
    assert "are in the test part of every source" in told.output
    assert "AUC of b - a" in told.output


@pytest.mark.skipif(REFERENCE is None, reason="HEPML_REFERENCE_DATA is not set")
def test_weights_files_of_tmva_reproduce_its_own_output(tmp_path: Path) -> None:
    reference = Path(str(REFERENCE)) / "tmva_reference"
    methods = ("Fisher", "Likelihood", "BDT10", "BDTG10")
    files = []
    for method in methods:
        files.append(tmp_path / f"{method}.weights.xml")
        packed = reference / "weights" / "alternate" / f"TMVA_{method}.weights.xml.gz"
        files[-1].write_bytes(gzip.decompress(packed.read_bytes()))
    toy = reference / "data" / "toy.root"
    made = hepml.compare(
        [reference / "output" / "TMVA_alternate.root", *files],
        signal=[f"{toy}:TreeS"],
        background=[f"{toy}:TreeB"],
        permutations=2,
    )
    content = made.to_dict()
    assert content["matching"] == {
        "by": "identity as float32",
        "identity": ["eventnumber"],
        "columns_that_agree": ["var1", "var2", "var3", "var4"],
        "n_compared": 10_000,
    }
    assert [row["n_trained"] for row in content["sources"]] == [0, *[10_000] * 4]
    assert set(content["weights"]["proportional"].values()) == {True}
    pairs = {(pair["a"], pair["b"]): pair["auc"] for pair in content["comparisons"]}
    first, rows = made.sources[0], made.matched.rows
    for place, method in enumerate(methods, 1):
        responses = first.test.scores[method][rows[0]]
        ours = made.sources[place].test.scores[method][rows[place]]
        assert np.abs(responses - ours).max() <= 2e-6
        assert abs(pairs[f"TMVA_alternate/{method}", f"{method}/{method}"]["difference"]) <= 1e-5  # float32 makes ties


@pytest.mark.skipif(REFERENCE is None, reason="HEPML_REFERENCE_DATA is not set")
@pytest.mark.parametrize(("job", "message"), [("multi", "the classes C0, C1, C2"), ("reg", "holds a regression")])
def test_what_is_no_classification_is_refused(job: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        hepml.compare([Path(str(REFERENCE)) / "tmva_reference" / "output" / f"TMVA_{job}.root"])


def test_sources_of_one_name_are_told_apart(toy_run: Run, tmp_path: Path) -> None:
    """By the end of the file's name where that is enough, else by the folders above."""
    output = output_of(toy_run, tmp_path / "toy.root", real=np.int64)
    assert [source.name for source in open_sources([toy_run.path, output])] == ["toy", "toy.root"]
    other = tmp_path / "other" / "toy.root"
    other.parent.mkdir()
    shutil.copy(output, other)
    assert [source.name for source in open_sources([output, other])] == [f"{tmp_path.name}/toy", "other/toy"]
