"""Grammar: precedence, printing back, errors with their places and cures, caps."""

from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepml.errors import ExpressionError
from hepml.expressions import Expression, parse, to_text
from hepml.expressions.functions import CONSTANTS, FUNCTIONS, REDUCTIONS
from hepml.expressions.syntax import (
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
)

# the order in which TFormula_v5.cxx splits a formula, and at which occurrence; for || && | & grouping has no effect
ROOT_SPLITS = [
    ({"||"}, "last"),
    ({"&&"}, "last"),
    ({"|"}, "last"),
    ({"&"}, "last"),
    ({"<", ">", "<=", ">=", "==", "!="}, "last"),
    ({"+"}, "last"),
    ({"-"}, "last"),
    ({"%"}, "first"),
    ({">>"}, "first"),
    ({"<<"}, "first"),
    ({"*"}, "first"),
    ({"/"}, "last"),
    ({"^"}, "last"),
]
COMPARISONS = ROOT_SPLITS[4][0]


def split_as_root(words: list[str]) -> Node:
    for operators, which in ROOT_SPLITS:
        places = [place for place, word in enumerate(words) if word in operators]
        if places:
            place = places[0] if which == "first" else places[-1]
            return Binary(words[place], split_as_root(words[:place]), split_as_root(words[place + 1 :]))
    (name,) = words
    return Branch(name)


def is_ambiguous(operators: list[str]) -> bool:
    """Chained comparisons, and < after << or > after >>, which the parser refuses."""
    for part in re.split(r"\|\||&&|\||&", " ".join(f" {operator} " for operator in operators)):
        words = part.split()
        compared = [place for place, word in enumerate(words) if word in COMPARISONS]
        if len(compared) > 1:
            return True
        if compared and words[compared[0]] * 2 in words[: compared[0]]:
            return True
    return False


@given(st.lists(st.sampled_from(sorted(OPERATORS)), min_size=1, max_size=8))
def test_flat_expressions_split_as_in_root(operators: list[str]) -> None:
    words = ["a"] + [word for place, operator in enumerate(operators) for word in (operator, f"x{place}")]
    text = " ".join(words)
    if is_ambiguous(operators):
        with pytest.raises(ExpressionError, match=r"cannot be chained|put the shift in parentheses"):
            parse(text)
    else:
        assert parse(text).tree == split_as_root(words)


LEAVES = st.one_of(
    st.integers(0, 2**64 - 1).map(Number),
    st.floats(0, 1e300, allow_nan=False).map(Number),
    st.sampled_from(["x", "jet_pt", "event.pt", "_a1"]).map(Branch),
)


def grow(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.builds(Binary, st.sampled_from(sorted(OPERATORS)), nodes, nodes),
        st.builds(Unary, st.sampled_from("-!"), nodes),
        st.builds(Ternary, nodes, nodes, nodes),
        st.builds(lambda a: Call("sqrt", (a,)), nodes),
        st.builds(lambda a, b: Call("TMath::Max", (a, b)), nodes, nodes),
        st.builds(lambda a: Reduction("Sum$", (a,)), nodes),
        st.builds(
            Index, st.just(Branch("jet_pt")), nodes.filter(lambda n: not (isinstance(n, Unary) and n.operator == "-"))
        ),
    )


@given(st.recursive(LEAVES, grow, max_leaves=25))
def test_printing_a_tree_and_parsing_gives_the_tree(tree: Node) -> None:
    assert parse(tree.to_text()).tree == tree
    assert to_text(tree) == tree.to_text()


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-x^2", Unary("-", Binary("^", Branch("x"), Number(2)))),
        ("-x+y", Binary("+", Unary("-", Branch("x")), Branch("y"))),
        ("-x%y", Unary("-", Binary("%", Branch("x"), Branch("y")))),
        ("!x==y", Binary("==", Unary("!", Branch("x")), Branch("y"))),
        ("x*-y*2", Binary("*", Branch("x"), Binary("*", Unary("-", Branch("y")), Number(2)))),
        ("x**2", Binary("^", Branch("x"), Number(2))),
        ("pi", Call("TMath::Pi", ())),
        ("jet.pt[i+1]", Index(Branch("jet.pt"), Binary("+", Branch("i"), Number(1)))),
        ("a?b:c?d:e", Ternary(Branch("a"), Branch("b"), Ternary(Branch("c"), Branch("d"), Branch("e")))),
        ("0xFF", Number(255)),
        ("18446744073709551615", Number(2**64 - 1)),
        ("18446744073709551616", Number(2.0**64)),
        ("(x < y) < z", Binary("<", Binary("<", Branch("x"), Branch("y")), Branch("z"))),
    ],
)
def test_trees(text: str, tree: Node) -> None:
    assert parse(text).tree == tree
    assert type(getattr(parse(text).tree, "value", None)) is type(getattr(tree, "value", None))


ERRORS = [
    ("", 0, "is empty"),
    ("   ", 3, "is empty"),
    ("0 < x < 1", 6, "write '0 < x && x < 1'"),
    ("a == b != c + 1", 7, "write 'a == b && b != c + 1'"),
    ("y && 0 < x*2 <= 1", 13, "write '0 < x * 2 && x * 2 <= 1'"),
    ("x and y", 2, "write '&&'"),
    ("x or y", 2, "write '||'"),
    ("not x", 0, "write '!'"),
    ("x if y else z", 2, "condition ? value : other"),
    ("x in y", 2, "compare with each value"),
    ("x = 1", 2, "a comparison is '=='"),
    ("x => 1", 2, "write '>='"),
    ("x =< 1", 2, "write '<='"),
    ('x == "mu"', 5, "strings cannot be compared"),
    ("x == 'mu'", 5, "strings cannot be compared"),
    ("~x", 0, "bit complement"),
    ("x; y", 1, "one value"),
    ("y:x", 1, "condition ? value : other"),
    ("a[-1]", 0, "a[Length$(a)-1]"),
    ("a[0][1]", 0, "two indices"),
    ("(a+b)[0]", 5, "only a branch can be indexed"),
    ("a[]", 2, "a value is missing"),
    ("a[0", 1, "']' is missing"),
    ("(x", 0, "')' is missing"),
    ("x)", 1, "closes nothing"),
    ("x + ", 4, "ends where a value is expected"),
    ("* x", 0, "a value is missing before '*'"),
    ("x y", 2, "an operator is missing before 'y'"),
    ("2x", 1, "cannot go on with 'x'"),
    ("1.5f", 3, "cannot go on with 'f'"),
    ("1.2.3", 3, "cannot go on with '.'"),
    ("1e400", 0, "too large"),
    ("x ? 1", 5, "needs its ':'"),
    ("max(x)", 0, "max takes 2 arguments, not 1"),
    ("sqrt()", 0, "sqrt takes 1 argument, not 0"),
    ("sqrt(x, y)", 0, "sqrt takes 1 argument, not 2"),
    ("TMath::Pi(1)", 0, "takes 0 arguments"),
    ("TMath::Pi", 0, "write 'TMath::Pi(...)'"),
    ("sqr(x)", 0, "did you mean 'sqrt'"),
    ("TMath::Sqr(x)", 0, "did you mean 'TMath::Sq"),
    ("jets(0)", 0, "jets[0]"),
    ("jets.size()", 0, "not methods"),
    ("Sum$", 0, "Sum$(...)"),
    ("Entry$", 0, "known: Sum$(...), Max$(...)"),
    ("Iteration$ > 0", 0, "'Iteration$' is not supported"),
    ("sum$(x)", 0, "did you mean 'Sum$'"),
    ("x, y", 1, "between the arguments"),
    ("1 << 2 < 3", 7, "put the shift in parentheses"),
    ("x >> 1 > 3", 7, "put the shift in parentheses"),
    ("x ⋅ y", 2, "unexpected character"),
    ("__import__('os')", 11, "strings cannot be compared"),
    ("@jets.size()", 0, "Length$"),
]


@pytest.mark.parametrize(("text", "place", "says"), ERRORS)
def test_errors_show_the_place_and_the_cure(text: str, place: int, says: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    problem, shown, caret = str(caught.value).split("\n")
    assert says in problem
    assert shown.strip() == text.strip()
    assert caret == " " * (4 + place) + "^"


def test_a_place_far_into_a_long_text_is_shown_with_what_surrounds_it() -> None:
    text = " + ".join(["pt"] * 300) + " + = 1"
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    _, shown, caret = str(caught.value).split("\n")
    assert len(shown) < 120
    assert shown[len(caret) - 1] == "="


@pytest.mark.parametrize(
    "text",
    [
        "(" * 4_999 + "x" + ")" * 4_999,
        "(" * 10_000,
        "-" * 9_999 + "x",
        "!" * 9_999 + "x",
        "x[" * 3_000,
        "sqrt(" * 1_900 + "x",
        "x?" * 4_000 + "x",
        "x?1:" * 2_000 + "x",
        "Max$(" * 1_900,
    ],
)
def test_deep_nesting_is_an_error_not_a_crash(text: str) -> None:
    with pytest.raises(ExpressionError, match="nested more than 100 deep"):
        parse(text)


def test_caps_allow_what_people_write() -> None:
    n_terms = 900
    for operator in ("+", "-", "*", "&&", "||", "/", "%", "<<"):
        wide = parse(f" {operator} ".join(["x"] * n_terms))
        assert wide.branches == {"x"}
        assert parse(to_text(wide.tree)).text
    assert parse("(" * 90 + "x" + ")" * 90).is_branch


def test_caps_on_length_and_parts() -> None:
    with pytest.raises(ExpressionError, match="10001 characters; at most 10000"):
        parse("x" * 10_001)
    with pytest.raises(ExpressionError, match="more than 2000 parts"):
        parse("+".join(["x"] * 2_000))
    with pytest.raises(ExpressionError, match="too large for a double"):
        parse("9" * 9_000)


@given(st.text(alphabet="ax01.e$[]()+-*/%^&|<>=!?:, \n", max_size=30))
def test_any_text_parses_or_gives_an_expression_error(text: str) -> None:
    try:
        expression = parse(text)
    except ExpressionError:
        return
    assert parse(to_text(expression.tree)).tree == expression.tree


def test_an_expression_is_an_immutable_value() -> None:
    expression = parse("jet_pt[0] > 2*lep.pt")
    assert expression is parse("jet_pt[0] > 2*lep.pt")
    assert expression == Expression("jet_pt[0] > 2*lep.pt")
    assert hash(expression) == hash(Expression("jet_pt[0] > 2*lep.pt"))
    assert expression != parse("jet_pt[0] > 2 * lep.pt")
    assert expression != "jet_pt[0] > 2*lep.pt"
    assert repr(expression) == "Expression('jet_pt[0] > 2*lep.pt')"
    assert expression.branches == {"jet_pt", "lep.pt"}
    assert not expression.is_branch
    assert parse(" (x) ").is_branch
    assert pickle.loads(pickle.dumps(expression)) == expression  # noqa: S301 - our own
    assert copy.deepcopy(expression) == expression
    with pytest.raises(AttributeError):
        expression.text = "x"
    with pytest.raises(AttributeError):
        del expression.text


def test_the_documentation_names_every_function_and_operator() -> None:
    text = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text(encoding="utf-8")
    for name in [*FUNCTIONS, *CONSTANTS, *REDUCTIONS]:
        bare = name.split("::")[-1]
        assert re.search(rf"`{re.escape(bare)}(\(.*?\))?`", text), name
    for operator in OPERATORS:
        assert f"`{operator.replace('|', chr(92) + '|')}`" in text, operator
