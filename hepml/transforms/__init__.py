"""TMVA's transformations of variables, in chains and as scikit-learn transformers."""
