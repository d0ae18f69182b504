"""TMVA without ROOT: its weights files, outputs and options, and its methods as they respond."""

from hepml.tmva.output import read_output, write_output
from hepml.tmva.reader import Reader
from hepml.tmva.writing import write

__all__ = ["Reader", "read_output", "write", "write_output"]
