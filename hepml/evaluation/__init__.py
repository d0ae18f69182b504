"""Numbers for a review board: separation, ROC, overtraining; arrays in, frozen results with uncertainties out."""

from hepml.evaluation.agreement import ClassifierAgreement, Overlap, classifier_agreement
from hepml.evaluation.auc_covariance import auc_covariance
from hepml.evaluation.binned_kolmogorov import BinnedKolmogorov, binned_kolmogorov
from hepml.evaluation.calibration import Calibration, calibration
from hepml.evaluation.class_histograms import ClassHistograms, class_histograms
from hepml.evaluation.class_log_loss import ClassLogLoss, class_log_loss
from hepml.evaluation.comparison import (
    MethodPair,
    PairedDifference,
    compare_auc,
    compare_background_efficiency,
    compare_methods,
)
from hepml.evaluation.confusion import ConfusionMatrix, confusion_matrix
from hepml.evaluation.contributions import (
    ContributionDensity,
    ContributionProfile,
    ContributionSummary,
    contribution_summary,
)
from hepml.evaluation.correlations import Correlations, correlations
from hepml.evaluation.data_simulation import DataMC, data_mc
from hepml.evaluation.distance_correlation import DistanceCorrelation, distance_correlation
from hepml.evaluation.efficiency import Efficiency, efficiency
from hepml.evaluation.exploration import Exploration
from hepml.evaluation.feature_groups import feature_groups
from hepml.evaluation.feature_histograms import FeatureHistograms, feature_histograms
from hepml.evaluation.figures_of_merit import FIGURES_OF_MERIT, FigureOfMerit
from hepml.evaluation.flatness import Flatness, flatness
from hepml.evaluation.fold_comparison import FoldArea, FoldComparison, FoldShapes, compare_folds
from hepml.evaluation.histogram import Histogram, fill_histogram
from hepml.evaluation.importance import FeatureImportance, auc_losses
from hepml.evaluation.isotonic import IsotonicMap, fit_isotonic
from hepml.evaluation.learning_curve import LearningCurve, Prediction, learning_curve
from hepml.evaluation.loss_curve import LossCurve
from hepml.evaluation.multiclass import MulticlassAuc, multiclass_auc
from hepml.evaluation.optimum_bias import OptimumBias, optimum_bias
from hepml.evaluation.overtraining import EfficiencyComparison, Overtraining, overtraining
from hepml.evaluation.partial_auc import PartialAuc, partial_auc
from hepml.evaluation.permutation import permutation_importance
from hepml.evaluation.platt import PlattMap, fit_platt
from hepml.evaluation.purity import PurityScan, purity_scan
from hepml.evaluation.recalibration import Recalibration, recalibration
from hepml.evaluation.regression import (
    RegressionProfile,
    RegressionQuality,
    regression_profile,
    regression_quality,
)
from hepml.evaluation.regression_distribution import RegressionDistribution, regression_distribution
from hepml.evaluation.roc import RocCurve, roc_curve
from hepml.evaluation.roc_band import RocBand
from hepml.evaluation.roc_bootstrap import BootstrapEfficiency, RocBootstrap, bootstrap_roc
from hepml.evaluation.score_binning import BinnedSignificance, ScoreBinning, binned_significance, choose_score_binning
from hepml.evaluation.score_densities import ClassDensity, ScoreDensities, score_densities
from hepml.evaluation.score_histograms import ScoreHistograms, score_histograms
from hepml.evaluation.score_slices import ScoreSlices, score_slices
from hepml.evaluation.sculpting import Sculpting, sculpting
from hepml.evaluation.separation import Separation, mutual_information, rank_features, separation
from hepml.evaluation.significance import CutSignificance, Significance, significance, significance_at_cut
from hepml.evaluation.significance_report import SignificanceReport
from hepml.evaluation.significance_scan import Optimum, SignificanceScan, significance_scan
from hepml.evaluation.simultaneous_band import simultaneous_band
from hepml.evaluation.tmva_efficiencies import TmvaEfficiencies, tmva_efficiencies
from hepml.evaluation.training_curve import AgainstOptimum, StageFigures, TrainingCurve, stage_grid, training_curve
from hepml.evaluation.two_sample import TwoSampleTest, two_sample_test
from hepml.evaluation.uniformity import Uniformity, uniformity
from hepml.evaluation.variable_dependence import ClassDependence, VariableDependence, variable_dependence
from hepml.evaluation.verdict import Reference
from hepml.evaluation.working_point import WorkingPoint

__all__ = [
    "FIGURES_OF_MERIT",
    "AgainstOptimum",
    "BinnedKolmogorov",
    "BinnedSignificance",
    "BootstrapEfficiency",
    "Calibration",
    "ClassDensity",
    "ClassDependence",
    "ClassHistograms",
    "ClassLogLoss",
    "ClassifierAgreement",
    "ConfusionMatrix",
    "ContributionDensity",
    "ContributionProfile",
    "ContributionSummary",
    "Correlations",
    "CutSignificance",
    "DataMC",
    "DistanceCorrelation",
    "Efficiency",
    "EfficiencyComparison",
    "Exploration",
    "FeatureHistograms",
    "FeatureImportance",
    "FigureOfMerit",
    "Flatness",
    "FoldArea",
    "FoldComparison",
    "FoldShapes",
    "Histogram",
    "IsotonicMap",
    "LearningCurve",
    "LossCurve",
    "MethodPair",
    "MulticlassAuc",
    "Optimum",
    "OptimumBias",
    "Overlap",
    "Overtraining",
    "PairedDifference",
    "PartialAuc",
    "PlattMap",
    "Prediction",
    "PurityScan",
    "Recalibration",
    "Reference",
    "RegressionDistribution",
    "RegressionProfile",
    "RegressionQuality",
    "RocBand",
    "RocBootstrap",
    "RocCurve",
    "ScoreBinning",
    "ScoreDensities",
    "ScoreHistograms",
    "ScoreSlices",
    "Sculpting",
    "Separation",
    "Significance",
    "SignificanceReport",
    "SignificanceScan",
    "StageFigures",
    "TmvaEfficiencies",
    "TrainingCurve",
    "TwoSampleTest",
    "Uniformity",
    "VariableDependence",
    "WorkingPoint",
    "auc_covariance",
    "auc_losses",
    "binned_kolmogorov",
    "binned_significance",
    "bootstrap_roc",
    "calibration",
    "choose_score_binning",
    "class_histograms",
    "class_log_loss",
    "classifier_agreement",
    "compare_auc",
    "compare_background_efficiency",
    "compare_folds",
    "compare_methods",
    "confusion_matrix",
    "contribution_summary",
    "correlations",
    "data_mc",
    "distance_correlation",
    "efficiency",
    "feature_groups",
    "feature_histograms",
    "fill_histogram",
    "fit_isotonic",
    "fit_platt",
    "flatness",
    "learning_curve",
    "multiclass_auc",
    "mutual_information",
    "optimum_bias",
    "overtraining",
    "partial_auc",
    "permutation_importance",
    "purity_scan",
    "rank_features",
    "recalibration",
    "regression_distribution",
    "regression_profile",
    "regression_quality",
    "roc_curve",
    "score_densities",
    "score_histograms",
    "score_slices",
    "sculpting",
    "separation",
    "significance",
    "significance_at_cut",
    "significance_scan",
    "simultaneous_band",
    "stage_grid",
    "tmva_efficiencies",
    "training_curve",
    "two_sample_test",
    "uniformity",
    "variable_dependence",
]
