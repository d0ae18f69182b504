"""Configuration files: reading YAML safely, and the structure of the analysis file."""

from hepml.config.analysis import (
    AnalysisConfig,
    CacheConfig,
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
from hepml.config.features import MOST_LEADING, LeadingConfig, leading_expressions
from hepml.config.significance import SignificanceConfig
from hepml.config.tasks import TargetConfig
from hepml.config.yaml import Document, dump_yaml, parse_yaml, read_yaml

__all__ = [
    "MOST_LEADING",
    "AnalysisConfig",
    "CacheConfig",
    "Document",
    "EvaluationConfig",
    "FeatureConfig",
    "FriendConfig",
    "LeadingConfig",
    "MethodConfig",
    "NormaliseConfig",
    "ReportConfig",
    "SampleConfig",
    "SignificanceConfig",
    "SplitConfig",
    "TargetConfig",
    "TrainingConfig",
    "dump_yaml",
    "leading_expressions",
    "load_analysis",
    "parse_analysis",
    "parse_yaml",
    "read_yaml",
]
