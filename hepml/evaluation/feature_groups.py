"""Groups of features that can stand in for one another, from their rank correlations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hepml.evaluation.correlations import Correlations

__all__ = ["feature_groups"]


def feature_groups(
    matrices: Iterable[Correlations], names: Sequence[str], *, threshold: float = 0.8
) -> tuple[tuple[str, ...], ...]:
    """Group features whose rank correlation is above a threshold in some class.

    Parameters
    ----------
    matrices : iterable of Correlations
        Of signal and of background. The first rows and columns are the features; more are not looked at.
    names : sequence of str
        Of the features.
    threshold : float
        Smallest absolute rank correlation of a feature with the nearest one of its group, above 0 and at most 1.

    Returns
    -------
    tuple of tuple of str
        Groups of at least two features, each in the order of ``names``. Features of different groups are correlated below
        the threshold in every class, so none has a substitute outside its group.

    Raises
    ------
    InvalidInputError
        If the threshold is out of range, there is no matrix, or one has fewer rows than there are names.

    Notes
    -----
    Hierarchical clustering with the distance 1 - abs(rank correlation), the larger correlation of the classes, single
    linkage. A correlation that is not computable groups nothing.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if not 0 < threshold <= 1:
        msg = f"the threshold of grouping is a correlation above 0 and at most 1, not {threshold}"
        raise InvalidInputError(msg)
    size = len(names)
    ranks = [matrix.rank for matrix in matrices]
    if not ranks or any(len(rank) < size for rank in ranks):
        msg = f"correlations of {[len(rank) for rank in ranks]} columns were given for {size} features"
        raise InvalidInputError(msg)
    if size < 2:
        return ()
    strongest = np.max([np.nan_to_num(np.abs(rank[:size, :size])) for rank in ranks], axis=0)
    # coefficients of signed weights may be above 1
    distance = np.clip(1.0 - strongest, 0.0, 1.0)
    np.fill_diagonal(distance, 0.0)
    # rounding must not decide on features at the threshold
    tree = linkage(squareform(distance, checks=False), method="single")
    number = fcluster(tree, 1.0 - threshold + 1e-12, criterion="distance")
    groups: dict[int, list[str]] = {}
    for name, label in zip(names, number.tolist(), strict=True):
        groups.setdefault(label, []).append(name)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
