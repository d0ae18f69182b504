"""What is committed: no path of one machine, nothing large."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
LARGEST_FILE = 2_000_000
LARGEST_TOTAL = 30_000_000

# Put together here, so that this file does not hold what it looks for
MACHINE_PATHS = [b"/" + name + b"/" for name in (b"work", b"root", b"tmp/bash_jobs", b"home/runner")]


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    # A clone that belongs to another user is refused unless it is called safe
    command = ["git", "-c", f"safe.directory={PROJECT}", "ls-files", "-z"]
    if not (PROJECT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout.decode()
    paths = [PROJECT / name for name in listing.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def test_no_file_is_large(tracked: list[Path]) -> None:
    large = {str(path.relative_to(PROJECT)): path.stat().st_size for path in tracked}
    assert {name: size for name, size in large.items() if size > LARGEST_FILE} == {}
    assert sum(large.values()) < LARGEST_TOTAL


def test_no_text_names_a_path_of_one_machine(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        content = path.read_bytes()
        if b"\0" in content[:8192]:
            continue
        found += [f"{path.relative_to(PROJECT)}: {name.decode()}" for name in MACHINE_PATHS if name in content]
    assert found == []


def test_nothing_that_is_generated_is_tracked(tracked: list[Path]) -> None:
    generated = {
        "__pycache__",
        "runs",
        "_build",
        ".venv",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        "build",
        "dist",
    }
    assert [path for path in tracked if generated & set(path.relative_to(PROJECT).parts)] == []
