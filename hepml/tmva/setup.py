"""What stands in a weights file around the weights: method, options, variables, classes, transformations, PDFs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, cast

from hepml.errors import ModelFormatError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree.ElementTree import Element

__all__ = ["AnalysisType", "MethodSetup", "Option", "Variable", "number", "whole_number"]

AnalysisType = Literal["Classification", "Multiclass", "Regression"]
_ANALYSES = ("Classification", "Multiclass", "Regression")
_MOST_VARIABLES = 10_000


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable, spectator or target, as TMVA names it.

    Parameters
    ----------
    expression, label, title, unit, internal : str
        Formula on branches; name of it; words for axes; unit; name that C++ allows.
    type : str
        ``F`` or ``I``.
    minimum, maximum : float
        Range in the training sample.
    """

    expression: str
    label: str
    title: str = ""
    unit: str = ""
    internal: str = ""
    type: str = "F"
    minimum: float = 0.0
    maximum: float = 0.0


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the method: its value as text, and whether the user set it."""

    value: str
    modified: bool = False


@dataclass(frozen=True, slots=True)
class MethodSetup:
    """A method as a weights file describes it; the weights themselves are not interpreted.

    Parameters
    ----------
    kind, name : str
        ``"Fisher"`` and ``"MyFisher"`` for ``Method="Fisher::MyFisher"``.
    info : mapping of str to str
        GeneralInfo: releases, creator, date, number of training events, analysis type.
    options : mapping of str to Option
        By name.
    variables, spectators, targets : tuple of Variable
        In order.
    classes : tuple of str
        Names, in order of their index; signal is that called ``Signal``, or the first.
    transformations, pdfs, weights : Element or None
        ``Transformations``, ``MVAPdfs`` and ``Weights``.
    source : str
        What to call the file in messages.
    processes_options : bool
        Whether TMVA interprets the options when it reads the method (``ProcessOptions``), as for members of a boosted
        method; else what training made of them stays at its default unless the weights hold it.
    """

    kind: str
    name: str
    info: Mapping[str, str]
    options: Mapping[str, Option]
    variables: tuple[Variable, ...]
    spectators: tuple[Variable, ...]
    targets: tuple[Variable, ...]
    classes: tuple[str, ...]
    transformations: Element | None
    pdfs: Element | None
    weights: Element
    source: str
    processes_options: bool = False

    @classmethod
    def from_element(cls, root: Element, source: str, *, method: str | None = None) -> MethodSetup:
        """Interpret a ``MethodSetup``, or an element that holds the same as the sub-methods of a category do.

        Parameters
        ----------
        root : Element
            The element.
        source : str
            What to call the file in messages.
        method : str, optional
            ``KIND::NAME``. Default: the element's attribute ``Method``.

        Raises
        ------
        ModelFormatError
            If something is missing or not as TMVA writes it.
        """
        kind, _, name = (method or root.get("Method") or "").partition("::")
        weights = root.find("Weights")
        if not kind or weights is None:
            msg = f"{source} is no weights file of TMVA: it names no method, or has no weights"
            raise ModelFormatError(msg)
        info = {item.get("name", ""): item.get("value", "") for item in root.iterfind("GeneralInfo/Info")}
        return cls(
            kind=kind,
            name=name or kind,
            info=info,
            options={
                # options of arrays are written with their index: Name[1]
                item.get("name", ""): Option((item.text or "").strip(), item.get("modified") == "Yes")
                for item in root.iterfind("Options/Option")
            },
            variables=_variables(root, "Variables/Variable", "VarIndex", source),
            spectators=_variables(root, "Spectators/Spectator", "SpecIndex", source),
            targets=_variables(root, "Targets/Target", "TargetIndex", source),
            classes=_classes(root, source),
            transformations=root.find("Transformations"),
            pdfs=root.find("MVAPdfs"),
            weights=weights,
            source=source,
        )

    @property
    def analysis_type(self) -> AnalysisType:
        """What the method was trained for; releases before 4.1 do not say."""
        found = self.info.get("AnalysisType", "Regression" if self.targets else "Classification").capitalize()
        if found not in _ANALYSES:
            self.fail(f"its analysis type is {found[:40]!r} (allowed: {', '.join(_ANALYSES)})")
        return cast("AnalysisType", found)

    @property
    def release(self) -> int:
        """TMVA's release as the number in brackets that TMVA itself compares: 262657 for 4.2.1; 0 if it is not stated."""
        found = re.search(r"\[(\d{1,9})\]", self.info.get("TMVA Release", self.info.get("TMVA", "")))
        return int(found.group(1)) if found else 0

    @property
    def signal_class(self) -> int:
        """Index of the class that is signal."""
        return self.classes.index("Signal") if "Signal" in self.classes else 0

    @property
    def background_class(self) -> int:
        """Index of the class that is background."""
        return self.classes.index("Background") if "Background" in self.classes else 1

    def option(self, name: str, default: str | None = None) -> str:
        """Return the text of an option, or the default if the file does not have it."""
        if name in self.options:
            return self.options[name].value
        if default is None:
            self.fail(f"it lacks the option {name!r}")
        return default

    def is_set(self, name: str, *, default: bool | None = None) -> bool:
        """Return a yes-or-no option."""
        text = self.option(name, None if default is None else str(default)).lower()
        if text not in {"true", "false", "t", "f", "1", "0"}:
            self.fail(f"the option {name!r} is {text[:40]!r}, neither True nor False")
        return text in {"true", "t", "1"}

    def fail(self, problem: str) -> NoReturn:
        """Raise ModelFormatError with the name of the file and of the method."""
        msg = f"{self.source}: {self.kind}::{self.name}: {problem}"
        raise ModelFormatError(msg)


def number(element: Element, name: str, source: str, default: float | None = None) -> float:
    """Return an attribute that is a number.

    Raises
    ------
    ModelFormatError
        If it is missing without a default, or no number.
    """
    text = element.get(name)
    if text is None and default is not None:
        return default
    try:
        return float(text or "")
    except ValueError:
        msg = f"{source}: {name} of a {element.tag!r} is {(text or '')[:40]!r}, not a number"
        raise ModelFormatError(msg) from None


def whole_number(element: Element, name: str, source: str, default: int | None = None, *, most: int = 2**31 - 1) -> int:
    """Return an attribute that is an integer from -``most`` to ``most``.

    Raises
    ------
    ModelFormatError
        If it is missing without a default, no integer, or too large.
    """
    text = element.get(name)
    if text is None and default is not None:
        return default
    if text is None or not re.fullmatch(r"\s*-?\d{1,10}\s*", text, re.ASCII) or abs(int(text)) > most:
        msg = f"{source}: {name} of a {element.tag!r} is {(text or '')[:40]!r}, not an integer up to {most}"
        raise ModelFormatError(msg)
    return int(text)


def _variables(root: Element, path: str, index: str, source: str) -> tuple[Variable, ...]:
    found = []
    for place, item in enumerate(root.iterfind(path)):
        if whole_number(item, index, source, place) != place or place >= _MOST_VARIABLES:
            msg = f"{source}: {path} number {place} has the index {item.get(index)!r}"
            raise ModelFormatError(msg)
        expression = item.get("Expression", "")
        found.append(
            Variable(
                expression=expression,
                label=item.get("Label", expression),
                title=item.get("Title", ""),
                unit=item.get("Unit", ""),
                internal=item.get("Internal", ""),
                type=item.get("Type", "F"),
                minimum=number(item, "Min", source, 0.0),
                maximum=number(item, "Max", source, 0.0),
            )
        )
    return tuple(found)


def _classes(root: Element, source: str) -> tuple[str, ...]:
    named = {}
    for place, item in enumerate(root.iterfind("Classes/Class")):
        named[whole_number(item, "Index", source, place, most=_MOST_VARIABLES)] = item.get("Name", "")
    if sorted(named) != list(range(len(named))):
        msg = f"{source}: the indices of the classes are {sorted(named)[:10]}"
        raise ModelFormatError(msg)
    return tuple(named[index] for index in range(len(named)))
