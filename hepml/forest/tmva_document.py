"""What every ``weights.xml`` has around its weights, laid out as TMVA does: releases, options, variables, classes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from hepml.transforms.markup import escaped, to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["RELEASES", "internal_name", "variable_entry", "weights_document"]

# of the release whose format is written; readers look at the number in brackets
RELEASES = {"TMVA Release": "4.2.1 [262657]", "ROOT Release": "6.40/00 [403456]"}
# the order in which TMVA writes attributes; JSON may have sorted them
_ATTRIBUTES = (
    *("name", "size", "modified", "VarIndex", "SpecIndex", "TargetIndex", "Expression", "Label", "Title", "Unit"),
    *("Internal", "Type", "Min", "Max", "Name", "Index", "value"),
)
# what Tools::ReplaceRegularExpressions makes of characters that C++ does not allow in names, in its order
_REMOVED = "$&|!%^&()'<>?= "
_WORDS = {"::": "_", "*": "_T_", "/": "_D_", "+": "_P_", "-": "_M_", "[": "_", "]": "_"}
# group of the header, its element, the elements in it, and the attribute that counts them
_COUNTED = (
    ("variables", "Variables", "Variable", "NVar"),
    ("spectators", "Spectators", "Spectator", "NSpec"),
    ("classes", "Classes", "Class", "NClass"),
    ("targets", "Targets", "Target", "NTrgt"),
)


def weights_document(
    header: Mapping[str, Any],
    weights: Iterable[str],
    *,
    transformations: Element | None = None,
    pdfs: Element | None = None,
) -> str:
    """Return the text of a weights file.

    Parameters
    ----------
    header : mapping
        ``method`` (``KIND::NAME``), and of ``info``, ``options``, ``variables``, ``spectators``, ``classes`` and ``targets``
        a list of mappings from attributes to texts.
    weights : iterable of str
        Lines of the element ``Weights``.
    transformations, pdfs : Element, optional
        ``Transformations`` and ``MVAPdfs``. Default: none of either.

    Raises
    ------
    InvalidInputError
        If a name holds characters that XML cannot.
    """
    lines = ['<?xml version="1.0"?>', f"<MethodSetup{_attributes({'Method': header['method']})}>"]
    lines += ["  <GeneralInfo>", *_items("Info", header["info"]), "  </GeneralInfo>"]
    lines += ["  <Options>", *_items("Option", header["options"], with_text=True), "  </Options>"]
    for group, tag, item, count in _COUNTED:
        if header[group]:
            lines += [f'  <{tag} {count}="{len(header[group])}">', *_items(item, header[group]), f"  </{tag}>"]
        elif group != "targets":
            lines.append(f'  <{tag} {count}="0"/>')
    if transformations is None:
        transformations = Element("Transformations", NTransformations="0")
    for element in (transformations, Element("MVAPdfs") if pdfs is None else pdfs):
        lines.append(to_text(element, 1).rstrip("\n"))
    return "\n".join([*lines, *weights, "</MethodSetup>", ""])


def variable_entry(index_name: str, index: int, name: str, low: float, high: float) -> dict[str, str]:
    """Return a variable or target of the header that has nothing but a name and a range."""
    return {
        index_name: str(index),
        "Expression": name,
        "Label": name,
        "Title": name,
        "Unit": "",
        "Internal": internal_name(name),
        "Type": "F",
        "Min": f"{low:.8e}",
        "Max": f"{high:.8e}",
    }


def internal_name(expression: str) -> str:
    """Return the name that TMVA gives a branch or a variable of C++ (``Tools::ReplaceRegularExpressions``).

    Characters that TMVA overlooks, as commas and quotes, become underscores, so that every name can stand in C++.
    """
    for character in _REMOVED:
        expression = expression.replace(character, "_")
    for text, word in _WORDS.items():
        expression = expression.replace(text, word)
    return re.sub(r"\W", "_", expression, flags=re.ASCII)


def _items(tag: str, items: Sequence[Mapping[str, str]], *, with_text: bool = False) -> Iterator[str]:
    for item in items:
        given = {key: value for key, value in item.items() if not (with_text and key == "value")}
        end = f">{escaped(item.get('value', ''))}</{tag}>" if with_text else "/>"
        yield f"    <{tag}{_attributes(given)}{end}"


def _attributes(given: Mapping[str, str]) -> str:
    known = [key for key in _ATTRIBUTES if key in given]
    ordered = [
        *known,
        *(key for key in given if key not in _ATTRIBUTES and re.fullmatch(r"[A-Za-z_]\w*", key, re.ASCII)),
    ]
    return "".join(f' {key}="{escaped(given[key])}"' for key in ordered)
