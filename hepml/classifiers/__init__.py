"""Classifiers and regressors behind one interface: their registry, the estimators, and the model bundle on disk."""

from hepml.classifiers.base import Classifier
from hepml.classifiers.bundle import load, save_model
from hepml.classifiers.fold_model import FoldModel
from hepml.classifiers.model import Model
from hepml.classifiers.registry import available, get
from hepml.classifiers.regression import Regressor

__all__ = ["Classifier", "FoldModel", "Model", "Regressor", "available", "get", "load", "save_model"]
