"""A ranking of features as text, laid out as TMVA prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ranking_lines"]


def ranking_lines(values: Mapping[str, float], discriminator: str) -> list[str]:
    """Return the lines of a ranking, the best first.

    Parameters
    ----------
    values : mapping of str to float
        By name of the feature; larger is better, NaN is not computable and comes last.
    discriminator : str
        What the values are.

    Returns
    -------
    list of str
        As ``TMVA::Ranking::Print`` writes them.
    """
    order = sorted(values, key=lambda name: np.inf if np.isnan(values[name]) else -values[name])
    widest = max((len(name) for name in order), default=0)
    rule = "-" * (widest + 15 + len(discriminator))
    rows = [
        f"{rank:4d} : {name:<{max(widest, 9)}} : "
        + ("not computable" if np.isnan(values[name]) else f"{values[name]:.3e}")
        for rank, name in enumerate(order, 1)
    ]
    return [
        "Ranking result (top variable is best ranked)",
        rule,
        f"Rank : {'Variable ':<{widest}} : {discriminator}",
        rule,
        *rows,
        rule,
    ]
