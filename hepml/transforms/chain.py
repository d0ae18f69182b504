"""Chains of TMVA's transformations: fitted on events or read from a weights file, applied, undone, written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from xml.etree.ElementTree import Element

import numpy as np

from hepml.errors import InvalidInputError, unknown_name
from hepml.transforms.flattening import Flattening
from hepml.transforms.markup import Source
from hepml.transforms.normalisation import Normalisation
from hepml.transforms.rearrangement import Rearrangement
from hepml.transforms.rotation import Decorrelation, PrincipalComponents
from hepml.transforms.selection import Columns, Selection, Slot
from hepml.transforms.specification import terms_of
from hepml.transforms.step import Events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from hepml.transforms.selection import Named
    from hepml.transforms.step import Inputs, Step

__all__ = ["TransformChain"]

# events at a time, so that what is computed in double precision stays small; TMVA's table of 10000 bins is made for each
_BLOCK = 2**17
_MOST_IDENTITIES = 1000
_READERS: dict[str, Callable[[Element, Columns, Source], Step]] = {
    "Decorrelation": Decorrelation.from_xml,
    "Gauss": Flattening.from_xml,
    "Normalize": Normalisation.from_xml,
    "PCA": PrincipalComponents.from_xml,
    "Rearrange": Rearrangement.from_xml,
    "Uniform": Flattening.from_xml,
}

Values = dict[Slot, "NDArray[np.float32]"]


@dataclass(frozen=True, slots=True, eq=False)
class TransformChain:
    """Transformations applied one after the other, from left to right, to float32 values as TMVA's events hold them.

    Parameters
    ----------
    columns : Columns
        The variables, targets and spectators of the events.
    steps : tuple of Step
        The transformations.
    booked : tuple of int or None
        Class whose numbers each step uses; None for all classes together.
    n_identities : int
        Number of transformations that do nothing, which TMVA counts but does not write.
    """

    columns: Columns
    steps: tuple[Step, ...] = ()
    booked: tuple[int | None, ...] = ()
    n_identities: int = 0

    @classmethod
    def from_xml(  # noqa: PLR0917
        cls,
        element: Element | None,
        variables: Sequence[str | Named],
        spectators: Sequence[str | Named] = (),
        targets: Sequence[str | Named] = (),
        classes: Sequence[str] = (),  # noqa: ARG003
        source: str = "the weights.xml",
    ) -> Self:
        """Read the ``Transformations`` of a weights file.

        The file does not say for which class a transformation was booked, and TMVA's Reader then uses the numbers of all
        classes together, also after ``VarTransform=D_Signal``. So does this.

        Parameters
        ----------
        element : Element or None
            ``Transformations``; None is a chain that does nothing.
        variables, spectators, targets : sequence of str or Named
            Those of the file, in order: names, or anything with ``expression`` and ``label``.
        classes : sequence of str
            Names of the classes.
        source : str
            What to call the file in messages.

        Raises
        ------
        ModelFormatError
            If it is damaged or not as TMVA writes it.
        """
        columns = Columns.of(variables, targets, spectators)
        if element is None:
            return cls(columns)
        reading = Source(source)
        steps = []
        for item in element:
            reader = _READERS.get(item.get("Name", ""))
            if item.tag != "Transform" or reader is None:
                reading.fail(f"{item.get('Name', item.tag)[:40]!r} is not known (known: {', '.join(_READERS)})")
            steps.append(reader(item, columns, reading))
        n_identities = reading.count(element, "NTransformations") - len(steps)
        if not 0 <= n_identities <= _MOST_IDENTITIES:
            reading.fail(f"NTransformations is {element.get('NTransformations')}, but there are {len(steps)}")
        return cls(columns, tuple(steps), (None,) * len(steps), n_identities)

    @classmethod
    def fit(
        cls,
        option: str,
        X: ArrayLike,
        class_index: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        *,
        variables: Sequence[str | Named] | None = None,
        classes: Sequence[str] = ("Signal", "Background"),
        targets: Sequence[str | Named] = (),
        target_values: ArrayLike | None = None,
        spectators: Sequence[str | Named] = (),
        spectator_values: ArrayLike | None = None,
    ) -> Self:
        """Fit transformations to training events, each on the events as those before it leave them.

        Parameters
        ----------
        option : str
            TMVA's ``VarTransform``, as ``"D_Background,P_Signal,G,N(var1,var3)+U"``.
        X : array-like of float, shape (n_events, n_variables)
            Variables.
        class_index : array-like of int, shape (n_events,), optional
            Class of each event, an index of ``classes``. Default: all events are of one class.
        weight : array-like of float, shape (n_events,), optional
            Signed weights: of the covariance (D), in single precision of the distributions (U, G); N and P know none.
        variables : sequence of str or Named, optional
            Names. Default: ``var0``, ``var1``, ...
        classes : sequence of str
            Names of the classes, in order of their index.
        targets, spectators : sequence of str or Named
            Names.
        target_values, spectator_values : array-like of float, shape (n_events, n_targets or n_spectators), optional
            Their values.

        Raises
        ------
        UnknownNameError
            If a transformation, a class or a variable is not known.
        InvalidInputError
            If shapes do not agree, values are not finite or the option is not valid.
        EmptyClassError, FeatureValueError
            If the events do not define a transformation.
        """
        matrix = _matrix(X, "X")
        n_events, n_variables = matrix.shape
        names = [f"var{index}" for index in range(n_variables)] if variables is None else variables
        columns = Columns.of(names, targets, spectators)
        values: Values = {}
        for kind, what, given in (
            ("v", "X", matrix),
            ("t", "targets", target_values),
            ("s", "spectators", spectator_values),
        ):
            values |= _values(kind, what, given, columns, n_events)
        index, classes = _class_index(class_index, classes, n_events)
        weights = np.ones(n_events) if weight is None else np.asarray(weight, dtype=np.float64)
        if weights.shape != (n_events,) or not np.isfinite(weights).all():
            msg = f"weights are of shape {weights.shape}, or not finite; {n_events} finite numbers are needed"
            raise InvalidInputError(msg)
        steps: list[Step] = []
        booked: list[int | None] = []
        terms = terms_of(option)
        for letter, class_name, text in terms:
            if class_name is not None and class_name not in classes:
                kind = "class of events"
                raise unknown_name(kind, class_name, classes)
            selection = Selection.from_option(text, columns)
            if letter == "I":
                continue
            missing = [columns[slot].label for slot in selection.get if slot not in values]
            if missing:
                msg = f"{missing[0]!r} is to be transformed, but has no values: pass target_values or spectator_values"
                raise InvalidInputError(msg)
            events = Events([values[slot] for slot in selection.get], index, weights, classes)
            step = _fitted(letter, selection, events)
            steps.append(step)
            booked.append(None if class_name is None else classes.index(class_name))
            _apply(step, values, booked[-1])
        return cls(columns, tuple(steps), tuple(booked), len(terms) - len(steps))

    def apply(
        self, X: NDArray[np.float32], class_index: int | None = None, *, spectators: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Transform events.

        Parameters
        ----------
        X : ndarray of float32, shape (n_events, n_variables)
            Variables.
        class_index : int, optional
            Class whose numbers all steps use (``TransformationHandler::SetTransformationReferenceClass``); an index beyond
            the classes means all together. Default: what each was booked with.
        spectators : ndarray of float32, shape (n_events, n_spectators), optional
            Needed only if variables are mixed with them.

        Returns
        -------
        ndarray of float32, shape (n_events, n_variables)
            Column-major.

        Raises
        ------
        InvalidInputError
            If the shape does not agree.
        """
        return self._through(X, class_index, spectators, forwards=True)

    def apply_with_targets(
        self, X: NDArray[np.float32], targets: NDArray[np.float32], *, spectators: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Transform training events with their regression targets, each step by the class that it was booked with.

        Parameters
        ----------
        X : ndarray of float32, shape (n_events, n_variables)
            Variables.
        targets : ndarray of float32, shape (n_events, n_targets)
            Targets.
        spectators : ndarray of float32, shape (n_events, n_spectators), optional
            Needed only if variables are mixed with them.

        Returns
        -------
        tuple of ndarray of float32
            Variables and targets, column-major.

        Raises
        ------
        InvalidInputError
            If a shape does not agree.
        """
        matrix = np.asarray(X, dtype=np.float32)
        values = _values("v", "variables", matrix, self.columns, len(matrix), finite=False)
        values |= _values("t", "targets", targets, self.columns, len(matrix), finite=False)
        values |= _values("s", "spectators", spectators, self.columns, len(matrix), finite=False)
        for step, booked in zip(self.steps, self.booked, strict=True):
            _apply(step, values, booked)
        variables = _stacked(values, "v", len(self.columns.variables), len(matrix))
        return variables, _stacked(values, "t", len(self.columns.targets), len(matrix))

    def inverse(
        self, X: NDArray[np.float32], class_index: int | None = None, *, spectators: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Undo :meth:`apply`, up to the roundings of single precision and of U's and G's tables.

        TMVA itself undoes only transformations of targets, see :meth:`inverse_targets`.

        Parameters
        ----------
        X, class_index, spectators
            As of :meth:`apply`.

        Returns
        -------
        ndarray of float32, shape (n_events, n_variables)
            Column-major.

        Raises
        ------
        InvalidInputError
            If the shape does not agree or a matrix has no inverse.
        """
        return self._through(X, class_index, spectators, forwards=False)

    def inverse_targets(self, targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """Undo the transformations of regression targets, exactly as TMVA does.

        If several transform targets, TMVA undoes only the first of them (``TransformationHandler::InverseTransform`` hands
        each the same event and keeps the last answer).

        Parameters
        ----------
        targets : ndarray of float32, shape (n_events, n_targets)
            What a method gives.

        Returns
        -------
        ndarray of float32, shape (n_events, n_targets)
            Column-major.

        Raises
        ------
        InvalidInputError
            If the shape does not agree, or they were transformed by D or P, which TMVA cannot undo for targets.
        """
        values = _values("t", "targets", targets, self.columns, len(targets), finite=False)
        for step, booked in zip(self.steps, self.booked, strict=True):
            if not any(slot.kind == "t" for slot in step.selection.get):
                continue
            if isinstance(step, Decorrelation | PrincipalComponents):
                msg = "decorrelated targets cannot be undone, as in TMVA: transform targets by N, U or G"
                raise InvalidInputError(msg)
            inputs = [values.get(slot) for slot in step.selection.put]
            outputs = step.inverse(inputs, _table(step, booked))
            values |= _present(step.selection.get, outputs)
            break
        return _stacked(values, "t", len(self.columns.targets), len(targets))

    def to_xml(self) -> Element:
        """Return ``Transformations`` as TMVA writes it; :func:`hepml.transforms.to_text` lays it out."""
        n_transformations = str(len(self.steps) + self.n_identities)
        element = Element("Transformations", NTransformations=n_transformations)
        element.extend(step.to_xml(self.columns) for step in self.steps)
        return element

    def _through(
        self,
        X: NDArray[np.float32],
        class_index: int | None,
        spectators: NDArray[np.float32] | None,
        *,
        forwards: bool,
    ) -> NDArray[np.float32]:
        matrix = np.asarray(X, dtype=np.float32)
        n_variables = len(self.columns.variables)
        if matrix.ndim != 2 or matrix.shape[1] != n_variables:
            msg = f"events are of shape {matrix.shape}; (n_events, {n_variables}) is needed"
            raise InvalidInputError(msg)
        if not self.steps:
            return np.asfortranarray(matrix)
        beside = _values("s", "spectators", spectators, self.columns, len(matrix), finite=False)
        result = np.empty(matrix.shape, dtype=np.float32, order="F")
        order = list(zip(self.steps, self.booked, strict=True))
        for start in range(0, len(matrix), _BLOCK):
            rows = slice(start, start + _BLOCK)
            values = {Slot("v", place): matrix[rows, place] for place in range(n_variables)}
            values |= {slot: column[rows] for slot, column in beside.items()}
            for step, booked in order if forwards else reversed(order):
                chosen = booked if class_index is None else class_index
                (_apply if forwards else _undo)(step, values, chosen)
            for place in range(n_variables):
                result[rows, place] = values[Slot("v", place)]
        return result


def _fitted(letter: str, selection: Selection, events: Events) -> Step:
    if letter == "N":
        return Normalisation.fit(selection, events)
    if letter == "D":
        return Decorrelation.fit(selection, events)
    if letter == "P":
        return PrincipalComponents.fit(selection, events)
    return Flattening.fit(selection, events, gaussian=letter == "G")


def _table(step: Step, class_index: int | None) -> int:
    last = step.n_tables - 1
    return class_index if class_index is not None and 0 <= class_index <= last else last


def _apply(step: Step, values: Values, class_index: int | None) -> None:
    inputs = [values.get(slot) for slot in step.selection.get]
    values |= _present(step.selection.put, step.apply(inputs, _table(step, class_index)))


def _undo(step: Step, values: Values, class_index: int | None) -> None:
    inputs = [values.get(slot) for slot in step.selection.put]
    values |= _present(step.selection.get, step.inverse(inputs, _table(step, class_index)))


def _present(slots: tuple[Slot, ...], outputs: Inputs) -> Values:
    return {slot: output for slot, output in zip(slots, outputs, strict=True) if output is not None}


def _stacked(values: Values, kind: str, n_columns: int, n_events: int) -> NDArray[np.float32]:
    result = np.empty((n_events, n_columns), dtype=np.float32, order="F")
    for place in range(n_columns):
        result[:, place] = values[Slot(kind, place)]
    return result


def _matrix(X: ArrayLike, what: str) -> NDArray[np.float32]:
    matrix = np.asarray(X)
    if matrix.ndim != 2 or not len(matrix):
        msg = f"{what} is of shape {matrix.shape}; (n_events, n_columns) with one event or more is needed"
        raise InvalidInputError(msg)
    return np.asarray(matrix, dtype=np.float32, order="F")


def _values(
    kind: str, what: str, given: ArrayLike | None, columns: Columns, n_events: int, *, finite: bool = True
) -> Values:
    if given is None:
        return {}
    matrix = np.asarray(given, dtype=np.float32)
    needed = (n_events, len(columns.group(kind)))
    if matrix.shape != needed:
        msg = f"{what} are of shape {matrix.shape}; {needed} is needed"
        raise InvalidInputError(msg)
    if finite and not np.isfinite(matrix).all():
        msg = f"{what} holds NaN or infinite values (or ones too large for float32), which cannot be transformed"
        raise InvalidInputError(msg)
    return {Slot(kind, place): matrix[:, place] for place in range(needed[1])}


def _class_index(
    given: ArrayLike | None, classes: Sequence[str], n_events: int
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    if given is None:
        return np.zeros(n_events, dtype=np.intp), ("all",)
    index = np.asarray(given)
    wrong = index.shape != (n_events,) or index.dtype.kind not in "iub"
    if wrong or index.min() < 0 or index.max() >= len(classes):
        msg = f"class indices are {index.dtype} of shape {index.shape}; {n_events} from 0 to {len(classes) - 1} are needed"
        raise InvalidInputError(msg)
    return index.astype(np.intp), tuple(classes)
