"""The API page lists every room and its public names."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_the_api_page_has_every_room() -> None:
    listed = set(
        re.findall(r"automodule:: hepml\.(\w+)$", PROJECT.joinpath("docs", "api.md").read_text(), re.MULTILINE)
    )
    rooms = {path.parent.name for path in PROJECT.glob("hepml/*/__init__.py")}
    assert listed == rooms - {"cli"} | {"errors"}


def test_every_page_is_in_the_table_of_contents() -> None:
    pages = {path.stem for path in PROJECT.joinpath("docs").glob("*.md")} - {"index"}
    index = PROJECT.joinpath("docs", "index.md").read_text()
    (contents,) = re.findall(r"^```\{toctree\}\n(.*?)^```", index, re.MULTILINE | re.DOTALL)
    assert {line for line in contents.splitlines() if line and not line.startswith(":")} == pages
