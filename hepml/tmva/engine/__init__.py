"""A real TMVA, in a process of its own: what is there, and its Reader. Training stands in :mod:`hepml.tmva.training`."""

from hepml.tmva.engine.process import TMVAInstallation, examine_tmva
from hepml.tmva.engine.root_reader import RootReader

__all__ = ["RootReader", "TMVAInstallation", "examine_tmva"]
