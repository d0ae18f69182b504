"""``kind: sklearn``: an estimator of scikit-learn, by the path of its class, as a classifier or regressor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import logit
from sklearn.utils.metaestimators import available_if

from hepml.classifiers.base import Classifier
from hepml.classifiers.regression import Regressor
from hepml.classifiers.sklearn_models import SklearnModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from hepml.classifiers.training import TrainingPart

__all__ = ["SklearnClassifier", "SklearnRegressor"]

# probabilities of 0 and 1, which leaves of one class give, have finite log-odds of about +-36
_SMALLEST = 2.0**-53


def _gives_probabilities(classifier: SklearnClassifier) -> bool:
    if hasattr(classifier, "forest_"):
        return True
    fitted = getattr(classifier, "estimator_", None)
    return hasattr(classifier._build() if fitted is None else fitted, "predict_proba")


class SklearnClassifier(Classifier, SklearnModel):
    """A classifier of scikit-learn (``kind: sklearn``).

    Parameters
    ----------
    estimator : str
        Path of the class, one of those of docs/sklearn.md.
    parameters : dict, optional
        Its parameters by name; those of scikit-learn where none are given.
    scale : {"auto", "standard", "none"}
        Whether features are brought to mean 0 and spread 1 before; ``auto``: but for trees.
    missing : {"error", "mean"}
        Of missing features for what is no tree: refuse them, or fill in the mean and add a column that says so.
    negative_weights : {"signed", "ignore", "abs"}
        What to do with negative weights. ``signed`` with negative weights is refused but for the classes that were found to
        learn the net density.
    random_state : int
        Handed over.
    n_jobs : int or None
        Handed over where the class knows it; it changes no result.

    Attributes
    ----------
    forest_ : hepml.forest.Forest
        Of trees: what evaluates events, and what is stored.
    estimator_ : sklearn.pipeline.Pipeline
        Of anything else: the fitted estimator behind what prepares its features, stored by skops.
    classes_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Classifier`.

    Notes
    -----
    The score is what ``predict_proba`` gives, for trees to the precision of floating-point numbers; it is a probability as
    far as the method's own is one, which AdaBoost's and a forest's are not (see the calibration in the report). Where there
    is no ``predict_proba`` the score is ``decision_function``, signal above 0. Validation events are not looked at.
    """

    multiclass: ClassVar[bool] = True

    def __init__(
        self,
        *,
        estimator: str = "sklearn.linear_model.LogisticRegression",
        parameters: dict[str, Any] | None = None,
        scale: str = "auto",
        missing: str = "error",
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.parameters = parameters
        self.scale = scale
        self.missing = missing
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    def evaluate(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the score, float64 of shape (n_events,), or (n_events, n_classes) of several classes."""
        return self._in_blocks(self._scores, self._checked(X))

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]  # scikit-learn is not typed
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the classes in the order of ``classes_``, float64 of shape (n_events, n_classes)."""
        score = self.evaluate(X)
        return score if score.ndim == 2 else np.column_stack([1.0 - score, score])

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        del validation
        return self._fit_estimator(train, train.target)

    def _scores(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        n_classes = int(self.classes_.size)
        if hasattr(self, "forest_"):
            return self._forest_answers(X)
        if hasattr(self.estimator_, "predict_proba"):
            probability = self._answers("predict_proba", X, n_classes)
            return probability[:, 1] if n_classes == 2 else probability
        response = self._answers("decision_function", X, self.n_outputs)
        return response[:, 0] if n_classes == 2 else response

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        score = self._scores(X)
        if not _gives_probabilities(self):
            return score
        bounded = np.clip(score, _SMALLEST, 1.0 - _SMALLEST)
        margin: NDArray[np.float64] = logit(bounded) if score.ndim == 1 else np.log(bounded)
        return margin

    def _probe(self, X: NDArray[np.float32]) -> None:
        score = self._scores(X)
        if score.shape != ((1,) if self.classes_.size == 2 else (1, self.classes_.size)):
            msg = f"its scores have the shape {score.shape}"
            raise ValueError(msg)


class SklearnRegressor(Regressor, SklearnModel):
    """A regressor of scikit-learn (``kind: sklearn``).

    Parameters
    ----------
    estimator : str
        Path of the class, one of those of docs/sklearn.md.
    parameters, scale, missing, random_state, n_jobs
        As for :class:`SklearnClassifier`.
    negative_weights : {"signed", "ignore", "abs"}
        What to do with negative weights; ``signed`` is refused if there are any.

    Attributes
    ----------
    forest_, estimator_, n_targets_, n_features_in_, training_report_
        As for :class:`SklearnClassifier` and every :class:`~hepml.classifiers.Regressor`.
    """

    def __init__(
        self,
        *,
        estimator: str = "sklearn.linear_model.Ridge",
        parameters: dict[str, Any] | None = None,
        scale: str = "auto",
        missing: str = "error",
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.parameters = parameters
        self.scale = scale
        self.missing = missing
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        del validation
        target = train.target[:, 0] if self.n_targets_ == 1 else train.target
        return self._fit_estimator(train, target)

    def _values(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        values = self._forest_answers(X) if hasattr(self, "forest_") else self._answers("predict", X, self.n_targets_)
        return values.reshape(len(X), self.n_targets_)

    def _probe(self, X: NDArray[np.float32]) -> None:
        self._values(X)
