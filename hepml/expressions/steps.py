"""A selection as the steps of a cutflow."""

from __future__ import annotations

from hepml.expressions.expression import parse
from hepml.expressions.syntax import Binary, Node, to_text

__all__ = ["split_selection"]


def split_selection(text: str) -> tuple[str, ...]:
    """Split a selection at its outermost ``&&``.

    An event passes the selection if and only if it passes every step.

    Parameters
    ----------
    text : str
        Selection; ``""`` for none.

    Returns
    -------
    tuple of str
        Steps from left to right; empty for no selection.

    Raises
    ------
    ExpressionError
        If the text is not an expression.

    Examples
    --------
    >>> split_selection("pt > 20 && (abs(eta) < 2.5 && n > 0) && (a || b)")
    ('pt > 20', 'abs(eta) < 2.5', 'n > 0', 'a || b')
    """
    if not text:
        return ()
    steps = []
    stack: list[Node] = [parse(text).tree]
    while stack:
        node = stack.pop()
        if isinstance(node, Binary) and node.operator == "&&":
            stack += [node.right, node.left]
        else:
            steps.append(to_text(node))
    return tuple(steps) if len(steps) > 1 else (text,)
