"""A method that was trained: it answers for events, and is saved as a weights file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.errors import ExportError, InvalidInputError
from hepml.forest.to_tmva import weights_lines
from hepml.tmva.methods.bdt import BDT
from hepml.tmva.reader import Reader
from hepml.tmva.training.answering import Answering
from hepml.transforms.markup import to_text

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable

    from hepml.forest import Forest
    from hepml.forest.verification import Verification
    from hepml.tmva.methods.base import Method
    from hepml.tmva.options import Options
    from hepml.tmva.setup import MethodSetup
    from hepml.tmva.training.reporting import TrainingLog

__all__ = ["TrainedMethod"]


class TrainedMethod(Answering):
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
        self.reader: Reader = Reader.of(setup, method)
        self._weights = weights
        self.options = options
        self.log = log

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name!r}, trained by engine {self.engine!r} on {self.log.n_events} events>"

    @property
    def method(self) -> Method:
        """The weights."""
        return self.reader.method

    @property
    def forest(self) -> Forest:
        """The trees of a boosted decision tree, which variables are to be transformed for by TMVA's transformations.

        Raises
        ------
        InvalidInputError
            If it is something else.
        ExportError
            If it cuts on Fisher discriminants, or a preselection decides before the trees do.
        """
        if not isinstance(self.method, BDT):
            msg = f"{self.name} is of kind {self.kind}, and has no forest"
            raise InvalidInputError(msg)
        return self.method.forest_alone(self.name)

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
