"""All trainings of a run, one after the other, and the models of all folds made one."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hepml.classifiers import FoldModel
from hepml.classifiers.card import CARD
from hepml.classifiers.fold_bundle import fold_context, save_folds
from hepml.data import FALLBACK_NAMES, Part, SeenEvents
from hepml.readers import split_location
from hepml.workflow.cards import training_card
from hepml.workflow.methods import (
    CHECKPOINT_SUFFIX,
    TrainedMethod,
    build_estimators,
    choose_cuts,
    fold_scores,
    task_name,
    train_method,
)
from hepml.workflow.plan import Plan, training_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hepml.config import AnalysisConfig
    from hepml.data import Dataset, Folds
    from hepml.workflow.preparation import Prepared

__all__ = ["train_all", "train_some", "training_tasks"]

_LOG = logging.getLogger("hepml.workflow")


def train_all(
    plan: Plan,
    folder: Path,
    *,
    tell: Callable[[str, float], None],
    clock: Callable[[str], AbstractContextManager[None]],
    as_they_are: bool = False,
) -> list[TrainedMethod]:
    """Train all methods, or take up what an interrupted run completed.

    Parameters
    ----------
    plan : Plan
        What is trained on what.
    folder : pathlib.Path
        Where models are stored: ``METHOD/``, with folds ``METHOD/fold_0/``, ``METHOD/fold_1/``, ...
    tell : callable
        Called with the step and the fraction that is done.
    clock : callable
        Gives the context in which a step is timed.
    as_they_are : bool
        Train nothing, and refuse models that were trained on other events or with other options.

    Returns
    -------
    list of TrainedMethod
        In the order of the analysis file; with folds each is the model of all its folds.
    """
    config = plan.config
    if plan.folds is not None:
        for name in config.methods:
            _clear(folder / name, plan.folds)
    tasks = training_tasks(config)
    trained = train_some(plan, tasks, folder, tell=tell, clock=clock, as_they_are=as_they_are)
    if plan.folds is None:
        return trained
    return [
        _joined(
            name,
            [one for (method, _), one in zip(tasks, trained, strict=True) if method == name],
            plan,
            plan.folds,
            folder,
        )
        for name in config.methods
    ]


def training_tasks(config: AnalysisConfig) -> list[tuple[str, str]]:
    """Return method and name of each training, in the order in which they are done: all methods of one fold together."""
    return [(method, training) for training in training_names(config) for method in config.methods]


def train_some(
    plan: Plan,
    tasks: Sequence[tuple[str, str]],
    folder: Path,
    *,
    tell: Callable[[str, float], None],
    clock: Callable[[str], AbstractContextManager[None]],
    as_they_are: bool = False,
) -> list[TrainedMethod]:
    """Run some trainings, each a method and the name of a training; see :func:`train_all`."""
    seen = SeenEvents.of(plan.evaluated.dataset, plan.evaluated.part) if plan.folds is None else None
    trained = []
    latest = prepared = context = None
    for number, (method, training) in enumerate(tasks):
        task = task_name(method, training)
        tell(f"training {task}", number / len(tasks))
        with clock(f"train {task}"):
            if prepared is None or training != latest:
                # the parts of one fold are let go before those of the next are copied
                prepared = context = None
                latest, prepared = training, plan.training(training)
                context = _context(plan.config, prepared) | _fold(plan, training)
            one = train_method(
                task,
                build_estimators(plan.config, training)[method],
                prepared,
                folder / task,
                config=plan.config,
                context=context or {},
                seen=seen,
                as_it_is=as_they_are,
            )
        how = "as it is" if as_they_are else "taken from the interrupted run" if one.resumed else "trained"
        _LOG.info("%s: %s", task, how)
        trained.append(one)
    return trained


def _joined(name: str, trained: Sequence[TrainedMethod], plan: Plan, folds: Folds, folder: Path) -> TrainedMethod:
    """Make one model of those of all folds; its cuts are chosen on all events, each by the model that stopped on it."""
    prepared = plan.evaluated
    names = prepared.dataset.identity.names
    models = tuple(model for one in trained for model in one.models)
    model = FoldModel(models, folds, names)
    cuts = choose_cuts(prepared, fold_scores(model, prepared, Part.VALIDATION), plan.config.evaluation.working_points)
    model = save_folds(
        folder / name,
        folds,
        identity=names,
        seen=SeenEvents.of(prepared.dataset, prepared.part),
        context=_common_context(plan.config, prepared.dataset)
        | {
            "method": name,
            "cuts": [asdict(cut) for cut in cuts],
            CARD: training_card(prepared).to_dict(),
        },
    )
    return TrainedMethod(name, model, cuts, resumed=all(one.resumed for one in trained))


def _common_context(config: AnalysisConfig, dataset: Dataset) -> dict[str, Any]:
    return {
        "analysis": config.name,
        "seed": config.seed,
        "tree": _only_tree(config, dataset),
        "selection": config.selection,
        "balance": config.training.balance,
        # what has one output keeps the content, and so the fingerprint, that it had before there were several
        **({"outputs": list(config.outputs)} if config.outputs else {}),
        **({"targets": [target.model_dump() for target in config.targets]} if config.targets else {}),
    }


def _context(config: AnalysisConfig, prepared: Prepared) -> dict[str, Any]:
    """Return what a model must remember of the analysis to be applied and checked later."""
    dataset = prepared.dataset
    return {
        **_common_context(config, dataset),
        "identity": list(dataset.identity.names),
        "identity_is_fallback": dataset.identity.names == FALLBACK_NAMES,
        "samples": [info.name for info in dataset.samples],
        "split": None if config.split is None else config.split.model_dump(),
        "data": prepared.digest(),
    }


def _fold(plan: Plan, training: str) -> dict[str, Any]:
    if plan.folds is None:
        return {}
    return {"fold": fold_context(plan.folds, plan.folds.names.index(training))}


def _only_tree(config: AnalysisConfig, dataset: Dataset) -> str | None:
    """Return the tree that all samples were read from, None if they differ or name none."""
    trees = {split_location(name).tree for info in dataset.samples for name in info.files} or {config.tree}
    return trees.pop() if len(trees) == 1 else None


def _clear(folder: Path, folds: Folds) -> None:
    """Remove what an interrupted run left of a method, except the folder of each fold."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name not in folds.names and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in folds.names and not path.name.endswith(CHECKPOINT_SUFFIX):
            path.unlink()
