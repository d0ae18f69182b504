"""Configuration files: reading YAML safely, and the structure of the analysis file."""

from hepml.config.analysis import (
    AnalysisConfig,
    EvaluationConfig,
    FeatureConfig,
    FriendConfig,
    MethodConfig,
    NormaliseConfig,
    ReportConfig,
    SampleConfig,
    SplitConfig,
    TrainingConfig,
    load_analysis,
    parse_analysis,
)
from hepml.config.yaml import Document, dump_yaml, parse_yaml, read_yaml

__all__ = [
    "AnalysisConfig",
    "Document",
    "EvaluationConfig",
    "FeatureConfig",
    "FriendConfig",
    "MethodConfig",
    "NormaliseConfig",
    "ReportConfig",
    "SampleConfig",
    "SplitConfig",
    "TrainingConfig",
    "dump_yaml",
    "load_analysis",
    "parse_analysis",
    "parse_yaml",
    "read_yaml",
]
