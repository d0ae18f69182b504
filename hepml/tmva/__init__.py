"""TMVA without ROOT: its weights files, outputs and options, and its methods as they respond."""
