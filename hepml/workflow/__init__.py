"""The jobs: train an analysis, open a run, apply models to files, compare them."""

from hepml.workflow.analysis import Analysis
from hepml.workflow.applying import AppliedFile, apply_model
from hepml.workflow.comparing import Comparison, compare
from hepml.workflow.converting import Conversion, convert_model
from hepml.workflow.doctor import Finding, examine_installation
from hepml.workflow.preparation import Prepared, prepare
from hepml.workflow.run import Run
from hepml.workflow.skimming import Skim, SkimmedSample, skim

__all__ = [
    "Analysis",
    "AppliedFile",
    "Comparison",
    "Conversion",
    "Finding",
    "Prepared",
    "Run",
    "Skim",
    "SkimmedSample",
    "apply_model",
    "compare",
    "convert_model",
    "examine_installation",
    "prepare",
    "skim",
]
