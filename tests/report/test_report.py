"""The report: self-contained, escaped, whole even where a figure failed, and clean in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml

from hepml import Analysis, plots
from hepml.errors import ModelFormatError
from hepml.report import methods_table, read_json, with_error, write_json
from tests.report.browser import Tab, browse
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from pathlib import Path

    from hepml import Run

HOSTILE = "<script>document.title='owned'</script> & \"quotes\" $x$"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose titles try to break out of HTML and SVG."""
    folder = tmp_path_factory.mktemp("report")
    write_sample(folder / "signal.root", 600, mean=1, seed=1)
    write_sample(folder / "background.root", 600, mean=-1, seed=2)
    features = [{"name": "x", "title": HOSTILE, "unit": "<b>GeV</b>"}]
    path = write_analysis(
        folder,
        title=HOSTILE,
        features=features,
        report={"style": "CMS", "label": "Work in progress", "formats": ["png", "pdf"]},
    )
    return Analysis.from_file(path).train(folder / "run")


class Page(HTMLParser):
    """Collects what a page would fetch or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "srcset", "data", "action"}:
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")


def test_page_is_self_contained_and_escaped(run: Run) -> None:
    text = (run.path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    # the slider's numbers and the page's own script, nothing of the user's
    assert page.tags.count("script") == 2
    assert "link" not in page.tags
    assert all(link.startswith(("data:image/svg+xml;base64,", "#")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    index = json.loads((run.path / "plots" / "index.json").read_text(encoding="utf-8"))
    assert sum(link.startswith("data:") for link in page.links) == len(index["figures"]) > 6
    assert page.tags.count("h1") == 1


def test_only_the_script_of_the_page_may_run(run: Run) -> None:
    text = (run.path / "report.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert "default-src 'none'" in policy.group(1)
    script = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy.group(1)


def test_figures_come_in_the_formats_that_were_asked_for_with_their_numbers(run: Run) -> None:
    for name in run.figures:
        starts = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
        for suffix, start in starts.items():
            assert (run.path / "plots" / f"{name}.{suffix}").read_bytes().startswith(start)
    content = yaml.safe_load((run.path / "plots" / "roc.yaml").read_text(encoding="utf-8"))
    table, band = content["tables"]
    efficiencies = {column["header"]["name"]: column["values"] for column in table["dependent_variables"]}
    curve = run.metrics["methods"]["BDT"]["roc"]["curve"]
    assert [row["value"] for row in efficiencies["signal efficiency"]] == curve["signal_efficiency"]
    # few events pass the tightest cuts, and the loosest few fail: no error is quoted there
    errors = curve["background_efficiency_error"]
    assert errors[1] is None
    quoted = next(place for place, error in enumerate(errors) if error is not None)
    assert efficiencies["background efficiency"][quoted]["errors"] == [{"symerror": errors[quoted]}]
    assert "errors" not in efficiencies["background efficiency"][1]
    assert band["name"] == "simultaneous band of 95%"
    # there is no number for an infinite cut
    assert table["independent_variables"][0]["values"][0] == {"value": "-"}


def test_figures_hold_no_markup_of_the_user(run: Run) -> None:
    for path in (run.path / "plots").glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "http-equiv" not in text


def test_every_number_of_the_table_comes_from_metrics(run: Run) -> None:
    header, rows = methods_table(run.metrics)
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert header[1] == "AUC (test)"
    for cell in rows[0]:
        assert cell.split(" (")[0] in page
    roc = run.metrics["methods"]["BDT"]["roc"]
    assert rows[0][1] == with_error(roc["auc"], roc["auc_error"])


def test_failing_figure_costs_only_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(tmp_path / "signal.root", 600, mean=1, seed=1)
    write_sample(tmp_path / "background.root", 600, mean=-1, seed=2)

    def broken(*_: Any, **__: Any) -> None:
        msg = "no ink"
        raise RuntimeError(msg)

    monkeypatch.setattr(plots, "roc", broken)
    run = Analysis.from_file(write_analysis(tmp_path)).train(tmp_path / "run")
    assert not (run.path / "plots" / "roc.svg").exists()
    assert (run.path / "plots" / "inverse_background_efficiency.svg").exists()
    assert "this figure could not be drawn" in (run.path / "report.html").read_text(encoding="utf-8")
    assert "no ink" in (run.path / "log.txt").read_text(encoding="utf-8")
    assert run.metrics["methods"]["BDT"]["roc"]["auc"] > 0.8


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.87314, 0.00241, "0.8731 ± 0.0024"),
        (0.5, 0.1, "0.50 ± 0.10"),
        (1234.5, 67.0, "1234 ± 67"),
        (0.99999, 0.0000012, "0.9999900 ± 0.0000012"),
        (0.999999999999999223, 1.8e-17, "1 ± 2e-17"),
        (1.723e-8, 2.1e-9, "0.0000000172 ± 0.0000000021"),
        (123456789.0, 5000.0, "123456789 ± 5000"),
        (0.25, None, "0.25 (error not computable)"),
        (0.0, float("nan"), "0 (error not computable)"),
        (0.25, 0.0, "0.25"),
        (None, 0.1, "not computable"),
        (float("nan"), 0.1, "not computable"),
    ],
)
def test_with_error(value: float | None, error: float | None, text: str) -> None:
    assert with_error(value, error) == text


def test_json_is_strict_stable_and_versioned(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"version": 1, "format": "x", "b": float("nan"), "a": [np.inf, (1, 2.5)]})
    assert json.loads(path.read_text()) == {"format": "x", "version": 1, "a": [None, [1, 2.5]], "b": None}
    assert path.read_text().index('"a"') < path.read_text().index('"b"')
    assert read_json(path, "x", 1)["b"] is None
    with pytest.raises(ModelFormatError, match="update hepml"):
        read_json(path, "x", 0)
    with pytest.raises(ModelFormatError, match="not a y file"):
        read_json(path, "y", 1)
    path.write_text('{"format": ')
    with pytest.raises(ModelFormatError, match="cannot be read"):
        read_json(path, "x", 1)


@pytest.mark.browser
def test_hostile_titles_stay_text_in_a_browser(run: Run, tmp_path: Path) -> None:
    titles: list[str] = []

    async def look(tab: Tab) -> None:
        titles.append(await tab.evaluate("document.title"))
        titles.append(await tab.evaluate("document.querySelector('h1').textContent"))

    tab = browse(run.path / "report.html", tmp_path, look)
    assert titles == [HOSTILE, HOSTILE]
    assert tab.complaints == []
