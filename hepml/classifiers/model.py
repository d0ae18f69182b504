"""A loaded model: what it was trained on, and scores for whatever form the events come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from hepml.classifiers.features import check_features
from hepml.data.feature_matrix import matrix_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.data import Feature
    from hepml.forest import Forest

__all__ = ["Model", "Scorer"]


class Scorer(Protocol):
    """What a model needs of its estimator: a fitted :class:`~hepml.classifiers.Classifier`, or something foreign."""

    @property
    def handles_nan(self) -> bool: ...  # noqa: D102

    def evaluate(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the scores of a matrix of features."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """A classifier together with the features that it needs.

    Parameters
    ----------
    kind : str
        Kind of classifier.
    features : tuple of Feature
        In the order of the training.
    estimator : Classifier, ForestScorer or OnnxScorer
        Fitted.
    context : dict
        What was saved beside the model.
    metadata : dict
        All of ``model.json``.
    attachments : dict of str to bytes
        Further files that were saved beside the model.
    """

    kind: str
    features: tuple[Feature, ...]
    estimator: Scorer
    context: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict, repr=False)
    attachments: dict[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def is_foreign(self) -> bool:
        """Whether it is a model of another program, of whose training nothing is known."""
        return not isinstance(self.metadata.get("format"), str)

    @property
    def forest(self) -> Forest | None:
        """The trees that give the score, None for a model without trees."""
        return getattr(self.estimator, "forest_", None)

    @property
    def n_scores(self) -> int:
        """Number of scores of an event."""
        return int(getattr(self.estimator, "n_outputs", 1))

    def evaluate(self, X: object, *, columns: Literal["branches", "features"] | None = None) -> NDArray[np.float64]:
        """Return the score of each event.

        Parameters
        ----------
        X : ndarray, mapping, DataFrame or Dataset
            See the notes.
        columns : {"branches", "features"}, optional
            What the names of a mapping or DataFrame are. Default: found out as the notes say.

        Returns
        -------
        ndarray of float64, shape (n_events,) or (n_events, n_outputs)
            Probability of signal; of a model of another program what that calls its score.

        Raises
        ------
        FeatureMismatchError
            If features or branches are missing, misspelt, or defined otherwise than in the training.
        FeatureValueError
            If a feature is infinite, or missing where the method cannot take that.
        InvalidInputError
            If ``X`` has the wrong shape or type.

        Notes
        -----
        - **array** (n_events, n_features): the features in the order of the training. Nothing can be checked but the shape.
        - **Dataset**, or anything with ``.X`` and ``.features``: columns are taken by name, in whatever order; expression,
          unit and missing values must be those of the training.
        - **mapping or DataFrame**: raw branches by name. The expressions of all features are evaluated on them in double
          precision and then rounded to float32. A name is always a branch where all branches that the model needs are
          there, even if a feature has the same name. Where branches lack, columns are taken as finished features only if
          every feature is there by name and none of those names is also a branch with another meaning (``pt`` for
          ``pt/1000``). ``columns`` says outright which it is.

        In all forms the values that a feature declares as missing become NaN.
        """
        matrix = matrix_of(X, self.features, columns)
        names = [feature.name for feature in self.features]
        check_features(matrix, names, handles_nan=self.estimator.handles_nan, kind=self.kind)
        return self.estimator.evaluate(matrix)
