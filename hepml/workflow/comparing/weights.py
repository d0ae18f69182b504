"""The weights of a comparison: physics weights if any source has them, and whether those of the others agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hepml.tmva.output.events import NORMALISED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.workflow.comparing.matching import MatchedEvents
    from hepml.workflow.comparing.scored import ScoredSource

__all__ = ["ComparedWeights", "choose_weights"]

# float32 of TMVA on both sides of a ratio
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True, eq=False)
class ComparedWeights:
    """What all methods are weighted with.

    Parameters
    ----------
    weight : ndarray of float64, shape (n_events,)
        Of the matched events.
    of : str
        Source that they are taken from.
    is_physical : bool
        Whether they are physics weights; else TMVA has rescaled them, class by class.
    proportional : mapping of str to bool
        For each other source whether its weights are proportional to these within each class, so that no efficiency and no
        area would differ with them.
    remarks : tuple of str
        What is to be said of it.
    """

    weight: NDArray[np.float64]
    of: str
    is_physical: bool
    proportional: dict[str, bool]
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return whose weights these are as plain JSON types."""
        return {
            "of": self.of,
            "kind": "physics weights" if self.is_physical else NORMALISED,
            "proportional": dict(self.proportional),
        }


def choose_weights(sources: Sequence[ScoredSource], matched: MatchedEvents) -> ComparedWeights:
    """Choose the weights of the first source that has physics weights, else those of the first, and compare the others'.

    Parameters
    ----------
    sources : sequence of ScoredSource
        All of them.
    matched : MatchedEvents
        Their common events.

    Returns
    -------
    ComparedWeights
        Weights and remarks.
    """
    place = next((number for number, source in enumerate(sources) if source.physics_weight), 0)
    chosen, rows = sources[place], matched.rows
    weight, y = chosen.test.weight[rows[place]], chosen.test.y[rows[place]]
    proportional, remarks = {}, []
    if not chosen.physics_weight:
        remarks.append(
            f"Weights are those of {chosen.name}, {NORMALISED}: areas and efficiencies of one class do not depend on that; "
            f"yields and significances would, and are not given."
        )
    for number, source in enumerate(sources):
        if number == place:
            continue
        other = source.test.weight[rows[number]]
        spread = max(_spread(weight[y == label], other[y == label]) for label in (True, False))
        proportional[source.name] = spread <= _ROUNDING
        if spread > _ROUNDING:
            remarks.append(
                f"Weights of {source.name} are not proportional to those of {chosen.name}, which all methods are compared "
                f"with: within a class they differ by up to {100 * spread:.3g} % of the largest weight."
            )
    return ComparedWeights(weight, chosen.name, chosen.physics_weight, proportional, tuple(remarks))


def _spread(weight: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the largest difference after scaling to one sum of magnitudes, as a share of the largest weight."""
    total, largest = float(np.abs(other).sum()), float(np.abs(weight).max(initial=0.0))
    if total == 0.0 or largest == 0.0:
        return 0.0 if total == largest else np.inf
    scaled = other * (float(np.abs(weight).sum()) / total)
    return float(np.abs(scaled - weight).max() / largest)
