"""The core works without a single extra: inspect, train and apply with all of their modules blocked."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import uproot
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent
SAMPLE = PROJECT / "data" / "higgs_tautau"

# Where the module's name is not the distribution's
MODULES = {
    "pythia8mc": {"pythia8mc", "pythia8"},
    "root": {"ROOT", "cppyy", "libROOTPythonizations"},
    "pyyaml": {"yaml"},
}
# What an extra brings along and a careless import would reach for
COMPANIONS = {"dask", "fsspec_xrootd", "skl2onnx", "onnxmltools", "XRootD"}

RUNNER = """
import sys

BLOCKED = frozenset({blocked!r})


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{{name}} belongs to an extra, and none is there", name=name)
        return None


loaded = BLOCKED & {{name.partition(".")[0] for name in sys.modules}}
for name in [name for name in sys.modules if name.partition(".")[0] in loaded]:
    del sys.modules[name]
sys.meta_path.insert(0, Blocker())

from hepml.cli.main import main

sys.argv = ["hepml", *{arguments!r}]
sys.exit(main())
"""

ANALYSIS = """\
name: tiny
tree: events
samples:
  - {{name: signal, role: signal, files: "{signal}", weight: weight}}
  - {{name: background, role: background, files: "{background}", weight: weight}}
features: [m_vis, mt_lep_met, met, {{name: leading_jet, expression: "Alt$(jet_pt[0], -999)", missing: -999}}]
identity: [run, event_number]
evaluation: {{permutations: 20}}
methods:
  xgb: {{kind: xgboost}}
  hgb: {{kind: hist_gradient_boosting}}
"""


def module_names(distribution: str) -> set[str]:
    """Name what a distribution lets one import: as it says itself if it is here, else by its name."""
    name = canonicalize_name(distribution)
    installed = {
        module
        for module, owners in metadata.packages_distributions().items()
        if name in {canonicalize_name(owner) for owner in owners}
    }
    return installed | MODULES.get(name, {name.replace("-", "_")})


def modules_of_extras() -> set[str]:
    """Everything that only an extra brings."""
    project = tomllib.loads(PROJECT.joinpath("pyproject.toml").read_text())["project"]
    core = {name for line in project["dependencies"] for name in module_names(Requirement(line).name)}
    extras = {
        name
        for lines in project["optional-dependencies"].values()
        for line in lines
        for name in module_names(Requirement(line).name)
    }
    return (extras | COMPANIONS) - core - {"hepml", "hepml_framework"}


BLOCKED = modules_of_extras()


def hepml(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    code = RUNNER.format(blocked=sorted(BLOCKED), arguments=[str(argument) for argument in arguments])
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def sample_files() -> tuple[Path, Path]:
    """One signal and one background file of the committed sample."""
    files = {path.stem: path for path in SAMPLE.glob("*.root")}
    return files["ggH"], files["Ztautau"]


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    signal, background = sample_files()
    path = tmp_path_factory.mktemp("extras") / "analysis.yaml"
    path.write_text(ANALYSIS.format(signal=signal, background=background))
    return path


@pytest.fixture(scope="module")
def run(analysis: Path) -> Path:
    output = analysis.parent / "run"
    result = hepml("train", analysis, "-o", output, cwd=analysis.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    return output


def test_the_list_of_what_is_blocked_is_complete() -> None:
    assert {"torch", "h5py", "ROOT", "lightgbm", "distributed", "dask", "optuna", "onnx", "onnxruntime"} <= BLOCKED
    assert {"skops", "shap", "pythia8mc", "fastjet", "fsspec_xrootd", "aiohttp", "sphinx", "pytest_mpl"} <= BLOCKED
    assert {"pandas", "pyarrow"} <= BLOCKED
    assert not {"numpy", "yaml", "sklearn", "uproot", "rich", "click", "hepml"} & BLOCKED


def test_what_is_blocked_cannot_be_imported(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", RUNNER.partition("from hepml")[0].format(blocked=["fractions"]) + "import fractions"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "fractions belongs to an extra" in result.stderr


def test_inspect_without_extras(tmp_path: Path) -> None:
    signal, _ = sample_files()
    result = hepml("inspect", signal, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "events" in result.stdout


def test_train_without_extras(run: Path) -> None:
    assert (run / "metrics.json").is_file()
    assert sorted(path.name for path in (run / "models").iterdir()) == ["hgb", "xgb"]


@pytest.mark.parametrize("method", ["xgb", "hgb"])
def test_apply_without_extras(run: Path, tmp_path: Path, method: str) -> None:
    signal, _ = sample_files()
    result = hepml("apply", run / "models" / method, signal, "-o", tmp_path / "scores", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    (written,) = (tmp_path / "scores").glob("*.root")
    with uproot.open(signal) as file, uproot.open(written) as friend:
        assert friend["events"].num_entries == file["events"].num_entries
        assert {method, f"{method}_seen"} <= set(friend["events"].keys())
