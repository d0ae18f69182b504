"""The interface that every kind of classifier has: scikit-learn's, with signed weights and an own validation part."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from hepml.classifiers.features import check_features
from hepml.classifiers.parameters import Choice, Integer, Parameter, check_names, check_values
from hepml.classifiers.training import TrainingPart
from hepml.classifiers.weights import POLICIES, checked_weights, prepare_weights
from hepml.data import Feature
from hepml.data.mapped import is_mapped, row_blocks, take_rows
from hepml.errors import EmptyClassError, InvalidInputError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Classifier"]

# rows of a mapped matrix that are scored in one go
_MAPPED_BLOCK = 1 << 18


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Base of all kinds: checks, weights, labels and scores; a kind adds the training and the margin.

    A kind sets the class attributes below, takes its options as explicit keyword parameters of ``__init__`` (nothing but
    assignments there) and implements ``_train``, ``_margin``, ``_state``, ``_payloads`` and ``_restore``.

    Attributes
    ----------
    kind : str
        Name in the registry.
    handles_nan : bool
        Whether missing features (NaN) can be trained and evaluated on.
    library : str
        Distribution that trains, whose version is written beside the model.
    classes_ : ndarray, shape (2,)
        The labels, sorted; the second one is signal.
    n_features_in_ : int
        Number of features of the training.
    training_report_ : dict
        Plain JSON types: weights policy and what it did, sums of weights, number of leaves whose signed sum of weights is
        not positive, best iteration, curve of the validation metric.
    """

    kind: ClassVar[str]
    handles_nan: ClassVar[bool] = True
    library: ClassVar[str]

    _common_parameters: ClassVar[dict[str, Parameter]] = {
        "negative_weights": Choice(POLICIES),
        "random_state": Integer(0),
        "n_jobs": Integer(1, optional=True),
    }
    _parameters: ClassVar[dict[str, Parameter]] = {}

    classes_: NDArray[Any]
    n_features_in_: int
    training_report_: dict[str, Any]

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: str = "") -> Self:
        """Make an estimator from options by name, as an analysis file gives them.

        Parameters
        ----------
        options : mapping
            Names and values of the options that differ from the defaults.
        where : str
            Path of the options in the analysis file, for the messages.

        Returns
        -------
        Classifier
            Not fitted.

        Raises
        ------
        UnknownNameError
            If a name is no option of this kind; the message names the nearest.
        InvalidInputError
            If a value has the wrong type or is out of range.
        """
        declared = cls.declared_parameters()
        check_names(cls.kind, options, declared, where)
        check_values(cls.kind, options, declared, where)
        return cls(**options)

    @classmethod
    def declared_parameters(cls) -> dict[str, Parameter]:
        """Return type and range of each option, by name."""
        return {**cls._common_parameters, **cls._parameters}

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation: tuple[ArrayLike, ArrayLike, ArrayLike | None] | None = None,
        features: Sequence[Feature] | None = None,
    ) -> Self:
        """Train.

        Parameters
        ----------
        X : array-like, shape (n_events, n_features)
            Features; converted to float32. NaN means missing.
        y : array-like, shape (n_events,)
            Two different labels; the larger one is signal.
        sample_weight : array-like, shape (n_events,), optional
            Signed weights. Default 1. A common factor changes nothing.
        validation : tuple (X, y, weight), optional
            Events that are not trained on, with signed weights (None: 1). They decide the number of iterations, by the
            signed log-loss, whatever the weights policy. Without them all iterations are kept.
        features : sequence of Feature, optional
            What the columns are, for a kind that writes it into its own files. Default: features of the columns' names.

        Returns
        -------
        Classifier
            Itself.

        Raises
        ------
        InvalidInputError, FeatureValueError, WeightError, EmptyClassError
            For options, features, weights and labels that cannot be trained with.
        """
        check_values(self.kind, self.get_params(deep=False), self.declared_parameters())
        with np.errstate(over="ignore"):
            matrix, labels = validate_data(self, X, y, dtype=np.float32, ensure_all_finite=False)
        signal = self._encode(labels)
        names = self._feature_names()
        check_features(matrix, names, handles_nan=self.handles_nan, kind=self.kind)
        weight = checked_weights(sample_weight, matrix.shape[0])
        prepared = prepare_weights(
            matrix,
            signal,
            weight,
            self.negative_weights,
            feature_names=names,
            class_names=(str(self.classes_[0]), str(self.classes_[1])),
        )
        if prepared.rows is not None:
            matrix, signal = take_rows(matrix, prepared.rows), signal[prepared.rows]
        part = None if validation is None else self._validation_part(validation, names)
        columns = [Feature(name) for name in names] if features is None else list(features)
        if len(columns) != len(names):
            msg = f"{len(columns)} features given for {len(names)} columns"
            raise InvalidInputError(msg)
        self._columns = columns
        trained = self._train(TrainingPart(matrix, signal, prepared.weight), part)
        self.training_report_ = {**prepared.report, **trained}
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the log-odds of signal, float64 of shape (n_events,)."""
        return self._in_blocks(self._margin, self._checked(X))

    def evaluate(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the score: the probability of signal.

        Parameters
        ----------
        X : array-like, shape (n_events, n_features)
            Features in the order of the training.

        Returns
        -------
        ndarray of float64, shape (n_events,)
            Between 0 and 1, for the class balance of the training weights.
        """
        score: NDArray[np.float64] = expit(self.decision_function(X))
        return score

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the classes in the order of ``classes_``, float64 of shape (n_events, 2)."""
        margin = self.decision_function(X)
        return np.column_stack([expit(-margin), expit(margin)])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the more probable label of each event, shape (n_events,)."""
        signal = self.decision_function(X) > 0.0
        labels: NDArray[Any] = self.classes_[signal.astype(np.intp)]
        return labels

    def save(
        self,
        folder: str | os.PathLike[str],
        features: Sequence[Feature] | None = None,
        context: Mapping[str, Any] | None = None,
        *,
        attachments: Mapping[str, bytes] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the fitted classifier as a model bundle; see :func:`hepml.classifiers.save_model`."""
        from hepml.classifiers.bundle import save_model

        return save_model(
            self, folder, features=features, context=context, attachments=attachments, overwrite=overwrite
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.handles_nan
        tags.classifier_tags.multi_class = False
        return tags

    @property
    @abstractmethod
    def n_iter_(self) -> int:
        """Number of iterations that are kept; only a fitted classifier has it."""

    @abstractmethod
    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        """Train, set the fitted attributes and return what goes into the report."""

    @abstractmethod
    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-odds for checked features."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """Return what the model file holds beside the payloads, as plain JSON types."""

    @abstractmethod
    def _payloads(self) -> dict[str, bytes]:
        """Return the payload files by name."""

    @abstractmethod
    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        """Set the kind's fitted attributes from ``_state()`` and ``_payloads()``, trusting nothing."""

    def _checked(self, X: ArrayLike) -> NDArray[np.float32]:
        check_is_fitted(self)
        with np.errstate(over="ignore"):
            array: NDArray[np.float32] = validate_data(
                self, X, dtype=np.float32, reset=False, ensure_all_finite=False, ensure_min_samples=0
            )
        check_features(array, self._feature_names(), handles_nan=self.handles_nan, kind=self.kind)
        return array

    @staticmethod
    def _in_blocks(
        function: Callable[[NDArray[np.float32]], NDArray[np.float64]], matrix: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        if not is_mapped(matrix):
            return function(matrix)
        result = np.empty(len(matrix))
        for rows, block in row_blocks(matrix, _MAPPED_BLOCK):
            result[rows] = function(block)
        return result

    def _feature_names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{i}" for i in range(self.n_features_in_)] if names is None else [str(name) for name in names]

    def _encode(self, y: NDArray[Any]) -> NDArray[np.bool_]:
        check_classification_targets(y)
        if type_of_target(y, input_name="y", raise_unknown=True) == "multiclass":
            msg = f"Only binary classification is supported. The type of the target is {type_of_target(y)}."
            raise InvalidInputError(msg)
        self.classes_ = np.unique(y)
        if self.classes_.size != 2:
            msg = f"training needs events of two classes, and y holds {self.classes_.size} class: {str(self.classes_[0])!r}"
            raise EmptyClassError(msg)
        return np.asarray(y == self.classes_[1])

    def _validation_part(
        self, validation: tuple[ArrayLike, ArrayLike, ArrayLike | None], names: Sequence[str]
    ) -> TrainingPart:
        with np.errstate(over="ignore"):
            X, y = validate_data(
                self, validation[0], validation[1], dtype=np.float32, reset=False, ensure_all_finite=False
            )
        unknown = np.setdiff1d(y, self.classes_)
        if unknown.size:
            msg = f"the validation part holds the label {str(unknown[0])!r}, which the training part does not"
            raise InvalidInputError(msg)
        check_features(X, names, handles_nan=self.handles_nan, kind=self.kind)
        signal = np.asarray(y == self.classes_[1])
        weights = checked_weights(validation[2], X.shape[0], "the validation weight")
        for label, members in zip(self.classes_, (~signal, signal), strict=True):
            if weights[members].sum() <= 0.0:
                msg = (
                    f"class {str(label)!r}: the weights of its {int(members.sum())} validation events sum to "
                    f"{weights[members].sum():g}; early stopping needs a positive sum in each class"
                )
                raise EmptyClassError(msg)
        return TrainingPart(X, signal, weights)
