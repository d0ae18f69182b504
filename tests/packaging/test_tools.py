"""The scripts behind the Makefile and continuous integration."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from types import ModuleType

PROJECT = Path(__file__).resolve().parents[2]
METADATA = tomllib.loads(PROJECT.joinpath("pyproject.toml").read_text())["project"]


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PROJECT / "tools" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pinned() -> dict[str, str]:
    lines = PROJECT.joinpath("constraints.txt").read_text().splitlines()
    pins = [line.partition("#")[0].strip().split("==") for line in lines if not line.startswith("#")]
    assert all(len(pin) == 2 for pin in pins)
    return dict(pins)


def test_constraints_hold_public_versions_sorted_by_name() -> None:
    pins = pinned()
    assert list(pins) == sorted(pins)
    assert all(re.fullmatch(r"[0-9][0-9a-z.]*", version) for version in pins.values()), (
        "local labels are not on an index"
    )
    assert "hepml-framework" not in pins
    assert pins["torch"] == "2.13.0"


@pytest.mark.parametrize("extra", ["", "dev", "docs", "interchange", "sim", "nn"])
def test_constraints_pin_what_is_asked_for_within_its_bounds(extra: str) -> None:
    lines = METADATA["optional-dependencies"][extra] if extra else METADATA["dependencies"]
    pins = pinned()
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_local_labels_are_stripped_and_kept_pins_carry_a_reason() -> None:
    writer = tool("write_constraints")
    assert writer.public_version("2.13.0+cpu") == "2.13.0"
    assert writer.public_version("1.0rc1") == "1.0rc1"
    text = writer.render({"zlib-x": "1.2", "awkward": "2.0"})
    lines = text.splitlines()[1:]
    assert [line.split("==")[0] for line in lines] == sorted({"zlib-x", "awkward", *writer.KEPT})
    assert all("  # " in line for line in lines if line.split("==")[0] in writer.KEPT)


def test_pins_follow_requirements_of_requirements() -> None:
    pins = tool("write_constraints").pins([Requirement("pytest")])
    assert {"pytest", "pluggy", "iniconfig"} <= set(pins)
    assert "colorama" not in pins, "a marker for another system is not followed"


def test_minimum_requirements_are_the_lower_bounds() -> None:
    result = subprocess.run(
        [sys.executable, PROJECT / "tools" / "minimum_requirements.py"], capture_output=True, text=True, check=True
    )
    bounds = dict(line.split("==") for line in result.stdout.split())
    assert list(bounds) == [Requirement(line).name for line in METADATA["dependencies"]]
    for requirement in map(Requirement, METADATA["dependencies"]):
        assert requirement.specifier.contains(bounds[requirement.name])
    with pytest.raises(SystemExit, match="no lower bound"):
        tool("minimum_requirements").lower_bound("numpy<3")


def test_skips_are_counted_by_reason() -> None:
    checker = tool("check_skips")
    report = (
        '<testsuites><testsuite><testcase><skipped type="pytest.skip" message="needs ROOT">x</skipped></testcase>'
        '<testcase><skipped type="pytest.skip" message="needs ROOT"/></testcase><testcase/>'
        '<testcase><skipped type="pytest.xfail" message="known"/></testcase></testsuite></testsuites>'
    )
    assert checker.skip_reasons(report) == Counter({"needs ROOT": 2})


@pytest.mark.parametrize(("pattern", "code"), [("needs .*", 0), ("needs", 1), ("# needs .*", 1)])
def test_a_skip_must_match_a_whole_pattern(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, pattern: str, code: int
) -> None:
    results, expected = tmp_path / "results.xml", tmp_path / "expected.txt"
    results.write_text('<a><skipped type="pytest.skip" message="needs ROOT"/></a>')
    expected.write_text(f"# reasons\n\n{pattern}\n")
    monkeypatch.setattr(sys, "argv", ["check_skips", str(results), str(expected)])
    assert tool("check_skips").main() == code
    assert "needs ROOT" in capsys.readouterr().out


def test_a_half_installed_package_is_forgotten(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    for name, whole in {"broken-1.0": False, "whole-1.0": True}.items():
        packages.joinpath(f"{name}.dist-info").mkdir(parents=True)
        if whole:
            packages.joinpath(f"{name}.dist-info", "INSTALLER").write_text("pip\n")
    setup = tool("setup_environment")
    assert setup.forget_half_installed(tmp_path) == ["broken-1.0"]
    assert [path.name for path in packages.iterdir()] == ["whole-1.0.dist-info"]
    assert setup.has_pip(Path(sys.executable))
    assert not setup.has_pip(tmp_path / "bin" / "python")


def test_extras_are_complete() -> None:
    extras = METADATA["optional-dependencies"]
    (everything,) = extras["all"]
    assert Requirement(everything).extras == set(extras) - {"all"}
    assert not [line for lines in extras.values() for line in lines if "pyroot" in line.lower()]
