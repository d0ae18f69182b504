"""How figures look: an experiment's style of mplhep or a plain one, its label, and how a figure is made and saved."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.errors import unknown_name

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

__all__ = ["STYLES", "experiment_label", "new_figure", "save", "style"]

STYLES = ("plain", "ATLAS", "CMS", "LHCb", "ALICE")

_NOT_LOOKS = frozenset({"backend", "backend_fallback", "interactive", "toolbar", "timezone"})

_CURRENT: ContextVar[str] = ContextVar("hepml_plot_style", default="plain")

_PLAIN: dict[str, Any] = {
    "figure.figsize": (8.0, 6.0),
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 14.0,
    "mathtext.fontset": "dejavusans",
    "axes.labelsize": 16.0,
    "axes.linewidth": 1.2,
    "xaxis.labellocation": "right",
    "yaxis.labellocation": "top",
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "xtick.minor.visible": True,
    "ytick.minor.visible": True,
    "xtick.major.size": 8.0,
    "ytick.major.size": 8.0,
    "xtick.minor.size": 4.0,
    "ytick.minor.size": 4.0,
    "lines.linewidth": 2.0,
    "legend.fontsize": 12.5,
    "legend.title_fontsize": 12.5,
    "legend.frameon": False,
    # blue, orange, red, purple, grey, ...: Petroff, arXiv:2107.02270, told apart by all readers
    "axes.prop_cycle": [
        "#3f90da", "#ffa90e", "#bd1f01", "#832db6", "#94a4a2", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
    ],
}  # fmt: skip


@contextlib.contextmanager
def style(name: str = "plain") -> Iterator[None]:
    """Draw in the style of an experiment within a ``with`` block; settings outside stay as they are.

    Parameters
    ----------
    name : {'plain', 'ATLAS', 'CMS', 'LHCb', 'ALICE'}
        Look; all but ``plain`` are mplhep's.

    Raises
    ------
    UnknownNameError
        If there is no such style.
    """
    if name not in STYLES:
        raise unknown_name("style", name, STYLES)  # noqa: EM101  (the kind of name, not a message)
    import matplotlib as mpl

    # the user's own matplotlibrc would make figures differ between machines
    settings: dict[Any, Any] = {key: value for key, value in mpl.rcParamsDefault.items() if key not in _NOT_LOOKS}
    settings.update(_settings(name))
    # two runs write the same bytes
    settings.update({"svg.hashsalt": "hepml", "hatch.linewidth": 0.8})
    token = _CURRENT.set(name)
    try:
        with mpl.rc_context(settings):
            yield
    finally:
        _CURRENT.reset(token)


def _settings(name: str) -> dict[str, Any]:
    from cycler import cycler

    if name == "plain":
        return {**_PLAIN, "axes.prop_cycle": cycler(color=_PLAIN["axes.prop_cycle"])}
    import mplhep

    settings: dict[str, Any] = dict(getattr(mplhep.style, name))
    # legends here state numbers with errors, which take more room than the experiments' one-word entries
    settings["legend.fontsize"] = 0.6 * _points(settings["axes.labelsize"], settings["font.size"])
    settings["legend.title_fontsize"] = settings["legend.fontsize"]
    settings["legend.frameon"] = False
    return settings


def _points(size: float | str, base: float) -> float:
    from matplotlib.font_manager import font_scalings

    return base * font_scalings[size] if isinstance(size, str) else float(size)


def new_figure() -> tuple[Figure, Axes]:
    """Make a figure with one pair of axes, of the current style's size, unknown to pyplot."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    return figure, figure.add_subplot()


def experiment_label(ax: Axes, text: str) -> tuple[Text, ...]:
    """Write the label of the current style's experiment above the axes, for example 'CMS Simulation Preliminary'.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    text : str
        What follows the experiment's name. Empty draws nothing: a figure claims no experiment unasked.

    Returns
    -------
    tuple of matplotlib.text.Text
        What was drawn.
    """
    if not text:
        return ()
    name = _CURRENT.get()
    if name == "plain":
        return (ax.set_title(text, loc="left", fontsize="medium", fontweight="bold"),)
    import mplhep

    # data=True: mplhep adds no word of its own; rlabel="": no centre-of-mass energy that nobody stated
    room = getattr(mplhep, name.lower())
    drawn = room.label(text=text, ax=ax, loc=0, data=True, rlabel="")
    return tuple(artist for artist in drawn if artist is not None)


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: float = 120.0) -> None:
    """Write a figure to a file in the format of its suffix, without the time of writing.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to save; call it within the :func:`style` that it was drawn in.
    path : path-like
        ``.png``, ``.svg`` or ``.pdf``.
    dpi : float
        Resolution of pixels.
    """
    # the layout is found once, not again for each format
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        # with a placeholder, as "none" would leave one, each saving would still draw twice
        figure.set_layout_engine(None)
    no_time: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    figure.savefig(path, dpi=dpi, metadata=no_time.get(Path(path).suffix.lower()))
