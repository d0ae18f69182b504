"""TMVA's methods trained: by our own engines, or by a real TMVA."""

from hepml.tmva.training.base import TRAINERS, train
from hepml.tmva.training.model import TrainedMethod
from hepml.tmva.training.reporting import Ranking, TrainingLog
from hepml.tmva.training.separation import separation_ranking
from hepml.tmva.training.variable_rankings import variable_rankings
from hepml.tmva.training.with_root import Member, MethodOfRoot

__all__ = [
    "TRAINERS",
    "Member",
    "MethodOfRoot",
    "Ranking",
    "TrainedMethod",
    "TrainingLog",
    "separation_ranking",
    "train",
    "variable_rankings",
]
