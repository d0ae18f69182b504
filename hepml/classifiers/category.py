"""``kind: category``: a classifier for each region of the events, as TMVA's MethodCategory."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

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
from hepml.classifiers.parameters import Nested, Parameter
from hepml.errors import FeatureValueError, HepmlError, InvalidInputError, ModelFormatError, unknown_name
from hepml.expressions import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

    from hepml.classifiers.training import TrainingPart
    from hepml.expressions import Expression

__all__ = ["CategoryClassifier"]

_LOG = logging.getLogger("hepml.classifiers")
# what an event in no region gets, as from TMVA
_OUTSIDE = 0.0
# its log-odds, which an array of log-odds needs: those of 2^-53
_OUTSIDE_ODDS = float(np.log(2.0**-53))


class CategoryClassifier(Classifier):
    """A classifier for each region (``kind: category``).

    Parameters
    ----------
    regions : dict of str to str or dict
        By name the selection of a region, in the language of all selections, on names of features; or a mapping with
        ``selection``, and what differs in that region: ``features`` (a list of names) and options of the method.
    method : dict
        Kind and options of the classifiers, as of a method of the analysis file; ``features`` is a list of the features
        that they are given. Default: all, also those that tell the regions.
    negative_weights : {"signed", "ignore", "abs"}
        What to do with negative weights: keep the signs, drop the events, take absolute values.
    random_state : int
        What the seeds of the classifiers are made of.
    n_jobs : int or None
        Number of threads of each; it changes no result.

    Attributes
    ----------
    members_ : tuple of Member
        The fitted classifiers, in the order of the regions.
    classes_, n_features_in_, training_report_
        As for every :class:`~hepml.classifiers.Classifier`; the report has one of each region under ``regions``.

    Notes
    -----
    As in TMVA an event in no region gets the score 0 and is not trained on, which is logged, and an event in two regions is
    an error. A missing feature fulfils no comparison. The score of a classifier of probabilities is the probability in the
    region, for the shares of the classes there.
    """

    kind: ClassVar[str] = "category"
    library: ClassVar[str] = "numpy"
    multiclass: ClassVar[bool] = True
    _parameters: ClassVar[dict[str, Parameter]] = {"regions": Nested(), "method": Nested()}

    members_: tuple[Member, ...]
    _names: list[str]

    def __init__(
        self,
        *,
        regions: dict[str, Any] | None = None,
        method: dict[str, Any] | None = None,
        negative_weights: str = "signed",
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.regions = regions
        self.method = method
        self.negative_weights = negative_weights
        self.random_state = random_state
        self.n_jobs = n_jobs

    @classmethod
    def from_options(cls, options: Mapping[str, Any], where: str = "") -> Self:
        """Make an estimator from options by name, its regions and their classifiers checked as well; see the base."""
        made = super().from_options(options, where)
        made._selections(where)
        made._estimators(where)
        return made

    # an instance knows: it depends on the classifiers
    @property
    def handles_nan(self) -> bool:  # type: ignore[override]
        """Whether missing features (NaN) can be trained and evaluated on."""
        fitted: tuple[Member, ...] = getattr(self, "members_", ())
        members = [member.estimator for member in fitted] or self._estimators()
        return all(member.handles_nan for member in members)

    @property
    def n_iter_(self) -> int:
        """Largest number of iterations of a region."""
        return max(int(member.estimator.n_iter_) for member in self.members_)

    def evaluate(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the score of each event by the classifier of its region; 0 for one in no region.

        Raises
        ------
        FeatureValueError
            If an event is in two regions.
        """
        return self._in_blocks(lambda block: self._by_region(block, Member.score, _OUTSIDE), self._checked(X))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the probabilities of the classes in the order of ``classes_``, float64 of shape (n_events, n_classes)."""
        margin = self.decision_function(X)
        if margin.ndim == 1:
            return super().predict_proba(X)
        score = self.evaluate(X)
        outside = score.sum(axis=1) == 0.0
        score[outside] = 1.0 / score.shape[1]
        return score

    def _regions(self, where: str = "") -> dict[str, dict[str, Any]]:
        """Return selection and options of each region."""
        place = f"{where}.regions" if where else "regions"
        if not self.regions:
            msg = f"{place}: must be a mapping of names to selections"
            raise InvalidInputError(msg)
        found = {}
        for name, content in self.regions.items():
            region = {"selection": content} if isinstance(content, str) else content
            if not isinstance(region, dict) or not isinstance(region.get("selection"), str):
                msg = f"{place}.{name}: must be a selection, or a mapping with one and options, not {content!r}"
                raise InvalidInputError(msg)
            found[name] = region
        return found

    def _selections(self, where: str = "") -> dict[str, Expression]:
        found = {}
        for name, region in self._regions(where).items():
            try:
                found[name] = parse(region["selection"])
            except HepmlError as error:
                msg = f"{f'{where}.' if where else ''}regions.{name}: {error}"
                raise type(error)(msg) from error
        return found

    def _options(self, name: str, where: str = "") -> dict[str, Any]:
        """Return the options of the classifier of a region, ``features`` among them."""
        own = {key: value for key, value in self._regions(where)[name].items() if key != "selection"}
        return {**(self.method or {}), **own}

    def _estimators(self, where: str = "") -> list[Classifier]:
        made = []
        for number, name in enumerate(self._regions(where)):
            options = {key: value for key, value in self._options(name, where).items() if key != "features"}
            made.append(
                build_member(
                    options,
                    f"{f'{where}.' if where else ''}regions.{name}",
                    random_state=self.random_state,
                    number=number,
                    n_jobs=self.n_jobs,
                )
            )
        return made

    def _train(self, train: TrainingPart, validation: TrainingPart | None) -> dict[str, Any]:
        self._names = [feature.name for feature in self._columns]
        inside = self._inside(train.X)
        held_out = None if validation is None else self._inside(validation.X)
        members = []
        for number, (name, estimator) in enumerate(zip(self._regions(), self._estimators(), strict=True)):
            chosen = self._options(name).get("features")
            columns = (
                range(len(self._names))
                if chosen is None
                else checked_names(chosen, self._names, f"the features of region {name}")
            )
            member = fit_member(
                f"region {name!r}",
                estimator,
                train,
                validation,
                self._columns,
                n_classes=int(self.classes_.size),
                columns=columns,
                rows=inside[number],
                validation_rows=None if held_out is None else held_out[number],
            )
            members.append(Member(name, member.estimator, member.columns))
        self.members_ = tuple(members)
        return {
            "n_outside": int(np.count_nonzero(~inside.any(axis=0))),
            "regions": {member.name: member.estimator.training_report_ for member in members},
        }

    def _inside(self, X: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which events are in each region, shape (n_regions, n_events)."""
        values = {name: X[:, number] for number, name in enumerate(self._names)}
        inside = np.zeros((len(self._regions()), len(X)), dtype=bool)
        for number, (name, selection) in enumerate(self._selections().items()):
            for branch in sorted(selection.branches):
                if branch not in values:
                    msg = (
                        f"feature in the selection of region {name!r} (regions are told by features: list it among the "
                        "features, and say by `features` of the method which ones are to be trained on)"
                    )
                    raise unknown_name(kind=msg, name=branch, known=self._names)
            # as TMVA decides
            inside[number] = np.asarray(selection.evaluate(values, len(X))) > 0.5
        twice = int(np.count_nonzero(inside.sum(axis=0) > 1))
        if twice:
            msg = f"{twice} of {len(X)} events lie in more than one region: {self._listed()}"
            raise FeatureValueError(msg)
        outside = int(np.count_nonzero(~inside.any(axis=0)))
        if outside:
            _LOG.warning("%d of %d events lie in no region and get the score 0 (%s)", outside, len(X), self._listed())
        return inside

    def _listed(self) -> str:
        return "; ".join(f"{name}: {region['selection']}" for name, region in self._regions().items())

    def _by_region(
        self,
        X: NDArray[np.float32],
        answer: Callable[[Member, NDArray[np.float32]], NDArray[np.float64]],
        outside: float,
    ) -> NDArray[np.float64]:
        inside = self._inside(X)
        n_classes = int(self.classes_.size)
        result = np.full(len(X) if n_classes == 2 else (len(X), n_classes), outside)
        for member, rows in zip(self.members_, inside, strict=True):
            if rows.any():
                result[rows] = answer(member, X[rows])
        return result

    def _margin(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        return self._by_region(X, Member.decision, _OUTSIDE_ODDS)

    def _state(self) -> dict[str, Any]:
        return {"names": self._names, "members": states_of(self.members_)}

    def _payloads(self) -> dict[str, bytes]:
        return payloads_of(self.members_)

    def _restore(self, state: Mapping[str, Any], payloads: Mapping[str, bytes]) -> None:
        names = state.get("names")
        if set(state) != {"names", "members"} or not _are_names(names, self.n_features_in_):
            msg = "a category model has the names of its features and its members as state"
            raise ModelFormatError(msg)
        self._names = list(names or ())
        self.members_ = members_of(
            state["members"], payloads, n_features=self.n_features_in_, n_classes=int(self.classes_.size)
        )
        if [member.name for member in self.members_] != list(self._regions()):
            msg = "the members of a category model are not those of its regions"
            raise ModelFormatError(msg)


def _are_names(names: object, size: int) -> bool:
    return isinstance(names, list) and len(names) == size and all(isinstance(name, str) for name in names)
