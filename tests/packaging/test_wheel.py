"""The wheel and the sdist: built offline from what is in the checkout, installed elsewhere, run from outside it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SAMPLE = PROJECT / "data" / "higgs_tautau"
CACHES = {"__pycache__", ".mypy_cache", ".ruff_cache"}

ANALYSIS = """\
name: tiny
tree: events
samples:
  - {{name: signal, role: signal, files: {signal}, weight: weight}}
  - {{name: background, role: background, files: {background}, weight: weight}}
features: [m_vis, mt_lep_met, met, {{name: leading_jet, expression: "Alt$(jet_pt[0], -999)", missing: -999}}]
identity: [run, event_number]
evaluation: {{permutations: 20}}
methods:
  hgb: {{kind: hist_gradient_boosting}}
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command, and return what it says; a failure shows everything."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    texts = [str(part) for part in command]
    result = subprocess.run(
        texts, cwd=cwd, env=kept | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert result.returncode == 0, f"{' '.join(texts)}\n{result.stdout}"
    return result.stdout


def package_files() -> set[str]:
    """Files of the package as they are in the checkout."""
    paths = PROJECT.joinpath("hepml").rglob("*")
    return {path.relative_to(PROJECT).as_posix() for path in paths if path.is_file() and not CACHES & set(path.parts)}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a build reads, so that leftovers of earlier builds in the checkout cannot get in."""
    folder = tmp_path_factory.mktemp("source")
    for name in {*package_files(), "pyproject.toml", "setup.cfg", "README.md", "LICENSE"}:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(PROJECT.joinpath(name).read_bytes())
    return folder


def build(source: Path, output: Path, *kinds: str) -> Path:
    """Build with the tools of this environment, and return the only file that came out."""
    run(sys.executable, "-m", "build", "--no-isolation", *kinds, "--outdir", output, source, cwd=output.parent)
    (built,) = output.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(source, tmp_path_factory.mktemp("wheel"), "--wheel")


@pytest.fixture(scope="module")
def unpacked_sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sdist = build(source, tmp_path_factory.mktemp("sdist"), "--sdist")
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    return unpacked


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, which sees the packages of this one but not its hepml."""
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=folder)
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin" / "python"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    # A folder on the path takes part in imports, but its .pth files are not run: the editable hepml stays out
    (site_packages,) = environment.glob("lib/python3.*/site-packages")
    site_packages.joinpath("beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


def members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    files = {name for name in members(wheel) if ".dist-info/" not in name}
    assert files == package_files()
    assert [name for name in files if not name.endswith(".py")], "py.typed at least is no Python file"


def test_the_wheel_carries_its_licence_and_name(wheel: Path) -> None:
    assert wheel.name.startswith("hepml_framework-")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert [name for name in members(wheel) if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_sdist_builds_the_same_wheel(unpacked_sdist: Path, wheel: Path, tmp_path: Path) -> None:
    again = build(unpacked_sdist, tmp_path / "again", "--wheel")
    assert again.name == wheel.name
    with zipfile.ZipFile(wheel) as direct, zipfile.ZipFile(again) as indirect:
        assert set(direct.namelist()) == set(indirect.namelist())
        # RECORD lists the others' hashes, in an order of its own
        different = [
            name
            for name in direct.namelist()
            if not name.endswith("/RECORD") and direct.read(name) != indirect.read(name)
        ]
    assert different == []


def test_imports_come_from_the_wheel(installed: Path, outside: Path) -> None:
    code = "import hepml, numpy; print(hepml.__file__); print(hepml.__version__); print(numpy.__file__)"
    hepml_file, version, numpy_file = run(installed / "bin" / "python", "-c", code, cwd=outside).splitlines()
    assert Path(hepml_file).is_relative_to(installed)
    assert not Path(numpy_file).is_relative_to(installed)
    assert version


@pytest.mark.parametrize("command", [["bin/hepml"], ["bin/python", "-m", "hepml"]], ids=" ".join)
def test_help_from_outside_the_checkout(installed: Path, outside: Path, command: list[str]) -> None:
    program, *arguments = command
    text = run(installed / program, *arguments, "--help", cwd=outside)
    assert "train" in text
    assert "inspect" in text


def test_training_from_outside_the_checkout(installed: Path, outside: Path) -> None:
    signal, background = (SAMPLE / f"{name}.root" for name in ("ggH", "Ztautau"))
    outside.joinpath("analysis.yaml").write_text(ANALYSIS.format(signal=signal, background=background))
    run(installed / "bin" / "hepml", "train", "analysis.yaml", "-o", "run", cwd=outside, MPLBACKEND="Agg")
    assert outside.joinpath("run", "metrics.json").is_file()
    assert outside.joinpath("run", "report.html").stat().st_size > 1000
