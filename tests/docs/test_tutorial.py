"""The tutorial's code runs: its bash and python blocks, in order, in a copy of the sample and the analyses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TUTORIAL = PROJECT / "docs" / "tutorial.md"
COPIED = ("data", "analyses")


def code_blocks(text: str) -> list[tuple[int, str, str]]:
    """Return line, language and code of every fenced block."""
    return [
        (text[: match.start()].count("\n") + 2, match[1], match[2])
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def run_bash(code: str, folder: Path) -> None:
    # The hepml of the tutorial is the one under test, whether or not this environment has it installed
    program = folder / "bin" / "hepml"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hepml "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
        "MPLBACKEND": "Agg",
    }
    command = ["bash", "-euo", "pipefail", "-c", code]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{code}\n{result.stdout}\n{result.stderr}"


def test_blocks_are_found_with_their_lines() -> None:
    text = "# Title\n\n```bash\nls\n```\n\ntext\n\n```python\nx = 1\ny = 2\n```\n"
    assert code_blocks(text) == [(4, "bash", "ls\n"), (10, "python", "x = 1\ny = 2\n")]


def test_a_failing_command_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="false"):
        run_bash("false\ntrue", tmp_path)


def test_the_tutorial_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = code_blocks(TUTORIAL.read_text())
    assert {language for _, language, _ in blocks} >= {"bash", "python"}
    for name in COPIED:
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "tutorial"}
    for line, language, code in blocks:
        if language == "bash":
            run_bash(code, tmp_path)
        elif language == "python":
            # Blank lines in front, so that a traceback names the line of the tutorial
            exec(compile("\n" * (line - 1) + code, str(TUTORIAL), "exec"), namespace)  # noqa: S102
