"""A weights file booked in a real ``TMVA::Reader``: what it answers there, to compare with what is answered here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hepml.data.feature_matrix import matrix_of
from hepml.errors import InvalidInputError, MissingFileError
from hepml.forest.weights_content import content_of
from hepml.tmva.document import parse_document
from hepml.tmva.engine.process import call, tmva_process
from hepml.tmva.reader import features_of
from hepml.tmva.setup import MethodSetup

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["RootReader"]

_WHAT = {"Classification": 0, "Multiclass": 1, "Regression": 2}
_PROBA, _RARITY = 3, 4


class RootReader:
    """A method as a real ``TMVA::Reader`` applies it; each call starts ROOT, a second or two.

    Parameters
    ----------
    path : path-like
        A ``weights.xml``, plain or gzipped, of any method that the TMVA at hand knows. What TMVA wrote beside it, as the
        cells of foams, stays where it is.
    timeout : float, optional
        Seconds that a call may take. Default: a week.

    Attributes
    ----------
    features, spectators : tuple of Feature
        Variables and all spectators, in the order of the file.

    Raises
    ------
    MissingFileError
        If there is no such file.
    ModelFormatError
        If it is no weights file.

    Examples
    --------
    >>> RootReader("TMVA_BDT.weights.xml").evaluate(X)  # doctest: +SKIP
    """

    def __init__(self, path: str | os.PathLike[str], *, timeout: float | None = None) -> None:
        self._path = Path(path).resolve()
        if not self._path.is_file():
            msg = f"{path}: there is no such file"
            raise MissingFileError(msg)
        content, name = content_of(self._path)
        self._content = content
        self._timeout = timeout
        self.setup = MethodSetup.from_element(parse_document(content, name), name)
        named = features_of((*self.setup.variables, *self.setup.spectators))
        self.features = named[: len(self.setup.variables)]
        self.spectators = named[len(self.setup.variables) :]

    def __repr__(self) -> str:
        return f"<RootReader of {self.setup.kind}::{self.setup.name}>"

    def evaluate(self, X: object, signal_efficiency: float | None = None) -> NDArray[np.float64]:
        """Return ``EvaluateMVA``, ``EvaluateMulticlass`` or ``EvaluateRegression`` of each event.

        Parameters
        ----------
        X : ndarray, mapping or DataFrame
            Events, as for :meth:`hepml.tmva.Reader.evaluate`; a column for each variable, and optionally for each spectator
            behind them (else they are 0).
        signal_efficiency : float, optional
            For cuts.

        Returns
        -------
        ndarray of float64, shape (n_events,) or (n_events, n_outputs)
            TMVA's own answer, also where a variable is NaN.

        Raises
        ------
        TMVAError
            If TMVA refuses the file.
        MissingDependencyError
            If there is no TMVA.
        FeatureMismatchError, InvalidInputError
            If events have another form.
        """
        what = _WHAT.get(self.setup.info.get("AnalysisType", ""), 0)
        return self._respond(X, what, 0.0 if signal_efficiency is None else signal_efficiency)

    def proba(self, X: object, signal_fraction: float = 0.5) -> NDArray[np.float64]:
        """Return ``GetProba``, as :meth:`evaluate`."""
        return self._respond(X, _PROBA, signal_fraction)

    def rarity(self, X: object) -> NDArray[np.float64]:
        """Return ``GetRarity``, as :meth:`evaluate`."""
        return self._respond(X, _RARITY, 0.0)

    def _respond(self, X: object, what: int, parameter: float) -> NDArray[np.float64]:
        matrix = self._matrix(X)
        with tmva_process(self._timeout) as process:
            weights = self._path
            if weights.suffix == ".gz":
                weights = process.folder / "method.weights.xml"
                weights.write_bytes(self._content)
            np.ascontiguousarray(matrix, dtype=np.float32).tofile(process.folder / "input.bin")
            arguments = {
                "weights": str(weights),
                "name": self.setup.name,
                "variables": [variable.expression for variable in self.setup.variables],
                "spectators": [variable.expression for variable in self.setup.spectators],
                "n_events": len(matrix),
                "what": what,
                "parameter": parameter,
            }
            n_outputs = int(call(process, "respond", arguments))
            answer = np.fromfile(process.folder / "output.bin", dtype=np.float64)
        if what in {_WHAT["Multiclass"], _WHAT["Regression"]} and n_outputs > 1:
            return answer.reshape(len(matrix), n_outputs)
        return answer

    def _matrix(self, X: object) -> NDArray[np.float32]:
        wanted = (*self.features, *self.spectators)
        if hasattr(X, "columns") or hasattr(X, "keys"):
            return matrix_of(X, wanted)
        matrix = np.asarray(X)
        if matrix.ndim == 2 and matrix.shape[1] == len(self.features):
            beside = np.zeros((len(matrix), len(self.spectators)))
            matrix = np.concatenate([matrix, beside], axis=1)
        if matrix.ndim != 2 or matrix.shape[1] != len(wanted):
            n_variables, n_spectators = len(self.features), len(self.spectators)
            msg = f"{self.setup.name} takes {n_variables} variables, and {n_spectators} spectators behind them"
            raise InvalidInputError(msg)
        return matrix_of(matrix, wanted)
