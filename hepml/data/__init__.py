"""Events in memory: features, signed weights, labels, identity and the three parts."""

from hepml.data.cutflow import Cutflow, CutflowStep, SkippedFile
from hepml.data.dataset import BACKGROUND, SIGNAL, UNLABELLED, Dataset, SampleInfo
from hepml.data.features import Feature
from hepml.data.identity import FALLBACK_NAMES, Identity, default_identity
from hepml.data.leading import leading
from hepml.data.quality import FeatureQuality, SampleQuality, sample_quality
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
    "Identity",
    "Part",
    "SampleInfo",
    "SampleQuality",
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
