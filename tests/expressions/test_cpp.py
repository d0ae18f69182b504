"""The translation to C++ by itself: what it is made of, what it refuses, and that it gives NumPy's values in ROOT."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from hepml.errors import BranchNotFoundError, ExpressionError, HepmlError, InvalidInputError
from hepml.expressions import parse
from hepml.expressions.cpp import CppColumn, CppExpression, translate
from hepml.expressions.cpp_functions import CPP_CALLS, CPP_PRELUDE
from hepml.root_process import RootProcess, root_is_installed
from tests.expressions.random_expressions import EXPRESSIONS, SCALARS, edge_columns, examples, save_columns

needs_root = [
    pytest.mark.requires_root,
    pytest.mark.skipif(not root_is_installed(), reason="PyROOT (extra root) is not installed"),
]
N = 400
LONGEST = 150
CPP_NAMES = {
    "b1": "bool", "f4": "float", "f8": "double", "i1": "signed char", "i2": "short", "i4": "int", "i8": "long",
    "u1": "unsigned char", "u2": "unsigned short", "u4": "unsigned int", "u8": "unsigned long",
}  # fmt: skip
COLUMNS = edge_columns(N)


def described() -> dict[str, CppColumn]:
    """The columns as C++ sees them, in the order of ``COLUMNS``."""
    columns = {}
    for number, (name, column) in enumerate(COLUMNS.items()):
        if isinstance(column, np.ndarray):
            columns[name] = CppColumn(f"c{number}", column.dtype, is_list=column.ndim == 2)
        else:
            columns[name] = CppColumn(f"c{number}", np.asarray(column.layout.content.data).dtype, is_list=True)
    return columns


def translated(text: str, **options: Any) -> CppExpression:
    return translate(parse(text), described(), prefix="e0", **options)


def code(text: str, **options: Any) -> str:
    result = translated(text, **options)
    return "\n".join([*result.statements, result.as_double, result.as_selection])


class TestWhatItIsMadeOf:
    WORDS = frozenset(
        re.findall(
            r"\w+",
            "const auto bool double unsigned char std size_t size for if continue true false static_cast float k entry "
            "failure push_back isnan hepml_expressions ULL LL",
        )
    )

    @settings(max_examples=50)
    @given(text=EXPRESSIONS)
    def test_only_words_of_the_tables_and_names_that_were_made_up(self, text: str) -> None:
        functions = {word for call in CPP_CALLS.values() for word in call.split("::")}
        helpers = set(re.findall(r"[A-Za-z_]\w*", CPP_PRELUDE))
        try:
            written = code(text)
        except HepmlError:
            return
        bare = re.sub(r"-?0x[0-9a-f.]+p[+-]\d+|\b\d+(ULL|LL)?\b", " ", written)
        words = set(re.findall(r"[A-Za-z_]\w*", bare))
        made_up = {word for word in words if re.fullmatch(r"c\d+|e0_\d+(_known|_any|_new)?", word)}
        assert words - made_up <= self.WORDS | functions | helpers
        assert not set(COLUMNS) & (words - made_up)
        assert not set("\"'\\#@$`") & set(written)

    def test_every_name_is_declared_once(self) -> None:
        result = translated("SortBy$(jet_id[jet_pt > 20], jet_pt[jet_pt > 20])[0] + Sum$(arr) + i4")
        outside_loops = re.sub(r"for .*?;.*?;.*?\{[^{}]*\}", "", "\n".join(result.statements))
        names = re.findall(r"(?:bool|double|size_t|i64|auto|>|Flags) (e0_\w+)(?: =|;)", outside_loops)
        assert len(names) == len(set(names)) > 10

    def test_constants_are_computed_by_numpy(self) -> None:
        assert translated("1/3 + sqrt(2)").statements == ()
        assert translated("1/3").value == "(0x1.5555555555555p-2)"
        assert translated("0/0").value == "(0x0.0p+0)"
        assert translated("18446744073709551615").value == "18446744073709551615ULL"

    def test_a_literal_index_is_a_condition_of_the_event(self) -> None:
        assert translated("jet_pt[2]").present != "true"
        assert translated("Alt$(jet_pt[2], 0)").present == "true"
        assert translated("jet_pt[jet_id > 0][2]").present != "true"
        assert translated("Sum$(jet_pt[jet_id > 0])").present == "true"

    def test_places_where_lists_meet_are_told(self) -> None:
        result = translated("Sum$(jet_pt*mu_e) + Max$(jet_pt[arr > 0])", first_meeting=7)
        assert result.meetings == ("jet_pt * mu_e", "jet_pt[arr > 0]")
        assert "7ULL" in "".join(result.statements)
        assert "8ULL" in "".join(result.statements)
        assert translated("Sum$(jet_pt[jet_pt > 0])").meetings == ()

    def test_sentinels_are_compared_in_single_precision(self) -> None:
        assert "static_cast<float>" in code("f8", missing=[-99.9])
        # an index that is a sentinel is none, and the element is compared as well
        assert len(re.findall(r"== \(-0x1\.8f9", code("jet_pt[i4]", missing=[-99.9]))) == 2
        assert "nan()" not in code("flag", missing=[1.0]).partition("(true)")[0]


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("jet_pt", "several values per event"),
            ("jet_pt[jet_id > 0]", "several values per event"),
            ("SortBy$(jet_pt, jet_id)", "several values per event"),
            ("Alt$(jet_pt, 0)", "whole list"),
            ("Max$(f8[jet_id > 0])", "selects from one value per event"),
            ("jet_pt[f8 > 0][0]", "an index too many"),
            ("Sum$(mu_e[mu_tight])", r"write 'mu_e\[mu_tight != 0\]'"),
        ],
    )
    def test_it_is_what_numpy_refuses(self, text: str, message: str) -> None:
        with pytest.raises(ExpressionError, match=message):
            parse(text).evaluate(COLUMNS)
        with pytest.raises(ExpressionError, match=message):
            translated(text)

    def test_a_branch_that_is_not_there(self) -> None:
        with pytest.raises(BranchNotFoundError, match="did you mean 'jet_pt'"):
            translated("jet_pr[0]")

    @pytest.mark.parametrize("variable", ["", "c 0", "c0; abort()", "1c", "c0\n", "ä"])
    def test_a_variable_that_is_no_identifier(self, variable: str) -> None:
        with pytest.raises(InvalidInputError, match="cannot be the name of a variable"):
            translate(parse("x"), {"x": CppColumn(variable, np.dtype("f4"))}, prefix="e0")


class TestInRoot:
    pytestmark = needs_root

    def test_random_expressions_have_the_bits_of_numpy(self) -> None:
        columns = described()
        expected, functions, meetings = {}, [], []
        # the time of the compiler grows faster than the text
        for text in [text for text in examples(EXPRESSIONS, 160) if len(text) < LONGEST]:
            try:
                result = translate(parse(text), columns, prefix="e", first_meeting=len(meetings))
            except ExpressionError:
                with pytest.raises(ExpressionError):
                    parse(text).evaluate(COLUMNS, N)
                continue
            expected[text] = (parse(text).evaluate(COLUMNS, N), parse(text).select(COLUMNS, N))
            meetings += result.meetings
            used = [columns[name] for name in sorted(parse(text).branches)]
            functions.append([*map(self.declared, used), *result.statements, f"value = {result.as_double};"])
            functions[-1].append(f"passed = {result.as_selection};")
        assert len(expected) > 40
        assert sum("SortBy$" in text for text in expected) > 5
        with RootProcess(purpose="a test") as process:
            save_columns(process.folder, COLUMNS)
            failed = process.call(
                "tests.expressions.compiled:run", {"functions": functions, "n_columns": len(columns), "n_entries": N}
            )
            values, passed = process.array("values"), process.array("passed")
            assert not failed
            for number, (text, (value, kept)) in enumerate(expected.items()):
                got = values[number]
                differs = (got.view(np.int64) != value.view(np.int64)) & ~(np.isnan(got) & np.isnan(value))
                assert not differs.any(), (text, np.flatnonzero(differs), got[differs], value[differs])
                np.testing.assert_array_equal(passed[number], kept, err_msg=text)

    @staticmethod
    def declared(column: CppColumn) -> str:
        sort, name = CPP_NAMES[column.dtype.str[1:]], column.variable
        data = f"static_cast<const {sort} *>(data[{name[1:]}])"
        if not column.is_list:
            return f"const {sort} {name} = {data}[entry];"
        ends = f"static_cast<const long long *>(offsets[{name[1:]}])"
        return f"const View<{sort}> {name}{{{data} + {ends}[entry], std::size_t({ends}[entry + 1] - {ends}[entry])}};"


def test_the_tree_holds_all_types() -> None:
    assert {COLUMNS[name].dtype.str[1:] for name in SCALARS} == {
        *(f"i{n}" for n in (1, 2, 4, 8)), *(f"u{n}" for n in (1, 2, 4, 8)), "f4", "f8", "b1",
    }  # fmt: skip
