"""TMVA.root: read and written without ROOT."""

from hepml.tmva.output.contents import OutputDataset, OutputMethod, TMVAOutput
from hepml.tmva.output.events import OutputEvents
from hepml.tmva.output.histogram import OutputHistogram
from hepml.tmva.output.reading import read_output
from hepml.tmva.output.tree import OutputTree
from hepml.tmva.output.writing import write_output

__all__ = [
    "OutputDataset",
    "OutputEvents",
    "OutputHistogram",
    "OutputMethod",
    "OutputTree",
    "TMVAOutput",
    "read_output",
    "write_output",
]
