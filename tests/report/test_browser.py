"""The report as its reader meets it: in a real browser, by its slider, its tables, in the dark and on paper."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread

from hepml import Analysis
from tests.report.browser import Tab, browse
from tests.workflow.toys import write_analysis, write_sample

if TYPE_CHECKING:
    from hepml import Run

pytestmark = pytest.mark.browser

BASELINE = Path(__file__).parent / "baseline" / "page.png"


def coarse(picture: np.ndarray) -> np.ndarray:
    """Return the mean brightness of tiles of 20 x 20 pixels."""
    height, width = (20 * (size // 20) for size in picture.shape)
    return picture[:height, :width].reshape(height // 20, 20, width // 20, 20).mean(axis=(1, 3))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("browsed")
    write_sample(folder / "signal.root", 600, mean=1, seed=1)
    write_sample(folder / "background.root", 600, mean=-1, seed=2, negative=0.1)
    methods = {
        "first": {"kind": "xgboost", "n_estimators": 20, "max_depth": 2},
        "second": {"kind": "hist_gradient_boosting", "max_iter": 5},
    }
    return Analysis.from_file(write_analysis(folder, methods=methods)).train(folder / "run")


def test_nothing_is_complained_of_and_nothing_requested(run: Run, tmp_path: Path) -> None:
    async def look(tab: Tab) -> None:
        assert await tab.evaluate("document.querySelectorAll('section').length") > 5
        assert await tab.evaluate("[...document.images].every((image) => image.loading === 'lazy' || image.complete)")

    tab = browse(run.path / "report.html", tmp_path, look)
    assert tab.complaints == []
    assert [url for url in tab.requests if not url.startswith("data:")] == [(run.path / "report.html").as_uri()]


def test_the_slider_reads_the_curve(run: Run, tmp_path: Path) -> None:
    curve = run.metrics["methods"]["second"]["roc"]["curve"]
    found: dict[str, str] = {}

    async def slide(tab: Tab) -> None:
        assert not await tab.evaluate("document.querySelector('.slider').hidden")
        for place in ("0", "1"):
            await tab.evaluate(
                "{ const box = document.querySelector('.slider'); const range = box.querySelector('input');"
                " box.querySelector('select').value = '1'; box.querySelector('select').dispatchEvent(new Event('change'));"
                f" range.value = '{place}'; range.dispatchEvent(new Event('input')); }}"
            )
            for name in ("threshold", "signal_efficiency", "background_rejection"):
                found[name + place] = await tab.evaluate(
                    f"document.querySelector('output[data-number={name}]').textContent"
                )

    browse(run.path / "report.html", tmp_path, slide)
    # on the left everything passes, on the right only the highest score
    assert float(found["signal_efficiency0"].split()[0]) == pytest.approx(1.0)
    assert float(found["background_rejection0"].split()[0]) == pytest.approx(0.0, abs=1e-12)
    assert float(found["threshold0"]) == pytest.approx(curve["thresholds"][-1], rel=1e-3)
    assert float(found["threshold1"]) == pytest.approx(curve["thresholds"][1], rel=1e-3)
    value, error = curve["signal_efficiency"][1], curve["signal_efficiency_error"][1]
    assert float(found["signal_efficiency1"].split()[0]) == pytest.approx(value, abs=error)


def test_tables_sort_by_number_both_ways(run: Run, tmp_path: Path) -> None:
    columns: list[list[str]] = []
    table = "[...document.querySelectorAll('#samples table')].at(-1)"
    read = f"[...{table}.tBodies[0].rows].map((row) => row.cells[2].textContent)"

    async def sort(tab: Tab) -> None:
        for _ in range(2):
            await tab.evaluate(f"{table}.tHead.rows[0].cells[2].querySelector('button').click()")
            columns.append(await tab.evaluate(read))
        assert await tab.evaluate(f"{table}.tHead.rows[0].cells[2].getAttribute('aria-sort')") == "descending"

    browse(run.path / "report.html", tmp_path, sort)
    events = sorted(row["n_events"] for row in run.metrics["parts"])
    assert [int(cell) for cell in columns[0]] == events
    assert [int(cell) for cell in columns[1]] == events[::-1]


def test_it_is_painted_in_light_in_the_dark_and_on_paper(run: Run, tmp_path: Path) -> None:
    paper: list[bytes] = []

    async def look(tab: Tab) -> None:
        for scheme in ("light", "dark"):
            await tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            await tab.screenshot(tmp_path / f"{scheme}.png")
        await tab.call("Emulation.setEmulatedMedia", features=[])
        found = await tab.call("Page.printToPDF", printBackground=False)
        paper.append(base64.b64decode(found["data"]))

    browse(run.path / "report.html", tmp_path / "profile", look)
    light, dark = (imread(tmp_path / f"{scheme}.png")[..., :3].mean(axis=2) for scheme in ("light", "dark"))
    assert light.shape == dark.shape
    assert light.shape[1] == 1200
    # text on a light page, and the same text, at the same places, on a dark one
    assert np.median(light) > 0.9
    assert np.median(dark) < 0.2
    ink_light, ink_dark = light < 0.5, dark > 0.5
    assert 0.005 < ink_light.mean() < 0.5
    assert np.corrcoef(ink_light.ravel(), ink_dark.ravel())[0, 1] > 0.5
    # coarse enough for the fonts of another machine and the date, fine enough for a section out of place
    assert np.sqrt(np.mean((coarse(light) - imread(BASELINE)[..., 0]) ** 2)) < 0.05
    assert paper[0].startswith(b"%PDF")
    assert paper[0].count(b"/Type /Page\n") + paper[0].count(b"/Type /Page ") > 2
