"""Bring a virtual environment to what this checkout needs.

``python3 tools/setup_environment.py .venv --extras dev,docs`` may be interrupted at any point and repeated: a virtual
environment without a working pip is made again, and a package that was only half unpacked is installed again. Standard
library only, because it runs before anything is installed.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
LINES_SHOWN = 30


def main() -> int:
    """Create or repair the environment and install the project in editable mode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", type=Path, help="folder of the virtual environment")
    parser.add_argument("--extras", default="", help="comma-separated extras of pyproject.toml")
    parser.add_argument("--constraints", type=Path, default=PROJECT / "constraints.txt", help="pinned versions")
    parser.add_argument("--also", nargs="*", default=[], metavar="REQUIREMENT", help="further requirements")
    arguments = parser.parse_args()
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        needed = ".".join(map(str, OLDEST_PYTHON))
        sys.exit(
            f"hepml needs Python {needed} or newer, and {sys.executable} is {found}: try make PYTHON=python{needed}"
        )

    environment = arguments.environment.resolve()
    python = environment / "bin" / "python"
    if not has_pip(python):
        print(f"creating {arguments.environment} with {sys.executable}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
    for package in forget_half_installed(environment):
        print(f"{package} was only half installed and is installed again", flush=True)

    # Relative to the project, so that the brackets of the extras are never read as part of the path
    target = f".[{arguments.extras}]" if arguments.extras else "."
    print(f"installing {target} into {arguments.environment}; the first time takes a minute or two", flush=True)
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--constraint", str(arguments.constraints.resolve()), "--editable", target, *arguments.also]
    log = environment / "pip.log"
    with log.open("w") as output:
        code = subprocess.run(command, cwd=PROJECT, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        last = log.read_text().splitlines()[-LINES_SHOWN:]
        print(*last, f"pip failed; the whole of what it said is in {log}", sep="\n", file=sys.stderr)
    return code


def has_pip(python: Path) -> bool:
    """Tell whether the environment has an interpreter that runs and finds pip."""
    if not python.exists():
        return False
    return subprocess.run([str(python), "-c", "import pip"], capture_output=True, check=False).returncode == 0


def forget_half_installed(environment: Path) -> list[str]:
    """Remove the metadata of packages whose installation was interrupted, so that pip installs them again.

    pip unpacks a wheel first and writes ``INSTALLER`` into its metadata last.
    """
    forgotten = []
    for metadata in sorted(environment.glob("lib/python3.*/site-packages/*.dist-info")):
        if not (metadata / "INSTALLER").is_file():
            shutil.rmtree(metadata)
            forgotten.append(metadata.name.removesuffix(".dist-info"))
    return forgotten


if __name__ == "__main__":
    sys.exit(main())
