"""TMVA's methods trained: by our own engines, or by a real TMVA."""

from hepml.tmva.training.base import TRAINERS, train
from hepml.tmva.training.model import TrainedMethod
from hepml.tmva.training.reporting import Ranking, TrainingLog

__all__ = ["TRAINERS", "Ranking", "TrainedMethod", "TrainingLog", "train"]
