"""Methods of runs, TMVA.root files and models side by side on the same events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.atomic import atomic_folder, refuse_existing
from hepml.config import ReportConfig
from hepml.errors import InvalidInputError, unknown_name
from hepml.evaluation.display import Displayed
from hepml.readers import split_location
from hepml.report import (
    COMPARISON_FORMAT,
    COMPARISON_VERSION,
    draw_comparison,
    file_record,
    provenance,
    write_comparison,
    write_json,
)
from hepml.workflow.clock import Clock
from hepml.workflow.comparing.evaluation import evaluate_methods
from hepml.workflow.comparing.events import GivenEvents
from hepml.workflow.comparing.matching import match_events
from hepml.workflow.comparing.opening import choose_methods, open_sources
from hepml.workflow.comparing.weights import choose_weights

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from hepml.report import Findings
    from hepml.workflow.analysis import Analysis
    from hepml.workflow.comparing.matching import MatchedEvents
    from hepml.workflow.comparing.scored import ScoredSource
    from hepml.workflow.comparing.weights import ComparedWeights

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, slots=True, eq=False)
class Comparison(Displayed):
    """Several methods on the same events.

    Parameters
    ----------
    sources : tuple of ScoredSource
        What was compared.
    matched : MatchedEvents
        Which events.
    weights : ComparedWeights
        With which weights.
    methods : dict of str to (int, str)
        Source (its place) and method, by the name that is unique.
    findings : Findings
        Results by topic: ``roc``, ``working_points`` and ``overtraining`` of each method, ``comparisons`` and ``agreement``.
    seconds : dict of str to float
        How long the steps took.
    seed : int
        Of the permutations.
    started : datetime
        When it began.
    """

    sources: tuple[ScoredSource, ...] = field(repr=False)
    matched: MatchedEvents = field(repr=False)
    weights: ComparedWeights = field(repr=False)
    methods: dict[str, tuple[int, str]]
    findings: Findings = field(repr=False)
    seconds: dict[str, float]
    seed: int
    started: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types, as it stands in ``comparison.json``."""
        rows = self.matched.rows[0]
        y = self.sources[0].test.y[rows]
        signal, background = (self.weights.weight[y == label] for label in (True, False))
        return {
            "format": COMPARISON_FORMAT,
            "version": COMPARISON_VERSION,
            "title": f"Comparison of {', '.join(source.name for source in self.sources)}",
            "seed": self.seed,
            "sources": [
                {"name": source.name, "path": source.path, "kind": source.kind} | count.to_dict()
                for source, count in zip(self.sources, self.matched.counts, strict=True)
            ],
            "matching": self.matched.to_dict(),
            "events": {
                "signal": {"n_events": len(signal), "sum_weights": float(signal.sum())},
                "background": {"n_events": len(background), "sum_weights": float(background.sum())},
            },
            "weights": self.weights.to_dict(),
            "remarks": [
                *dict.fromkeys(note for source in self.sources for note in source.notes),
                *self.weights.remarks,
            ],
            "method_order": list(self.methods),
            "methods": {name: self._method(name) for name in self.methods},
            **{topic: found.to_dict() for topic, found in self.findings.run.items()},
        }

    def _method(self, name: str) -> dict[str, Any]:
        place, method = self.methods[name]
        known = self.sources[place].methods[method]
        return {
            "source": self.sources[place].name,
            "method": method,
            "kind": known.kind,
            "training_seconds": known.training_seconds,
            **{topic: found.to_dict() for topic, found in self.findings.methods[name].items()},
        }

    def write(
        self,
        out: str | os.PathLike[str],
        *,
        style: str = "plain",
        overwrite: bool = False,
        progress: Callable[[str, float], None] | None = None,
    ) -> Path:
        """Write a folder: ``comparison.json``, ``report.html``, ``plots/``, ``provenance.json``.

        Parameters
        ----------
        out : path-like
            The folder, which appears when it is complete.
        style : {"plain", "ATLAS", "CMS", "LHCb", "ALICE"}
            Of the figures.
        overwrite : bool
            Whether an existing folder may be replaced.
        progress : callable, optional
            Called with the step and the fraction that is done.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        OutputError
            If it exists and may not be replaced, or cannot be written.
        """
        tell = progress or (lambda _step, _fraction: None)
        settings = _settings(style)
        content = self.to_dict()
        files = [file_record(str(_record_of(source))) for source in self.sources]
        origin = provenance(
            seed=self.seed, files=files, timings=self.seconds, started=self.started, decisions={"compared": True}
        )
        with atomic_folder(out, overwrite=overwrite) as folder:
            write_json(folder / "comparison.json", content)
            write_json(folder / "provenance.json", origin)
            draw_comparison(folder / "plots", settings, self.findings, progress=lambda done: tell("drawing", done))
            write_comparison(folder, content, origin)
        return Path(out)


def compare(
    sources: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str] | None = None,
    *,
    methods: Sequence[str] | None = None,
    analysis: Analysis | str | os.PathLike[str] | None = None,
    signal: Sequence[str] = (),
    background: Sequence[str] = (),
    tree: str | None = None,
    selection: str = "",
    weight: str = "",
    identity: Sequence[str] | None = None,
    signal_efficiency: float | None = None,
    working_points: Sequence[float] = (0.3, 0.5, 0.7, 0.9),
    permutations: int = 200,
    seed: int = 1,
    style: str = "plain",
    overwrite: bool = False,
    progress: Callable[[str, float], None] | None = None,
) -> Comparison:
    """Compare methods of runs, TMVA.root files and models on the same events.

    Only events are compared that are in the test part of every source; what any of them was trained on is left out and
    counted.

    Parameters
    ----------
    sources : sequence of path-like
        Run folders, ``TMVA.root`` or ``TMVA.root:dataset``, ``weights.xml`` or what else :func:`hepml.load` takes.
    out : path-like, optional
        Folder for ``comparison.json``, ``report.html`` and ``plots/``. Default: nothing is written.
    methods : sequence of str, optional
        Which methods: ``METHOD`` or ``source/METHOD``. Default: all.
    analysis : Analysis or path-like, optional
        Analysis file whose signal and background models score. Without it and ``signal``, they score the test events of the
        first run or TMVA.root.
    signal, background : sequence of str
        Files or globs that models score, each optionally with ``:tree``, in place of an analysis file.
    tree, selection, weight : str
        For those files, as in :func:`hepml.read`.
    identity : sequence of str, optional
        What identifies an event: columns that all sources have. Default: what runs are identified by, else run, luminosity
        block and event number by their usual names.
    signal_efficiency : float, optional
        At which weights files of TMVA's cuts decide: they need it.
    working_points : sequence of float
        Signal efficiencies at which background efficiencies are compared, each in (0, 1).
    permutations : int
        For the tests of training against test scores.
    seed : int
        Of the permutations.
    style : {"plain", "ATLAS", "CMS", "LHCb", "ALICE"}
        Of the figures.
    overwrite : bool
        Whether ``out`` may be replaced.
    progress : callable, optional
        Called with the step and the fraction that is done.

    Returns
    -------
    Comparison
        All numbers, which :meth:`Comparison.write` writes.

    Raises
    ------
    IdentityError
        If events cannot be matched without doubt, or matched events have other features.
    EmptySelectionError
        If no event is in the test part of all sources.
    InvalidInputError
        If there is nothing to compare, a source is no classification, or arguments contradict one another.
    UnknownNameError
        If there is no such method or style.
    OutputError
        If the folder exists and may not be replaced.
    HepmlError
        If a source cannot be read.

    Examples
    --------
    >>> result = compare(["runs/new", "old/TMVA.root"], "compared")  # doctest: +SKIP
    >>> result.to_dict()["comparisons"][0]["auc"]["p_value"]  # doctest: +SKIP
    0.013
    """
    if out is not None:
        refuse_existing(Path(out), overwrite=overwrite)
    _settings(style)
    points = tuple(working_points)
    if not points or not all(0.0 < point < 1.0 for point in points):
        msg = f"working points are {points}: at least one signal efficiency between 0 and 1 is needed"
        raise InvalidInputError(msg)
    if permutations < 1:
        msg = f"permutations are {permutations}: at least 1 is needed"
        raise InvalidInputError(msg)
    tell = progress or (lambda _step, _fraction: None)
    started, clock = datetime.now(tz=UTC), Clock()
    events = GivenEvents.of(
        analysis=analysis,
        signal=signal,
        background=background,
        tree=tree,
        selection=selection,
        weight=weight,
        identity=identity,
    )
    with clock("read"):
        tell("reading", 0.0)
        opened = open_sources(sources, events, signal_efficiency=signal_efficiency)
        chosen = choose_methods(opened, methods)
    with clock("match"):
        tell("matching", 0.0)
        matched = match_events(opened, identity)
        weights = choose_weights(opened, matched)
    with clock("evaluate"):
        findings = evaluate_methods(
            opened,
            matched,
            weights,
            chosen,
            working_points=points,
            permutations=permutations,
            seed=seed,
            progress=tell,
        )
    made = Comparison(opened, matched, weights, chosen, findings, clock.seconds, seed, started)
    if out is not None:
        made.write(out, style=style, overwrite=overwrite, progress=progress)
    return made


def _settings(style: str) -> ReportConfig:
    from hepml.plots import STYLES

    if style not in STYLES:
        raise unknown_name(kind="style", name=style, known=STYLES)
    return ReportConfig.model_validate({"style": style})


def _record_of(source: ScoredSource) -> Path:
    """Return the file that stands for a source in provenance."""
    path = Path(source.path)
    if path.is_dir():
        return path / ("metrics.json" if source.kind == "run" else "model.json")
    return Path(split_location(source.path).path)
