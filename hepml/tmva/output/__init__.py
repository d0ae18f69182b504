"""TMVA.root: read without ROOT."""

from hepml.tmva.output.contents import OutputDataset, OutputMethod, TMVAOutput
from hepml.tmva.output.events import OutputEvents
from hepml.tmva.output.histogram import OutputHistogram
from hepml.tmva.output.reading import read_output
from hepml.tmva.output.tree import OutputTree

__all__ = [
    "OutputDataset",
    "OutputEvents",
    "OutputHistogram",
    "OutputMethod",
    "OutputTree",
    "TMVAOutput",
    "read_output",
]
