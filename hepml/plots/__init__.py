"""Figures: one function per figure, which takes a result and axes and returns what it drew; it decides nothing."""

from hepml.plots.areas import AreaArtists, areas
from hepml.plots.calibration import CalibrationArtists, calibration
from hepml.plots.classes import ClassArtists, classes
from hepml.plots.contributions import (
    ContributionArtists,
    DependenceArtists,
    contribution_dependence,
    contributions,
)
from hepml.plots.correlations import CorrelationArtists, correlations
from hepml.plots.data_simulation import DataMCArtists, data_mc, new_ratio_figure
from hepml.plots.feature import FeatureArtists, feature
from hepml.plots.flatness import FlatnessArtists, flatness
from hepml.plots.folds import FoldArtists, folds
from hepml.plots.importance import ImportanceArtists, importance, new_importance_figure
from hepml.plots.learning_curve import LearningCurveArtists, learning_curve
from hepml.plots.loss_curve import LossCurveArtists, loss_curve
from hepml.plots.matrices import MatrixArtists, agreement, confusion
from hepml.plots.overtraining import OvertrainingArtists, overtraining
from hepml.plots.purity import PurityArtists, purity
from hepml.plots.regression import DeviationArtists, EstimateArtists, deviations, estimates, resolution
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
from hepml.plots.trade_off import TradeOffArtists, trade_off
from hepml.plots.training_curve import TrainingCurveArtists, training_curve

__all__ = [
    "STYLES",
    "AreaArtists",
    "BinnedSignificanceArtists",
    "CalibrationArtists",
    "ClassArtists",
    "ContributionArtists",
    "CorrelationArtists",
    "DataMCArtists",
    "DependenceArtists",
    "DeviationArtists",
    "EstimateArtists",
    "FeatureArtists",
    "FlatnessArtists",
    "FoldArtists",
    "ImportanceArtists",
    "LearningCurveArtists",
    "LossCurveArtists",
    "MatrixArtists",
    "OvertrainingArtists",
    "PurityArtists",
    "RankingArtists",
    "RocArtists",
    "ScoreSlicesArtists",
    "SignificanceArtists",
    "TradeOffArtists",
    "TrainingCurveArtists",
    "agreement",
    "areas",
    "binned_significance",
    "calibration",
    "classes",
    "confusion",
    "contribution_dependence",
    "contributions",
    "correlations",
    "data_mc",
    "deviations",
    "estimates",
    "experiment_label",
    "feature",
    "flatness",
    "folds",
    "importance",
    "inverse_background_efficiency",
    "learning_curve",
    "loss_curve",
    "new_figure",
    "new_importance_figure",
    "new_ratio_figure",
    "overtraining",
    "purity",
    "ranking",
    "resolution",
    "roc",
    "save",
    "score_slices",
    "significance_scan",
    "style",
    "trade_off",
    "training_curve",
]
