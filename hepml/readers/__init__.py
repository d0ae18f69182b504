"""ROOT trees in and out: files, trees, columns, datasets."""

from hepml.readers.cache import Cache
from hepml.readers.files import TreeLocation, expand_files, split_location
from hepml.readers.inspecting import BranchSummary, FileSummary, TreeSummary, inspect_file, inspect_files
from hepml.readers.reading import read, read_samples
from hepml.readers.repeats import Repeat, RepeatedEvents
from hepml.readers.request import FriendRequest, Normalise, SampleRequest
from hepml.readers.source import BranchInfo, TreeSource, open_file, tree_names
from hepml.readers.statistics import BranchStatistics, ListLengths
from hepml.readers.streaming import Stream, iterate, stream_samples
from hepml.readers.writing import RootWriter, root_writer, write

__all__ = [
    "BranchInfo",
    "BranchStatistics",
    "BranchSummary",
    "Cache",
    "FileSummary",
    "FriendRequest",
    "ListLengths",
    "Normalise",
    "Repeat",
    "RepeatedEvents",
    "RootWriter",
    "SampleRequest",
    "Stream",
    "TreeLocation",
    "TreeSource",
    "TreeSummary",
    "expand_files",
    "inspect_file",
    "inspect_files",
    "iterate",
    "open_file",
    "read",
    "read_samples",
    "root_writer",
    "split_location",
    "stream_samples",
    "tree_names",
    "write",
]
