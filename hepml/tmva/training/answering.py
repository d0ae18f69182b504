"""What every trained method does through its reader, whichever engine trained it: it has a name and answers for events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hepml.data.features import Feature
    from hepml.tmva.engine.root_reader import RootReader
    from hepml.tmva.reader import Reader
    from hepml.tmva.training.reporting import TrainingLog

__all__ = ["Answering"]


class Answering:
    """Base of what engines return.

    Attributes
    ----------
    reader : Reader or RootReader
        What answers for events.
    log : TrainingLog
        How it was trained.
    """

    reader: Reader | RootReader
    log: TrainingLog

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
        """What trained it, ``"native"`` or ``"root"``."""
        return self.log.engine

    @property
    def features(self) -> tuple[Feature, ...]:
        """The variables, in order."""
        return self.reader.features

    def evaluate(self, X: object, **how: Any) -> NDArray[np.float64]:
        """Return the response of each event, as :meth:`hepml.tmva.Reader.evaluate`."""
        return self.reader.evaluate(X, **how)

    def proba(self, X: object, signal_fraction: float = 0.5, **how: Any) -> NDArray[np.float64]:
        """Return the probability of signal, as :meth:`hepml.tmva.Reader.proba`; needs ``CreateMVAPdfs``."""
        return self.reader.proba(X, signal_fraction, **how)

    def rarity(self, X: object, **how: Any) -> NDArray[np.float64]:
        """Return the rarity, as :meth:`hepml.tmva.Reader.rarity`; needs ``CreateMVAPdfs``."""
        return self.reader.rarity(X, **how)
