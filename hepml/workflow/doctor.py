"""What is installed: libraries, extras, batch systems, and how to get what is missing."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

__all__ = ["Finding", "examine_installation"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: name, what it is for, version (None if missing), how to get it ('' if there)."""

    name: str
    purpose: str
    version: str | None
    hint: str


# distribution, what it is for
_CORE = (
    ("uproot", "reading and writing ROOT files"),
    ("awkward", "jagged branches"),
    ("numpy", "arrays"),
    ("scipy", "statistics"),
    ("numba", "compiled kernels"),
    ("scikit-learn", "hist_gradient_boosting classifiers"),
    ("xgboost", "xgboost classifiers"),
    ("matplotlib", "figures"),
    ("mplhep", "figures in the experiments' styles"),
)
# module, distribution, what it is for, extra
_EXTRAS = (
    ("ROOT", "root", "PyROOT", "root"),
    ("torch", "torch", "neural networks, GAN", "nn"),
    ("h5py", "h5py", "HDF5 files of showers", "gan"),
    ("lightgbm", "lightgbm", "LightGBM classifiers", "lightgbm"),
    ("fsspec_xrootd", "fsspec-xrootd", "files on XRootD servers", "remote"),
    ("distributed", "distributed", "Dask", "grid"),
    ("optuna", "optuna", "hyper-parameter search", "tune"),
    ("onnxruntime", "onnxruntime", "ONNX models", "onnx"),
    ("skops", "skops", "scikit-learn models without pickle", "sklearn-io"),
    ("shap", "shap", "SHAP importance", "explain"),
    ("pandas", "pandas", "data frames", "interchange"),
    ("pyarrow", "pyarrow", "Arrow and Parquet", "interchange"),
    ("pythia8mc", "pythia8mc", "generating the Higgs sample again", "sim"),
)
_COMMANDS = (
    ("sbatch", "Slurm", "a batch system is the site's to install"),
    ("condor_submit", "HTCondor", "a batch system is the site's to install"),
)


def examine_installation() -> list[Finding]:
    """Look for every library and command that some part of the framework uses, and for a real TMVA.

    Returns
    -------
    list of Finding
        Core libraries, extras, commands, the engines that train TMVA's methods.

    Notes
    -----
    Nothing is imported here. To find a TMVA, ROOT is started in a process of its own, which takes a second or two.
    """
    findings = []
    for name, purpose in _CORE:
        found = _version(name)
        findings.append(Finding(name, purpose, found, "" if found else "pip install hepml-framework"))
    for module, distribution, purpose, extra in _EXTRAS:
        there = importlib.util.find_spec(module) is not None
        found = (_version(distribution) or "unknown version") if there else None
        findings.append(
            Finding(distribution, purpose, found, "" if there else f'pip install "hepml-framework[{extra}]"')
        )
    for command, purpose, hint in _COMMANDS:
        path = shutil.which(command)
        findings.append(Finding(command, purpose, path, "" if path else hint))
    return [*findings, *_engines()]


def _engines() -> list[Finding]:
    from hepml.tmva.engine import examine_tmva
    from hepml.tmva.training import TRAINERS

    native = Finding(
        "engine native", f"training TMVA's {', '.join(TRAINERS)}", _version("hepml-framework") or "unknown version", ""
    )
    found = examine_tmva()
    there = None if found.tmva is None else f"TMVA {found.tmva} of ROOT {found.root}"
    return [native, Finding("engine root", "training all of TMVA's methods by ROOT.TMVA", there, found.problem)]


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
