"""Training and test events as TMVA's DataLoader prepares them: the same events, in the same order, with the same weights."""

from hepml.tmva.preparation.from_arrays import from_arrays, from_dataset
from hepml.tmva.preparation.prepared import PreparedData, TMVAEvents
from hepml.tmva.preparation.preparing import prepare

__all__ = ["PreparedData", "TMVAEvents", "from_arrays", "from_dataset", "prepare"]
