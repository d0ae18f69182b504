"""The table of differences: one row for a method, made of golden files, and in the documentation as it was made."""

from __future__ import annotations

import pytest

from tests.tmva.golden import Golden, all_golden, reference
from tests.tmva.golden_trainings import EXCEPTIONS, GoldenTraining, all_trainings
from tools.tmva_report import BEGIN, DOCUMENT, END, NOT_NATIVE, TRAININGS, Entry, replaced, table_of, training_of

FISHER = Golden("random", "Fisher", "Fisher")


def test_rows_are_methods_and_columns_jobs() -> None:
    table = table_of(
        [
            Entry(FISHER, 0.0, agreed=True),
            Entry(Golden("reg", "Fisher", "Fisher"), 4.4e-16, agreed=True),
            *(Entry(Golden("random", f"B_B{n:04d}", "Fisher"), n * 1e-9, agreed=True) for n in range(3)),
            Entry(Golden("block", "X", "Odd"), None, agreed=True),
        ]
    ).splitlines()
    assert table[2:5] == [
        "| Fisher | B_B0000, ... | 2e-9 |  |  |  |  |  |  |  |",
        "| Fisher | Fisher | 0 |  |  |  |  |  |  | 4e-16 |",
        "| Odd | X |  | not yet |  |  |  |  |  |  |",
    ]
    assert table[-1] == "5 of 6 arrays of responses, of 5 weights files."


def test_the_table_replaces_what_stood_between_the_marks() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = replaced(text, "new")
    assert once == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    assert replaced(once, "new") == once
    with pytest.raises(SystemExit, match="lacks the marks"):
        replaced("nothing", "new")


def test_the_documentation_has_a_row_for_every_golden_array() -> None:
    folder = reference()
    if folder is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no real files to read")
    document = DOCUMENT.read_text(encoding="utf-8")
    for golden in all_golden(folder):
        name = golden.key if "_B0" not in golden.key else f"{golden.key.partition('_B0')[0]}_B0000, ..."
        assert f"| {golden.kind} | {name} |" in document, "make tmva-report"


def test_trainings_have_a_table_of_their_own() -> None:
    folder = reference()
    if folder is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no trainings to repeat")
    document = TRAININGS.read_text(encoding="utf-8")
    trainings = [training for training in all_trainings(folder) if training.kind in {"Fisher", "LD", "HMatrix", "KNN"}]
    entries = [training_of(folder, training) for training in trainings if training.job == "random"]
    assert {entry.text for entry in entries if entry.golden.kind == "KNN"} == {NOT_NATIVE}
    assert all(entry.agreed for entry in entries)
    for training in trainings:
        if not training.missing(folder):
            assert f"| {training.kind} | {training.name} |" in document, "make tmva-report"


def test_a_training_that_tmva_does_not_repeat_is_no_failure_unless_it_agrees() -> None:
    """Every exception is a training that is there, says why, and in fact differs."""
    folder = reference()
    if folder is None:
        pytest.skip("HEPML_REFERENCE_DATA is not set: no trainings to repeat")
    trainings = {(training.job, training.name): training for training in all_trainings(folder)}
    for key, reason in EXCEPTIONS.items():
        entry = training_of(folder, trainings[key])
        assert entry.agreed
        assert entry.largest is not None
        assert entry.largest > trainings[key].limit
        table = table_of([entry], "trainings")
        assert f"{entry.text} |" in table
        assert reason in table
        assert reason in TRAININGS.read_text(encoding="utf-8"), "make tmva-report"


def test_methods_that_are_not_native_have_no_row() -> None:
    training = GoldenTraining("random", "K", "KNN", "")
    table = table_of([Entry(training, None, agreed=True, problem=NOT_NATIVE)], "trainings")
    assert "KNN" not in table
    assert table.endswith("0 of 1 trainings, of 0 weights files.")
