"""Print the lower bounds of the core dependencies as exact pins, for ``make test-min``."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def main() -> int:
    """Print one pin a line."""
    dependencies = tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]
    print("\n".join(lower_bound(line) for line in dependencies))
    return 0


def lower_bound(requirement: str) -> str:
    """Turn ``"numpy>=1.26,<3"`` into ``"numpy==1.26"``."""
    match = re.match(r"\s*([A-Za-z0-9._-]+)[^<>=!~]*>=\s*([^,;\s]+)", requirement)
    if match is None:
        sys.exit(f"{requirement!r} in pyproject.toml has no lower bound")
    return f"{match[1]}=={match[2]}"


if __name__ == "__main__":
    sys.exit(main())
