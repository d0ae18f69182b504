"""TMVA's option ``VarTransform``: which transformations, on which class, of which variables."""

from __future__ import annotations

from typing import NamedTuple

from hepml.errors import InvalidInputError, unknown_name

__all__ = ["NAMES", "Term", "terms_of"]

# names in the option -> letter
NAMES = {
    **dict.fromkeys(("I", "Ident", "Identity"), "I"),
    **dict.fromkeys(("D", "Deco", "Decorrelate"), "D"),
    **dict.fromkeys(("P", "PCA"), "P"),
    **dict.fromkeys(("U", "Uniform"), "U"),
    **dict.fromkeys(("G", "Gauss"), "G"),
    **dict.fromkeys(("N", "Norm", "Normalise", "Normalize"), "N"),
}
# what is transformed unless it is said
_DEFAULT_SELECTION = {"U": "_V_,_T_", "N": "_V_,_T_"}


class Term(NamedTuple):
    """One transformation of the option.

    Parameters
    ----------
    letter : str
        ``I``, ``D``, ``P``, ``U``, ``G`` or ``N``.
    class_name : str or None
        Class whose numbers are used; None for all classes together.
    selection : str
        Variables, as in brackets.
    """

    letter: str
    class_name: str | None
    selection: str


def terms_of(option: str) -> tuple[Term, ...]:
    """Interpret the option, as ``MethodBase::CreateVariableTransforms`` does.

    Parameters
    ----------
    option : str
        ``"None"``, or transformations with commas or plus signs between, applied from left to right:
        ``"D_Background,P_Signal,G,N(var1,var3)+U"``.

    Raises
    ------
    UnknownNameError
        If a transformation is not known.
    InvalidInputError
        If brackets do not match, or a transformation is missing.
    """
    if option.strip() in {"", "None"}:
        return ()
    return tuple(_term(word, option) for word in _split(option))


def _split(option: str) -> list[str]:
    words, depth, start = [], 0, 0
    for place, character in enumerate(option):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if depth == 0 and character in ",+":
            words.append(option[start:place])
            start = place + 1
    if depth != 0:
        msg = f"brackets do not match in the transformations {option!r}"
        raise InvalidInputError(msg)
    return [*words, option[start:]]


def _term(word: str, option: str) -> Term:
    before, bracket, rest = word.partition("(")
    selection, _, after = rest.rpartition(")")
    name, _, class_name = (before + after).strip().partition("_")
    if not name:
        msg = f"a transformation is missing in {option!r} (known: {', '.join(NAMES)})"
        raise InvalidInputError(msg)
    letter = NAMES.get(name)
    if letter is None:
        kind = "transformation"
        raise unknown_name(kind, name, NAMES)
    if not (bracket and selection.strip()):
        selection = _DEFAULT_SELECTION.get(letter, "_V_")
    return Term(letter, None if class_name in {"", "AllClasses"} else class_name, selection)
