"""A kind of classifier from another package: that of the documentation, built, installed and trained in an analysis."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

import hepml
from hepml import classifiers
from hepml.errors import InvalidInputError, ModelFormatError, UnknownNameError
from hepml.workflow import apply_model
from tests.workflow.toys import write_analysis, write_sample

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plugins.md"


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which pip installed the wheel of the package on the page."""
    folder = tmp_path_factory.mktemp("plugin")
    source, target = folder / "source", folder / "installed"
    source.mkdir()
    (source / "pyproject.toml").write_text(block("toml"), encoding="utf-8")
    (source / "hepml_discriminant.py").write_text(block("python"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    offline = ["--no-deps", "--no-index"]
    subprocess.run([*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--target", target, wheel], check=True)
    return target


@pytest.fixture
def plugin(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(installed)
    monkeypatch.delitem(sys.modules, "hepml_discriminant", raising=False)


@pytest.mark.usefixtures("plugin")
def test_it_is_found_by_name_and_is_what_it_says() -> None:
    assert "discriminant" in classifiers.available()
    assert "hepml_discriminant" not in sys.modules
    rng = np.random.default_rng(3)
    y = np.arange(4000) % 2
    X = (rng.normal(size=(4000, 3)) + y[:, None] * [1.0, 0.5, 0.0]).astype(np.float32)
    fitted = classifiers.get("discriminant")(widening=0.0).fit(X, y)
    expected = LinearDiscriminantAnalysis().fit(X.astype(np.float64), y)
    np.testing.assert_allclose(fitted.evaluate(X), expected.predict_proba(X)[:, 1], rtol=1e-3)
    with pytest.raises(UnknownNameError, match=r"did you mean 'widening'"):
        classifiers.get("discriminant").from_options({"widning": 1.0})
    with pytest.raises(InvalidInputError, match="widening"):
        classifiers.get("discriminant").from_options({"widening": -1.0})


@pytest.mark.usefixtures("plugin")
def test_it_trains_in_an_analysis_file_and_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(tmp_path / "signal.root", 600, mean=1.0, seed=1, negative=0.1)
    write_sample(tmp_path / "background.root", 600, mean=-1.0, seed=2)
    methods = {"LD": {"kind": "discriminant", "widening": 0.1}}
    write_analysis(tmp_path, methods=methods, features=["x"], spectators=[])
    run = hepml.Analysis.from_file(tmp_path / "analysis.yaml").train(tmp_path / "run")
    assert run.metrics["methods"]["LD"]["kind"] == "discriminant"
    # two unit Gaussians two apart: the area is Phi(sqrt 2)
    roc = run.metrics["methods"]["LD"]["roc"]
    assert abs(roc["auc"] - 0.92135) < 4 * roc["auc_error"]
    (applied,) = apply_model(run.path, tmp_path / "signal.root", tmp_path / "out", sample="signal")
    with uproot.open(applied.output) as friend, uproot.open(tmp_path / "signal.root") as source:
        X = source["events"].arrays(["x"], library="np")["x"][:, None]
        assert np.array_equal(friend["events"]["LD"].array(library="np"), run.model("LD").evaluate(X))
    bundle = run.path / "models" / "LD"
    text = (bundle / "model.json").read_text()
    (bundle / "model.json").write_text(re.sub(r'"constant": [-0-9.e]+', '"constant": "1"', text))
    with pytest.raises(ModelFormatError, match="a coefficient for each feature"):
        classifiers.load(bundle)
    (bundle / "model.json").write_text(text)
    # where the package is not installed the error names the kind
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "plugin" not in entry])
    with pytest.raises(UnknownNameError, match="unknown classifier 'discriminant'"):
        classifiers.load(bundle)
