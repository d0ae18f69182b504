"""Figures: one function per figure, which takes a result and axes and returns what it drew; it decides nothing."""

from hepml.plots.calibration import CalibrationArtists, calibration
from hepml.plots.correlations import CorrelationArtists, correlations
from hepml.plots.data_simulation import DataMCArtists, data_mc, new_ratio_figure
from hepml.plots.feature import FeatureArtists, feature
from hepml.plots.flatness import FlatnessArtists, flatness
from hepml.plots.folds import FoldArtists, folds
from hepml.plots.matrices import MatrixArtists, agreement, confusion
from hepml.plots.overtraining import OvertrainingArtists, overtraining
from hepml.plots.purity import PurityArtists, purity
from hepml.plots.roc import RocArtists, inverse_background_efficiency, roc
from hepml.plots.score_slices import ScoreSlicesArtists, score_slices
from hepml.plots.separation import RankingArtists, ranking
from hepml.plots.significance import (
    BinnedSignificanceArtists,
    SignificanceArtists,
    binned_significance,
    significance_scan,
)
from hepml.plots.style import STYLES, experiment_label, new_figure, save, style

__all__ = [
    "STYLES",
    "BinnedSignificanceArtists",
    "CalibrationArtists",
    "CorrelationArtists",
    "DataMCArtists",
    "FeatureArtists",
    "FlatnessArtists",
    "FoldArtists",
    "MatrixArtists",
    "OvertrainingArtists",
    "PurityArtists",
    "RankingArtists",
    "RocArtists",
    "ScoreSlicesArtists",
    "SignificanceArtists",
    "agreement",
    "binned_significance",
    "calibration",
    "confusion",
    "correlations",
    "data_mc",
    "experiment_label",
    "feature",
    "flatness",
    "folds",
    "inverse_background_efficiency",
    "new_figure",
    "new_ratio_figure",
    "overtraining",
    "purity",
    "ranking",
    "roc",
    "save",
    "score_slices",
    "significance_scan",
    "style",
]
