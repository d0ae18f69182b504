"""Every key of metrics.json stands in docs/run_folder.md, and nothing stands there that is not written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.config import AnalysisConfig, SampleConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hepml import Run

DOCS = Path(__file__).parents[2] / "docs"


def leaves(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value or [None]:
            yield from leaves(item, f"{path}[]")
    else:
        yield path


def documented(page: str = "run_folder.md", start: str = "## metrics.json", end: str = "(scores-root)=") -> set[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    table = text.partition(start)[2].partition(end)[0]
    keys = {
        key
        for line in table.splitlines()
        if line.startswith("| `")
        for key in re.findall(r"`([^`]+)`", line.split("|")[1])
    }
    for word, meanings in (("PART", ("train", "test")), ("CLASS", ("signal", "background"))):
        keys = {key.replace(word, meaning) for key in keys for meaning in meanings}
    return keys


def test_metrics_are_documented(toy_run: Run) -> None:
    written = {re.sub(r"^methods\.[^.]+", "methods.NAME", path) for path in leaves(toy_run.metrics)}
    exact = {key for key in documented() if not key.endswith("*")}
    families = {key[:-1] for key in documented() if key.endswith("*")}
    assert {path for path in written - exact if not any(f"{path}.".startswith(family) for family in families)} == set()
    assert exact - written == set()
    assert {family for family in families if not any(f"{path}.".startswith(family) for path in written)} == set()


def test_analysis_file_is_documented() -> None:
    text = (DOCS / "analysis_file.md").read_text(encoding="utf-8")
    for model in (AnalysisConfig, SampleConfig):
        for key in model.model_fields:
            assert re.search(rf"`{key}[`.]", text), key
