"""Runs, TMVA.root files and models side by side on the same events."""

from hepml.workflow.comparing.comparison import Comparison, compare
from hepml.workflow.comparing.matching import MatchedEvents, SourceCount
from hepml.workflow.comparing.scored import ScoredMethod, ScoredPart, ScoredSource
from hepml.workflow.comparing.weights import ComparedWeights

__all__ = [
    "ComparedWeights",
    "Comparison",
    "MatchedEvents",
    "ScoredMethod",
    "ScoredPart",
    "ScoredSource",
    "SourceCount",
    "compare",
]
