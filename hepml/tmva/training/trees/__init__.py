"""The engine behind boosted decision trees: TMVA's trees, grown to the last digit."""
