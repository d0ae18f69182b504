"""What every kind of model has in common: options, checks, signed weights, training and scoring block by block."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
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

    Spectators = Mapping[str, tuple[ArrayLike, ArrayLike | None]]

__all__ = ["Estimator"]

# rows of a mapped matrix that are scored in one go
_MAPPED_BLOCK = 1 << 18


class Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn is not typed
    """Base of classifiers and regressors.

    A kind sets the class attributes below, takes its options as explicit keyword parameters of ``__init__`` (nothing but
    assignments there) and implements ``_train``, ``_state``, ``_payloads`` and ``_restore``, beside what
    :class:`~hepml.classifiers.Classifier` or :class:`~hepml.classifiers.Regressor` asks for.

    Attributes
    ----------
    kind : str
        Name in the registry.
    task : {"classification", "regression"}
        What it does.
    can_resume : bool
        Whether an interrupted training goes on from a checkpoint.
    handles_nan : bool
        Whether missing features (NaN) can be trained and evaluated on.
    library : str
        Distribution that trains, whose version is written beside the model.
    n_features_in_ : int
        Number of features of the training.
    training_report_ : dict
        Plain JSON types: weights policy and what it did, sums of weights, and what the kind says of its training.
    """

    kind: ClassVar[str]
    task: ClassVar[str]
    handles_nan: ClassVar[bool] = True
    can_resume: ClassVar[bool] = False
    library: ClassVar[str]

    _common_parameters: ClassVar[dict[str, Parameter]] = {
        "negative_weights": Choice(POLICIES),
        "random_state": Integer(0),
        "n_jobs": Integer(1, optional=True),
    }
    _parameters: ClassVar[dict[str, Parameter]] = {}

    negative_weights: str
    n_features_in_: int
    training_report_: dict[str, Any]
    _resume_from: Path | None = None

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
        Estimator
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
        # an estimator's options are compared after they went through JSON, which has lists only
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in options.items()})

    @classmethod
    def declared_parameters(cls) -> dict[str, Parameter]:
        """Return type and range of each option, by name."""
        return {**cls._common_parameters, **cls._parameters}

    def needed_spectators(self) -> tuple[str, ...]:
        """Return the names of the columns beside the features that the options ask for in :meth:`fit`."""
        return ()

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation: tuple[ArrayLike, ArrayLike, ArrayLike | None] | None = None,
        features: Sequence[Feature] | None = None,
        spectators: Spectators | None = None,
        checkpoint: Path | None = None,
    ) -> Self:
        """Train.

        Parameters
        ----------
        X : array-like, shape (n_events, n_features)
            Features; converted to float32. NaN means missing.
        y : array-like, shape (n_events,) or (n_events, n_targets)
            For a classifier the labels: of two the larger one is signal. For a regressor the targets.
        sample_weight : array-like, shape (n_events,), optional
            Signed weights. Default 1. A common factor changes nothing.
        validation : tuple (X, y, weight), optional
            Events that are not trained on, with signed weights (None: 1). They decide the number of iterations, by the
            signed loss, whatever the weights policy. Without them all iterations are kept.
        features : sequence of Feature, optional
            What the columns are, for a kind that writes it into its own files. Default: features of the columns' names.
        spectators : mapping of str to (array-like, array-like or None), optional
            Columns of :meth:`needed_spectators`, shape (n_events,), of the training and of the validation events.
        checkpoint : pathlib.Path, optional
            File in which a kind that ``can_resume`` keeps where the training stands, and from which it goes on.

        Returns
        -------
        Estimator
            Itself.

        Raises
        ------
        InvalidInputError, FeatureValueError, WeightError, EmptyClassError
            For options, features, weights, labels or targets that cannot be trained with.
        """
        check_values(self.kind, self.get_params(deep=False), self.declared_parameters())
        with np.errstate(over="ignore"):
            matrix, given = validate_data(
                self, X, y, dtype=np.float32, ensure_all_finite=False, **self._validation_options()
            )
        target = self._encode(given)
        names = self._feature_names()
        check_features(matrix, names, handles_nan=self.handles_nan, kind=self.kind)
        weight = checked_weights(sample_weight, matrix.shape[0])
        columns = self._spectator_columns(spectators, matrix.shape[0], 0)
        groups, group_names = self._groups(target)
        prepared = prepare_weights(
            matrix,
            groups,
            self._shaped_weights(target, weight, columns),
            self.negative_weights,
            feature_names=names,
            class_names=group_names,
        )
        if prepared.rows is not None:
            matrix, target = take_rows(matrix, prepared.rows), target[prepared.rows]
            columns = {name: column[prepared.rows] for name, column in columns.items()}
        part = None if validation is None else self._validation_part(validation, names, spectators)
        described = [Feature(name) for name in names] if features is None else list(features)
        if len(described) != len(names):
            msg = f"{len(described)} features given for {len(names)} columns"
            raise InvalidInputError(msg)
        self._columns = described
        self._resume_from = checkpoint
        trained = self._train(TrainingPart(matrix, target, prepared.weight, columns), part)
        self.training_report_ = {**prepared.report, **trained}
        return self

    def save(
        self,
        folder: str | os.PathLike[str],
        features: Sequence[Feature] | None = None,
        context: Mapping[str, Any] | None = None,
        *,
        attachments: Mapping[str, bytes] | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the fitted model as a model bundle; see :func:`hepml.classifiers.save_model`."""
        from hepml.classifiers.bundle import save_model

        return save_model(
            self, folder, features=features, context=context, attachments=attachments, overwrite=overwrite
        )

    @property
    @abstractmethod
    def n_iter_(self) -> int:
        """Number of iterations that are kept; only a fitted model has it."""

    @abstractmethod
    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        """Train, set the fitted attributes and return what goes into the report."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """Return what the model file holds beside the payloads, as plain JSON types."""

    @abstractmethod
    def _payloads(self) -> dict[str, bytes]:
        """Return the payload files by name."""

    @abstractmethod
    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        """Set the kind's fitted attributes from ``_state()`` and ``_payloads()``, trusting nothing."""

    @abstractmethod
    def _encode(self, given: NDArray[Any]) -> NDArray[Any]:
        """Check labels or targets, set what is known of them, and return them as ``TrainingPart.target`` is."""

    @abstractmethod
    def _groups(self, target: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return the group of each event, each of which needs a positive sum of weights, and the groups' names."""

    @abstractmethod
    def _encode_validation(self, given: NDArray[Any]) -> NDArray[Any]:
        """As ``_encode`` for validation events, which add nothing to what is known."""

    def _shaped_weights(
        self,
        target: NDArray[Any],  # noqa: ARG002  (for the kinds that shape)
        weight: NDArray[np.float64],
        spectators: Mapping[str, NDArray[np.float64]],  # noqa: ARG002
    ) -> NDArray[np.float64]:
        """Return the weights that the options make of those given."""
        return weight

    @staticmethod
    def _validation_options() -> dict[str, Any]:
        return {}

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
        if not is_mapped(matrix) or not len(matrix):
            return function(matrix)
        return np.concatenate([function(block) for _, block in row_blocks(matrix, _MAPPED_BLOCK)])

    def _feature_names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{i}" for i in range(self.n_features_in_)] if names is None else [str(name) for name in names]

    def _validation_part(
        self,
        validation: tuple[ArrayLike, ArrayLike, ArrayLike | None],
        names: Sequence[str],
        spectators: Spectators | None,
    ) -> TrainingPart:
        with np.errstate(over="ignore"):
            X, y = validate_data(
                self,
                validation[0],
                validation[1],
                dtype=np.float32,
                reset=False,
                ensure_all_finite=False,
                **self._validation_options(),
            )
        target = self._encode_validation(y)
        check_features(X, names, handles_nan=self.handles_nan, kind=self.kind)
        weight = checked_weights(validation[2], X.shape[0], "the validation weight")
        columns = self._spectator_columns(spectators, X.shape[0], 1)
        weight = self._shaped_weights(target, weight, columns)
        groups, group_names = self._groups(target)
        for number, name in enumerate(group_names):
            members = groups == number
            if weight[members].sum() <= 0.0:
                msg = (
                    f"{_group(name)}the weights of its {int(members.sum())} validation events sum to "
                    f"{weight[members].sum():g}; early stopping needs a positive sum in each class"
                )
                raise EmptyClassError(msg)
        return TrainingPart(X, target, weight, columns)

    def _spectator_columns(
        self, spectators: Spectators | None, n_events: int, place: int
    ) -> dict[str, NDArray[np.float64]]:
        """Return the columns that the options ask for, of the training (0) or validation events (1)."""
        found: dict[str, NDArray[np.float64]] = {}
        for name in self.needed_spectators():
            given = None if spectators is None or name not in spectators else spectators[name][place]
            if given is None:
                which = "training" if place == 0 else "validation"
                msg = f"{self.kind}: the options name {name!r}, whose values for the {which} events are not given"
                raise InvalidInputError(msg)
            found[name] = np.asarray(given, dtype=np.float64)
            if found[name].shape != (n_events,):
                msg = f"the column {name!r} has shape {found[name].shape} for {n_events} events"
                raise InvalidInputError(msg)
        return found


def _group(name: str) -> str:
    return f"class {name!r}: " if name else ""
