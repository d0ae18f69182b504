"""Translation of a syntax tree to C++ with the meaning that :mod:`hepml.expressions.evaluation` gives it.

This is the only way by which an expression reaches ROOT's interpreter. What is written consists of operators and
functions from closed tables, of numbers, and of names that this module makes up; a branch appears as the variable that its
:class:`CppColumn` names, never by its own name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hepml.errors import BranchNotFoundError, ExpressionError, InvalidInputError, did_you_mean
from hepml.expressions.columns import Value
from hepml.expressions.cpp_operations import (
    CPP_TYPES,
    NAMESPACE,
    Term,
    all_of,
    common_kind,
    computed,
    defined_where,
    kind_of,
    literal,
    sentinel_test,
    with_operands,
)
from hepml.expressions.evaluation import run
from hepml.expressions.sublists import check_index, selects
from hepml.expressions.syntax import Branch, Index, Node, Number, Reduction, postorder, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hepml.expressions.expression import Expression

__all__ = ["CppColumn", "CppExpression", "translate"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class CppColumn:
    """A branch as C++ code sees it.

    Parameters
    ----------
    variable : str
        Identifier of a number, or of a container with ``size()`` and ``[]``.
    dtype : numpy.dtype
        Type of its numbers.
    is_list : bool
        Whether an entry holds several.
    """

    variable: str
    dtype: np.dtype[Any]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class CppExpression:
    """A translated expression.

    Parameters
    ----------
    statements : tuple of str
        Code that computes it, for one entry whose number is ``entry``, with a ``failure`` of type
        ``hepml_expressions::Failure``.
    value : str
        Its value; not to be used where ``present`` is false.
    present : str
        Condition under which it has one.
    meetings : tuple of str
        Operations where lists of different lengths may meet, by the place that ``failure`` notes, counted from
        ``first_meeting``.
    """

    statements: tuple[str, ...]
    value: str
    present: str
    meetings: tuple[str, ...]

    @property
    def as_double(self) -> str:
        """C++ for what :meth:`Expression.evaluate` gives."""
        return f"(({self.present}) ? static_cast<double>({self.value}) : {NAMESPACE}nan())"

    @property
    def as_selection(self) -> str:
        """C++ for what :meth:`Expression.select` gives."""
        return f"(({self.present}) && {NAMESPACE}truth({self.value}))"


def translate(
    expression: Expression,
    columns: Mapping[str, CppColumn],
    *,
    prefix: str,
    missing: Sequence[float] = (),
    first_meeting: int = 0,
) -> CppExpression:
    """Translate an expression to C++.

    Parameters
    ----------
    expression : Expression
        What :func:`hepml.expressions.parse` gave.
    columns : mapping of str to CppColumn
        The branches.
    prefix : str
        Begins the names of all variables that the code declares.
    missing : sequence of float
        Sentinels that are NaN where a branch holds them, compared as :func:`sentinel_test` does.
    first_meeting : int
        Number of the first place where lists may meet.

    Returns
    -------
    CppExpression
        Code, equal to the evaluation in NumPy but for the last bits of transcendental functions.

    Raises
    ------
    BranchNotFoundError
        If a column is missing.
    ExpressionError
        If there are several values per event.
    InvalidInputError
        If a variable is no identifier.
    """
    writer = _Writer(columns, prefix, tuple(missing), first_meeting)
    stack: list[Term] = []
    for node, n_operands in postorder(expression.tree):
        first = len(stack) - n_operands
        operands = stack[first:]
        del stack[first:]
        stack.append(writer.step(node, operands))
    result = stack[0]
    if result.size is not None:
        lists = sorted(name for name in expression.branches if columns[name].is_list)
        _refuse_lists(expression.text, lists)
    return CppExpression(tuple(writer.lines), result.code, all_of(result.masks) or "true", tuple(writer.meetings))


@dataclass(slots=True)
class _Writer:
    columns: Mapping[str, CppColumn]
    prefix: str
    missing: tuple[float, ...]
    first_meeting: int
    lines: list[str] = field(default_factory=list)
    of_elements: list[str] = field(default_factory=list)
    meetings: list[str] = field(default_factory=list)
    sizes: dict[str, str] = field(default_factory=dict)
    n_names: int = 0

    def step(self, node: Node, operands: list[Term]) -> Term:
        if not isinstance(node, Branch | Index) and all(term.constant is not None for term in operands):
            return self._folded(node, [term.constant for term in operands if term.constant is not None])
        match node:
            case Branch():
                return self._branch(node)
            case Index():
                return self._indexed(node, *operands)
            case Reduction():
                special = {"Alt$": self._alternative, "SortBy$": self._sorted}
                return special.get(node.function, self._reduced)(node, operands)
        code, kind = computed(node, operands)
        needs, size, exists = self._aligned(node, operands)
        defined = defined_where(node, operands)
        return self._named(
            replace(operands[0], size=size, needs=needs, exists=exists, constant=None, stored=""), kind, code, defined
        )

    def _name(self) -> str:
        self.n_names += 1
        return f"{self.prefix}_{self.n_names}"

    def _declare(self, kind: str, code: str) -> str:
        name = self._name()
        self.lines.append(f"const {kind} {name} = {code};")
        return name

    def _named(self, term: Term, kind: str, code: str, defined: str) -> Term:
        """Give value and mask a variable, beside the entry's or, in a list, the element's others."""
        name = self._name()
        text = f"const {CPP_TYPES[kind]} {name} = {code};"
        if defined and not _VARIABLE.fullmatch(defined):
            mask = self._name()
            text += f" const bool {mask} = {defined};"
            defined = mask
        if term.size is None:
            self.lines.append(text)
            return replace(term, code=name, kind=kind, defined=defined)
        self.of_elements.append(text)
        needs = term.needs | {len(self.of_elements) - 1}
        return replace(term, code=name, kind=kind, defined=defined, needs=needs)

    def _folded(self, node: Node, operands: list[Value]) -> Term:
        """Compute what no branch takes part in; NumPy's own result is the constant."""
        names = [Branch(f"constant {number}") for number in range(len(operands))]
        bare = with_operands(node, names)
        program = [(name, 0) for name in names] + [(bare, len(names))]
        value = run(program, {name.name: operand for name, operand in zip(names, operands, strict=True)})
        kind = kind_of(value.data.dtype)
        defined = "" if value.defined is None or bool(value.defined) else "false"
        return Term(literal(value.data, kind), kind, defined=defined, constant=value)

    def _branch(self, node: Branch) -> Term:
        column = self._column(node)
        kind = kind_of(column.dtype)
        if not column.is_list:
            code, kind = self._cleaned(f"{NAMESPACE}wide({column.variable})", column, kind)
            return self._named(Term("", kind), kind, code, "")
        if node.name not in self.sizes:
            self.sizes[node.name] = self._declare("std::size_t", f"{column.variable}.size()")
        size = self.sizes[node.name]
        code, kind = self._cleaned(f"{NAMESPACE}wide({column.variable}[k])", column, kind)
        return self._named(Term("", kind, size=size), kind, code, "")

    def _column(self, node: Branch) -> CppColumn:
        if node.name not in self.columns:
            hint = did_you_mean(node.name, self.columns) or f" (there are: {', '.join(sorted(self.columns)[:20])})"
            msg = f"there is no branch {node.name!r}{hint}"
            raise BranchNotFoundError(msg)
        column = self.columns[node.name]
        if not _VARIABLE.fullmatch(column.variable):
            msg = f"{column.variable!r} cannot be the name of a variable in C++"
            raise InvalidInputError(msg)
        return column

    def _cleaned(self, code: str, column: CppColumn, kind: str) -> tuple[str, str]:
        if not self.missing or column.dtype.kind == "b":
            return code, kind
        test = sentinel_test(code, column.dtype, self.missing)
        return f"{test} ? {NAMESPACE}nan() : static_cast<double>({code})", "d"

    def _indexed(self, node: Index, values: Term, index: Term) -> Term:
        check_index(node, values_are_list=values.size is not None)
        if selects(
            node,
            values_are_list=values.size is not None,
            index_is_list=index.size is not None,
            index_is_boolean=index.kind == "b",
        ):
            return self._selected(node, values, index)
        return self._element(node, values, index)

    def _element(self, node: Index, values: Term, index: Term) -> Term:
        size = self._size(node.values, values)
        number, kind, known = self._at(node.values, values)
        term = Term("", kind, size=index.size, exists=all_of((values.exists, index.exists)), needs=index.needs)
        if isinstance(node.index, Number) and isinstance(node.index.value, int):
            inside = self._declare("bool", f"{size} > {node.index.value}ULL")
            place = f"{node.index.value}ULL"
            defined = f"(!{inside} || {known.format(place)})" if known else ""
            term = replace(term, exists=all_of((values.exists, inside)))
        else:
            place = f"static_cast<std::size_t>({index.number})"
            test = self._named(term, "b", f"{NAMESPACE}inside({index.number}, {size})", "")
            inside, term = test.code, replace(term, needs=test.needs)
            defined = all_of((inside, index.defined, known.format(place)))
        return self._named(term, kind, f"{inside} ? ({number.format(place)}) : {CPP_TYPES[kind]}(0)", defined)

    def _size(self, node: Node, values: Term) -> str:
        if values.size is None:
            return "std::size_t{1}"
        return f"{self._column(node).variable}.size()" if isinstance(node, Branch) else values.size

    def _at(self, node: Node, values: Term) -> tuple[str, str, str]:
        """Write the element at place ``{}``, its kind, and the condition under which it is known."""
        if values.stored:
            known = f"({values.stored}_known[{{0}}] != 0)" if values.defined else ""
            return _read(values.stored, values.kind, "{0}"), values.kind, known
        if not isinstance(node, Branch):
            return values.code, values.kind, values.defined
        column = self._column(node)
        number = f"{column.variable}[{{0}}]" if column.is_list else column.variable
        code, kind = self._cleaned(f"{NAMESPACE}wide({number})", column, kind_of(column.dtype))
        return code, kind, ""

    def _selected(self, node: Index, values: Term, condition: Term) -> Term:
        needs, size, exists = self._aligned(node, (values, condition))
        test = condition.truth
        if condition.defined:  # what is not known is kept, as an element without a value
            test = f"(!{condition.defined} || {test})"
        defined = all_of((values.defined, condition.defined))
        return self._stored(values, needs, size, exists, test=test, defined=defined)

    def _sorted(self, node: Reduction, operands: list[Term]) -> Term:
        needs, size, exists = self._aligned(node, operands)
        values, keys = operands
        if size is None:
            return replace(values, exists=exists, stored="", constant=None)
        held = self._stored(values, needs, size, exists, defined=values.defined)
        known = all_of((keys.defined, f"!std::isnan({keys.code})" if keys.kind == "d" else ""))
        by = self._stored(keys, needs, size, "", defined=known or "true")
        order = self._name()
        self.lines.append(f"const auto {order} = {NAMESPACE}falling({by.stored}, {by.stored}_known);")
        place = f"{order}[k]"
        sorted_known = f"({held.stored}_known[{place}] != 0)" if values.defined else ""
        source = Term(_read(held.stored, held.kind, place), held.kind, size=held.size, defined=sorted_known)
        return self._stored(source, frozenset(), str(held.size), exists, defined=sorted_known)

    def _stored(
        self, values: Term, needs: frozenset[int], size: str | None, exists: str, *, test: str = "", defined: str = ""
    ) -> Term:
        """Keep the elements of a list that pass a test in an array, with the mask of those that are known."""
        name = self._name()
        sort = "unsigned char" if values.kind == "b" else CPP_TYPES[values.kind]
        body = [self.of_elements[number] for number in sorted(needs)]
        if test:
            body.append(f"if (!({test})) continue;")
        body.append(f"{name}.push_back({values.code});")
        declared = f"{NAMESPACE}List<{sort}> {name};"
        if defined:
            body.append(f"{name}_known.push_back({defined});")
            declared += f" {NAMESPACE}Flags {name}_known;"
        self.lines.append(f"{declared} for (std::size_t k = 0; k < {size}; ++k) {{ {' '.join(body)} }}")
        length = self._declare("std::size_t", f"{name}.size()")
        element = Term("", values.kind, size=length, exists=exists, stored=name)
        return self._named(
            element, values.kind, _read(name, values.kind, "k"), f"({name}_known[k] != 0)" if defined else ""
        )

    def _aligned(self, node: Node, operands: Sequence[Term]) -> tuple[frozenset[int], str | None, str]:
        """Bring operands to one shape; where lists meet, their lengths are compared."""
        size: str | None = None
        for term in operands:
            if term.size is None or term.size == size:
                continue
            if size is None:
                size = term.size
                continue
            place = self.first_meeting + len(self.meetings)
            self.meetings.append(to_text(node))
            size = self._declare("std::size_t", f"{NAMESPACE}agree({size}, {term.size}, failure, {place}ULL, entry)")
        needs = frozenset[int]().union(*(term.needs for term in operands))
        return needs, size, all_of(term.exists for term in operands)

    def _reduced(self, node: Reduction, operands: list[Term]) -> Term:
        needs, size, exists = self._aligned(node, operands)
        values, kind = operands[0].code, operands[0].kind
        if operands[0].defined:
            values, kind = f"({operands[0].defined} ? static_cast<double>({values}) : {NAMESPACE}nan())", "d"
        condition = ""
        if len(operands) == 2:
            condition = operands[1].truth
            if operands[1].defined:  # a NaN in its place is true
                condition = f"(!{operands[1].defined} || {condition})"
        if size is not None:
            return self._loop(node, (values, kind, condition), needs, size, exists)
        present = all_of((exists, condition))
        if node.function == "Length$":
            if not present:
                return self._folded(Reduction("Length$", (Number(1),)), [Value(np.asarray(1))])
            return self._named(Term("", "i"), "i", present, "")
        kind = "i" if kind == "b" else kind
        code = f"{present} ? {CPP_TYPES[kind]}({values}) : {CPP_TYPES[kind]}(0)" if present else values
        return self._named(Term("", kind), kind, code, "")

    def _loop(self, node: Reduction, what: tuple[str, str, str], needs: frozenset[int], size: str, exists: str) -> Term:
        values, kind, condition = what
        if node.function == "Length$":
            return self._named(Term("", "i"), "i", f"{exists} ? {size} : 0" if exists else size, "")
        is_sum = node.function == "Sum$"
        kind = "d" if is_sum else "i" if kind == "b" else kind
        total = self._name()
        sort = CPP_TYPES[kind]
        body = [self.of_elements[number] for number in sorted(needs)]
        if condition:
            body.append(f"if (!({condition})) continue;")
        if is_sum:
            body.append(f"{total} += static_cast<double>({values});")
        else:
            sign = ">" if node.function.startswith("Max") else "<"
            body.append(f"const {sort} {total}_new = {values};")
            body.append(f"if (!{total}_any || {total}_new {sign} {total}) {total} = {total}_new;")
            body.append(f"{total}_any = true;")
            self.lines.append(f"bool {total}_any = false;")
        inside = " ".join(body)
        self.lines.append(f"{sort} {total} = 0; for (std::size_t k = 0; k < {size}; ++k) {{ {inside} }}")
        return self._named(Term("", kind), kind, f"{exists} ? {total} : {sort}(0)" if exists else total, "")

    def _alternative(self, node: Reduction, operands: list[Term]) -> Term:
        primary, other = operands
        if primary.size is not None or other.size is not None:
            whole = to_text(node.arguments[0 if primary.size is not None else 1])
            msg = f"Alt$ takes one value per event, and {whole!r} is a whole list: write 'Alt$({whole}[0], ...)'"
            raise ExpressionError(msg)
        if not primary.exists:
            return primary
        kind = common_kind(primary, other)
        sort = CPP_TYPES[kind]
        code = f"{primary.exists} ? {sort}({primary.code}) : {sort}({other.code})"
        exists = f"({primary.exists} || {other.exists})" if other.exists else ""
        defined = ""
        if primary.defined or other.defined:
            defined = f"({primary.exists} ? {primary.defined or 'true'} : {other.defined or 'true'})"
        return self._named(Term("", kind, exists=exists), kind, code, defined)


def _read(stored: str, kind: str, place: str) -> str:
    return f"({stored}[{place}] != 0)" if kind == "b" else f"{stored}[{place}]"


def _refuse_lists(text: str, lists: list[str]) -> NoReturn:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    cures = f"take one ({lists[0]}[0]) or reduce them: Max$({shown}), Min$(...), Sum$(...), Length$({lists[0]})"
    msg = f"'{shown}' has several values per event, because {' and '.join(lists)} has: {cures}"
    raise ExpressionError(msg)
