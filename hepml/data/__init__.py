"""Events in memory: features, signed weights, labels, identity, the three parts and folds."""

from hepml.data.cutflow import Cutflow, CutflowStep, SkippedFile
from hepml.data.dataset import BACKGROUND, SIGNAL, UNLABELLED, Dataset, SampleInfo
from hepml.data.features import Feature
from hepml.data.folds import Folds
from hepml.data.identity import FALLBACK_NAMES, Identity, default_identity
from hepml.data.leading import leading
from hepml.data.quality import FeatureQuality, SampleQuality, sample_quality
from hepml.data.seen import SeenEvents
from hepml.data.sizes import parse_size
from hepml.data.split import Part, assign_parts, check_parts
from hepml.data.weights import Balance, check_class_sums, check_weights, effective_entries, training_weights

__all__ = [
    "BACKGROUND",
    "FALLBACK_NAMES",
    "SIGNAL",
    "UNLABELLED",
    "Balance",
    "Cutflow",
    "CutflowStep",
    "Dataset",
    "Feature",
    "FeatureQuality",
    "Folds",
    "Identity",
    "Part",
    "SampleInfo",
    "SampleQuality",
    "SeenEvents",
    "SkippedFile",
    "assign_parts",
    "check_class_sums",
    "check_parts",
    "check_weights",
    "default_identity",
    "effective_entries",
    "leading",
    "parse_size",
    "sample_quality",
    "training_weights",
]
