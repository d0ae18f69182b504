"""TMVA's transformations as a transformer of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from hepml.errors import InvalidInputError
from hepml.transforms.chain import TransformChain
from hepml.transforms.specification import terms_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["TmvaTransformer"]


class TmvaTransformer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """TMVA's transformations of variables, in any chain, for pipelines of scikit-learn.

    Parameters
    ----------
    transformations : str
        TMVA's option ``VarTransform``: ``"N"``, ``"D,G"``, ``"D_Background,P_Signal,G,N(var1,var3)+U"``.
        In brackets stand names of features (``x0``, ``x1``, ... if they have none) or ``_V0_``, ``_V1_``, ...

    Attributes
    ----------
    chain_ : TransformChain
        The fitted transformations, which can be written as XML.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str
        Names of features, if they had some.

    Examples
    --------
    >>> TmvaTransformer("N").fit_transform([[0.0], [1.0], [4.0]])[:, 0].tolist()
    [-1.0, -0.5, 1.0]
    """

    def __init__(self, transformations: str = "N") -> None:
        self.transformations = transformations

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the transformations, one after the other.

        Parameters
        ----------
        X : array-like of float, shape (n_events, n_features)
            Features; kept in single precision, as TMVA's events hold them.
        y : array-like, shape (n_events,), optional
            Classes, needed only for a transformation of one class. Its name is the label as text; of two labels the
            larger is also called ``Signal`` and the other ``Background``.
        sample_weight : array-like of float, shape (n_events,), optional
            Signed weights, used by D, U and G.

        Returns
        -------
        TmvaTransformer
            Itself.

        Raises
        ------
        UnknownNameError
            If a transformation, a class or a feature is not known.
        InvalidInputError, EmptyClassError, FeatureValueError
            If the events do not define the transformations.
        """
        wanted = {term.class_name for term in terms_of(self.transformations) if term.class_name is not None}
        matrix: NDArray[np.float32] = validate_data(self, X, dtype=np.float32, order="F", ensure_min_samples=2)
        names = getattr(self, "feature_names_in_", None)
        variables = (
            [f"x{place}" for place in range(matrix.shape[1])] if names is None else [str(name) for name in names]
        )
        index, classes = _classes(y, wanted) if wanted else (None, ())
        if sample_weight is not None:
            sample_weight = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
            if not np.any(sample_weight):
                msg = "all sample weights are zero, so there is nothing to fit"
                raise InvalidInputError(msg)
        self.chain_ = TransformChain.fit(
            self.transformations, matrix, index, sample_weight, variables=variables, classes=classes
        )
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Transform events.

        Parameters
        ----------
        X : array-like of float, shape (n_events, n_features)
            Features.

        Returns
        -------
        ndarray of float32, shape (n_events, n_features)
            Column-major.
        """
        check_is_fitted(self)
        matrix: NDArray[np.float32] = validate_data(self, X, dtype=np.float32, order="F", reset=False)
        return self.chain_.apply(matrix)

    def inverse_transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Undo :meth:`transform`, up to roundings; see :meth:`TransformChain.inverse`.

        Parameters
        ----------
        X : array-like of float, shape (n_events, n_features)
            Transformed features.

        Returns
        -------
        ndarray of float32, shape (n_events, n_features)
            Column-major.
        """
        check_is_fitted(self)
        return self.chain_.inverse(check_array(X, dtype=np.float32, order="F"))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def _classes(y: ArrayLike | None, wanted: set[str]) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    if y is None:
        msg = f"a transformation is fitted on {', '.join(sorted(wanted))} alone, which needs y"
        raise InvalidInputError(msg)
    labels, index = np.unique(np.asarray(y), return_inverse=True)
    names = tuple(str(label) for label in labels.tolist())
    if len(names) == 2 and not wanted <= set(names):
        # TMVA's order: signal comes first
        return 1 - index, ("Signal", "Background")
    return index, names
