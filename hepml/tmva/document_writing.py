"""The text of a weights file for all that a :class:`MethodSetup` says: the inverse of reading one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from hepml.errors import InvalidInputError
from hepml.forest.tmva_document import weights_document
from hepml.tmva.option_tables import TABLES
from hepml.transforms.markup import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hepml.tmva.setup import MethodSetup, Variable

__all__ = ["document_of"]

# TMVA nests the elements of its methods less than half as deep
_DEEPEST = 20
_ARRAYS = {option.name for table in TABLES.values() for option in table if option.shape == "array"}


def document_of(setup: MethodSetup, weights: Iterable[str] | None = None) -> str:
    """Return the text of a weights file.

    Parameters
    ----------
    setup : MethodSetup
        What it is to say. Numbers stand in it as they do in the elements of ``transformations``, ``pdfs`` and ``weights``.
    weights : iterable of str, optional
        Lines of the element ``Weights``, instead of those of the setup.

    Returns
    -------
    str
        Elements, attributes, their order and their layout as TMVA 4.2.1 writes them.

    Raises
    ------
    InvalidInputError
        If a name holds characters that XML cannot.
    """
    header: dict[str, Any] = {
        "method": f"{setup.kind}::{setup.name}",
        "info": [{"name": name, "value": value} for name, value in setup.info.items()],
        "options": [
            {
                "name": name,
                **({"size": str(len(option.value.split()))} if name in _ARRAYS else {}),
                "modified": "Yes" if option.modified else "No",
                "value": option.value,
            }
            for name, option in setup.options.items()
        ],
        "variables": _entries("VarIndex", setup.variables),
        "spectators": _entries("SpecIndex", setup.spectators),
        "classes": [{"Name": name, "Index": str(index)} for index, name in enumerate(setup.classes)],
        "targets": _entries("TargetIndex", setup.targets),
    }
    return weights_document(
        header,
        to_text(_plain(setup.weights), 1).splitlines() if weights is None else weights,
        transformations=None if setup.transformations is None else _plain(setup.transformations),
        pdfs=None if setup.pdfs is None else _plain(setup.pdfs),
    )


def _entries(index: str, variables: tuple[Variable, ...]) -> list[dict[str, str]]:
    return [
        {
            index: str(place),
            "Expression": variable.expression,
            "Label": variable.label,
            "Title": variable.title,
            "Unit": variable.unit,
            "Internal": variable.internal,
            "Type": variable.type,
            "Min": f"{variable.minimum:.8e}",
            "Max": f"{variable.maximum:.8e}",
        }
        for place, variable in enumerate(variables)
    ]


def _plain(element: Element, depth: int = 0) -> Element:
    """Return a copy without the blanks of a layout, but with those that TMVA puts behind each number of a line."""
    if depth > _DEEPEST:
        msg = f"a {element.tag[:40]!r} is nested more than {_DEEPEST} deep, which is not written"
        raise InvalidInputError(msg)
    copy = Element(element.tag, element.attrib)
    text = element.text or ""
    if text.strip():
        lines = [line.lstrip() for line in text.split("\n")]
        copy.text = " ".join(line for line in lines if line)
    copy.extend(_plain(child, depth + 1) for child in element)
    return copy
