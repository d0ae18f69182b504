"""A weights file of TMVA as something that answers for events, as ``TMVA::Reader`` does, with names for addresses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hepml.data.feature_matrix import matrix_of
from hepml.data.features import Feature
from hepml.errors import FeatureMismatchError, InvalidInputError
from hepml.forest.tmva_xml import parse_weights
from hepml.forest.weights_content import content_of
from hepml.tmva.document import element_of, method_in, parse_document
from hepml.tmva.events import Events, chain_of, spectators_of
from hepml.tmva.methods.base import method_of
from hepml.tmva.methods.bdt import BDT
from hepml.tmva.methods.category import Category
from hepml.tmva.methods.cuts import Cuts
from hepml.tmva.setup import MethodSetup

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from hepml.tmva.methods.base import Method
    from hepml.tmva.pdf import Pdf
    from hepml.tmva.setup import Variable

__all__ = ["Reader", "features_of"]


class Reader:
    """A method that TMVA trained.

    Parameters
    ----------
    source : str, bytes or path-like
        A ``weights.xml``, plain or gzipped; or its content, which begins with ``<``. Nothing in it is executed.
    cut : {">=", ">"}
        Of boosted decision trees: whether a variable that is equal to a cut passes it, as in TMVA 4.2.1 and newer
        whichever release trained, or not, as in releases of old.

    Attributes
    ----------
    setup : MethodSetup
        All that the file says beside the weights: options, variables, classes, releases.
    method : Method
        The weights.
    features : tuple of Feature
        The variables in the order of the file: named by their labels, computed by their expressions.
    spectators : tuple of Feature
        Spectators that the responses depend on, and branches that cuts of categories use: none for most methods.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If it is damaged, or of a method that is not known.
    InvalidInputError
        If ``cut`` is neither, or is ``">"`` for something else than trees.

    Examples
    --------
    >>> reader = Reader("TMVA_BDTG.weights.xml")  # doctest: +SKIP
    >>> reader.evaluate({"var1": [0.3], "var2": [-1.2]})  # doctest: +SKIP
    array([0.81])
    """

    def __init__(self, source: str | bytes | os.PathLike[str], *, cut: Literal[">=", ">"] = ">=") -> None:
        content, name = content_of(source)
        method: Method
        if method_in(content).partition("::")[0] == BDT.kind:
            # nodes go into arrays as they are read: an element for each would cost ten times as much
            trees = parse_weights(content, name)
            setup = MethodSetup.from_element(element_of(trees.header, trees.method, trees.weights), name)
            method = BDT.from_weights(setup, trees)
        else:
            setup = MethodSetup.from_element(parse_document(content, name), name)
            method = method_of(setup)
        if cut != ">=":
            method = _with_open_cuts(method, cut)
        self._begin(setup, method)

    @classmethod
    def of(cls, setup: MethodSetup, method: Method) -> Reader:
        """Return a reader of a method that is in memory, as if it had been read from a file.

        Parameters
        ----------
        setup : MethodSetup
            All but the weights, which are not looked at.
        method : Method
            The weights.

        Raises
        ------
        ModelFormatError
            If transformations are damaged.
        """
        reader = cls.__new__(cls)
        reader._begin(setup, method)
        return reader

    def _begin(self, setup: MethodSetup, method: Method) -> None:
        if not setup.variables:
            setup.fail("it has no variables")
        self.setup = setup
        self.method = method
        self._chain = chain_of(setup)
        inside = method.spectators if isinstance(method, Category) else ()
        self._needed = tuple(sorted({*inside, *spectators_of(self._chain)}))
        named = features_of((*setup.variables, *setup.spectators))
        further = method.further if isinstance(method, Category) else ()
        beside = (*named[len(setup.variables) :], *(Feature(name) for name in further))
        self.features = named[: len(setup.variables)]
        self.spectators = tuple(beside[place] for place in self._needed)

    @property
    def transforms(self) -> bool:
        """Whether variables are transformed before the method sees them."""
        return bool(self._chain.steps)

    def __repr__(self) -> str:
        names = ", ".join(feature.name for feature in self.features)
        return f"<Reader of {self.setup.kind}::{self.setup.name} ({names})>"

    def evaluate(
        self,
        X: object,
        signal_efficiency: float | None = None,
        *,
        spectators: ArrayLike | None = None,
        columns: Literal["branches", "features"] | None = None,
    ) -> NDArray[np.float64]:
        """Return the response of each event: ``EvaluateMVA``, ``EvaluateMulticlass`` or ``EvaluateRegression``.

        Parameters
        ----------
        X : ndarray, mapping, DataFrame or Dataset
            Events, in one of the forms of :meth:`hepml.classifiers.Model.evaluate`: raw branches by name, of which the
            expressions are computed; finished variables by name; or an array with the variables in the order of the file,
            :attr:`spectators` optionally behind them.
        signal_efficiency : float, optional
            For cuts, which need it: that whose cuts are applied, above 0 and at most 1.
        spectators : array-like of shape (n_events, n_spectators), optional
            :attr:`spectators` of events that come as an array.
        columns : {"branches", "features"}, optional
            What the names of a mapping or DataFrame are. Default: branches where all are there.

        Returns
        -------
        ndarray of float64, shape (n_events,) or (n_events, n_outputs)
            The second shape for several classes or targets. NaN for events in which a variable, or a spectator that is
            needed, is missing (TMVA logs an error and answers -999) or infinite in single precision.

        Raises
        ------
        FeatureMismatchError
            If variables, branches or spectators are missing or misspelt.
        FeatureValueError
            If an event is in two categories.
        InvalidInputError
            If events have another form, or cuts are asked without an efficiency or anything else with one.
        """
        if signal_efficiency is not None and not isinstance(self.method, Cuts):
            msg = f"a signal efficiency is for cuts; the method is {self.setup.kind}"
            raise InvalidInputError(msg)
        matrix = self._matrix(X, spectators, columns)
        # one quick pass for the common case: what is missing or infinite makes the sum so
        with np.errstate(over="ignore", invalid="ignore"):
            total = matrix.sum()
        if np.isfinite(total):
            return self._respond(matrix, signal_efficiency)
        finite = np.isfinite(matrix).all(axis=1)
        response = self._respond(matrix[finite], signal_efficiency)
        whole = np.full((len(matrix), *response.shape[1:]), np.nan)
        whole[finite] = response
        return whole

    def proba(self, X: object, signal_fraction: float = 0.5, **how: Any) -> NDArray[np.float64]:
        """Return the probability of signal, from the densities of the response in training (``GetProba``).

        Parameters
        ----------
        X : ndarray, mapping, DataFrame or Dataset
            As for :meth:`evaluate`.
        signal_fraction : float
            Fraction of signal among the events, from 0 to 1.
        **how
            As for :meth:`evaluate`.

        Returns
        -------
        ndarray of float64, shape (n_events,)
            f S / (f S + (1 - f) B) with the densities S and B; NaN where both vanish (TMVA answers -1).

        Raises
        ------
        InvalidInputError
            If the method was trained without ``CreateMVAPdfs``, or the fraction is none.
        """
        if not 0.0 <= signal_fraction <= 1.0:
            msg = f"the signal fraction is {signal_fraction!r}; it must be from 0 to 1"
            raise InvalidInputError(msg)
        signal, background = self._pdfs()
        response = self.evaluate(X, **how)
        weighted = signal.value(response) * signal_fraction
        total = weighted + background.value(response) * (1.0 - signal_fraction)
        result = np.full(len(response), np.nan)
        np.divide(weighted, total, out=result, where=total > 0.0)
        return result

    def rarity(self, X: object, **how: Any) -> NDArray[np.float64]:
        """Return the fraction of background with a smaller response, from its density in training (``GetRarity``).

        Parameters
        ----------
        X : ndarray, mapping, DataFrame or Dataset
            As for :meth:`evaluate`.
        **how
            As for :meth:`evaluate`.

        Returns
        -------
        ndarray of float64, shape (n_events,)
            Uniform from 0 to 1 for background.

        Raises
        ------
        InvalidInputError
            If the method was trained without ``CreateMVAPdfs``.
        """
        _, background = self._pdfs()
        return background.integral(self.evaluate(X, **how))

    def _respond(self, matrix: NDArray[np.float32], signal_efficiency: float | None) -> NDArray[np.float64]:
        n_variables = len(self.features)
        n_beside = len(self.setup.spectators) + (len(self.method.further) if isinstance(self.method, Category) else 0)
        beside = np.zeros((len(matrix), n_beside if self._needed else 0), dtype=np.float32, order="F")
        for column, place in enumerate(self._needed):
            beside[:, place] = matrix[:, n_variables + column]
        events = Events(matrix[:, :n_variables], beside, self._chain)
        if isinstance(self.method, Cuts):
            return self.method.respond(events, signal_efficiency)
        return self.method.respond(events)

    def _matrix(
        self, X: object, spectators: ArrayLike | None, columns: Literal["branches", "features"] | None
    ) -> NDArray[np.float32]:
        """Return variables and needed spectators, shape (n_events, n_variables + n_needed)."""
        wanted = (*self.features, *self.spectators)
        if hasattr(X, "X") and hasattr(X, "features"):
            return self._from_dataset(X)
        if hasattr(X, "columns") or hasattr(X, "keys"):
            return matrix_of(X, wanted, columns)
        if spectators is not None:
            beside = matrix_of(spectators, self.spectators)
            variables = matrix_of(X, self.features)
            if len(beside) != len(variables):
                msg = f"there are {len(variables)} events, and spectators of {len(beside)}"
                raise InvalidInputError(msg)
            return np.concatenate([variables, beside], axis=1)
        array = np.asarray(X)
        n_wanted, n_variables = len(wanted), len(self.features)
        if array.ndim == 2 and array.shape[1] == n_variables < n_wanted:
            names = ", ".join(feature.name for feature in self.spectators)
            msg = f"the response depends on {names} as well: put them behind the variables, or give `spectators`"
            raise FeatureMismatchError(msg)
        return matrix_of(array, wanted)

    def _from_dataset(self, dataset: Any) -> NDArray[np.float32]:
        variables = matrix_of(dataset, self.features)
        there = dataset.spectators
        missing = [feature.name for feature in self.spectators if feature.name not in there]
        if missing:
            msg = (
                f"the response depends on {', '.join(missing)} as well, which the dataset lacks: read them as spectators "
                f"(there: {', '.join(there) or 'none'})"
            )
            raise FeatureMismatchError(msg)
        if not self.spectators:
            return variables
        beside = [np.asarray(there[feature.name])[:, None] for feature in self.spectators]
        with np.errstate(over="ignore"):
            return np.concatenate([variables, *beside], axis=1, dtype=np.float32)

    def _pdfs(self) -> tuple[Pdf, Pdf]:
        from hepml.tmva.pdf import Pdf, spending

        found = [] if self.setup.pdfs is None else self.setup.pdfs.findall("PDF")
        if not found:
            msg = f"{self.setup.source}: {self.setup.name} was trained without CreateMVAPdfs, so no densities are known"
            raise InvalidInputError(msg)
        if len(found) != 2:
            self.setup.fail(f"it has {len(found)} densities of its response, not one for signal and one for background")
        spend = spending(self.setup.source)
        signal, background = (Pdf.from_element(element, self.setup.source, spend) for element in found)
        return signal, background


def _with_open_cuts(method: Method, cut: str) -> BDT:
    if cut != ">" or not isinstance(method, BDT):
        msg = f"cut is {cut!r} for {method.kind}: it may be '>=', and for boosted decision trees '>'"
        raise InvalidInputError(msg)
    return replace(method, forest=replace(method.forest, comparison="<="))


def features_of(variables: Sequence[Variable]) -> tuple[Feature, ...]:
    """Return features named by labels; by expressions, or by their places, where those are not all different."""
    for names in ([v.label for v in variables], [v.expression for v in variables]):
        if all(names) and len(set(names)) == len(names):
            break
    else:
        names = [f"{variable.label or 'variable'}_{place}" for place, variable in enumerate(variables)]
    return tuple(
        Feature(name, expression=variable.expression, unit=variable.unit, title=variable.title)
        for name, variable in zip(names, variables, strict=True)
    )
