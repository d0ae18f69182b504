"""Figures: one function per figure, which takes a result and axes and returns what it drew; it decides nothing."""

from hepml.plots.correlations import CorrelationArtists, correlations
from hepml.plots.data_simulation import DataMCArtists, data_mc, new_ratio_figure
from hepml.plots.feature import FeatureArtists, feature
from hepml.plots.folds import FoldArtists, folds
from hepml.plots.overtraining import OvertrainingArtists, overtraining
from hepml.plots.roc import RocArtists, inverse_background_efficiency, roc
from hepml.plots.separation import RankingArtists, ranking
from hepml.plots.style import STYLES, experiment_label, new_figure, save, style

__all__ = [
    "STYLES",
    "CorrelationArtists",
    "DataMCArtists",
    "FeatureArtists",
    "FoldArtists",
    "OvertrainingArtists",
    "RankingArtists",
    "RocArtists",
    "correlations",
    "data_mc",
    "experiment_label",
    "feature",
    "folds",
    "inverse_background_efficiency",
    "new_figure",
    "new_ratio_figure",
    "overtraining",
    "ranking",
    "roc",
    "save",
    "style",
]
