"""TMVA's option strings, ``!H:NTrees=850:MinNodeSize=2.5%:VarTransform=G,D``: parsed, typed, checked and written again."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hepml.errors import HepmlError, InvalidInputError, did_you_mean, unknown_name
from hepml.tmva.newer_options import PER_CLASS, with_newer
from hepml.tmva.option_tables import FITTERS, KINDS, PDF, TABLES, Declared

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from hepml.tmva.option_tables import Value
    from hepml.tmva.setup import AnalysisType, MethodSetup

__all__ = ["Declared", "Options", "declared", "from_setup", "parse"]

_log = logging.getLogger(__name__)

_TRUE, _FALSE = ("1", "true", "ktrue", "t"), ("0", "false", "kfalse", "f")
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_ELEMENT = re.compile(r"(.*?)\[\s*(\d{1,6})\s*\]", re.ASCII)
_REGRESSION: dict[tuple[str, str], Value] = {
    ("BDT", "MaxDepth"): 50,
    ("BDT", "MinNodeSize"): 0.2,
    ("BDT", "BoostType"): "AdaBoostR2",
    ("BDT", "UseYesNoLeaf"): False,
    ("BDT", "SeparationType"): "RegressionVariance",
    ("SVM", "C"): 0.002,
}
# one variable of TMVA behind two names
_SAME = {"GradBaggingFraction": "BaggedSampleFraction", "BaggedSampleFraction": "GradBaggingFraction"}
_MOST_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Options:
    """Options of a method, of the factory, or of PrepareTrainingAndTestTree.

    ``options["NTrees"]`` is a value, the default if none was given; case does not matter. An array has elements,
    ``options["VarProp[2]"]``.

    Parameters
    ----------
    kind : str
        What the options are of.
    declared : tuple of Declared
        All options that there are, in TMVA's order: those of fitters, densities and boosting only where they are in use.
    given : dict of str to bool, int, float or str
        What was set, in this order, by TMVA's spelling.
    """

    kind: str
    declared: tuple[Declared, ...]
    given: dict[str, Value]

    def __getitem__(self, name: str) -> Value | None:
        option, index = _found(name, self.declared)
        if option is None:
            what = f"option of {self.kind}"
            raise unknown_name(what, name, [known.name for known in self.declared])
        own = option.name if index is None else f"{option.name}[{index}]"
        for key in (own, option.name, _SAME.get(option.name, "")):
            if key in self.given:
                return self.given[key]
        return option.default

    def __iter__(self) -> Iterator[str]:
        return (option.name for option in self.declared)

    def __len__(self) -> int:
        return len(self.declared)

    @property
    def text(self) -> str:
        """The option string that gives these options."""
        return ":".join(_written(name, value, _found(name, self.declared)[0]) for name, value in self.given.items())

    def to_dict(self) -> dict[str, object]:
        """Return plain data: the kind, the string, what was given, and the value of each option."""
        return {
            "kind": self.kind,
            "text": self.text,
            "given": dict(self.given),
            "values": {name: self[name] for name in self},
        }


def declared(
    kind: str,
    *,
    analysis_type: AnalysisType = "Classification",
    n_variables: int | None = None,
    newer: bool = False,
) -> tuple[Declared, ...]:
    """Return the options that TMVA 4.2.1 declares for a method, without those of fitters, densities and boosting.

    Parameters
    ----------
    kind : str
        ``"BDT"``, ... or ``"Factory"``, ``"PrepareTrainingAndTestTree"``.
    analysis_type : str
        Decides defaults: those of a regression differ.
    n_variables : int, optional
        Decides the default of ``UseNvars``, which is None without.
    newer : bool
        With those that ROOT 6 has added, such as ``RegressionLossFunctionBDTG``. DL, DNN and CrossValidation are of ROOT 6
        anyway.

    Raises
    ------
    UnknownNameError
        If the kind is not known; the message names the nearest.
    """
    if kind not in KINDS:
        what = "kind of options"
        raise unknown_name(what, kind, KINDS)
    found = []
    for option in (option for table in KINDS[kind] for option in TABLES[table]):
        default = option.default
        if analysis_type == "Regression":
            default = _REGRESSION.get((kind, option.name), default)
        if option.name == "UseNvars" and n_variables is not None:
            default = int(math.sqrt(n_variables) + 0.6)
        found.append(replace(option, default=default))
    return with_newer(kind, tuple(found)) if newer else tuple(found)


def parse(
    kind: str,
    text: str,
    *,
    analysis_type: AnalysisType = "Classification",
    n_variables: int | None = None,
    classes: Sequence[str] = ("Signal", "Background"),
    newer: bool = False,
) -> Options:
    """Parse an option string as TMVA does, and check it more strictly.

    Parameters
    ----------
    kind : str
        What it is of: a method, ``"Factory"`` or ``"PrepareTrainingAndTestTree"``.
    text : str
        ``Name=value``, ``Name[2]=value``, ``Name`` and ``!Name`` for what is yes or no, or a bare allowed value of an option
        (``EffSel``), with ``:`` between. Names and allowed values in any case.
    analysis_type, n_variables
        As for :func:`declared`; with ``n_variables``, indices are checked.
    classes : sequence of str
        Names of classes, for ``nTrain_Signal`` and ``nTest_Signal``, and ``TrainTestSplit_Signal`` of newer ROOT.
    newer : bool
        As for :func:`declared`. What TMVA 4.2.1 lacks is an error without.

    Returns
    -------
    Options
        Of an option that is set twice, the last value, as TMVA takes it; a warning is logged.

    Raises
    ------
    InvalidInputError
        If an option is unknown or not in use (``PopSize`` without ``FitMethod=GA``), or a value is not allowed, no number
        where one is needed, or of several words: TMVA would read its beginning without a word.
    UnknownNameError
        If the kind is not known.
    """
    if len(text) > _MOST_CHARACTERS:
        msg = f"an option string of {len(text)} characters is too long (allowed: {_MOST_CHARACTERS})"
        raise InvalidInputError(msg)
    known = list(declared(kind, analysis_type=analysis_type, n_variables=n_variables, newer=newer))
    if kind == "PrepareTrainingAndTestTree":
        numbers = (Declared("nTrain", 0), Declared("nTest", 0), *([PER_CLASS] if newer else []))
        place = [option.name for option in known].index("V")
        known[place:place] = [option.named(f"{option.name}_{name}") for name in classes for option in numbers]
    words = [word for part in text.split(":") if (word := part.lstrip("~"))]
    # TMVA hands what a method does not know to its densities, its fitter, and boosting
    set_by = _understood(kind, words, known, n_variables)
    groups = _groups(kind)
    for condition, options in groups.items():
        name, _, value = condition.partition("=")
        here = dict(set_by.values())
        chosen = here.get(name, next((option.default for option in known if option.name == name), None))
        if name and (not chosen if not value else chosen != value) and not (name == "Boost_Num" and _boosts(words)):
            continue
        left = {place: word for place, word in enumerate(words) if place not in set_by}
        inner = _understood(kind, list(left.values()), options, n_variables)
        set_by.update({list(left)[place]: entry for place, entry in inner.items()})
        known += [option for option in options if option.name not in {other.name for other in known}]
    for place, word in enumerate(words):
        if place not in set_by:
            raise _not_understood(kind, word, known, groups)
    return Options(kind, tuple(known), _last_of(set_by[place] for place in range(len(words))))


def from_setup(setup: MethodSetup) -> Options:
    """Return the options of a weights file as values.

    What was not given has the value that the file states, which TMVA may have changed after it read the string. TMVA does
    not mark elements of arrays as modified, so those that differ from the default count as given.

    Raises
    ------
    ModelFormatError
        If the file has an option that TMVA 4.2.1 does not know, or a value that cannot be.
    """
    if setup.kind not in KINDS:
        setup.fail(f"the options of {setup.kind[:40]!r} are not known{did_you_mean(setup.kind, KINDS)}")
    of_old = declared(setup.kind, analysis_type=setup.analysis_type, n_variables=len(setup.variables))
    # the release does not tell: ROOT 6 has called its TMVA 4.2.1 from the beginning
    of_newer = with_newer(setup.kind, of_old)
    added = {option.name for option in of_newer} - {option.name for option in of_old}
    known = of_newer if added & set(setup.options) else of_old
    given: dict[str, Value] = {}
    stands: dict[str, Value] = {}
    try:
        for name, stated in setup.options.items():
            option, _ = _found(name, known)
            if option is None:
                raise _not_understood(setup.kind, name, known, {})
            if option.shape == "array":
                values = [_value(option, word) for word in stated.value.split()]
                given |= {f"{option.name}[{k}]": value for k, value in enumerate(values) if value != option.default}
            elif stated.modified:
                given[option.name] = _value(option, stated.value)
            else:
                stands[option.name] = _value(option, stated.value)
    except HepmlError as error:
        setup.fail(str(error))
    known = tuple(replace(option, default=stands.get(option.name, option.default)) for option in known)
    return Options(setup.kind, known, given)


def _groups(kind: str) -> dict[str, list[Declared]]:
    """Return further options by the condition under which they exist."""
    groups: dict[str, list[Declared]] = {}
    if kind in {"Factory", "PrepareTrainingAndTestTree"}:
        return groups
    if kind == "Likelihood":
        groups[""] = _densities("", "") + _densities("Sig", "elements") + _densities("Bkg", "elements")
    groups["CreateMVAPdfs"] = [option for suffix in ("", "Bkg", "Sig") for option in _densities(f"MVAPdf{suffix}", "")]
    if kind in {"Cuts", "FDA"}:
        groups |= {f"FitMethod={name}": list(options) for name, options in FITTERS.items()}
    if kind == "FDA":
        groups["Converger=MINUIT"] = list(FITTERS["MINUIT"])
    if kind != "Boost":
        groups["Boost_Num"] = list(TABLES["Boost"])
    return groups


def _densities(suffix: str, shape: str) -> list[Declared]:
    return [option.named(option.name + suffix, "elements" if shape else "single") for option in PDF]


def _boosts(words: Iterable[str]) -> bool:
    return any(word.lower().startswith("boost_num=") for word in words)


def _understood(
    kind: str, words: list[str], known: Sequence[Declared], n_variables: int | None
) -> dict[int, tuple[str, Value]]:
    """Return name and value by the place of the words that set one of the options."""
    found: dict[int, tuple[str, Value]] = {}
    for place, word in enumerate(words):
        name, equals, text = word.partition("=")
        option, index = _found(name, known)
        if equals and option is not None:
            if index is not None and n_variables is not None and index >= n_variables:
                msg = f"{word[:80]!r} of {kind}: there are {n_variables} variables, from [0] to [{n_variables - 1}]"
                raise InvalidInputError(msg)
            found[place] = (option.name if index is None else f"{option.name}[{index}]", _value(option, text))
            continue
        bare = word.removeprefix("!")
        option, index = _found(bare, known)
        if option is not None and index is None and option.type == "bool":
            found[place] = (option.name, bare == word)
        elif option is not None and not equals:
            what = "has no value" if bare == word else "cannot be negated"
            msg = f"{word[:80]!r} of {kind} {what}: {_needs(option)}"
            raise InvalidInputError(msg)
        else:
            loose = next((o for o in known if not o.exact and word.lower() in map(str.lower, o.allowed)), None)
            if loose is not None:
                found[place] = (loose.name, _value(loose, word))
    return found


def _found(name: str, known: Iterable[Declared]) -> tuple[Declared | None, int | None]:
    """Return the option of a name, and the index in brackets if it is an array's."""
    element = _ELEMENT.fullmatch(name)
    folded = (element.group(1) if element else name).lower()
    for option in known:
        if option.name.lower() == folded and (
            option.shape != "elements" if element is None else option.shape != "single"
        ):
            return option, int(element.group(2)) if element else None
    return None, None


def _value(option: Declared, text: str) -> Value:
    """Return the value that a text stands for."""
    text = text.strip()
    if option.type == "bool" and text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    if option.type == "int" and _INTEGER.fullmatch(text):
        return int(text)
    if option.type == "float" and _FLOAT.fullmatch(text):
        return float(text)
    if option.type == "percent" and _FLOAT.fullmatch(text.removesuffix("%")) and 0 < float(text.removesuffix("%")) < 50:
        return float(text.removesuffix("%"))
    if option.type == "str" and option.allowed:
        for allowed in option.allowed:
            if text == allowed or (text.lower() == allowed.lower() and not option.exact):
                return allowed
    elif option.type == "str" and len(text.split()) <= 1:
        return text
    hint = did_you_mean(text, option.allowed) if option.allowed else ""
    msg = f"{option.name}={text[:80]!r} cannot be{hint or ':'} {_needs(option)}"
    raise InvalidInputError(msg)


def _needs(option: Declared) -> str:
    """Return what an option takes, in words."""
    if option.allowed:
        return f"it is one of {', '.join(option.allowed)}"
    kinds = {
        "bool": "it is True or False",
        "int": "it is a whole number (TMVA would read the digits at its beginning)",
        "float": "it is a number",
        "percent": "it is a percentage between 0 and 50, as in 2.5%",
        "str": "it is one word (TMVA would read as far as the first blank)",
    }
    return kinds[option.type]


def _written(name: str, value: Value, option: Declared | None) -> str:
    if isinstance(value, bool):
        return f"{'' if value else '!'}{name}" if "[" not in name else f"{name}={value}"
    return f"{name}={value!r}%" if option is not None and option.type == "percent" else f"{name}={value}"


def _last_of(entries: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """Return the last value of each option; setting a whole array forgets its elements."""
    given: dict[str, Value] = {}
    for name, value in entries:
        if name in given or _SAME.get(name, "") in given:
            _log.warning("option %s is set twice; the last value, %s, holds", name, value)
        for old in [old for old in given if old == name or old == _SAME.get(name) or old.startswith(f"{name}[")]:
            del given[old]
        given[name] = value
    return given


def _not_understood(
    kind: str, word: str, known: Sequence[Declared], groups: dict[str, list[Declared]]
) -> InvalidInputError:
    """Return the error for a word that sets nothing."""
    name = word.removeprefix("!").partition("=")[0]
    for condition, options in groups.items():
        if _found(name, options)[0] is not None:
            return InvalidInputError(f"{word[:80]!r} is an option of {kind} with {condition} only")
    option, _ = _found(name.partition("[")[0], known)
    if option is None:
        option = next((o for o in known if o.name.lower() == name.partition("[")[0].lower()), None)
    if option is not None and ("[" in name or option.shape == "elements"):
        what = "takes no index" if option.shape == "single" else "needs an index of a variable, as in [0]"
        return InvalidInputError(f"{word[:80]!r} of {kind}: the option {what}")
    if option is not None:
        return InvalidInputError(f"{word[:80]!r} of {kind} has both ! and a value: {_needs(option)}")
    names = [option.name for option in known] + [option.name for options in groups.values() for option in options]
    values = [f"{option.name}={value}" if option.exact else value for option in known for value in option.allowed]
    hint = did_you_mean(name, [*names, *values])
    return InvalidInputError(
        f"{word[:80]!r} is no option of {kind}{hint or ';'} (known: {', '.join(option.name for option in known)})"
    )
