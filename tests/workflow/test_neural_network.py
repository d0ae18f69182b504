"""The analysis of ``analyses/neural_network`` with small networks: trained, and used without torch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
import yaml

from hepml import Analysis, Run
from hepml.workflow import apply_model, convert_model
from tests.workflow.test_documentation import (
    OF_NETWORKS,
    assert_formulae,
    documented,
    formulae,
    leaves,
    statistics,
)

pytest.importorskip("torch", reason="torch is not installed")

FOLDER = Path(__file__).parents[2] / "analyses" / "neural_network"
ZTAUTAU = FOLDER.parents[1] / "data" / "higgs_tautau" / "Ztautau.root"


def small(content: Any) -> Any:
    """Make it quick: small networks, few epochs, few figures."""
    for sample in content["samples"]:
        sample["files"] = str((FOLDER / sample["files"]).resolve())
    for method in content["methods"].values():
        quick = (
            {"width": 16, "n_layers": 2, "epochs": 4, "n_jobs": 1} if method["kind"] == "nn" else {"n_estimators": 20}
        )
        method.update(quick)
    content["report"] = {"formats": ["svg"]}
    content["evaluation"] |= {"permutations": 20, "permutation_repeats": 0}
    return content


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("neural_network")
    content = small(yaml.safe_load((FOLDER / "analysis.yaml").read_text(encoding="utf-8")))
    (folder / "analysis.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return Analysis.from_file(folder / "analysis.yaml").train(folder / "run")


def test_networks_separate_and_tell_their_losses(run: Run) -> None:
    for name in ("NN", "DisCo"):
        method = run.metrics["methods"][name]
        assert method["roc"]["auc"] > 0.7
        (curve,) = method["loss_curve"]
        watched = method["training"]["validation_log_loss"]
        assert curve["kept"] == method["training"]["iterations"] == 1 + int(np.argmin(watched))
        assert curve["validation"] == min(watched)
    assert "loss_curve" not in run.metrics["methods"]["BDT"]
    assert (run.path / "plots" / "loss_000_00.svg").is_file()
    assert not list((run.path / "models").glob(".*"))


def test_every_number_is_documented(run: Run) -> None:
    assert_formulae(run.metrics)
    written = {re.sub(r"^methods\.[^.]+", "methods.NAME", path) for path in leaves(run.metrics)}
    assert all(any(f"{path}.".startswith(family) for path in written) for family in OF_NETWORKS)
    assert {f"{family}*" for family in OF_NETWORKS} <= documented()
    assert {name for topic, name in statistics(run.metrics) if topic == "loss_curve"} == set(formulae()["loss_curve"])


def test_it_is_applied_and_converted_without_torch(run: Run, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom hepml.workflow import apply_model, convert_model\n"
        f"apply_model({str(run.path)!r}, [{str(ZTAUTAU)!r}], {str(tmp_path / 'friends')!r})\n"
        f"convert_model({str(run.path / 'models' / 'NN')!r}, {str(tmp_path / 'nn.onnx')!r})\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    apply_model(tmp_path / "nn.onnx", [ZTAUTAU], tmp_path / "exported", sample="none", tree="events")
    with uproot.open(tmp_path / "friends" / ZTAUTAU.name) as file:
        expected = file["events"]["NN"].array(library="np")
    with uproot.open(tmp_path / "exported" / ZTAUTAU.name) as file:
        found = file["events"]["nn"].array(library="np")
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_header_is_written_too(run: Run, tmp_path: Path) -> None:
    convert_model(run.path / "models" / "NN", tmp_path / "nn.hpp")
    assert "namespace" in (tmp_path / "nn.hpp").read_text(encoding="utf-8")
