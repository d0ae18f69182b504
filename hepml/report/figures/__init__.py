"""Figures of a run: which there are, and how they are drawn and saved."""

from hepml.report.figures.drawing import draw_figures
from hepml.report.figures.job import FigureJob, Scene
from hepml.report.figures.table import Column, FigureTable

__all__ = ["Column", "FigureJob", "FigureTable", "Scene", "draw_figures"]
