"""Any method boosted (MethodBoost): the weighted mean of members, each transformed."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from hepml.tmva.methods.base import method_of
from hepml.tmva.setup import Option, number, whole_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from numpy.typing import NDArray

    from hepml.tmva.events import Events
    from hepml.tmva.methods.base import Method
    from hepml.tmva.setup import MethodSetup

__all__ = ["Boost"]

_TRANSFORMS = ("step", "linear", "log", "gauss")
_MOST_MEMBERS = 100_000
# TMVA hands members neither a signal efficiency nor spectators
_NO_MEMBERS = ("Boost", "Category", "Cuts")


@dataclass(frozen=True, slots=True, eq=False)
class Boost:
    """The mean of the members' transformed responses.

    Parameters
    ----------
    members : tuple of Method
        What was boosted.
    weights : ndarray of float64, shape (n_members,)
        How much each counts.
    cuts, orientations : ndarray of float64, shape (n_members,)
        Response that divides signal from background, and 1 or -1 for signal above or below.
    transform : {"step", "linear", "log", "gauss"}
        What is averaged: the side of the cut as 1 or -1; the response r; log(max(r - cut, 0) + 1/e); or
        exp(-(r - cut - 1)^2 / 2).
    """

    kind: ClassVar[str] = "Boost"
    members: tuple[Method, ...]
    weights: NDArray[np.float64]
    cuts: NDArray[np.float64]
    orientations: NDArray[np.float64]
    transform: str

    @classmethod
    def from_setup(cls, setup: MethodSetup) -> Self:
        """Interpret the weights; see :class:`hepml.tmva.methods.base.Method`."""
        found = setup.weights.findall("Method")
        claimed = whole_number(setup.weights, "NMethods", setup.source, most=_MOST_MEMBERS)
        if claimed != len(found) or not found:
            setup.fail(f"it has {len(found)} members and says {claimed}")
        transform = setup.option("Boost_Transform", "step")
        if transform not in _TRANSFORMS:
            setup.fail(f"its Boost_Transform is {transform[:40]!r} (allowed: {', '.join(_TRANSFORMS)})")
        numbers = np.array(
            [
                [number(item, name, setup.source, default) for item in found]
                for name, default in (("Weight", None), ("MethodSigCut", 0.0), ("MethodSigCutOrientation", 1.0))
            ]
        )
        if not np.isfinite(numbers).all() or numbers[0].sum() == 0.0:
            setup.fail("the weights of its members sum to nothing, or a weight or cut is not finite")
        members = tuple(method_of(_member(setup, item)) for item in found)
        return cls(members, numbers[0], numbers[1], numbers[2], transform)

    def respond(self, events: Events) -> NDArray[np.float64]:
        """Return the mean, float64 of shape (n_events,)."""
        total = np.zeros(len(events))
        norm = 0.0
        for member, weight, cut, orientation in zip(
            self.members, self.weights, self.cuts, self.orientations, strict=True
        ):
            total += self._transformed(member.respond(events), cut, orientation) * weight
            norm += weight
        return total / norm

    def _transformed(self, response: NDArray[np.float64], cut: float, orientation: float) -> NDArray[np.float64]:
        if self.transform == "linear":
            return response
        if self.transform == "log":
            return np.log((np.maximum(response, cut) - cut) + math.exp(-1.0))
        if self.transform == "gauss":
            # TMath::Gaus gives nothing beyond 39 standard deviations
            distance = (response - cut) - 1.0
            return np.where(np.abs(distance) > 39.0, 0.0, np.exp(-0.5 * distance * distance))
        return np.where(response * orientation > cut * orientation, 1.0, -1.0)


def _member(setup: MethodSetup, item: Element) -> MethodSetup:
    """Return what describes a member: the whole's variables and transformations, its own options and weights."""
    weights = item.find("Weights")
    kind = item.get("MethodTypeName", "")
    if weights is None or kind in _NO_MEMBERS:
        setup.fail(f"a member of kind {kind[:40]!r} has no weights, or cannot be boosted")
    return dataclasses.replace(
        setup,
        kind=kind,
        name=item.get("MethodName", kind),
        options=_options(item.get("Options", "")),
        pdfs=None,
        weights=weights,
        processes_options=True,
    )


def _options(text: str) -> dict[str, Option]:
    """Return a string of options by name; a tilde marks those that were given to the whole."""
    options = {}
    for part in text.replace("~", "").split(":"):
        name, equals, value = part.partition("=")
        if equals:
            options[name] = Option(value, modified=True)
        elif name:
            options[name.lstrip("!")] = Option(str(not name.startswith("!")), modified=True)
    return options
