"""A dataset as HTML for notebooks: samples, sums of weights, and a small histogram of each feature."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from hepml.data.dataset import Dataset

__all__ = ["dataset_html"]

_MOST_EVENTS = 100_000
_MOST_FEATURES = 60
_N_BINS = 40
# numbers up to here are shown without a power of ten
_PLAIN, _DIGITS = 1e9, 16
# in the table of features: text and picture before it, numbers from here on
_FIRST_NUMBER = 4
_WIDTH, _HEIGHT = 160, 36
# seen well on white and on black; text and lines take the notebook's own colour
_COLOURS = {"signal": "#d9534f", "background": "#3f8fd2", "other": "#8a8a8a"}
_WORDS = {"signal": "red", "background": "blue"}


def dataset_html(dataset: Dataset) -> str:
    """Return a table of samples and one of features, without scripts, style sheets or links.

    Parameters
    ----------
    dataset : Dataset
        The events.

    Returns
    -------
    str
        HTML that takes text colour and background from the page around it. Histograms are of at most 100 000 events, evenly
        picked, and never of data, which may be blinded.
    """
    head = f"Dataset: {_count(len(dataset), 'event')}, {_count(len(dataset.features), 'feature')}"
    facts = [f"identity: {', '.join(dataset.identity.names)}"]
    if dataset.spectators:
        facts.append(f"spectators: {', '.join(dataset.spectators)}")
    classes = _classes(dataset)
    facts.append(_caption(classes))
    parts = [
        f"<strong>{escape(head)}</strong>",
        _samples(dataset),
        _features(dataset, classes),
        *(f"<div>{escape(fact)}</div>" for fact in facts),
    ]
    return f'<div style="color:inherit;background:transparent;font-size:90%">{"".join(parts)}</div>'


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}".replace(",", "\u2009")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], n_left: int) -> str:
    """Return a table of cells that are HTML already."""

    def row(tag: str, cells: Sequence[str]) -> str:
        line = "border-bottom:1px solid currentColor;" if tag == "th" else ""
        made = [
            f'<{tag} style="text-align:{"left" if number < n_left else "right"};padding:1px 8px;color:inherit;{line}">'
            f"{cell}</{tag}>"
            for number, cell in enumerate(cells)
        ]
        return f'<tr style="background:transparent">{"".join(made)}</tr>'

    body = "".join(row("td", cells) for cells in rows)
    return f'<table style="border-collapse:collapse;margin:4px 0">{row("th", header)}{body}</table>'


def _samples(dataset: Dataset) -> str:
    rows = [
        [
            escape(row["name"]),
            escape(row["role"]),
            f"{row['n_events']}",
            _with_error(row["sum_weights"], row["sum_weights_error"]),
            f"{row['n_negative']}",
            f"{row['n_effective']:.4g}" if row["n_effective"] < _PLAIN else f"{row['n_effective']:.0f}",
        ]
        for row in dataset.summary()
    ]
    return _table(["sample", "role", "events", "sum of weights", "negative weights", "N<sub>eff</sub>"], rows, 2)


def _with_error(value: float, error: float) -> str:
    """Return a sum with its error to two digits, and without powers of ten where plain digits will do."""
    digits = 1 - math.floor(math.log10(error)) if 0 < error < np.inf else 0
    if not abs(value) < _PLAIN or not 0 < digits + 10 < _DIGITS:
        return f"{value:.6g} &plusmn; {error:.2g}"
    shown = [f"{round(number, digits):.{max(digits, 0)}f}" for number in (value, error)]
    return " &plusmn; ".join(shown)


def _ends(low: float, high: float) -> list[str]:
    """Return the ends of a range with as many digits as tell them apart."""
    largest = max(abs(low), abs(high))
    spread = high - low
    digits = 4 + (math.floor(math.log10(largest / spread)) if spread > 0 and largest > spread else 0)
    return [f"{low:.{digits}g}", f"{high:.{digits}g}"]


def _classes(dataset: Dataset) -> dict[str, NDArray[np.int64]]:
    """Return the rows to draw: signal and background, or simulation without a label where there is neither."""
    label = dataset.label
    masks = {"signal": label == 1, "background": label == 0}
    if not (masks["signal"].any() or masks["background"].any()):
        masks = {"other": ~dataset.of_roles("data")}
    rows = {name: np.flatnonzero(mask) for name, mask in masks.items()}
    step = max(1, -(-sum(map(len, rows.values())) // _MOST_EVENTS))
    return {name: chosen[::step] for name, chosen in rows.items() if len(chosen)}


def _caption(classes: dict[str, NDArray[np.int64]]) -> str:
    if not classes:
        return "histograms: none; data are not drawn"
    drawn = _count(sum(map(len, classes.values())), "event")
    named = " and ".join(f"{name} ({_WORDS[name]})" for name in classes if name != "other")
    return f"histograms: {named or 'simulation'}, weighted, each with its own scale; {drawn} drawn, none of data"


def _features(dataset: Dataset, classes: dict[str, NDArray[np.int64]]) -> str:
    rows = []
    for number, feature in enumerate(dataset.features[:_MOST_FEATURES]):
        column = dataset.X[:, number]
        values = {name: column[chosen] for name, chosen in classes.items()}
        weights = {name: dataset.weight[chosen] for name, chosen in classes.items()}
        drawn = np.concatenate([*values.values(), np.zeros(0, dtype=np.float32)])
        missing = f"{100 * float(np.isnan(drawn).mean()):.3g} %" if drawn.size else ""
        low, high = _limits(drawn)
        expression = "" if feature.expression == feature.name else feature.expression
        picture = _histogram(values, weights, low, high, feature.name) if high > low else ""
        ends = _ends(low, high) if high >= low else ["", ""]
        rows.append([escape(feature.name), escape(expression), escape(feature.unit), picture, *ends, missing])
    hidden = len(dataset.features) - len(rows)
    header = ["feature", "expression", "unit", "", "1 %", "99 %", "missing"]
    # a column of text that is empty throughout is left out
    empty = {place for place in (1, 2) if not any(row[place] for row in rows)}
    shown = [place for place in range(len(header)) if place not in empty]
    n_left = sum(place < _FIRST_NUMBER for place in shown)
    table = _table([header[place] for place in shown], ([row[place] for place in shown] for row in rows), n_left)
    return table + (f"<div>and {_count(hidden, 'feature')} more</div>" if hidden > 0 else "")


def _limits(values: NDArray[np.float32]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, -1.0
    low, high = np.quantile(finite, [0.01, 0.99])
    return float(low), float(high)


def _finite(values: dict[str, NDArray[np.float32]]) -> Iterator[tuple[NDArray[np.float32], NDArray[np.bool_]]]:
    for column in values.values():
        yield column, np.isfinite(column)


def _histogram(
    values: dict[str, NDArray[np.float32]], weights: dict[str, NDArray[np.float64]], low: float, high: float, name: str
) -> str:
    """Return step outlines as SVG; bins of negative sum stand at zero. A few whole numbers have bins of their own."""
    paths = []
    n_bins, start, width = _N_BINS, low, (high - low) / _N_BINS
    if high - low < _N_BINS and all(
        np.array_equal(column[has], np.rint(column[has])) for column, has in _finite(values)
    ):
        low, high = math.floor(low), math.ceil(high)
        n_bins, start, width = int(high - low) + 1, low - 0.5, 1.0
    for kind, column in values.items():
        inside = (column >= low) & (column <= high)
        bins = np.minimum(((column[inside].astype(np.float64) - start) / width).astype(np.int64), n_bins - 1)
        contents = np.bincount(bins, weights=weights[kind][inside], minlength=n_bins).clip(0)
        largest = contents.max()
        if not (np.isfinite(largest) and largest > 0):
            continue
        tops = _HEIGHT - (_HEIGHT - 2) * contents / largest
        steps = "".join(f"V{top:.1f}H{(number + 1) * _WIDTH / n_bins:g}" for number, top in enumerate(tops))
        colour = _COLOURS[kind]
        paths.append(f'<path d="M0 {_HEIGHT}{steps}V{_HEIGHT}" fill="{colour}" fill-opacity="0.18" stroke="{colour}"/>')
    title = f"<title>{escape(name)}: {' to '.join(_ends(low, high))}</title>"
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT + 1}" viewBox="0 0 {_WIDTH} {_HEIGHT + 1}" role="img" '
        f'style="vertical-align:middle">{title}{"".join(paths)}'
        f'<path d="M0 {_HEIGHT + 0.5}H{_WIDTH}" stroke="currentColor" stroke-opacity="0.5"/></svg>'
    )
