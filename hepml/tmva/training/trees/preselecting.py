"""Cuts beyond which there is one class only, as ``MethodBDT::DeterminePreselectionCuts`` finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.tmva.methods.bdt import Preselection
from hepml.tmva.training.trees.introsort import sort
from hepml.transforms.markup import attribute_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from hepml.tmva.training.training_set import TrainingSet

__all__ = ["preselection_of", "with_attributes"]

_SIDES = ("LowBkg", "LowSig", "HighBkg", "HighSig")
_ANSWERS = (-1.0, 1.0, -1.0, 1.0)
# the part of a class that a cut has to take away
_LEAST = 0.05


def preselection_of(training: TrainingSet) -> Preselection:
    """Return the cuts that the training events suggest.

    Parameters
    ----------
    training : TrainingSet
        All events, those of weight zero and of negative weight included.
    """
    cuts: list[tuple[int, bool, float, float]] = []
    signal, weight = training.is_signal, training.weight
    totals = [float(np.add.accumulate(weight[side])[-1]) if side.any() else 0.0 for side in (signal, ~signal)]
    order = np.arange(len(training), dtype=np.int32)
    for variable, info in enumerate(training.variables):
        x = np.ascontiguousarray(training.X[order, variable])
        # equal values stay in the order that std::sort leaves, from one variable to the next
        sort(x, order)
        margin = (info.maximum - info.minimum) / 100.0
        found = _cuts_of(x.astype(np.float64), weight[order], signal[order], totals, margin)
        cuts += [(variable, side < 2, found[side], _ANSWERS[side]) for side in range(4) if side in found]
    return Preselection(tuple(cuts))


def _cuts_of(
    x: NDArray[np.float64],
    weight: NDArray[np.float64],
    is_signal: NDArray[np.bool_],
    totals: list[float],
    margin: float,
) -> dict[int, float]:
    """Return the cut of each side that has one; values ascend."""
    s = np.add.accumulate(np.where(is_signal, weight, 0.0))[1:]
    b = np.add.accumulate(np.where(is_signal, 0.0, weight))[1:]
    with np.errstate(all="ignore"):
        efficiency_s, efficiency_b = s / totals[0], b / totals[1]
    best = [_LEAST] * 4
    found: dict[int, float] = {}
    # of several conditions that hold, only the first that improves on its own is looked at
    improvement = (
        (0, s == 0, efficiency_b),
        (1, b == 0, efficiency_s),
        (3, b == totals[1], 1 - efficiency_s),
        (2, s == totals[0], 1 - efficiency_b),
    )
    some = np.flatnonzero(np.logical_or.reduce([holds for _, holds, _ in improvement]))
    for at in some.tolist():
        for side, holds, part in improvement:
            if holds[at] and part[at] > best[side]:
                best[side] = float(part[at])
                found[side] = float(x[at + 1]) + (-margin if side < 2 else margin)
                break
    return found


def with_attributes(lines: Iterable[str], preselection: Preselection | None, n_variables: int) -> Iterator[str]:
    """Yield the lines of ``Weights`` with the cuts in front of its other attributes."""
    for number, line in enumerate(lines):
        if number == 0 and preselection is not None:
            yield line.replace("<Weights ", f"<Weights {_attributes(preselection, n_variables)} ", 1)
        else:
            yield line


def _attributes(preselection: Preselection, n_variables: int) -> str:
    """Return the attributes of the cuts in ``Weights``, in front of its other attributes."""
    known = {(variable, below, answer): value for variable, below, value, answer in preselection.cuts}
    texts = []
    for variable in range(n_variables):
        for side, answer in zip(_SIDES, _ANSWERS, strict=True):
            value = known.get((variable, side.startswith("Low"), answer))
            name = f"Preselection{side}Var{variable}"
            texts.append(f'{name}="{int(value is not None)}" {name}Value="{attribute_number(value or 0.0)}"')
    return " ".join(texts)
