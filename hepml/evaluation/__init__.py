"""Numbers for a review board: separation, ROC, overtraining; arrays in, frozen results with uncertainties out."""

from hepml.evaluation.correlations import Correlations, correlations
from hepml.evaluation.data_simulation import DataMC, data_mc
from hepml.evaluation.efficiency import Efficiency, efficiency
from hepml.evaluation.exploration import Exploration
from hepml.evaluation.feature_histograms import FeatureHistograms, feature_histograms
from hepml.evaluation.figures_of_merit import FIGURES_OF_MERIT, FigureOfMerit
from hepml.evaluation.histogram import Histogram, fill_histogram
from hepml.evaluation.optimum_bias import OptimumBias, optimum_bias
from hepml.evaluation.overtraining import EfficiencyComparison, Overtraining, overtraining
from hepml.evaluation.roc import RocCurve, roc_curve
from hepml.evaluation.score_binning import (
    BinnedSignificance,
    ScoreBinning,
    binned_significance,
    choose_score_binning,
)
from hepml.evaluation.score_histograms import ScoreHistograms, score_histograms
from hepml.evaluation.separation import Separation, mutual_information, rank_features, separation
from hepml.evaluation.significance import CutSignificance, Significance, significance, significance_at_cut
from hepml.evaluation.significance_report import SignificanceReport
from hepml.evaluation.significance_scan import Optimum, SignificanceScan, significance_scan
from hepml.evaluation.two_sample import TwoSampleTest, two_sample_test
from hepml.evaluation.working_point import WorkingPoint

__all__ = [
    "FIGURES_OF_MERIT",
    "BinnedSignificance",
    "Correlations",
    "CutSignificance",
    "DataMC",
    "Efficiency",
    "EfficiencyComparison",
    "Exploration",
    "FeatureHistograms",
    "FigureOfMerit",
    "Histogram",
    "Optimum",
    "OptimumBias",
    "Overtraining",
    "RocCurve",
    "ScoreBinning",
    "ScoreHistograms",
    "Separation",
    "Significance",
    "SignificanceReport",
    "SignificanceScan",
    "TwoSampleTest",
    "WorkingPoint",
    "binned_significance",
    "choose_score_binning",
    "correlations",
    "data_mc",
    "efficiency",
    "feature_histograms",
    "fill_histogram",
    "mutual_information",
    "optimum_bias",
    "overtraining",
    "rank_features",
    "roc_curve",
    "score_histograms",
    "separation",
    "significance",
    "significance_at_cut",
    "significance_scan",
    "two_sample_test",
]
