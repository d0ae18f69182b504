"""Styles, labels and files."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import pytest

from hepml import plots
from hepml.errors import UnknownNameError


@pytest.mark.parametrize("name", plots.STYLES)
def test_settings_outside_stay_as_they_are(name):
    before = dict(mpl.rcParams)
    with plots.style(name):
        assert dict(mpl.rcParams) != before
    assert dict(mpl.rcParams) == before


def test_the_users_own_settings_do_not_matter():
    with mpl.rc_context({"axes.facecolor": "black", "lines.linewidth": 17}), plots.style("plain"):
        assert mpl.rcParams["axes.facecolor"] == "white"
        assert mpl.rcParams["lines.linewidth"] == 2


def test_an_unknown_style_names_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'ATLAS'"), plots.style("atlas "):
        pass


@pytest.mark.parametrize("name", ["ATLAS", "CMS", "LHCb", "ALICE"])
def test_label_names_the_experiment_only_when_asked(name):
    with plots.style(name):
        _, ax = plots.new_figure()
        assert plots.experiment_label(ax, "") == ()
        words = [text.get_text() for text in plots.experiment_label(ax, "Internal")]
    assert name in words[0]
    assert "Internal" in words
    assert not any("TeV" in word or "Simulation" in word for word in words)


def test_plain_label_stands_above_the_axes():
    with plots.style():
        _, ax = plots.new_figure()
        (text,) = plots.experiment_label(ax, "my analysis")
    assert text.get_text() == ax.get_title(loc="left") == "my analysis"


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_figure_is_the_same_file(tmp_path, curves, suffix):
    contents = []
    for number in range(2):
        with plots.style():
            figure, ax = plots.new_figure()
            plots.roc(curves, ax)
            plots.save(figure, tmp_path / f"{number}{suffix}")
        contents.append((tmp_path / f"{number}{suffix}").read_bytes())
    assert contents[0] == contents[1]


def test_importing_costs_no_library_and_figures_no_pyplot():
    code = """
import sys
from hepml import plots
assert not {"matplotlib", "mplhep"} & set(sys.modules), "imported with hepml.plots"
from hepml.evaluation import roc_curve
with plots.style("plain"):
    figure, ax = plots.new_figure()
    plots.roc({"a": roc_curve([0, 1, 0, 1], [1, 2, 3, 4])}, ax)
    figure.draw_without_rendering()
assert not {"mplhep", "matplotlib.pyplot"} & set(sys.modules), "needed by a plain figure"
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
