"""What a forest tells beyond its score: features that it uses, why an event has its score, what each tree adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from hepml.forest.explanation import Importance
    from hepml.forest.forest import Forest

__all__ = ["ForestInsight"]


class ForestInsight:
    """Methods of :class:`~hepml.forest.Forest`."""

    __slots__ = ()

    def importance(self, kind: Importance = "gain") -> NDArray[np.float64]:
        """Return how much each feature is used.

        Parameters
        ----------
        kind : {"gain", "total_gain", "cover", "total_cover", "splits"}
            Mean or sum of the gain, or of the cover, of a feature's splits; or their number.

        Returns
        -------
        ndarray of float64, shape (n_features,)
            0 for features that are not used.

        Raises
        ------
        InvalidInputError
            If gain or cover are not known.
        """
        from hepml.forest.explanation import importance

        return importance(cast("Forest", self), kind)

    def contributions(self, X: ArrayLike, threads: int | None = None) -> NDArray[np.float64]:
        """Return how much each feature adds to the margin of each event: exact, path-dependent TreeSHAP.

        Parameters
        ----------
        X : array-like, shape (n_events, n_features)
            As for :meth:`Forest.predict`.
        threads : int, optional
            As for :meth:`Forest.predict`.

        Returns
        -------
        ndarray of float64, shape (n_events, n_features + 1) or (n_events, n_features + 1, n_outputs)
            The last column is the mean margin of the training (by cover); the sum over all columns is the margin.

        Raises
        ------
        InvalidInputError
            If the cover of the nodes is not known or negative, or the margin is a median.

        Notes
        -----
        Lundberg et al., Nature Machine Intelligence 2 (2020) 56: Shapley values of the tree whose unknown features follow
        the training events. :mod:`hepml.forest.shapley` says how they are computed.
        """
        from hepml.forest.explanation import contributions

        return contributions(cast("Forest", self), X, threads=threads)

    def staged_scores(
        self, X: ArrayLike, at: ArrayLike, threads: int | None = None, *, dtype: DTypeLike = np.float32
    ) -> NDArray[np.floating]:
        """Return the scores after some numbers of trees: what a figure of merit against their number needs.

        Parameters
        ----------
        X : array-like, shape (n_events, n_features)
            As for :meth:`Forest.predict`.
        at : array-like of int, shape (n_stages,)
            Numbers of trees, ascending.
        threads : int, optional
            As for :meth:`Forest.predict`.
        dtype : {float32, float64}
            Of the result. Scores are computed in double precision.

        Returns
        -------
        ndarray, shape (n_stages, n_events) or (n_stages, n_events, n_outputs)
            A line for each stage. Beyond it, memory does not grow with the number of events.

        Raises
        ------
        FeatureMismatchError, FeatureValueError, InvalidInputError
            As for :meth:`Forest.predict`.
        """
        from hepml.forest.prediction import staged_scores

        return staged_scores(cast("Forest", self), X, at, threads=threads, dtype=dtype)
