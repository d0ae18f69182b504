"""The interface of every kind of regressor: scikit-learn's, with signed weights and an own validation part."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin

from hepml.classifiers.estimator import Estimator
from hepml.errors import InvalidInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Regressor"]


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Base of all kinds of regressor: a kind adds the training and the values.

    Attributes
    ----------
    multioutput : bool
        Whether the kind takes several targets.
    n_targets_ : int
        Number of targets of the training.
    n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.estimator.Estimator`.
    """

    task: ClassVar[str] = "regression"
    multioutput: ClassVar[bool] = True

    n_targets_: int

    @property
    def n_outputs(self) -> int:
        """Number of values of an event."""
        return self.n_targets_

    def evaluate(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the estimate of the target, float64 of shape (n_events,), or (n_events, n_targets) of several.

        Parameters
        ----------
        X : array-like, shape (n_events, n_features)
            Features in the order of the training.
        """
        values = self._in_blocks(self._values, self._checked(X))
        return values[:, 0] if self.n_targets_ == 1 else values

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return what :meth:`evaluate` does."""
        return self.evaluate(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.handles_nan
        tags.target_tags.multi_output = self.multioutput
        return tags

    @abstractmethod
    def _values(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the estimates for checked features, shape (n, n_targets)."""

    def _encode(self, given: NDArray[Any]) -> NDArray[np.float64]:
        target = self._encode_validation(given)
        self.n_targets_ = target.shape[1]
        if self.n_targets_ > 1 and not self.multioutput:
            msg = f"{self.kind} estimates one target, not {self.n_targets_}"
            raise InvalidInputError(msg)
        return target

    def _encode_validation(self, given: NDArray[Any]) -> NDArray[np.float64]:
        target = np.asarray(given, dtype=np.float64)
        return target[:, None] if target.ndim == 1 else target

    def _groups(self, target: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        return np.zeros(len(target), dtype=np.int64), ("",)

    @classmethod
    def _validation_options(cls) -> dict[str, Any]:
        return {"multi_output": True, "y_numeric": True}
