"""``hepml.tmva.prepare``: from trees to training and test events, as TMVA's DataLoader and its option string say."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from hepml.errors import InvalidInputError, unknown_name
from hepml.tmva.options import parse as parse_options
from hepml.tmva.preparation.normalising import norm_factors, running_sum
from hepml.tmva.preparation.prepared import ClassCounts, PreparedData, Shuffle, TMVAEvents
from hepml.tmva.preparation.shuffling import Shuffler
from hepml.tmva.preparation.splitting import ClassRows, mixed, split
from hepml.tmva.preparation.trees import ClassEvents, Columns, input_trees, read_class
from hepml.tmva.preparation.variables import declared_variables, with_ranges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from hepml.tmva.options import Options
    from hepml.tmva.preparation.prepared import NormMode
    from hepml.tmva.preparation.trees import InputTree
    from hepml.tmva.preparation.variables import Declaration
    from hepml.tmva.setup import AnalysisType, Variable

__all__ = ["prepare"]

_log = logging.getLogger(__name__)


def prepare(
    signal: InputTree | Iterable[InputTree] | None = None,
    background: InputTree | Iterable[InputTree] | None = None,
    *,
    variables: Sequence[Declaration],
    classes: Mapping[str, InputTree | Iterable[InputTree]] | None = None,
    targets: Sequence[Declaration] = (),
    spectators: Sequence[Declaration] = (),
    cut: str | Mapping[str, str] = "",
    weight: str | Mapping[str, str] | None = None,
    options: str = "",
    shuffle: Shuffle = "std::shuffle",
) -> PreparedData:
    """Prepare training and test events as ``PrepareTrainingAndTestTree`` does: the same, in the same order.

    Parameters
    ----------
    signal, background : list of tuple
        Trees of the classes ``Signal`` and ``Background``: ``(file, tree, weight)``, a fourth ``"Training"`` or ``"Test"``
        where a tree is for one only; the weight may be left out, the tree where the file has one.
    variables : sequence of str
        As ``AddVariable`` takes them, ``"lpt := log(pt+1)"`` or ``"eta"``; with title, unit and type as tuples.
    classes : mapping of str to list of tuple, optional
        Instead of signal and background: trees by the name of the class, in the order of their index. Three or more are
        multi-class; with targets it is one, of any name (TMVA calls it ``Regression``).
    targets, spectators : sequence of str, optional
        As variables.
    cut, weight : str or mapping of str to str, optional
        Expressions, for all classes or by their names. Default: every entry, of weight 1.
    options : str
        ``"nTrain_Signal=4000:SplitMode=Block:NormMode=NumEvents:!V"``; also ``TrainTestSplit_Signal=0.8`` of newer releases.
    shuffle : {"std::shuffle", "std::random_shuffle"}
        By which SplitMode and MixMode ``Random`` shuffle: ROOT 6.14 and newer by the first, older ones by the second. Both
        are those of libstdc++, the first of GCC 11 and newer; other standard libraries shuffle otherwise.

    Returns
    -------
    PreparedData
        Training and test events.

    Raises
    ------
    InvalidInputError
        If classes, declarations or options cannot be, or more events are wanted than there are.
    FeatureValueError, WeightError
        If a value or weight is NaN or infinite, a variable is constant, or the weights of a class sum to zero or less and
        are to be normalised.
    HepmlError
        If a file cannot be read or an expression not be evaluated.

    Examples
    --------
    >>> hepml.tmva.prepare([("s.root", "TreeS", 1.0)], [("b.root", "TreeB", 1.0)], variables=["pt", "abs(eta)"],
    ...                    options="nTrain_Signal=4000:SplitMode=Block:NormMode=NumEvents")  # doctest: +SKIP
    """
    if shuffle not in get_args(Shuffle):
        what = "shuffle"
        raise unknown_name(what, shuffle, get_args(Shuffle))
    given = _given_classes(signal, background, classes, n_targets=len(targets))
    names = tuple(given)
    cuts, weights = _by_class(cut, names, "cut"), _by_class(weight or "", names, "weight")
    chosen = parse_options("PrepareTrainingAndTestTree", options, classes=names, newer=True)
    declared = tuple(
        declared_variables(items, what)
        for items, what in ((variables, "variable"), (spectators, "spectator"), (targets, "target"))
    )
    if not declared[0]:
        msg = "no variable is declared"
        raise InvalidInputError(msg)
    everything = [variable for group in declared for variable in group]
    expressions, labels = tuple(v.expression for v in everything), tuple(v.label for v in everything)
    events = [
        read_class(input_trees(trees, name), Columns(expressions, labels, cuts[name], weights[name]), name)
        for name, trees in given.items()
    ]
    analysis_type: AnalysisType = "Regression" if targets else "Classification" if len(names) == 2 else "Multiclass"
    return _arranged(names, events, declared, chosen, analysis_type, shuffle)


def _arranged(  # noqa: PLR0917
    names: tuple[str, ...],
    events: list[ClassEvents],
    declared: tuple[tuple[Variable, ...], ...],
    options: Options,
    analysis_type: AnalysisType,
    shuffle: Shuffle,
) -> PreparedData:
    """Split, normalise and mix the events of classes."""
    shuffler = Shuffler(cast("int", options["SplitSeed"]), shuffle)
    split_mode = str(options["SplitMode"])
    mix_mode = split_mode if options["MixMode"] == "SameAsSplitMode" else str(options["MixMode"])
    norm_mode = cast("NormMode", options["NormMode"])
    starts = np.concatenate([[0], np.cumsum([len(found.weight) for found in events])])
    rows = [
        _rows_of(name, found, int(start), options)
        for name, found, start in zip(names, events, starts[:-1], strict=True)
    ]
    parts = split(rows, split_mode, shuffler)
    weight = np.concatenate([found.weight for found in events])
    sums = [running_sum(weight[train]) for train, _ in parts]
    factors = norm_factors(norm_mode, sums, [len(train) for train, _ in parts], names)
    scale = np.repeat(factors, np.diff(starts))
    class_index = np.repeat(np.arange(len(names), dtype=np.intp), np.diff(starts))
    values = np.concatenate([found.values for found in events])
    train_rows = mixed([train for train, _ in parts], mix_mode, shuffler)
    test_rows = mixed([test for _, test in parts], mix_mode, shuffler)
    if not len(train_rows):
        msg = "there are no training events"
        raise InvalidInputError(msg)
    if not len(test_rows):
        _log.warning("there are no test events")
    ends = np.cumsum([len(group) for group in declared])

    def part(order: NDArray[np.int64], weights: NDArray[np.float64]) -> TMVAEvents:
        variables, spectators, targets = (
            np.ascontiguousarray(values[order, start:stop]) for start, stop in zip((0, *ends[:-1]), ends, strict=True)
        )
        return TMVAEvents(variables, spectators, targets, class_index[order], weights, weight[order])

    train = part(train_rows, weight[train_rows] * scale[train_rows])
    counts = tuple(
        ClassCounts(
            name,
            found.n_entries,
            len(found.weight),
            len(train_part),
            len(test_part),
            total,
            running_sum(weight[test_part]),
            factor,
        )
        for name, found, (train_part, test_part), total, factor in zip(names, events, parts, sums, factors, strict=True)
    )
    for count in counts:
        _log.info(
            "class %s: %d training, %d test events, factor %g", count.name, count.n_train, count.n_test, count.factor
        )
    return PreparedData(
        train=train,
        test=part(test_rows, weight[test_rows]),
        variables=with_ranges(declared[0], train.variables, "variable"),
        spectators=with_ranges(declared[1], train.spectators, "spectator"),
        targets=with_ranges(declared[2], train.targets, "target"),
        class_names=names,
        norm_mode=norm_mode,
        analysis_type=analysis_type,
        counts=counts,
        options=options,
        shuffle=shuffle if "Random" in {split_mode, mix_mode} else None,
    )


def _rows_of(name: str, events: ClassEvents, start: int, options: Options) -> ClassRows:
    rows = {part: np.flatnonzero(events.part == part) + start for part in ("train", "test", "")}
    n_train, n_test = cast("int", options[f"nTrain_{name}"]), cast("int", options[f"nTest_{name}"])
    fraction = np.float32(cast("float", options[f"TrainTestSplit_{name}"]))
    if fraction != 0.0:
        if not 0.0 < fraction < 1.0:
            msg = f"TrainTestSplit_{name} is {fraction:g}; it must be between 0 and 1"
            raise InvalidInputError(msg)
        n_train, n_test = int(fraction * np.float32(len(events.weight))), 0
    # in single precision
    scale = np.float32(1.0)
    if options["ScaleWithPreselEff"]:
        scale = np.float32(len(events.weight)) / np.float32(max(events.n_entries, 1))
    wants = (int(np.float32(number) * scale) for number in (n_train, n_test))
    return ClassRows(name, rows["train"], rows["test"], rows[""], *wants)


def _given_classes(
    signal: InputTree | Iterable[InputTree] | None,
    background: InputTree | Iterable[InputTree] | None,
    classes: Mapping[str, InputTree | Iterable[InputTree]] | None,
    *,
    n_targets: int,
) -> dict[str, InputTree | Iterable[InputTree]]:
    if classes is not None:
        if signal is not None or background is not None:
            msg = "give signal and background, or classes, not both"
            raise InvalidInputError(msg)
        given = dict(classes)
    else:
        pairs = (("Signal", signal), ("Background", background))
        given = {name: trees for name, trees in pairs if trees is not None}
    if n_targets and len(given) != 1:
        msg = f"a regression has one class of events, and {len(given)} are given: classes={{'Regression': [...]}}"
        raise InvalidInputError(msg)
    if not n_targets and len(given) < 2:
        msg = f"two classes or more are needed, and {', '.join(given) or 'none'} is given"
        raise InvalidInputError(msg)
    return given


def _by_class(given: str | Mapping[str, str], names: tuple[str, ...], what: str) -> dict[str, str]:
    if isinstance(given, str):
        return dict.fromkeys(names, given)
    for name in given:
        if name not in names:
            kind = f"class of a {what}"
            raise unknown_name(kind, name, names)
    return {name: given.get(name, "") for name in names}
