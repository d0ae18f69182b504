"""Figures: one function per figure, which takes a result and axes and returns what it drew; it decides nothing."""

from hepml.plots.feature import FeatureArtists, feature
from hepml.plots.overtraining import OvertrainingArtists, overtraining
from hepml.plots.roc import RocArtists, inverse_background_efficiency, roc
from hepml.plots.style import STYLES, experiment_label, new_figure, save, style

__all__ = [
    "STYLES",
    "FeatureArtists",
    "OvertrainingArtists",
    "RocArtists",
    "experiment_label",
    "feature",
    "inverse_background_efficiency",
    "new_figure",
    "overtraining",
    "roc",
    "save",
    "style",
]
