"""The README's commands and code, run as they stand there, one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def test_what_the_readme_shows_can_be_run(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(ROOT / "data")
    folder = tmp_path / "analyses" / "higgs_tautau"
    folder.mkdir(parents=True)
    content = yaml.safe_load((ROOT / "analyses" / "higgs_tautau" / "analysis.yaml").read_text(encoding="utf-8"))
    # the same analysis, with less to train
    content |= {"methods": {"BDT": {"kind": "xgboost", "n_estimators": 5}}, "evaluation": {"permutations": 20}}
    (folder / "analysis.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    lines = [line[2:].partition("#")[0] for block in blocks("console") for line in block.splitlines()]
    commands = [line.strip() for line in lines if line.startswith("hepml ")]
    assert {command.split()[1] for command in commands} == {
        "apply",
        "compare",
        "convert",
        "doctor",
        "evaluate",
        "gan",
        "inspect",
        "report",
        "skim",
        "train",
    }
    for command in commands:
        shown = command.replace("hepml", f"{sys.executable} -m hepml", 1)
        run = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert run.returncode == 0, (command, run.stderr)
    assert sorted(path.name for path in (tmp_path / "scored").iterdir()) == sorted(
        path.name for path in (ROOT / "data" / "higgs_tautau").glob("*.root")
    )
    assert (tmp_path / "showers.h5").is_file()
    (code,) = blocks("python")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
