"""By what NormMode multiplies the weights of training events: ``DataSetFactory::RenormEvents``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import WeightError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hepml.tmva.preparation.prepared import NormMode

__all__ = ["norm_factors", "running_sum"]


def running_sum(weight: NDArray[np.float64]) -> float:
    """Return the sum as TMVA adds it up, from the first to the last."""
    return float(np.add.accumulate(weight)[-1]) if len(weight) else 0.0


def norm_factors(mode: NormMode, sums: Sequence[float], counts: Sequence[int], names: Sequence[str]) -> list[float]:
    """Return the factor of each class.

    Parameters
    ----------
    mode : {"None", "NumEvents", "EqualNumEvents"}
        ``NumEvents``: the weights of a class sum to its number of training events. ``EqualNumEvents``: to that of the first.
    sums, counts : sequence
        Signed sum of weights, and number, of the training events of each class.
    names : sequence of str
        The classes, for messages.

    Raises
    ------
    WeightError
        If the weights of a class sum to zero, or to less: TMVA divides by it, so that every weight changes its sign.
    """
    if mode == "None":
        return [1.0] * len(sums)
    factors = []
    for total, count, name in zip(sums, counts, names, strict=True):
        if not total > 0.0:
            msg = (
                f"the weights of the {count} training events of class {name!r} sum to {total:g}, so that NormMode={mode} "
                "has no meaning; NormMode=None leaves them as they are"
            )
            raise WeightError(msg)
        # the numbers are rounded to single precision
        wanted = np.float32(count if mode == "NumEvents" else counts[0])
        factors.append(float(np.float64(wanted) / total))
    return factors
