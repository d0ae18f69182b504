"""A Monte Carlo simulation of electromagnetic cascades in layered calorimeters."""
