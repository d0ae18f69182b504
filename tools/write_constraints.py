"""Write ``constraints.txt`` from the environment that runs this: ``.venv/bin/python tools/write_constraints.py``.

Pinned is what the project and the extras named in ``PINNED_EXTRAS`` need, directly or not, at the version that is
installed here; whatever else happens to lie in the environment is left out.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent
PINNED_EXTRAS = (
    "dev",
    "docs",
    "gan",
    "interchange",
    "lightgbm",
    "nn",
    "onnx",
    "remote",
    "root",
    "sim",
    "sklearn-io",
)

# Versions that hold wherever the package gets installed, though this environment need not have it
KEPT = {
    "fastjet": ("3.5.2.0", "made the committed sample"),
    "pythia8mc": ("8.317.2", "the newest with a wheel for Python 3.11; made the committed sample"),
    "torch": ("2.13.0", "the release that the nn and gan extras are run with"),
    "xgboost": ("3.2.0", "the newest that installs on Python 3.11"),
}

# pip comes with the interpreter
NEVER = {"pip"}

HEADER = """\
# The versions that continuous integration runs with. Written by tools/write_constraints.py; do not edit.
"""


def main() -> int:
    """Write the file, or with ``--check`` tell whether it is what this environment gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=PROJECT / "constraints.txt")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file would change")
    arguments = parser.parse_args()
    text = render(pins(requirements(PROJECT / "pyproject.toml")))
    if arguments.check:
        return int(not arguments.output.is_file() or arguments.output.read_text() != text)
    arguments.output.write_text(text)
    return 0


def requirements(pyproject: Path) -> list[Requirement]:
    """Read the core's requirements and those of the pinned extras."""
    project = tomllib.loads(pyproject.read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *(line for extra in PINNED_EXTRAS for line in extras[extra])]
    return [Requirement(line) for line in lines]


def pins(roots: list[Requirement]) -> dict[str, str]:
    """Follow the requirements through the installed metadata to ``{name: public version}``."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = list(roots)
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            sys.exit(f"{requirement} is not installed here: run make test once, then this again")
        if name not in NEVER:
            found[name] = public_version(distribution.version)
        for line in distribution.requires or []:
            needed = Requirement(line)
            environments = [{"extra": extra} for extra in requirement.extras] or [{"extra": ""}]
            if needed.marker is None or any(needed.marker.evaluate(environment) for environment in environments):
                queue.append(needed)
    return found


def public_version(version: str) -> str:
    """Strip the local label: an index that serves other builds has no ``2.13.0+cpu``."""
    return version.partition("+")[0]


def render(found: dict[str, str]) -> str:
    """Format the pins, sorted by name; those kept by hand carry their reason."""
    versions = {**found, **{name: version for name, (version, _) in KEPT.items()}}
    lines = []
    for name in sorted(versions):
        reason = f"  # {KEPT[name][1]}" if name in KEPT else ""
        lines.append(f"{name}=={versions[name]}{reason}\n")
    return HEADER + "".join(lines)


if __name__ == "__main__":
    sys.exit(main())
