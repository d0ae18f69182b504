"""From a trained run to the files of other programs and back to scores: the same, whichever way."""

from __future__ import annotations

import gzip
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import uproot
from sklearn.linear_model import LogisticRegression

from hepml.classifiers import Model
from hepml.data import Feature
from hepml.errors import InvalidInputError, OutputError, UnknownNameError
from hepml.tmva import Reader
from hepml.workflow import Analysis, Run, apply_model, convert_model
from hepml.workflow.converting import _writable_for_tmva, _write_for_tmva
from tests.workflow.toys import write_analysis, write_sample

FORMS = [".json", ".npz", ".py", ".hpp", ".c"]
if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnx"):
    FORMS.append(".onnx")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("converting")
    write_sample(folder / "signal.root", 1500, mean=1.0, seed=1)
    write_sample(folder / "background.root", 1500, mean=0.0, seed=2)
    methods = {
        "BDT": {"kind": "xgboost", "n_estimators": 8},
        "HistGB": {"kind": "hist_gradient_boosting", "max_iter": 8},
    }
    return Analysis.from_file(write_analysis(folder, methods=methods)).train(folder / "run")


@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.parametrize("method", ["BDT", "HistGB"])
def test_every_form_is_written_and_verified(run: Run, tmp_path: Path, suffix: str, method: str) -> None:
    out = tmp_path / f"model{suffix}"
    result = convert_model(run.path, out, method=method)
    assert result.path == out
    assert out.stat().st_size > 100
    assert result.verification is None or result.verification.n_events > 1000
    # the folder of the model alone gives the same
    other = tmp_path / f"other{suffix}"
    convert_model(run.path / "models" / method, other)
    if suffix in {".json", ".npz"}:
        assert other.read_bytes() == out.read_bytes()
    with pytest.raises(OutputError, match="exists"):
        convert_model(run.path, out, method=method)


def test_scores_of_a_converted_file_are_those_of_the_run(run: Run, tmp_path: Path) -> None:
    source = run.path.parent / "signal.root"
    apply_model(run.path, source, tmp_path / "run.root", sample="none")
    expected = uproot.open(tmp_path / "run.root")["events"].arrays(library="np")
    for suffix in [form for form in FORMS if form in {".json", ".npz", ".onnx"}]:
        convert_model(run.path, tmp_path / f"BDT{suffix}", method="BDT")
        out = tmp_path / f"scores{suffix}.root"
        apply_model(tmp_path / f"BDT{suffix}", source, out)
        found = uproot.open(out)["events"].arrays(library="np")
        assert set(found) == {"BDT", "BDT_seen"}
        np.testing.assert_allclose(found["BDT"], expected["BDT"], atol=1e-6)
        # nobody knows what a file of another program has seen, unless the user says so
        assert set(found["BDT_seen"]) == {-1}
        apply_model(tmp_path / f"BDT{suffix}", source, out, sample="none", overwrite=True)
        assert set(uproot.open(out)["events"]["BDT_seen"].array(library="np")) == {0}


def test_tmva_takes_expressions(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "BDT.weights.xml"
    convert_model(run.path, out, method="BDT")
    expressions = [feature.expression for feature in run.model("BDT").features]
    from hepml import classifiers

    assert [feature.expression for feature in classifiers.load(out).features] == expressions


def test_one_clear_error(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"BDT, HistGB: choose one"):
        convert_model(run.path, tmp_path / "x.json")
    with pytest.raises(InvalidInputError, match=r"does not tell a format.*\.onnx"):
        convert_model(run.path, tmp_path / "x.pkl", method="BDT")
    with pytest.raises(UnknownNameError, match="did you mean 'BDT'"):
        convert_model(run.path, tmp_path / "x.json", method="BDTs")
    with pytest.raises(UnknownNameError, match="BDT"):
        convert_model(run.path / "models" / "BDT", tmp_path / "x.json", method="other")


def test_the_command(run: Run, tmp_path: Path) -> None:
    def hepml(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hepml", *map(str, arguments)], capture_output=True, text=True, check=False
        )

    done = hepml("convert", run.path, "--method", "BDT", "-o", tmp_path / "bdt.json")
    assert done.returncode == 0, done.stderr
    assert "events scored by xgboost" in done.stdout
    failed = hepml("convert", run.path, "-o", tmp_path / "bdt.weights.xml")
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "choose one (--method)" in failed.stderr


def test_a_method_of_tmva_is_written_for_tmva(tmp_path: Path) -> None:
    original = Path(__file__).resolve().parent.parent / "data" / "tmva" / "random_Fisher.weights.xml.gz"
    result = convert_model(original, tmp_path / "F.weights.xml")
    assert result.verification is not None
    assert result.verification.largest_difference == 0.0
    assert (tmp_path / "F.weights.xml").read_bytes() == gzip.decompress(original.read_bytes())
    with pytest.raises(InvalidInputError, match="neither a tree ensemble nor a dense network"):
        convert_model(original, tmp_path / "F.onnx")


@dataclass(frozen=True)
class Linear:
    """What a plug-in's kind of classifier offers."""

    tmva_model_: LogisticRegression
    kind: str = "linear"


def test_a_kind_of_classifier_may_offer_what_is_written_for_tmva(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 2)).astype(np.float32)
    fitted = LogisticRegression().fit(X, X[:, 0] + rng.normal(size=200) > 0)
    features = (Feature("pt", unit="GeV"), Feature("ratio", "a/b"))
    model = Model("linear", features, Linear(fitted), {"method": "LR"})
    writable = _writable_for_tmva(model)
    assert writable is fitted
    check = _write_for_tmva(model, writable, tmp_path / "x.weights.xml", overwrite=False)
    assert check.verified
    reader = Reader(tmp_path / "x.weights.xml")
    assert [feature.expression for feature in reader.features] == ["pt", "a/b"]
    np.testing.assert_allclose(reader.evaluate(X), fitted.decision_function(X), rtol=0, atol=1e-6)
