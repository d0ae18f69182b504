"""A dataset as HTML for notebooks: samples, sums of weights, and a small histogram of each feature."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from hepml.data.dataset import Dataset

__all__ = ["dataset_html"]

_MOST_EVENTS = 100_000
_MOST_FEATURES = 60
_N_BINS = 40
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
            f"{row['sum_weights']:.6g} &plusmn; {row['sum_weights_error']:.2g}",
            f"{row['n_negative']}",
            f"{row['n_effective']:.6g}",
        ]
        for row in dataset.summary()
    ]
    return _table(["sample", "role", "events", "sum of weights", "negative weights", "N<sub>eff</sub>"], rows, 2)


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
        ends = [f"{low:.4g}", f"{high:.4g}"] if high >= low else ["", ""]
        rows.append([escape(feature.name), escape(expression), escape(feature.unit), picture, *ends, missing])
    hidden = len(dataset.features) - len(rows)
    table = _table(["feature", "expression", "unit", "", "1 %", "99 %", "missing"], rows, 4)
    return table + (f"<div>and {_count(hidden, 'feature')} more</div>" if hidden > 0 else "")


def _limits(values: NDArray[np.float32]) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, -1.0
    low, high = np.quantile(finite, [0.01, 0.99])
    return float(low), float(high)


def _histogram(
    values: dict[str, NDArray[np.float32]], weights: dict[str, NDArray[np.float64]], low: float, high: float, name: str
) -> str:
    """Return step outlines as SVG; bins of negative sum stand at zero."""
    paths = []
    for kind, column in values.items():
        inside = (column >= low) & (column <= high)
        position = (column[inside].astype(np.float64) - low) / (high - low) * _N_BINS
        bins = np.minimum(position.astype(np.int64), _N_BINS - 1)
        contents = np.bincount(bins, weights=weights[kind][inside], minlength=_N_BINS).clip(0)
        largest = contents.max()
        if not (np.isfinite(largest) and largest > 0):
            continue
        tops = _HEIGHT - (_HEIGHT - 2) * contents / largest
        width = _WIDTH / _N_BINS
        steps = "".join(f"V{top:.1f}H{(number + 1) * width:g}" for number, top in enumerate(tops))
        colour = _COLOURS[kind]
        paths.append(f'<path d="M0 {_HEIGHT}{steps}V{_HEIGHT}" fill="{colour}" fill-opacity="0.18" stroke="{colour}"/>')
    title = f"<title>{escape(name)}: {low:.4g} to {high:.4g}</title>"
    return (
        f'<svg width="{_WIDTH}" height="{_HEIGHT + 1}" viewBox="0 0 {_WIDTH} {_HEIGHT + 1}" role="img" '
        f'style="vertical-align:middle">{title}{"".join(paths)}'
        f'<path d="M0 {_HEIGHT + 0.5}H{_WIDTH}" stroke="currentColor" stroke-opacity="0.5"/></svg>'
    )
