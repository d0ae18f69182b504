"""A method that was trained: it answers for events, and is saved as a weights file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hepml.errors import ExportError, InvalidInputError
from hepml.forest.to_tmva import weights_lines
from hepml.tmva.methods.bdt import BDT
from hepml.tmva.reader import Reader
from hepml.transforms.markup import to_text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from hepml.data.features import Feature
    from hepml.forest import Forest
    from hepml.forest.verification import Verification
    from hepml.tmva.methods.base import Method
    from hepml.tmva.options import Options
    from hepml.tmva.setup import MethodSetup
    from hepml.tmva.training.reporting import TrainingLog

__all__ = ["TrainedMethod"]


class TrainedMethod:
    """A method of TMVA that was trained here.

    Parameters
    ----------
    setup : MethodSetup
        What its weights file says around the weights.
    method : Method
        The weights.
    options : Options
        What it was trained with.
    log : TrainingLog
        How it was trained.
    weights : callable, optional
        Gives the lines of its ``Weights``, where the method does not.

    Attributes
    ----------
    reader : Reader
        The same as the weights file is read as.
    engine : str
        What trained it, ``"native"`` or ``"root"``.
    """

    def __init__(
        self,
        setup: MethodSetup,
        method: Method,
        options: Options,
        log: TrainingLog,
        *,
        weights: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        self.reader = Reader.of(setup, method)
        self._weights = weights
        self.options = options
        self.log = log

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name!r}, trained by engine {self.engine!r} on {self.log.n_events} events>"

    @property
    def kind(self) -> str:
        """Kind of the method, as ``"Fisher"``."""
        return self.reader.setup.kind

    @property
    def name(self) -> str:
        """Its name."""
        return self.reader.setup.name

    @property
    def engine(self) -> str:
        """What trained it."""
        return self.log.engine

    @property
    def method(self) -> Method:
        """The weights."""
        return self.reader.method

    @property
    def features(self) -> tuple[Feature, ...]:
        """The variables, in order."""
        return self.reader.features

    @property
    def forest(self) -> Forest:
        """The trees of a boosted decision tree, which variables are to be transformed for by TMVA's transformations.

        Raises
        ------
        InvalidInputError
            If it is something else.
        """
        if not isinstance(self.method, BDT):
            msg = f"{self.name} is of kind {self.kind}, and has no forest"
            raise InvalidInputError(msg)
        return self.method.forest

    def evaluate(self, X: object, **how: Any) -> NDArray[np.float64]:
        """Return the response of each event, as :meth:`hepml.tmva.Reader.evaluate`."""
        return self.reader.evaluate(X, **how)

    def proba(self, X: object, signal_fraction: float = 0.5, **how: Any) -> NDArray[np.float64]:
        """Return the probability of signal, as :meth:`hepml.tmva.Reader.proba`; needs ``CreateMVAPdfs``."""
        return self.reader.proba(X, signal_fraction, **how)

    def rarity(self, X: object, **how: Any) -> NDArray[np.float64]:
        """Return the rarity, as :meth:`hepml.tmva.Reader.rarity`; needs ``CreateMVAPdfs``."""
        return self.reader.rarity(X, **how)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Verification:
        """Write a weights file as TMVA lays it out, which TMVA's Reader and :func:`hepml.load` read.

        Parameters
        ----------
        path : path-like
            The file, ``X.weights.xml``; ``.gz`` at its end packs it, which TMVA itself does not read.
        overwrite : bool
            Whether an existing file may be replaced.

        Returns
        -------
        Verification
            How it was compared with this model before it was written.

        Raises
        ------
        ExportError
            If the file would not answer as this does.
        OutputError
            If the file exists and may not be replaced, or cannot be written.
        """
        from hepml.tmva.writing import write_method

        return write_method(self.method, self.reader.setup, path, weights=self._lines(), overwrite=overwrite)

    def _lines(self) -> Iterable[str]:
        if self._weights is not None:
            return self._weights()
        if isinstance(self.method, BDT):
            return weights_lines(self.method.forest)
        if not hasattr(self.method, "to_xml"):
            msg = f"{self.kind} cannot be written"
            raise ExportError(msg)
        return to_text(self.method.to_xml(), 1).splitlines()
