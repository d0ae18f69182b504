"""Parser of TTreeFormula's language: precedence climbing over the operator table of :mod:`hepml.expressions.syntax`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hepml.errors import did_you_mean
from hepml.expressions.functions import CONSTANTS, FUNCTIONS, REDUCTIONS
from hepml.expressions.methods import METHODS, method_call, method_nodes
from hepml.expressions.syntax import (
    COMPARISON_LEVEL,
    COMPARISONS,
    MINUS_OPERAND_LEVEL,
    NOT_LEVEL,
    OPERATORS,
    Binary,
    Branch,
    Call,
    Index,
    Node,
    Number,
    Reduction,
    Ternary,
    Unary,
    is_condition,
    to_text,
)
from hepml.expressions.tokens import Token, error_at, tokenize

if TYPE_CHECKING:
    from hepml.errors import ExpressionError

__all__ = ["MAX_DEPTH", "MAX_NODES", "parse_tree"]

MAX_DEPTH = 100
"""Deepest nesting of parentheses, functions, prefix operators and ternaries."""

MAX_NODES = 2_000
"""Largest number of literals, names and operations."""

_WORDS = {
    "and": "Python's 'and' is not known: write '&&'",
    "or": "Python's 'or' is not known: write '||'",
    "not": "Python's 'not' is not known: write '!'",
    "in": "Python's 'in' is not known: compare with each value and join by '||'",
    "is": "Python's 'is' is not known: write '=='",
    "if": "Python's conditional is not known: write 'condition ? value : other'",
    "else": "Python's conditional is not known: write 'condition ? value : other'",
}
_LITERALS = {"true": 1, "false": 0, "True": 1, "False": 0}


def parse_tree(text: str) -> Node:
    """Parse an expression into its syntax tree.

    Parameters
    ----------
    text : str
        The expression, at most 10 000 characters.

    Returns
    -------
    Node
        Root of the tree.

    Raises
    ------
    ExpressionError
        If the text is not an expression, or is too long, too deep or too large; shows the place and the cure.
    """
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._next = 0
        self._depth = 0
        self._n_nodes = 0
        # the shift that stands bare in the comparison being read: ROOT misreads '<' after '<<' and '>' after '>>'
        self._bare_shift = ""

    def parse(self) -> Node:
        if self._peek().kind == "end":
            raise self._error(self._peek(), "the expression is empty")
        root = self._expression(0)
        rest = self._peek()
        if rest.kind != "end":
            raise self._unexpected(rest)
        return root

    def _expression(self, level: int) -> Node:
        """Read operands joined by operators that bind at least as tightly as ``level``."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(self._peek(), f"the expression is nested more than {MAX_DEPTH} deep")
        left = self._prefix(level)
        while (operator := self._operator()) and OPERATORS[operator][0] >= level:
            strength, from_right = OPERATORS[operator]
            token = self._take()
            self._note_shift(token, operator)
            if from_right:
                left = self._chain_from_right(left, operator, strength)
            else:
                left = self._node(Binary(operator, left, self._expression(strength + 1)))
            if operator in COMPARISONS:
                self._refuse_chain(left)
        if level <= 1 and self._accept("?"):
            left = self._ternary(left)
        self._depth -= 1
        return left

    def _chain_from_right(self, first: Node, operator: str, strength: int) -> Node:
        operands = [first, self._expression(strength + 1)]
        while self._operator() == operator:
            self._take()
            operands.append(self._expression(strength + 1))
        right = operands.pop()
        while operands:
            right = self._node(Binary(operator, operands.pop(), right))
        return right

    def _ternary(self, condition: Node) -> Node:
        self._bare_shift = ""
        then = self._expression(0)
        self._expect(":", "a '?' needs its ':' (condition ? value : other)")
        self._bare_shift = ""
        return self._node(Ternary(condition, then, self._expression(0)))

    def _prefix(self, level: int) -> Node:
        token = self._peek()
        if token.kind == "op" and token.text in {"-", "!", "+"}:
            self._take()
            tight = NOT_LEVEL if token.text == "!" else max(level, MINUS_OPERAND_LEVEL)
            operand = self._expression(tight)
            return operand if token.text == "+" else self._node(Unary(token.text, operand))
        return self._primary()

    def _primary(self) -> Node:
        token = self._take()
        if token.kind == "number":
            return self._node(Number(token.value))
        if token.kind == "name":
            return self._named(token)
        if token.kind == "op" and token.text == "(":
            return self._group(")")[0]
        raise self._unexpected(token)

    def _named(self, token: Token) -> Node:
        name = token.text
        if name in _WORDS:
            raise self._error(token, _WORDS[name])
        if self._accept("("):
            return self._call(token)
        if name in _LITERALS:
            return self._node(Number(_LITERALS[name]))
        if name == "pi":
            return self._node(Call("TMath::Pi", ()))
        if name.endswith("$"):
            raise self._error(token, _special(name))
        if "::" in name:
            raise self._error(token, f"{name} is a function: write '{name}(...)'")
        return self._indexed(token, self._node(Branch(name)))

    def _indexed(self, token: Token, values: Node) -> Node:
        """Read the indices of a list; another one may follow only where a condition has left a list."""
        while self._accept("["):
            if isinstance(values, Index) and not is_condition(values.index):
                what, place = to_text(values.values), to_text(values.index)
                problem = f"{what} has two indices; branches of more than one list level cannot be used"
                if not isinstance(values.index, Number):
                    problem += f", and {place!r} is not written as a condition that selects (write '{place} != 0')"
                raise self._error(token, problem)
            index = self._group("]")[0]
            if isinstance(index, Unary) and index.operator == "-" and isinstance(index.operand, Number):
                whole = to_text(values)
                last = f"{whole}[Length$({whole})-{index.operand.value}]"
                raise self._error(token, f"a negative index does not count from the end: write '{last}'")
            values = self._node(Index(values, index))
        return values

    def _call(self, token: Token) -> Node:
        name = token.text
        owner, _, method = name.rpartition(".")
        if owner and method in METHODS and "::" not in name:
            return self._method(token, owner, method)
        reduction = name.endswith("$")
        known = REDUCTIONS if reduction else {**FUNCTIONS, **CONSTANTS}
        if name not in known:
            raise self._error(token, _special(name) if reduction else _unknown_function(name))
        arguments = self._group(")", empty=True)
        wanted = REDUCTIONS.get(name, 0)
        if name in FUNCTIONS:
            wanted = FUNCTIONS[name].n_arguments
        if len(arguments) != wanted:
            plural = "" if wanted == 1 else "s"
            raise self._error(token, f"{name} takes {wanted} argument{plural}, not {len(arguments)}")
        if not reduction:
            return self._node(Call(name, arguments))
        result = self._node(Reduction(name, arguments))
        return self._indexed(token, result) if name == "SortBy$" else result

    def _method(self, token: Token, owner: str, method: str) -> Node:
        """Read the method of an object, of which an index takes the members first."""
        if self._group(")", empty=True):
            raise self._error(token, f"{token.text} takes no arguments")
        start = self._next
        members: list[Node] = []
        for member in method_nodes(owner, method):
            self._next = start
            members.append(self._indexed(token, self._node(member)))
        return self._node(method_call(method, tuple(members)))

    def _group(self, closing: str, *, empty: bool = False) -> tuple[Node, ...]:
        """Read what stands between brackets; more than one expression only where arguments are expected."""
        opened = self._tokens[self._next - 1]
        outside, self._bare_shift = self._bare_shift, ""
        members: list[Node] = []
        if not (empty and self._peek().text == closing):
            members.append(self._expression(0))
            while empty and self._accept(","):
                self._bare_shift = ""
                members.append(self._expression(0))
        if self._peek().kind == "end":
            raise self._error(opened, f"{opened.text!r} is never closed: a {closing!r} is missing")
        self._expect(closing, f"expected {closing!r}")
        self._bare_shift = outside
        return tuple(members)

    def _operator(self) -> str:
        token = self._peek()
        return token.text if token.kind == "op" and token.text in OPERATORS else ""

    def _note_shift(self, token: Token, operator: str) -> None:
        if operator in {"<<", ">>"}:
            self._bare_shift = operator
        elif OPERATORS[operator][0] < COMPARISON_LEVEL:
            self._bare_shift = ""
        elif self._bare_shift == operator * 2:
            cure = f"put the shift in parentheses: '(a {self._bare_shift} b) {operator} c'"
            raise self._error(
                token, f"ROOT reads {operator!r} beside a bare {self._bare_shift!r} in its own way: {cure}"
            )

    def _refuse_chain(self, left: Node) -> None:
        token = self._peek()
        if self._operator() not in COMPARISONS or not isinstance(left, Binary):
            return
        self._take()
        right = to_text(self._expression(COMPARISON_LEVEL + 1))
        middle = to_text(left.right)
        cure = f"{to_text(left.left)} {left.operator} {middle} && {middle} {token.text} {right}"
        hint = f"write '{cure}', or put one comparison in parentheses"
        raise self._error(token, f"comparisons cannot be chained: {hint}")

    def _node(self, node: Node) -> Node:
        self._n_nodes += 1
        if self._n_nodes > MAX_NODES:
            raise self._error(self._peek(), f"the expression has more than {MAX_NODES} parts")
        return node

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _accept(self, text: str) -> bool:
        token = self._peek()
        if token.kind != "op" or token.text != text:
            return False
        self._take()
        return True

    def _expect(self, text: str, problem: str) -> None:
        token = self._peek()
        if not self._accept(text):
            if token.kind == "op" and token.text != ",":
                raise self._error(token, problem)
            raise self._unexpected(token) if token.kind != "end" else self._error(token, problem)

    def _unexpected(self, token: Token) -> ExpressionError:
        word = token.text
        if token.kind == "end":
            problem = "the expression ends where a value is expected"
        elif word in _WORDS:
            problem = _WORDS[word]
        elif token.kind in {"number", "name"} or word == "(":
            problem = f"an operator is missing before {word!r}"
        elif word in ")]":
            problem = f"{word!r} closes nothing, or a value is missing before it"
        elif word == ":":
            problem = "':' stands only in 'condition ? value : other'; one expression has one value"
        elif word == ",":
            problem = "',' stands only between the arguments of a function"
        elif word == "[":
            problem = "only a branch can be indexed, like 'jet_pt[0]', or elements selected or sorted: SortBy$(...)[0]"
        else:
            problem = f"a value is missing before {word!r}"
        return self._error(token, problem)

    def _error(self, token: Token, problem: str) -> ExpressionError:
        return error_at(self._text, token.start, problem)


def _special(name: str) -> str:
    known = ", ".join(f"{reduction}(...)" for reduction in REDUCTIONS)
    if name in REDUCTIONS:
        return f"{name} needs its arguments: {name}(...)"
    return f"{name!r} is not supported{did_you_mean(name, REDUCTIONS) or ';'} (known: {known})"


def _unknown_function(name: str) -> str:
    if "." in name:
        known = ", ".join(f"{method}()" for method in METHODS)
        return (
            f"{name!r} cannot be called: expressions know functions, not methods, but for {known} of a TLorentzVector"
        )
    names = [*FUNCTIONS, *CONSTANTS]
    near = did_you_mean(name, names)
    plain = ", ".join(known for known in names if "::" not in known)
    element = "" if near else f"; an element of a branch is {name}[0]"
    return f"unknown function {name!r}{near or element} (known: {plain}, and TMath:: and std:: forms)"
