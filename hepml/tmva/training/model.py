"""A method that was trained: it answers for events, and is saved as a weights file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hepml.errors import InvalidInputError
from hepml.tmva.methods.bdt import BDT
from hepml.tmva.reader import Reader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.data.features import Feature
    from hepml.forest import Forest
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

    Attributes
    ----------
    reader : Reader
        The same as the weights file is read as.
    engine : str
        What trained it, ``"native"`` or ``"root"``.
    """

    def __init__(self, setup: MethodSetup, method: Method, options: Options, log: TrainingLog) -> None:
        self.reader = Reader.of(setup, method)
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
