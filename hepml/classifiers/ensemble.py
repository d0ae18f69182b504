"""``kind: ensemble``: several classifiers as one, by the average of their log-odds or by stacking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from hepml.classifiers.base import Classifier
from hepml.classifiers.members import (
    Member,
    build_member,
    checked_names,
    fit_member,
    members_of,
    payloads_of,
    states_of,
)
from hepml.classifiers.objective import MARGIN_BOUND
from hepml.classifiers.parameters import Choice, Integer, Names, Nested, Parameter
from hepml.classifiers.training import TrainingPart
from hepml.errors import InvalidInputError, ModelFormatError
from hepml.forest import Forest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from numpy.typing import NDArray

__all__ = ["EnsembleClassifier"]


class EnsembleClassifier(Classifier):
    """Several classifiers as one (``kind: ensemble``).

    Parameters
    ----------
    members : dict of str to dict
        By name kind and options of each classifier, as of a method of the analysis file; ``features`` is a list of the
        features that it is given (default: all).
    combine : {"average", "stacking"}
        The average of the members' log-odds; or for two classes a logistic regression on their answers (log-odds, or
        response) for events that they were not trained on, by folds inside of the training part.
    folds : int
        Number of folds of the stacking.
    event : sequence of str
        Spectators or features whose values are the same for rows of one event, which stay in one fold. Default: each row is
        an event.
    negative_weights : {"signed", "ignore", "abs"}
        What to do with negative weights: keep the signs, drop the events, take absolute values.
    random_state : int
        What the folds and the seeds of the members are made of.
    n_jobs : int or None
        Number of threads of each; it changes no result.

    Attributes
    ----------
    members_ : tuple of Member
        The fitted classifiers, trained on the whole training part.
    coefficients_ : ndarray of float64, shape (n_members,)
        What the answer of each member is multiplied by.
    intercept_ : float
        What is added.
    forest_ : hepml.forest.Forest
        All trees as one forest, where the members are forests of log-odds that compare alike and see all features.
    classes_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Classifier`; the report has one of each member under ``members``.

    Notes
    -----
    The log-odds are the intercept plus the sum of coefficients times answers. The regression minimises the signed log-loss,
    with the weights that the members are trained with and C = 1 on answers in units of their spread; answers are bounded to
    +-15 for it. Breiman, Stacked regressions, Machine Learning 24 (1996) 49.
    """

    kind: ClassVar[str] = "ensemble"
    library: ClassVar[str] = "scikit-learn"
    multiclass: ClassVar[bool] = True
    _parameters: ClassVar[dict[str, Parameter]] = {
        "members": Nested(),
        "combine": Choice(("average", "stacking")),
        "folds": Integer(2, 100),
        "event": Names(),
    }

    members_: tuple[Member, ...]
    coefficients_: NDArray[np.float64]
    intercept_: float

    def __init__(
        self,
        *,
        members: dict[str, Any] | None = None,
        combine: str = "average",
        folds: int = 5,
        event: tuple[str, ...] = (),
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.members = members
        self.combine = combine
        self.folds = folds
        self.event = event
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: str = "") -> Self:
        """Make an estimator from options by name, its members checked as well; see the base."""
        made = super().from_options(options, where)
        made._estimators(where)
        return made

    # an instance knows: it depends on the members
    @property
    def handles_nan(self) -> bool:  # type: ignore[override]
        """Whether missing features (NaN) can be trained and evaluated on."""
        fitted: tuple[Member, ...] = getattr(self, "members_", ())
        members = [member.estimator for member in fitted] or list(self._estimators().values())
        return all(member.handles_nan for member in members)

    @property
    def n_iter_(self) -> int:
        """Largest number of iterations of a member."""
        return max(int(member.estimator.n_iter_) for member in self.members_)

    @property
    def forest_(self) -> Forest:
        """The trees of all members; an attribute only where they are one forest."""
        forests = [getattr(member.estimator, "forest_", None) for member in self.members_]
        first = forests[0]
        whole = list(range(self.n_features_in_))
        for member, forest in zip(self.members_, forests, strict=True):
            if not isinstance(forest, Forest) or not isinstance(first, Forest) or list(member.columns) != whole:
                msg = f"{member.name} is no forest of all features, so the ensemble is none"
                raise AttributeError(msg)
            alike = (forest.comparison, forest.precision, forest.link) == (
                first.comparison,
                first.precision,
                first.link,
            )
            if (
                not alike
                or forest.aggregate != "sum"
                or forest.link not in {"logistic", "softmax"}
                or _by_category(forest)
            ):
                msg = f"the trees of {member.name} compare or count otherwise than others, so the ensemble is no forest"
                raise AttributeError(msg)
        return _joined([forest for forest in forests if forest is not None], self.coefficients_, self.intercept_)

    def needed_spectators(self) -> tuple[str, ...]:
        """Return the columns that say which rows are one event, for the folds."""
        return tuple(self.event) if self.combine == "stacking" else ()

    def _estimators(self, where: str = "", fold: int = 0) -> dict[str, Classifier]:
        place = f"{where}.members" if where else "members"
        if not self.members:
            msg = f"{place}: must be a mapping of names to classifiers"
            raise InvalidInputError(msg)
        made = {}
        for number, (name, options) in enumerate(self.members.items()):
            given = {k: v for k, v in options.items() if k != "features"} if isinstance(options, dict) else options
            seed = number + fold * len(self.members)
            made[name] = build_member(
                given, f"{place}.{name}", random_state=self.random_state, number=seed, n_jobs=self.n_jobs
            )
        return made

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        n_classes = int(self.classes_.size)
        if self.combine == "stacking" and n_classes > 2:
            msg = "stacking is for two classes: choose combine: average"
            raise InvalidInputError(msg)
        self.members_ = self._fit_members(train, validation)
        if self.combine == "average":
            for member in self.members_:
                if not hasattr(member.estimator, "predict_proba") or member.estimator.kind == "tmva":
                    msg = f"the answers of {member.name} are no log-odds, which an average needs: choose combine: stacking"
                    raise InvalidInputError(msg)
            self.coefficients_ = np.full(len(self.members_), 1.0 / len(self.members_))
            self.intercept_ = 0.0
        else:
            self._stack(train, validation)
        return {
            "coefficients": {m.name: float(c) for m, c in zip(self.members_, self.coefficients_, strict=True)},
            "intercept": self.intercept_,
            "members": {member.name: member.estimator.training_report_ for member in self.members_},
        }

    def _fit_members(self, train: TrainingPart, validation: TrainingPart | None, fold: int = 0) -> tuple[Member, ...]:
        names = [feature.name for feature in self._columns]
        members = []
        for name, estimator in self._estimators(fold=fold).items():
            chosen = (self.members or {})[name].get("features")
            columns = range(len(names)) if chosen is None else checked_names(chosen, names, f"the features of {name}")
            members.append(
                fit_member(
                    name,
                    estimator,
                    train,
                    validation,
                    self._columns,
                    n_classes=int(self.classes_.size),
                    columns=columns,
                )
            )
        return tuple(members)

    def _stack(self, train: TrainingPart, validation: TrainingPart | None) -> None:
        """Fit the logistic regression on answers for events of folds that the members were not trained on."""
        fold = self._folds(train)
        answers = np.empty((len(train.X), len(self.members_)))
        for number in range(self.folds):
            held_out = fold == number
            kept = TrainingPart(train.X[~held_out], train.target[~held_out], train.weight[~held_out])
            members = self._fit_members(kept, validation, fold=number + 1)
            answers[held_out] = self._answers(members, train.X[held_out])
        bounded = np.clip(answers, -MARGIN_BOUND, MARGIN_BOUND)
        spread = np.maximum(bounded.std(axis=0), np.finfo(np.float64).tiny)
        with threadpool_limits(1):
            regression = LogisticRegression(C=1.0, max_iter=1000).fit(
                bounded / spread, train.target, sample_weight=train.weight
            )
        self.coefficients_ = regression.coef_[0] / spread
        self.intercept_ = float(regression.intercept_[0])

    def _folds(self, train: TrainingPart) -> NDArray[np.int64]:
        columns = [train.spectators[name] for name in self.needed_spectators()]
        events = (
            np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].reshape(-1)
            if columns
            else np.arange(len(train.X))
        )
        n_events = int(events.max()) + 1
        if n_events < self.folds:
            msg = f"{n_events} events cannot be in {self.folds} folds"
            raise InvalidInputError(msg)
        order = np.random.default_rng(np.random.SeedSequence([self.random_state, self.folds])).permutation(n_events)
        folds: NDArray[np.int64] = order[events] % self.folds
        return folds

    @staticmethod
    def _answers(members: tuple[Member, ...], X: NDArray[np.float32]) -> NDArray[np.float64]:
        return np.column_stack([member.decision(X) for member in members])

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        total: NDArray[np.float64] | None = None
        for member, coefficient in zip(self.members_, self.coefficients_, strict=True):
            part = member.decision(X) * coefficient
            total = part if total is None else total + part
        assert total is not None  # noqa: S101  (for the type checker; there is a member)
        return total + self.intercept_

    def _state(self) -> dict[str, Any]:
        return {
            "coefficients": self.coefficients_.tolist(),
            "intercept": self.intercept_,
            "members": states_of(self.members_),
        }

    def _payloads(self) -> dict[str, bytes]:
        return payloads_of(self.members_)

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        if set(state) != {"coefficients", "intercept", "members"}:
            msg = "an ensemble has coefficients, an intercept and members as state"
            raise ModelFormatError(msg)
        self.members_ = members_of(
            state["members"], payloads, n_features=self.n_features_in_, n_classes=int(self.classes_.size)
        )
        numbers = state["coefficients"]
        fine = isinstance(numbers, list) and len(numbers) == len(self.members_)
        if not fine or not all(type(x) is float and np.isfinite(x) for x in (*numbers, state["intercept"])):
            msg = "the coefficients of an ensemble are not one number for each member"
            raise ModelFormatError(msg)
        self.coefficients_ = np.array(numbers)
        self.intercept_ = state["intercept"]


def _by_category(forest: Forest) -> bool:
    return bool((forest.category_set >= 0).any())


def _joined(forests: list[Forest], coefficients: NDArray[np.float64], intercept: float) -> Forest:
    """Return all trees as one forest, each with the coefficient of its member."""

    def together(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(forest, name) for forest in forests])

    sizes = np.array([len(forest.feature) for forest in forests])
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    children = {
        side: np.concatenate(
            [
                np.where(getattr(forest, side) < 0, -1, getattr(forest, side) + offset)
                for forest, offset in zip(forests, offsets, strict=True)
            ]
        )
        for side in ("left", "right")
    }
    first = [forest.first_node[:-1] + offset for forest, offset in zip(forests, offsets, strict=True)]
    pairs = list(zip(forests, coefficients, strict=True))
    base = sum((forest.base * coefficient for forest, coefficient in pairs), np.zeros(forests[0].n_outputs))
    return Forest.from_nodes(
        feature=together("feature"),
        threshold=together("threshold"),
        left=children["left"],
        right=children["right"],
        missing_right=together("missing_right"),
        value=together("value"),
        node_id=together("node_id"),
        gain=together("gain"),
        cover=together("cover"),
        first_node=np.concatenate([*first, [sizes.sum()]]),
        feature_names=forests[0].feature_names,
        output=together("output"),
        tree_weight=np.concatenate([forest.tree_weight * coefficient for forest, coefficient in pairs]),
        base=base + intercept,
        comparison=forests[0].comparison,
        precision=forests[0].precision,
        link=forests[0].link,
        takes_missing=all(forest.takes_missing for forest in forests),
        metadata={"source": "hepml", "objective": "ensemble"},
    )
