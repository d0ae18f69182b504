"""Methods of a TLorentzVector, computed of its members as ROOT computes them: ``p4.Pt()``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.expressions.functions import Function
from hepml.expressions.syntax import METHODS_OF, Branch, Call, Node

if TYPE_CHECKING:
    from hepml.expressions.functions import Float

__all__ = ["METHODS", "METHOD_FUNCTIONS", "method_call", "method_nodes"]

_X, _Y, _Z, _E = "fP.fX", "fP.fY", "fP.fZ", "fE"

METHODS: dict[str, tuple[str, ...]] = {
    "Px": (_X,),
    "Py": (_Y,),
    "Pz": (_Z,),
    "E": (_E,),
    "Pt": (_X, _Y),
    "Phi": (_X, _Y),
    "Eta": (_X, _Y, _Z),
    "M": (_X, _Y, _Z, _E),
}
"""Methods by name, with the members that they need."""


def method_nodes(name: str, method: str) -> tuple[Branch, ...]:
    """Return the members of an object that a method needs."""
    return tuple(Branch(f"{name}.{member}") for member in METHODS[method])


def method_call(method: str, members: tuple[Node, ...]) -> Node:
    """Return the method of an object whose members are given; a member itself if the method only returns it."""
    return members[0] if len(members) == 1 else Call(f"{METHODS_OF}{method}", members)


def _pt(x: Float, y: Float) -> Float:
    return np.asarray(np.sqrt(x * x + y * y))


def _phi(x: Float, y: Float) -> Float:
    return np.where((x == 0) & (y == 0), 0.0, np.arctan2(y, x))


def _eta(x: Float, y: Float, z: Float) -> Float:
    magnitude = np.sqrt(x * x + y * y + z * z)
    cosine = np.where(magnitude == 0, 1.0, z / magnitude)
    inside = -0.5 * np.log((1.0 - cosine) / (1.0 + cosine))
    # TVector3's numbers for what flies along the axis; what is missing stays missing
    outside = np.where(np.isnan(cosine), np.nan, np.where(z == 0, 0.0, np.where(z > 0, 10e10, -10e10)))
    return np.where(cosine * cosine < 1, inside, outside)


def _mass(x: Float, y: Float, z: Float, e: Float) -> Float:
    square = e * e - (x * x + y * y + z * z)
    root = np.sqrt(np.abs(square))
    return np.where(square < 0, -root, root)


METHOD_FUNCTIONS: dict[str, Function] = {
    f"{METHODS_OF}Pt": Function(2, _pt),
    f"{METHODS_OF}Phi": Function(2, _phi),
    f"{METHODS_OF}Eta": Function(3, _eta),
    f"{METHODS_OF}M": Function(4, _mass),
}
"""Functions of the members, by the name that a syntax tree gives them; no text can call them."""
