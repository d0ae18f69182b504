"""The methods of TMVA, one module each: what a weights file holds of them, and how they respond."""
