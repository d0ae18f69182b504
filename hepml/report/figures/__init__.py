"""Figures of a run and of a comparison: which there are, and how they are drawn and saved."""

from hepml.report.figures.drawing import draw_comparison, draw_figures, drawn_figures, figure_captions
from hepml.report.figures.job import FigureJob, Scene
from hepml.report.figures.table import Column, FigureTable

__all__ = [
    "Column",
    "FigureJob",
    "FigureTable",
    "Scene",
    "draw_comparison",
    "draw_figures",
    "drawn_figures",
    "figure_captions",
]
