"""The interface of every kind of classifier: scikit-learn's, with signed weights and an own validation part."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from hepml.classifiers.estimator import Estimator
from hepml.errors import EmptyClassError, InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Classifier"]


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Base of all kinds of classifier: labels, probabilities and scores; a kind adds the training and the margin.

    Attributes
    ----------
    multiclass : bool
        Whether the kind takes more than two classes.
    classes_ : ndarray, shape (n_classes,)
        The labels, sorted; the second one of two is signal.
    n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.estimator.Estimator`. The report also has the number of leaves whose signed
        sum of weights is not positive, the best iteration, the curve of the validation metric.
    """

    task: ClassVar[str] = "classification"
    multiclass: ClassVar[bool] = False

    classes_: NDArray[Any]

    @property
    def n_outputs(self) -> int:
        """Number of scores of an event: 1 for two classes, else one for each class."""
        return 1 if self.classes_.size == 2 else int(self.classes_.size)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the log-odds of signal, float64 of shape (n_events,); of several classes their logarithms up to a constant.

        The latter have shape (n_events, n_classes), in the order of ``classes_``.
        """
        return self._in_blocks(self._margin, self._checked(X))

    def evaluate(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the score: the probability of signal, or that of each of several classes.

        Parameters
        ----------
        X : array-like, shape (n_events, n_features)
            Features in the order of the training.

        Returns
        -------
        ndarray of float64, shape (n_events,) or (n_events, n_classes)
            Between 0 and 1, for the class balance of the training weights.
        """
        margin = self.decision_function(X)
        score: NDArray[np.float64] = expit(margin) if margin.ndim == 1 else softmax(margin, axis=1)
        return score

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the classes in the order of ``classes_``, float64 of shape (n_events, n_classes)."""
        margin = self.decision_function(X)
        if margin.ndim == 2:
            probabilities: NDArray[np.float64] = softmax(margin, axis=1)
            return probabilities
        return np.column_stack([expit(-margin), expit(margin)])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable label of each event, shape (n_events,)."""
        margin = self.decision_function(X)
        place = (margin > 0.0).astype(np.intp) if margin.ndim == 1 else margin.argmax(axis=1)
        labels: NDArray[Any] = self.classes_[place]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.handles_nan
        tags.classifier_tags.multi_class = self.multiclass
        return tags

    @abstractmethod
    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the log-odds for checked features, of more than two classes their logarithms, shape (n, n_classes)."""

    def _encode(self, given: NDArray[Any]) -> NDArray[np.int64]:
        check_classification_targets(given)
        if not self.multiclass and type_of_target(given, input_name="y", raise_unknown=True) == "multiclass":
            msg = f"Only binary classification is supported. The type of the target is {type_of_target(given)}."
            raise InvalidInputError(msg)
        self.classes_, place = np.unique(given, return_inverse=True)
        if self.classes_.size < 2:
            msg = f"training needs events of two classes, and y holds {self.classes_.size} class: {str(self.classes_[0])!r}"
            raise EmptyClassError(msg)
        return np.asarray(place, dtype=np.int64)

    def _encode_validation(self, given: NDArray[Any]) -> NDArray[np.int64]:
        unknown = np.setdiff1d(given, self.classes_)
        if unknown.size:
            msg = f"the validation part holds the label {str(unknown[0])!r}, which the training part does not"
            raise InvalidInputError(msg)
        return np.asarray(np.searchsorted(self.classes_, given), dtype=np.int64)

    def _groups(self, target: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        return target, tuple(str(label) for label in self.classes_)
