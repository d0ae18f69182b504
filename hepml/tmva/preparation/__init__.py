"""Training and test events as TMVA's DataLoader prepares them: the same events, in the same order, with the same weights."""

from hepml.tmva.preparation.prepared import PreparedData, TMVAEvents
from hepml.tmva.preparation.preparing import prepare

__all__ = ["PreparedData", "TMVAEvents", "prepare"]
