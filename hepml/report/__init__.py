"""What a run leaves for people: the numbers as JSON, figures, the HTML report, provenance."""

from hepml.report.figures import Column, FigureJob, FigureTable, Scene, draw_comparison, draw_figures, figure_captions
from hepml.report.findings import Finding, Findings, Listed, NotComputable, Of
from hepml.report.formats import (
    COMPARISON_FORMAT,
    COMPARISON_VERSION,
    METRICS_FORMAT,
    METRICS_VERSION,
    PROVENANCE_FORMAT,
    PROVENANCE_VERSION,
)
from hepml.report.html import write_comparison, write_report
from hepml.report.inspection import inspection_headline, inspection_remarks, inspection_tables
from hepml.report.json_files import dump_json, read_json, write_json
from hepml.report.provenance import file_record, library_versions, provenance
from hepml.report.ranking import ranking_lines
from hepml.report.table import comparison_table, matching_lines, methods_table, with_error

__all__ = [
    "COMPARISON_FORMAT",
    "COMPARISON_VERSION",
    "METRICS_FORMAT",
    "METRICS_VERSION",
    "PROVENANCE_FORMAT",
    "PROVENANCE_VERSION",
    "Column",
    "FigureJob",
    "FigureTable",
    "Finding",
    "Findings",
    "Listed",
    "NotComputable",
    "Of",
    "Scene",
    "comparison_table",
    "draw_comparison",
    "draw_figures",
    "dump_json",
    "figure_captions",
    "file_record",
    "inspection_headline",
    "inspection_remarks",
    "inspection_tables",
    "library_versions",
    "matching_lines",
    "methods_table",
    "provenance",
    "ranking_lines",
    "read_json",
    "with_error",
    "write_comparison",
    "write_json",
    "write_report",
]
