"""The main job: an analysis file in, a run folder out."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepml.atomic import write_text
from hepml.config import AnalysisConfig, dump_yaml, load_analysis
from hepml.data import Dataset, Feature
from hepml.errors import InvalidInputError, unknown_name
from hepml.readers import (
    Cache,
    SampleRequest,
    read_samples,
    split_location,
    stream_samples,
)
from hepml.report import (
    draw_figures,
    file_record,
    provenance,
    write_json,
    write_report,
)
from hepml.workflow.baselines import fit_baselines
from hepml.workflow.blinding import blind_spectators, visible_events
from hepml.workflow.cards import add_results
from hepml.workflow.clock import Clock
from hepml.workflow.evaluating import evaluate_method, evaluate_run
from hepml.workflow.growing import finish, log_file, refuse_to_replace, working_folder
from hepml.workflow.methods import build_estimators, task_name
from hepml.workflow.metrics import run_metrics, scene
from hepml.workflow.notebook import notebook_progress
from hepml.workflow.outputs import TmvaFile, write_scores
from hepml.workflow.plan import Plan
from hepml.workflow.preparation import Prepared, check_dataset
from hepml.workflow.rankings import log_rankings
from hepml.workflow.requests import sample_request
from hepml.workflow.run import Run
from hepml.workflow.topics import MethodContext, RunContext
from hepml.workflow.training import train_all, train_some, training_tasks

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from hepml.readers import Stream

__all__ = ["Analysis"]

_LOG = logging.getLogger("hepml.workflow")


@dataclass(frozen=True, slots=True)
class Analysis:
    """A validated analysis file.

    Parameters
    ----------
    config : AnalysisConfig
        Its content, with absolute paths of files.

    Examples
    --------
    >>> import hepml
    >>> run = hepml.Analysis.from_file("analysis.yaml").train("runs/mine")  # doctest: +SKIP
    """

    config: AnalysisConfig

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Analysis:
        """Read and validate an analysis file.

        Raises
        ------
        AnalysisFileError
            If it is not valid.
        UnknownNameError, InvalidInputError
            If a method's kind or option, or the limit of the cache, is not valid.
        """
        analysis = cls(load_analysis(Path(path)))
        build_estimators(analysis.config)
        analysis.cache()
        return analysis

    def with_methods(self, names: Sequence[str]) -> Analysis:
        """Return the analysis with some of its methods only.

        Raises
        ------
        UnknownNameError
            If there is no such method.
        InvalidInputError
            If no method is named.
        """
        if not names:
            # without a score nothing would be blinded
            msg = f"no method is named (methods: {', '.join(self.config.methods)})"
            raise InvalidInputError(msg)
        for name in names:
            if name not in self.config.methods:
                problem = unknown_name("method", name, self.config.methods)
                raise problem
        chosen = {name: method for name, method in self.config.methods.items() if name in names}
        return Analysis(self.config.model_copy(update={"methods": chosen}))

    def requests(self) -> list[SampleRequest]:
        """Return what is read for each sample, with globs expanded."""
        return [sample_request(sample, self.config.tree) for sample in self.config.samples]

    def features(self) -> tuple[Feature, ...]:
        """Return the features, each with its sentinels."""
        return tuple(
            Feature(
                item.name,
                expression=item.expression,
                unit=item.unit,
                title=item.title,
                missing=self.config.missing if item.missing is None else item.missing,
            )
            for item in self.config.features
        )

    def spectators(self) -> tuple[Feature, ...]:
        """Return the spectators, with targets and with what decides on blinded events."""
        named = (
            Feature(item.name, expression=item.expression, unit=item.unit, title=item.title, missing=item.missing or ())
            for item in self.config.spectators
        )
        targets = (
            Feature(item.name, expression=item.expression, unit=item.unit, title=item.title)
            for item in self.config.targets
        )
        blind = (Feature(name, expression=text) for name, text in blind_spectators(self.config).items())
        return (*named, *targets, *blind)

    def cache(self, folder: str | os.PathLike[str] | None = None) -> Cache | None:
        """Return the cache in ``folder``, by default that of the analysis file, None if there is none."""
        asked = self.config.cache
        if asked is None:
            return None if folder is None else Cache(folder)
        return Cache(folder or asked.folder, asked.limit)

    def read(
        self,
        *,
        threads: int = 1,
        progress: Callable[[int, int], None] | None = None,
        cache: Cache | str | os.PathLike[str] | None = None,
    ) -> Dataset:
        """Read all samples.

        Parameters
        ----------
        threads : int
            Threads that decompress.
        progress : callable, optional
            Called with entries read and entries in all.
        cache : Cache or path-like, optional
            As for :func:`hepml.read`. Default: that of the analysis file.

        Returns
        -------
        Dataset
            The selected events of all samples.
        """
        return read_samples(
            self.requests(),
            features=self.features(),
            spectators=self.spectators(),
            selection=self.config.selection,
            weight=self.config.weight,
            identity=self.config.identity,
            threads=threads,
            reader=self.config.reader,
            progress=progress,
            cache=cache if isinstance(cache, Cache) else self.cache(cache),
        )

    def iterate(
        self,
        *,
        chunk: int | str = "100 MB",
        threads: int = 1,
        read_ahead: bool = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> Stream:
        """Read all samples chunk by chunk, in bounded memory.

        Parameters
        ----------
        chunk : int or str
            Size in memory of the branches that are read at once, in bytes or as text such as ``"100 MB"``.
        threads : int
            Threads that decompress.
        read_ahead : bool
            Whether the next chunk is read in a thread while the consumer works on one.
        progress : callable, optional
            Called with entries read and entries in all.

        Returns
        -------
        Stream
            Gives datasets, each of one sample; all of them together are what :meth:`read` returns.
        """
        return stream_samples(
            self.requests(),
            features=self.features(),
            spectators=self.spectators(),
            selection=self.config.selection,
            weight=self.config.weight,
            identity=self.config.identity,
            threads=threads,
            reader=self.config.reader,
            progress=progress,
            chunk=chunk,
            read_ahead=read_ahead,
        )

    def tasks(self) -> tuple[str, ...]:
        """Return the names of the trainings of a run, each of which can be done alone: ``BDT``, or ``BDT/fold_0``."""
        return tuple(task_name(*task) for task in training_tasks(self.config))

    def train_task(
        self,
        task: str,
        out: str | os.PathLike[str],
        *,
        dataset: Dataset | None = None,
        cache: Cache | str | os.PathLike[str] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> Path:
        """Do one training of a run alone, as a batch job does.

        A run whose hidden folder ``.NAME.partial/models`` holds the models of some or all tasks takes them up with
        ``resume=True``, as if it had been interrupted after them; they are the same to the last bit.

        Parameters
        ----------
        task : str
            One of :meth:`tasks`.
        out : path-like
            The model is stored in the folder ``out/TASK``, or taken up from there if it is complete.
        dataset, cache, progress : see :meth:`train`
            The same.

        Returns
        -------
        pathlib.Path
            The folder of the model.

        Raises
        ------
        UnknownNameError
            If there is no such task.
        HepmlError
            As for :meth:`train`.
        """
        if task not in self.tasks():
            problem = unknown_name("task", task, self.tasks())
            raise problem
        tell = progress or (lambda _step, _fraction: None)
        if dataset is None:
            dataset = self.read(progress=lambda done, total: tell("reading", done / max(total, 1)), cache=cache)
        check_dataset(self.config, dataset)
        chosen = [pair for pair in training_tasks(self.config) if task_name(*pair) == task]
        train_some(Plan.of(self.config, dataset), chosen, Path(out), tell=tell, clock=Clock())
        return Path(out) / task

    def train(
        self,
        out: str | os.PathLike[str],
        *,
        dataset: Dataset | None = None,
        resume: bool = False,
        overwrite: bool = False,
        unblind: bool = False,
        cache: Cache | str | os.PathLike[str] | None = None,
        tmva_output: str | os.PathLike[str] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> Run:
        """Read, prepare, train, evaluate and report.

        Everything is written to a hidden folder beside ``out`` that gets its final name when it is complete. A folder
        that an interrupted run left stays there, for ``resume``.

        Parameters
        ----------
        out : path-like
            The run folder.
        dataset : Dataset, optional
            Events to use instead of reading the files of the analysis; with its features and samples, as :meth:`read`
            returns them.
        resume : bool
            Keep the models that an interrupted run completed, if data and options are the same.
        overwrite : bool
            Whether an existing run may be replaced.
        unblind : bool
            Show blinded data; provenance records it.
        cache : Cache or path-like, optional
            As for :meth:`read`.
        tmva_output : path-like, optional
            Write a TMVA.root there as well, which ``overwrite`` may replace.
        progress : callable, optional
            Called with the name of the step and the fraction that is done. Default: a bar in notebooks, nothing elsewhere.

        Returns
        -------
        Run
            The finished run.

        Raises
        ------
        OutputError
            If the folder exists and may not be replaced, is no run, cannot be written, or another process writes it.
        InvalidInputError
            If the dataset is not one of this analysis, or two columns of ``scores.root`` would have one name.
        HepmlError
            If files, expressions, weights or options are not usable.
        """
        decisions = {"unblind": unblind, "resume": resume}
        return self._write_run(
            out,
            dataset,
            decisions,
            resume=resume,
            overwrite=overwrite,
            cache=cache,
            tmva_output=tmva_output,
            progress=progress,
        )

    def evaluate(
        self,
        out: str | os.PathLike[str],
        *,
        dataset: Dataset | None = None,
        unblind: bool = False,
        cache: Cache | str | os.PathLike[str] | None = None,
        tmva_output: str | os.PathLike[str] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> Run:
        """Evaluate the models of a finished run again: metrics, scores, figures and report are replaced.

        Options of evaluation and report may differ from those of the training, but for the working points, whose cuts are
        stored with the models.

        Parameters
        ----------
        out : path-like
            The run folder.
        dataset, unblind, cache, tmva_output, progress : see :meth:`train`
            The same; a file that exists is not replaced by ``tmva_output``.

        Returns
        -------
        Run
            The run.

        Raises
        ------
        ModelFormatError
            If it is no run, or its models were trained on other events or with other options.
        HepmlError
            As for :meth:`train`.
        """
        models = Run(out).path / "models"
        decisions = {"unblind": unblind, "evaluated_again": True}
        return self._write_run(
            out,
            dataset,
            decisions,
            models=models,
            overwrite=True,
            cache=cache,
            tmva_output=tmva_output,
            progress=progress,
        )

    def _write_run(
        self,
        out: str | os.PathLike[str],
        dataset: Dataset | None,
        decisions: dict[str, Any],
        *,
        models: Path | None = None,
        resume: bool = False,
        overwrite: bool,
        cache: Cache | str | os.PathLike[str] | None,
        tmva_output: str | os.PathLike[str] | None,
        progress: Callable[[str, float], None] | None,
    ) -> Run:
        """Write a whole run; with ``models`` nothing is trained, but these are taken."""
        final, unblind = Path(out).absolute(), bool(decisions["unblind"])
        refuse_to_replace(final, overwrite=overwrite)
        is_binary = self.config.task == "classification" and not self.config.outputs
        tmva = TmvaFile.of(tmva_output, final, overwrite=overwrite and models is None, is_binary=is_binary)
        tell = progress or notebook_progress() or (lambda _step, _fraction: None)
        started, clock = datetime.now(tz=UTC), Clock()
        estimators = build_estimators(self.config)
        with (
            working_folder(final, keep=set(estimators) if resume else None, overwrite=overwrite) as folder,
            log_file(folder / "log.txt"),
        ):
            if models is not None:
                shutil.copytree(models, folder / "models", dirs_exist_ok=True)
            write_text(folder / "analysis.yaml", dump_yaml(self.config.model_dump(mode="json")))
            with clock("read"):
                if dataset is None:
                    dataset = self.read(progress=lambda done, total: tell("reading", done / max(total, 1)), cache=cache)
                check_dataset(self.config, dataset)
                files = [
                    file_record(path)
                    for path in dict.fromkeys(
                        split_location(name).path for info in dataset.samples for name in (*info.files, *info.friends)
                    )
                ]
                plan = Plan.of(self.config, dataset, folder=folder)
            prepared = plan.evaluated
            _log_samples(prepared)
            methods = train_all(plan, folder / "models", tell=tell, clock=clock, as_they_are=models is not None)
            tell("fitting baselines", 0.0)
            baselines = fit_baselines(prepared, self.config, clock) if prepared.task.kind == "binary" else {}
            contexts: dict[str, MethodContext] = {}
            for number, method in enumerate(methods):
                tell(f"evaluating {method.name}", number / len(methods))
                with clock(f"evaluate {method.name}"):
                    kind = self.config.methods[method.name].kind
                    contexts[method.name] = evaluate_method(method, kind, prepared, self.config, baselines)
            visible = visible_events(self.config, dataset, contexts, unblind=unblind)
            whole = RunContext(self.config, prepared, contexts, visible, unblind, baselines)
            tell("comparing", 0.0)
            with clock("compare"):
                findings = evaluate_run(whole)
            log_rankings(findings)
            metrics = run_metrics(whole, findings)
            tell("writing scores", 0.0)
            with clock("write"):
                write_scores(folder / "scores.root", prepared, contexts, visible)
                if tmva is not None:
                    tmva.write(folder, prepared, contexts, visible)
                write_json(folder / "metrics.json", metrics)
                for name, found in metrics["methods"].items():
                    add_results(folder / "models" / name, found)
            tell("drawing", 0.0)
            with clock("figures"):
                draw_figures(
                    folder / "plots",
                    self.config.report,
                    findings,
                    scene(self.config, prepared),
                    task=prepared.task.kind,
                    progress=lambda fraction: tell("drawing", fraction),
                )
            facts = provenance(
                seed=self.config.seed,
                files=files,
                timings=clock.seconds,
                started=started,
                decisions=decisions | {"methods": list(self.config.methods)},
            )
            write_json(folder / "provenance.json", facts)
            write_report(folder, metrics, facts)
            tell("done", 1.0)
            finish(folder, final, overwrite=overwrite)
        return Run(out)


def _log_samples(prepared: Prepared) -> None:
    for row in prepared.part_table():
        _LOG.info(
            "%s, %s: %d events, sum of weights %.6g, N_eff %.6g",
            row["sample"],
            row["part"],
            row["n_events"],
            row["sum_weights"],
            row["n_effective"],
        )
