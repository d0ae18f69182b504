"""``MODEL_CARD.md``: what a bundle is, for people; written beside ``model.json``, from which it follows, and never read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hepml.classifiers.card import ModelCard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["CARD_FILE", "card_text"]

CARD_FILE = "MODEL_CARD.md"

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")


def card_text(document: Mapping[str, Any], results: Mapping[str, str] | None = None) -> str:
    """Return the card of a model as Markdown.

    Parameters
    ----------
    document : mapping
        Content of ``model.json``, of a model or of the models of all folds.
    results : mapping of str to str, optional
        What the test part gave, each with its uncertainty, as text. Known only for the model of a run.

    Returns
    -------
    str
        The same for the same document and results: no times, no hosts.
    """
    return "\n".join(_lines(document, results or {})) + "\n"


def _lines(document: Mapping[str, Any], results: Mapping[str, str]) -> Iterable[str]:
    context = document["context"]
    yield f"# Model {_plain(context.get('method', document.get('kind', 'of all folds')))}"
    yield ""
    facts = {
        "kind": document.get("kind"),
        "analysis": context.get("analysis"),
        "classes": document.get("classes"),
        "targets": document.get("targets"),
        "folds": document.get("n_folds"),
        "fold": (context.get("fold") or {}).get("number"),
        "seed": context.get("seed"),
        "selection": context.get("selection"),
        "identity": context.get("identity") or document.get("identity"),
        "class balance": context.get("balance"),
        "negative weights": document.get("negative_weights"),
        "format": f"{document['format']} {document['version']}",
        "SHA-256 of the training's data": context.get("data"),
    }
    yield from (f"- {key}: {_plain(value)}" for key, value in facts.items() if value is not None and value != "")
    card = ModelCard.from_context(context)
    if card is not None:
        yield from _of_training(card)
    if "features" in document:
        yield from _section("Features")
        yield from _table(
            ("feature", "expression", "unit", "missing if"),
            (
                (row["name"], row["expression"], row["unit"], ", ".join(map(str, row["missing"])))
                for row in document["features"]
            ),
        )
    yield from _section("Results on the test part")
    if results:
        yield from _table(("quantity", "value"), results.items())
    else:
        yield "None are stored with the model: a model must not depend on its test events. The run that trained it has them."
    if parameters := document.get("parameters"):
        yield from _section("Options")
        yield from _table(("option", "value"), sorted(parameters.items()))
    yield from _section("Versions")
    yield from _table(("library", "version"), sorted(document["libraries"].items()))


def _of_training(card: ModelCard) -> Iterable[str]:
    yield from _section("Trained on")
    yield from _table(
        ("sample", "class", "events", "of negative weight", "sum of weights", "sum of training weights"),
        (
            (row.name, row.role, row.n_events, row.n_negative, row.sum_weights, row.sum_train_weights)
            for row in card.samples
        ),
    )
    yield ""
    yield "Sums are signed. `hepml apply` tells which share of its events lies outside of these ranges:"
    yield ""
    yield from _table(
        ("feature", "minimum", "0.1%", "99.9%", "maximum", "missing"),
        ((row.name, row.minimum, row.low, row.high, row.maximum, f"{row.missing:.3g}") for row in card.features),
    )


def _section(title: str) -> Iterable[str]:
    yield from ("", f"## {title}", "")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterable[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_plain(value) for value in row)} |"


def _plain(value: object) -> str:
    """Return a value as text that Markdown shows as it is, in one line."""
    if isinstance(value, float):
        value = f"{value:.6g}"
    elif isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return _SPECIAL.sub(r"\\\1", " ".join(str("" if value is None else value).split()))
