"""The HTML of a dataset: well-formed, escaped, self-contained, and without data."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np

from hepml.data import Dataset, Feature
from hepml.data.notebook import dataset_html

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Dataset]


def tree_of(dataset: Dataset) -> ET.Element:
    """Parse the HTML, which is XML as well but for its named entity."""
    return ET.fromstring(dataset_html(dataset).replace("&plusmn;", "±"))  # noqa: S314


def texts(dataset: Dataset) -> str:
    return " ".join(text for text in tree_of(dataset).itertext())


def gaussians(n: int, **options: object) -> Dataset:
    rng = np.random.default_rng(3)
    label = np.arange(n) % 2
    return Dataset.from_numpy(
        rng.normal(label, 1.0)[:, np.newaxis], label=label, identity={"e": np.arange(n)}, **options
    )


def heights(dataset: Dataset) -> list[list[float]]:
    """Return the tops of the bins of each outline, from 0 (empty) to 1 (the largest)."""
    found = []
    for path in tree_of(dataset).iter("path"):
        if path.get("fill"):
            tops = [float(top) for top in re.findall(r"V([\d.]+)H", path.get("d", ""))]
            found.append([(36 - top) / 34 for top in tops])
    return found


def test_samples_sums_and_features_are_shown(make_dataset: Make) -> None:
    dataset = make_dataset(1000)
    shown = texts(dataset)
    for row in dataset.summary():
        for part in (
            row["name"],
            row["role"],
            str(row["n_events"]),
            f"{row['sum_weights']:.0f} ± {row['sum_weights_error']:.2g}",
            f"{row['n_effective']:.4g}",
        ):
            assert part in shown
    assert "1\u2009000 events, 2 features" in shown
    for word in ("pt", "eta", "GeV", "identity: run, event", "spectators: mass, n", "none of data"):
        assert word in shown
    assert len(list(tree_of(dataset).iter("svg"))) == 2
    assert dataset_html(dataset) == dataset._repr_html_()
    assert repr(dataset).startswith("<Dataset: 1000 events"), "the text stays"


def test_outlines_are_the_weighted_histograms() -> None:
    dataset = gaussians(2000)
    values = dataset.X[:, 0]
    low, high = np.quantile(values, [0.01, 0.99])
    signal, background = heights(dataset)
    for outline, value in ((signal, 1), (background, 0)):
        contents, _ = np.histogram(values[dataset.label == value], bins=40, range=(low, high))
        np.testing.assert_allclose(outline, contents / contents.max(), atol=0.05)
    assert np.argmax(signal) > np.argmax(background)
    negative = gaussians(2000, weight=-np.ones(2000))
    assert heights(negative) == [], "bins below zero stand at zero"


def test_names_cannot_break_out(make_dataset: Make) -> None:
    evil = '"><script>alert(1)</script>&'
    dataset = make_dataset(20)
    dataset = replace(
        dataset,
        features=(Feature(evil, expression="a<b && c>d", unit="<b>GeV</b>", title=evil), Feature("eta")),
        samples=tuple(replace(info, name=evil + info.name, title=evil) for info in dataset.samples),
    )
    html = dataset_html(dataset)
    assert "<script" not in html
    assert "<b>" not in html
    assert evil in texts(dataset)
    assert "a<b && c>d" in texts(dataset)


def test_nothing_is_loaded_and_colours_are_the_pages_own(make_dataset: Make) -> None:
    html = dataset_html(make_dataset(50))
    for word in ("http", "src=", "href", "<style", "<script", "url(", "class="):
        assert word not in html
    assert not re.search(r"(?<![-\w])color:(?!inherit)", html), "text takes the notebook's colour, light or dark"
    assert not re.search(r"background:(?!transparent)", html)


def test_data_are_not_drawn(make_dataset: Make) -> None:
    dataset = make_dataset(300)
    observed = dataset.of_roles("data")
    X = dataset.X.copy(order="F")
    X[observed] = 1e6
    assert heights(replace(dataset, X=X)) == heights(dataset)
    only = dataset[observed]
    assert heights(only) == []
    assert "data are not drawn" in texts(only)
    assert "1e+06" not in texts(replace(dataset, X=X))


def test_awkward_contents_are_shown_all_the_same(make_dataset: Make) -> None:
    dataset = make_dataset(30)
    for special in (np.nan, 0.0):
        X = np.full((30, 2), special, dtype=np.float32, order="F")
        assert heights(replace(dataset, X=X)) == []
    assert "100 %" in texts(replace(dataset, X=np.full((30, 2), np.nan, dtype=np.float32, order="F")))
    assert "0 events" in texts(dataset[:0])
    unlabelled = Dataset.from_numpy(np.random.default_rng(1).normal(size=(50, 70)), identity={"e": np.arange(50)})
    assert len(heights(unlabelled)) == 60
    assert "and 10 features more" in texts(unlabelled)


def test_large_datasets_are_drawn_from_some_events() -> None:
    dataset = gaussians(250_001)
    assert "83\u2009334 events drawn" in texts(dataset)
    assert len(dataset_html(dataset)) < 10_000


def test_sums_have_the_digits_of_their_errors() -> None:
    for weight, shown in (
        (np.full(100, 100.03), "10000 ± 1000"),
        (np.full(100, 1e-3), "0.100 ± 0.010"),
        (np.full(100, 1e12), "1e+14 ± 1e+13"),
        (np.r_[np.ones(1), np.zeros(99)], "1.0 ± 1.0"),
    ):
        assert shown in texts(Dataset.from_numpy(np.zeros((100, 1)), weight=weight, identity={"e": np.arange(100)}))


def test_ends_of_a_narrow_range_are_told_apart() -> None:
    x = 1.7e9 + np.linspace(0, 12800, 1000)
    shown = texts(Dataset.from_numpy(x[:, np.newaxis], identity={"e": np.arange(1000)}))
    low, high = re.findall(r"1\.7\d*e\+09", shown)[-2:]
    assert float(low) < float(high)


def test_whole_numbers_have_bins_of_their_own() -> None:
    n_jets = np.repeat([0.0, 1.0, 3.0], [20, 40, 10])
    dataset = Dataset.from_numpy(n_jets[:, np.newaxis], identity={"e": np.arange(70)})
    (outline,) = heights(dataset)
    np.testing.assert_allclose(outline, [0.5, 1, 0, 0.25], atol=0.02)


def test_columns_without_text_are_left_out() -> None:
    x = np.zeros((3, 1))
    plain = texts(Dataset.from_numpy(x, identity={"e": np.arange(3)}))
    assert "expression" not in plain
    assert "unit" not in plain
    named = texts(Dataset.from_numpy(x, features=[Feature("a", "log(b)", "GeV")], identity={"e": np.arange(3)}))
    assert "expression" in named
    assert "unit" in named
