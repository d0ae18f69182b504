"""From the margin of a forest to its score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hepml.forest.checks import Link

__all__ = ["apply_link"]


def apply_link(link: Link, margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score for margins of shape (n_events, n_outputs); see :class:`~hepml.forest.Forest` for the links.

    Notes
    -----
    ``tmva_grad`` is the response of TMVA's gradient boosting, 2 / (1 + exp(-2 m)) - 1 (MethodBDT::GetGradBoostMVA).
    """
    result: NDArray[Any]
    with np.errstate(over="ignore"):
        if link == "logistic":
            result = 1.0 / (1.0 + np.exp(-margin))
        elif link == "logistic_2x":
            result = 1.0 / (1.0 + np.exp(-2.0 * margin))
        elif link == "tmva_grad":
            result = 2.0 / (1.0 + np.exp(-2.0 * margin)) - 1.0
        elif link == "softmax":
            result = np.exp(margin - margin.max(axis=1, keepdims=True, initial=-np.inf))
            result /= result.sum(axis=1, keepdims=True)
        elif link == "exp":
            result = np.exp(margin)
        else:
            result = margin
    return result
