"""Which variables, targets and spectators a transformation takes and puts: TMVA's names for them, in options and in XML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol
from xml.etree.ElementTree import Element, SubElement

from hepml.errors import InvalidInputError, unknown_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.transforms.markup import Source

__all__ = ["Column", "Columns", "Named", "Selection", "Slot"]

_KINDS = {"v": "Variable", "t": "Target", "s": "Spectator"}
_LETTERS = {name: letter for letter, name in _KINDS.items()}


class Slot(NamedTuple):
    """A place in TMVA's event: ``("v", 0)`` is its first variable, ``t`` stands for targets, ``s`` for spectators."""

    kind: str
    place: int


class Named(Protocol):
    """Anything with the two names that TMVA gives a variable."""

    @property
    def expression(self) -> str:
        """Its formula."""

    @property
    def label(self) -> str:
        """Its name, by which options mean it."""


@dataclass(frozen=True, slots=True)
class Column:
    """A variable by its two names; ``label := expression`` in TMVA's words."""

    expression: str
    label: str


@dataclass(frozen=True, slots=True)
class Columns:
    """The variables, targets and spectators that there are, in order."""

    variables: tuple[Named, ...]
    targets: tuple[Named, ...] = ()
    spectators: tuple[Named, ...] = ()

    @classmethod
    def of(
        cls,
        variables: Sequence[str | Named],
        targets: Sequence[str | Named] = (),
        spectators: Sequence[str | Named] = (),
    ) -> Columns:
        """Take names or anything that has an expression and a label."""
        named = (
            tuple(Column(item, item) if isinstance(item, str) else item for item in group)
            for group in (variables, targets, spectators)
        )
        return cls(*named)

    def group(self, kind: str) -> tuple[Named, ...]:
        """Return those of one kind."""
        return {"v": self.variables, "t": self.targets, "s": self.spectators}[kind]

    def slots(self, kind: str) -> list[Slot]:
        """Return the places of one kind."""
        return [Slot(kind, index) for index in range(len(self.group(kind)))]

    def __getitem__(self, slot: Slot) -> Named:
        return self.group(slot.kind)[slot.place]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a transformation takes from an event, and where it puts what it makes of it.

    Parameters
    ----------
    get, put : tuple of Slot
        Of equal length; ``put`` has no slot twice.
    """

    get: tuple[Slot, ...]
    put: tuple[Slot, ...]

    @classmethod
    def from_option(cls, text: str, columns: Columns) -> Selection:
        """Interpret what stands in brackets behind a transformation, as ``VariableTransformBase::SelectInput`` does.

        Parameters
        ----------
        text : str
            Labels and ``_V_``, ``_T_``, ``_S_`` (all variables, targets, spectators) or ``_V1_`` (the second variable),
            with commas between. They are sorted unless ``_REARRANGE_`` is among them.
        columns : Columns
            What there is.

        Raises
        ------
        UnknownNameError
            If a label is not known. (TMVA warns and goes on without it.)
        InvalidInputError
            If an index is too large, or nothing is selected.
        """
        chosen: list[Slot] = []
        keeps_order = False
        for word in (part.strip() for part in text.split(",")):
            keyword = word[1:-1] if len(word) > 1 and word[0] == word[-1] == "_" else None
            if keyword is None:
                chosen.extend(_labelled(word, columns))
            elif keyword[:1].lower() in _KINDS and keyword[:1].isupper():
                chosen.extend(_indexed(keyword, columns))
            elif "REARRANGE".startswith(keyword):
                keeps_order = True
            else:
                known = ["_V_", "_T_", "_S_", "_REARRANGE_"]
                kind = "selection of variables for a transformation"
                raise unknown_name(kind, word, known)
        put = tuple(slot for kind in _KINDS for slot in sorted(set(chosen)) if slot.kind == kind)
        if not put or (keeps_order and len(put) != len(chosen)):
            msg = f"a transformation of ({text}) takes {len(chosen)} variables, {len(put)} different: name each once"
            raise InvalidInputError(msg)
        return cls(tuple(chosen) if keeps_order else put, put)

    @classmethod
    def from_xml(cls, transform: Element, columns: Columns, source: Source) -> Selection:
        """Read the ``Selection`` of a ``Transform``; files older than it transform all variables."""
        selection = transform.find("Selection")
        if selection is None:
            everything = tuple(columns.slots("v"))
            return cls(everything, everything)
        get = _read(source.child(selection, "Input"), columns, source)
        put = _read(source.child(selection, "Output"), columns, source)
        if len(get) != len(put) or len(set(put)) != len(put) or not put:
            source.fail(f"a selection takes {len(get)} values and puts {len(set(put))}")
        return cls(get, put)

    def add_xml(self, transform: Element, columns: Columns) -> None:
        """Write it into a ``Transform``."""
        selection = SubElement(transform, "Selection")
        for tag, slots in (("Input", self.get), ("Output", self.put)):
            group = SubElement(selection, tag, {f"N{tag}s": str(len(slots))})
            for slot in slots:
                names = columns[slot]
                attributes = {"Type": _KINDS[slot.kind], "Label": names.label, "Expression": names.expression}
                SubElement(group, tag, attributes)


def _labelled(label: str, columns: Columns) -> list[Slot]:
    # TMVA takes a variable, a target and a spectator of the same name
    found = [
        next(slot for slot in columns.slots(kind) if columns[slot].label == label)
        for kind in _KINDS
        if any(item.label == label for item in columns.group(kind))
    ]
    if not found:
        labels = [item.label for kind in _KINDS for item in columns.group(kind)]
        kind = "variable to transform"
        raise unknown_name(kind, label, labels)
    return found


def _indexed(keyword: str, columns: Columns) -> list[Slot]:
    slots = columns.slots(keyword[0].lower())
    number = keyword[1:]
    if not number:
        return slots
    if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) < len(slots)):
        msg = f"_{keyword}_ is none of the {len(slots)} {_KINDS[keyword[0].lower()].lower()}s, which count from 0"
        raise InvalidInputError(msg)
    return [slots[int(number)]]


def _read(group: Element, columns: Columns, source: Source) -> tuple[Slot, ...]:
    tag = group.tag
    found = []
    tables: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
    for item in group.iterfind(tag):
        kind = _LETTERS.get(item.get("Type", ""))
        if kind is None:
            source.fail(f"the type of an {tag!r} is {item.get('Type', '')[:40]!r}")
        if kind not in tables:
            tables[kind] = _first_index(columns.group(kind))
        labels, expressions = tables[kind]
        # the first that agrees in one of the names
        places = [
            table[name]
            for table, name in ((labels, item.get("Label", "")), (expressions, item.get("Expression", "")))
            if name in table
        ]
        if not places:
            source.fail(f"{item.get('Label', '')[:60]!r}, which is to be transformed, is none of its {_KINDS[kind]}s")
        found.append(Slot(kind, min(places)))
    if source.count(group, f"N{tag}s") != len(found):
        source.fail(f"N{tag}s is {group.get(f'N{tag}s')}, but there are {len(found)}")
    return tuple(found)


def _first_index(group: tuple[Named, ...]) -> tuple[dict[str, int], dict[str, int]]:
    labels: dict[str, int] = {}
    expressions: dict[str, int] = {}
    for index, item in enumerate(group):
        labels.setdefault(item.label, index)
        expressions.setdefault(item.expression, index)
    return labels, expressions
