"""What classifiers and regressors of scikit-learn share: options, preparation of features, storing and scoring."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from hepml.classifiers.estimator import Estimator
from hepml.classifiers.parameters import Choice, Nested, Parameter, Text
from hepml.classifiers.sklearn_estimators import ESTIMATORS, allowed, build
from hepml.classifiers.sklearn_storage import estimator_from_bytes, estimator_to_bytes
from hepml.classifiers.training import thread_count
from hepml.errors import InvalidInputError, ModelFormatError, WeightError
from hepml.forest import Forest
from hepml.forest.storage import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from numpy.typing import NDArray

    from hepml.classifiers.training import TrainingPart

__all__ = ["SklearnModel"]

_FOREST = "forest.npz"
_ESTIMATOR = "estimator.skops"
# rows that an estimator scores in one go, filled up with zeros: a product of matrices may round otherwise at other sizes
_BLOCK = 4096


class SklearnModel(Estimator):
    """Base of the kinds ``sklearn``."""

    kind: ClassVar[str] = "sklearn"
    library: ClassVar[str] = "scikit-learn"
    _parameters: ClassVar[dict[str, Parameter]] = {
        "estimator": Text(),
        "parameters": Nested(),
        "scale": Choice(("auto", "standard", "none")),
        "missing": Choice(("error", "mean")),
    }

    forest_: Forest
    estimator_: Any

    estimator: str
    parameters: dict[str, Any] | None
    scale: str
    missing: str
    random_state: int
    n_jobs: int | None

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: str = "") -> Self:
        """Make an estimator from options by name, the class and its parameters checked as well; see the base."""
        made = super().from_options(options, where)
        made._build(f"{where}.parameters" if where else "parameters")
        return made

    # an instance knows: it depends on the estimator and on the option `missing`
    @property
    def handles_nan(self) -> bool:  # type: ignore[override]
        """Whether missing features (NaN) can be trained and evaluated on."""
        if self.missing == "mean":
            return True
        if hasattr(self, "forest_"):
            return self.forest_.takes_missing
        if self.estimator not in ESTIMATORS[self.task]:
            return False
        return bool(self._build().__sklearn_tags__().input_tags.allow_nan)

    @property
    def n_iter_(self) -> int:
        """Number of trees, or 1."""
        return 1 if hasattr(self, "estimator_") else int(self.forest_.n_trees)

    @property
    def tmva_model_(self) -> Any:
        """The fitted estimator, of a linear model or a network; :func:`hepml.tmva.write` takes it."""
        if not hasattr(self, "estimator_") or self.missing == "mean":
            msg = f"{self.estimator} is nothing that TMVA's methods can be"
            raise AttributeError(msg)
        return self.estimator_

    def _build(self, where: str = "parameters", n_events: int = 0) -> Any:
        """Return the estimator that the options name, not fitted."""
        if allowed(self.estimator, self.task, where.rpartition("parameters")[0] + "estimator").forest:
            if self.scale == "standard":
                msg = f"{where.rpartition('parameters')[0]}scale: trees are the same for scaled features: leave it out"
                raise InvalidInputError(msg)
            if self.missing != "error":
                msg = (
                    f"{where.rpartition('parameters')[0]}missing: trees are scored as trees of the features themselves, "
                    "which no means are filled into: RandomForest, ExtraTrees, HistGradientBoosting and single trees take "
                    "missing values as they are"
                )
                raise InvalidInputError(msg)
        return build(
            self.estimator,
            self.parameters,
            self.task,
            where=where,
            random_state=self.random_state,
            n_jobs=thread_count(self.n_jobs, n_events),
        )

    def _fit_estimator(self, train: TrainingPart, target: NDArray[Any]) -> dict[str, Any]:
        """Fit the estimator and what stands before it, and set ``forest_`` or ``estimator_``."""
        known = allowed(self.estimator, self.task)
        if not known.signed and (train.weight < 0.0).any():
            able = ", ".join(path for path, other in ESTIMATORS[self.task].items() if other.signed)
            msg = (
                f"{self.estimator} does not learn the net density of negative weights: choose negative_weights: ignore or "
                f"abs, which say what they distort{', or ' + able if able else ''}, or another kind (xgboost, lightgbm)"
            )
            raise WeightError(msg)
        estimator = self._build(n_events=len(train.X))
        # one thread, since sums of many would depend on their number
        with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
            warnings.simplefilter("always")
            try:
                if known.forest:
                    # its compiled code takes no array that may not be written to
                    matrix = np.require(train.X, requirements="W")
                    estimator.fit(matrix, target, sample_weight=train.weight)
                    self.forest_ = Forest.from_sklearn(estimator, self._feature_names())
                else:
                    self.estimator_ = self._fit_steps(train, target, estimator)
            except ValueError as error:
                msg = f"{self.estimator}: {error}"
                raise InvalidInputError(msg) from error
        notes = sorted({str(warning.message) for warning in caught if issubclass(warning.category, ConvergenceWarning)})
        return {"estimator": self.estimator, "notes": notes}

    def _fit_steps(self, train: TrainingPart, target: NDArray[Any], estimator: Any) -> Any:
        steps: list[tuple[str, Any]] = []
        X: Any = train.X.astype(np.float64)
        if self.missing == "mean":
            steps.append(("missing", SimpleImputer(add_indicator=True, keep_empty_features=True).fit(X)))
            X = steps[-1][1].transform(X)
        if self.scale != "none":
            # by absolute weights, since a signed variance need not be positive
            steps.append(("scale", StandardScaler().fit(X, sample_weight=np.abs(train.weight))))
            X = steps[-1][1].transform(X)
        estimator.fit(X, target, sample_weight=train.weight)
        return Pipeline([*steps, ("estimator", estimator)])

    def _answers(self, method: str, X: NDArray[np.float32], n_outputs: int) -> NDArray[np.float64]:
        """Return what a method of the fitted estimator answers, float64 of shape (n, n_outputs)."""
        function: Callable[[Any], Any] = getattr(self.estimator_, method)
        result = np.empty((len(X), n_outputs))
        block = np.zeros((_BLOCK, X.shape[1]))
        with threadpool_limits(1):
            for start in range(0, len(X), _BLOCK):
                rows = X[start : start + _BLOCK]
                block[: len(rows)] = rows
                block[len(rows) :] = 0.0
                result[start : start + len(rows)] = np.reshape(function(block), (_BLOCK, n_outputs))[: len(rows)]
        return result

    def _forest_answers(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self.forest_.predict(X, threads=thread_count(self.n_jobs, len(X)), output="score")

    def _state(self) -> dict[str, Any]:
        return {}

    def _payloads(self) -> dict[str, bytes]:
        if hasattr(self, "forest_"):
            return {_FOREST: to_bytes(self.forest_)}
        return {_ESTIMATOR: estimator_to_bytes(self.estimator_)}

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        is_forest = allowed(self.estimator, self.task).forest
        expected = _FOREST if is_forest else _ESTIMATOR
        if state or set(payloads) != {expected}:
            msg = f"a sklearn model of {self.estimator} has exactly the payload {expected!r} and no state"
            raise ModelFormatError(msg)
        if is_forest:
            self.forest_ = from_bytes(payloads[expected], expected)
            if self.forest_.n_features != self.n_features_in_:
                msg = f"{expected} has another number of features than the model"
                raise ModelFormatError(msg)
        else:
            self.estimator_ = estimator_from_bytes(payloads[expected], expected)
            last = self.estimator_.steps[-1][1] if isinstance(self.estimator_, Pipeline) else self.estimator_
            if type(last) is not type(self._build()) or not isinstance(self.estimator_, Pipeline):
                msg = f"{expected} holds {type(last).__name__}, and the model says {self.estimator}"
                raise ModelFormatError(msg)
        try:
            # nothing of the content is executed; that its parts fit together is seen by using it
            self._probe(np.zeros((1, self.n_features_in_), dtype=np.float32))
        except Exception as error:  # of arrays that do not fit, numpy and scikit-learn raise what they happen to meet
            msg = f"{expected} is damaged: {error!s:.300}"
            raise ModelFormatError(msg) from error

    @abstractmethod
    def _probe(self, X: NDArray[np.float32]) -> None:
        """Score an event, so that what does not fit together is an error now."""
