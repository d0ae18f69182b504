"""TMVA without ROOT: its weights files, outputs and options, and its methods as they respond."""

from hepml.tmva.reader import Reader
from hepml.tmva.writing import write

__all__ = ["Reader", "write"]
