"""Friend files: entry order, identities, scores, and which events a model has seen."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from hepml import Analysis, Run
from hepml.data import Feature, Part, SeenEvents
from hepml.data.columns import evaluate_feature
from hepml.errors import (
    FeatureMismatchError,
    IdentityError,
    InvalidInputError,
    ModelFormatError,
    OutputError,
    UnknownNameError,
)
from hepml.readers import TreeLocation, TreeSource, root_writer
from hepml.workflow import apply_model, applying, scoring
from tests.workflow.toys import FIRST_EVENT, write_analysis, write_sample


def columns(path: Path, tree: str = "events") -> dict[str, Any]:
    with uproot.open(path) as file:
        return dict(file[tree].arrays(library="np"))


def test_friend_has_the_entries_of_its_input(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    results = apply_model(toy_run.path, [toy_folder / "signal.root", toy_folder / "background.root"], tmp_path / "out")
    assert [result.output.name for result in results] == ["signal.root", "background.root"]
    for result, name in zip(results, ("signal", "background"), strict=True):
        source, friend = columns(toy_folder / f"{name}.root"), columns(result.output)
        assert set(friend) == {"run", "event_number", "BDT", "BDT_seen", "HGB", "HGB_seen"}
        assert np.array_equal(friend["event_number"], source["event_number"])
        X = np.column_stack([source["x"], source["y"].astype(np.float64) ** 2]).astype(np.float32)
        for method in ("BDT", "HGB"):
            assert friend[method].dtype == np.float64
            assert np.array_equal(friend[method], toy_run.model(method).evaluate(X))


def test_seen_is_what_the_run_did(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    for name, class_id in (("signal", 0), ("background", 1)):
        apply_model(toy_run.path, toy_folder / f"{name}.root", tmp_path / f"{name}.root", sample=name)
        friend = columns(tmp_path / f"{name}.root")
        seen = dict(zip(friend["event_number"].tolist(), friend["BDT_seen"].tolist(), strict=True))
        expected = {}
        for tree in ("TrainTree", "TestTree"):
            part = toy_run.scores(tree)
            here = part["classID"] == class_id
            expected |= dict(zip(part["event_number"][here].tolist(), part["split"][here].tolist(), strict=True))
        assert seen == expected


def test_events_outside_the_training_are_unseen(toy_run: Run, tmp_path: Path) -> None:
    # background of the training had 2000 events, signal 1500
    write_sample(tmp_path / "more.root", 1000, mean=0, seed=9, first_event=FIRST_EVENT + 1700)
    apply_model(toy_run.path, tmp_path / "more.root", tmp_path / "any.root")
    seen = columns(tmp_path / "any.root")["BDT_seen"]
    assert (seen[:300] > 0).all()
    assert not seen[300:].any()
    apply_model(toy_run.path, tmp_path / "more.root", tmp_path / "signal.root", sample="signal")
    assert not columns(tmp_path / "signal.root")["BDT_seen"].any()
    apply_model(toy_run.path, tmp_path / "more.root", tmp_path / "none.root", sample="none")
    assert not columns(tmp_path / "none.root")["BDT_seen"].any()
    with pytest.raises(IdentityError, match="'sginal'"):
        apply_model(toy_run.path, tmp_path / "more.root", tmp_path / "x.root", sample="sginal")


def test_chunks_change_nothing(toy_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    with uproot.recreate(tmp_path / "in.root") as file:
        tree = file.mktree("events", {"run": "u4", "event_number": "u8", "x": "f4", "y": "f4"})
        for n in (7, 100, 1, 392):
            tree.extend(
                {
                    "run": np.ones(n, dtype="u4"),
                    "event_number": rng.integers(0, 2**63, n).astype("u8"),
                    "x": rng.normal(size=n).astype("f4"),
                    "y": rng.normal(size=n).astype("f4"),
                }
            )
    apply_model(toy_run.path, tmp_path / "in.root", tmp_path / "whole.root")
    monkeypatch.setattr(applying, "_CHUNK_BYTES", 1000)
    apply_model(toy_run.path, tmp_path / "in.root", tmp_path / "chunks.root")
    with uproot.open(tmp_path / "chunks.root") as file:
        assert len(file["events"]["BDT"].entry_offsets) > 3
    whole, chunks = columns(tmp_path / "whole.root"), columns(tmp_path / "chunks.root")
    assert all(np.array_equal(whole[name], chunks[name]) for name in whole)


def test_one_model_folder_can_be_applied_elsewhere(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(toy_run.path / "models" / "BDT", tmp_path / "deployed")
    apply_model(tmp_path / "deployed", toy_folder / "signal.root", tmp_path / "out.root")
    friend = columns(tmp_path / "out.root")
    assert set(friend) == {"run", "event_number", "BDT", "BDT_seen"}
    assert friend["BDT_seen"].min() >= 1


def test_infinite_features_give_nan_and_are_counted(toy_run: Run, tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "in.root") as file:
        tree = file.mktree("events", {"run": "u4", "event_number": "u8", "x": "f4", "y": "f4"})
        y = np.array([1.0, np.inf, np.nan], dtype="f4")
        tree.extend({"run": np.ones(3, "u4"), "event_number": np.arange(3, dtype="u8"), "x": np.zeros(3, "f4"), "y": y})
    (result,) = apply_model(toy_run.path, tmp_path / "in.root", tmp_path / "out.root")
    score = columns(tmp_path / "out.root")["BDT"]
    assert np.isfinite(score[[0, 2]]).all()
    assert np.isnan(score[1])
    assert (result.n_entries, result.n_not_scored) == (3, 1)


def test_missing_branch_is_named_and_nothing_written(toy_run: Run, tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "in.root") as file:
        tree = file.mktree("events", {"run": "u4", "event_number": "u8", "X": "f4", "y": "f4"})
        tree.extend(
            {"run": np.ones(1, "u4"), "event_number": np.ones(1, "u8"), "X": np.ones(1, "f4"), "y": np.ones(1, "f4")}
        )
    with pytest.raises(FeatureMismatchError, match=r"no branch 'x' in .*in\.root:events; did you mean 'X'"):
        apply_model(toy_run.path, tmp_path / "in.root", tmp_path / "out")
    assert not (tmp_path / "out" / "in.root").exists()


def test_missing_identity_names_the_way_out(toy_run: Run, tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "in.root") as file:
        file.mktree("events", {"x": "f4", "y": "f4"}).extend({"x": np.ones(2, "f4"), "y": np.ones(2, "f4")})
    with pytest.raises(IdentityError, match="--sample none"):
        apply_model(toy_run.path, tmp_path / "in.root", tmp_path / "out.root")


def test_model_without_identity_says_so(tmp_path: Path) -> None:
    for name, mean in (("signal", 1), ("background", -1)):
        rng = np.random.default_rng(mean + 5)
        with uproot.recreate(tmp_path / f"{name}.root") as file:
            file.mktree("events", {"x": "f4"}).extend({"x": rng.normal(mean, 1, 600).astype("f4")})
    run = Analysis.from_file(write_analysis(tmp_path, features=["x"], spectators=[], weight="")).train(tmp_path / "run")
    assert run.metrics["identity"] == ["file", "entry"]
    with pytest.raises(IdentityError, match="identity:"):
        apply_model(run.path, tmp_path / "signal.root", tmp_path / "out.root")
    apply_model(run.path, tmp_path / "signal.root", tmp_path / "out.root", sample="none")
    assert set(columns(tmp_path / "out.root")) == {"BDT", "BDT_seen"}


def test_outputs_never_replace_inputs_or_each_other(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_sample(tmp_path / folder / "same.root", 10, mean=0, seed=1)
    with pytest.raises(OutputError, match="is an input"):
        apply_model(toy_run.path, tmp_path / "a" / "same.root", tmp_path / "a")
    with pytest.raises(OutputError, match="would both be written"):
        apply_model(toy_run.path, [tmp_path / "a" / "same.root", tmp_path / "b" / "same.root"], tmp_path / "out")
    with pytest.raises(InvalidInputError, match="give a folder"):
        apply_model(toy_run.path, [tmp_path / "a" / "same.root", toy_folder / "signal.root"], tmp_path / "out.root")
    apply_model(toy_run.path, tmp_path / "a" / "same.root", tmp_path / "out")
    before = (tmp_path / "out" / "same.root").read_bytes()
    with pytest.raises(OutputError, match="--overwrite"):
        apply_model(toy_run.path, tmp_path / "b" / "same.root", tmp_path / "out")
    assert (tmp_path / "out" / "same.root").read_bytes() == before


def write_events(path: Path, tree: str, n_events: int = 3) -> Path:
    with uproot.recreate(path) as file:
        rows = {"run": np.ones(n_events, "u4"), "event_number": np.arange(n_events, dtype="u8")}
        rows |= {"x": np.zeros(n_events, "f4"), "y": np.zeros(n_events, "f4")}
        for name in (tree, "Runs"):
            file.mktree(name, {key: column.dtype for key, column in rows.items()}).extend(rows)
    return path


def test_friend_tree_stands_where_the_tree_stood(toy_run: Run, tmp_path: Path) -> None:
    apply_model(toy_run.path, write_events(tmp_path / "sub.root", "deep/events"), tmp_path / "a", tree="deep/events")
    assert len(columns(tmp_path / "a" / "sub.root", "deep/events")["BDT"]) == 3
    apply_model(toy_run.path, f"{write_events(tmp_path / 'b.root', 'events')}:events;1", tmp_path / "b")
    with uproot.open(tmp_path / "b" / "b.root") as file:
        assert file.classnames() == {"hepml;1": "TObjString", "events;1": "TTree"}


def test_file_without_entries_has_a_friend_without_entries(toy_run: Run, tmp_path: Path) -> None:
    write_events(tmp_path / "in.root", "events", n_events=0)
    (result,) = apply_model(toy_run.path, tmp_path / "in.root", tmp_path / "out.root")
    assert result.n_entries == 0
    assert {name: len(column) for name, column in columns(tmp_path / "out.root").items()} == dict.fromkeys(
        ("run", "event_number", "BDT", "BDT_seen", "HGB", "HGB_seen"), 0
    )


def test_tree_named_beside_the_files_is_remembered(toy_folder: Path, tmp_path: Path) -> None:
    """`files: signal.root:events` is as good as `tree: events`."""
    samples = [
        {"name": name, "role": name, "files": str(toy_folder / f"{name}.root:events")}
        for name in ("signal", "background")
    ]
    run = Analysis.from_file(write_analysis(tmp_path, samples=samples, tree=None)).train(tmp_path / "run")
    assert run.model("BDT").context["tree"] == "events"
    apply_model(run.path, write_events(tmp_path / "in.root", "events"), tmp_path / "out.root")
    assert len(columns(tmp_path / "out.root")["BDT"]) == 3


def test_query_of_an_address_is_no_part_of_the_name() -> None:
    location = TreeLocation("https://host:8080/a/b.root?token=1/2", "events")
    assert applying._output_paths([location], Path("out"), overwrite=False) == [Path("out/b.root")]


def with_attachment(source: Path, target: Path, content: bytes) -> Path:
    """Copy a model with another table of seen events, and the checksum of that."""
    shutil.copytree(source, target)
    (target / "seen.npz").write_bytes(content)
    document = json.loads((target / "model.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    document["attachments"] = [{"name": "seen.npz", "size": len(content), "sha256": digest}]
    (target / "model.json").write_text(json.dumps(document))
    return target


def npz(writer: Any = np.savez, **changes: Any) -> bytes:
    stream = io.BytesIO()
    arrays = {"key": np.zeros(1, np.uint64), "part": np.ones(1, np.int8), "sample": np.zeros(1, np.int16)}
    writer(stream, **(arrays | changes))
    return stream.getvalue()


def bare_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def zip_of_text() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("key", "part", "sample"):
            archive.writestr(name, "text")
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 is how an archive begins",
        bare_array(),
        zip_of_text(),
        npz(np.savez_compressed),
        npz(part=np.full(1, 7, np.int8)),
        npz(sample=np.full(1, 2, np.int16)),
        npz(key=np.array([None])),
    ],
    ids=["no zip", "no archive", "text", "compressed", "part", "sample", "pickle"],
)
def test_hostile_table_of_seen_events_is_refused(
    toy_run: Run, toy_folder: Path, tmp_path: Path, content: bytes
) -> None:
    folder = with_attachment(toy_run.path / "models" / "BDT", tmp_path / "model", content)
    with pytest.raises(ModelFormatError, match="table of seen events"):
        apply_model(folder, toy_folder / "signal.root", tmp_path / "out.root")
    apply_model(with_attachment(folder, tmp_path / "good", npz()), toy_folder / "signal.root", tmp_path / "out.root")


@pytest.mark.parametrize(("key", "value"), [("identity", 5), ("identity", "run"), ("samples", [1, 2]), ("samples", {})])
def test_hostile_context_is_refused(toy_run: Run, toy_folder: Path, tmp_path: Path, key: str, value: object) -> None:
    shutil.copytree(toy_run.path / "models" / "BDT", tmp_path / "model")
    document = json.loads((tmp_path / "model" / "model.json").read_text())
    document["context"][key] = value
    (tmp_path / "model" / "model.json").write_text(json.dumps(document))
    with pytest.raises(ModelFormatError, match=f"'{key}' is not a list"):
        apply_model(tmp_path / "model", toy_folder / "signal.root", tmp_path / "out.root")


def test_score_cannot_take_the_place_of_the_identity(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(toy_run.path / "models" / "BDT", tmp_path / "model")
    document = json.loads((tmp_path / "model" / "model.json").read_text())
    document["context"]["method"] = "run"
    (tmp_path / "model" / "model.json").write_text(json.dumps(document))
    with pytest.raises(InvalidInputError, match="'run' would name two branches"):
        apply_model(tmp_path / "model", toy_folder / "signal.root", tmp_path / "out.root")


def test_training_goes_before_test_where_samples_share_an_identity() -> None:
    key = np.array([1, 1, 2, 5], dtype=np.uint64)
    part = np.array([Part.TEST, Part.TRAIN, Part.VALIDATION, Part.TEST], dtype=np.int8)
    names = ("event",)
    table = SeenEvents(names, key, part, np.array([0, 1, 0, 1], dtype=np.int16), ("a", "b"))
    assert table.within().part.tolist() == [Part.TRAIN, Part.TEST, Part.VALIDATION, Part.TEST]
    assert table.within("a").key.tolist() == [1, 2]
    again = SeenEvents.from_bytes(table.to_bytes(), names, ("a", "b"))
    assert again.part.tolist() == part.tolist()


def test_damaged_table_of_seen_events_is_refused(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(toy_run.path / "models" / "BDT", tmp_path / "model")
    (tmp_path / "model" / "seen.npz").write_bytes(b"not an array")
    with pytest.raises(ModelFormatError, match=r"seen\.npz"):
        apply_model(tmp_path / "model", toy_folder / "signal.root", tmp_path / "out.root")


def write_table(path: Path, kind: str = "ttree", tree: str = "events", **table: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with root_writer(path, format=kind, overwrite=True) as writer:  # type: ignore[arg-type]
        writer.extend(tree, table)
    return path


def test_all_inputs_are_checked_before_one_is_scored(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    good = columns(toy_folder / "signal.root")
    bad: dict[str, tuple[Any, dict[str, Any], str]] = {
        "lacks": (FeatureMismatchError, {"y": None}, "no branch 'y'"),
        "text": (FeatureMismatchError, {"y": np.array(["a"] * 1500, dtype=object)}, "text is no number"),
        "float": (IdentityError, {"event_number": good["event_number"].astype("f8")}, "event_number"),
    }
    for name, (error, changes, message) in bad.items():
        table = {key: column for key, column in (good | changes).items() if column is not None}
        path = write_table(tmp_path / f"{name}.root", **table)
        with pytest.raises(error, match=message):
            apply_model(toy_run.path, [toy_folder / "signal.root", path], tmp_path / "out")
        assert not (tmp_path / "out").exists()
    with uproot.recreate(tmp_path / "lists.root") as file:
        lists = ak.Array([[1.0, 2.0], [3.0]])
        tree = file.mktree("events", {"run": "u4", "event_number": "u8", "x": "f4", "y": "var * float32"})
        tree.extend({"run": np.ones(2, "u4"), "event_number": np.ones(2, "u8"), "x": np.ones(2, "f4"), "y": lists})
    with pytest.raises(FeatureMismatchError, match=r"cannot be applied to .*lists\.root:events: .*'y\*y'"):
        apply_model(toy_run.path, [toy_folder / "signal.root", tmp_path / "lists.root"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_features_of_several_methods_are_computed_once(
    toy_run: Run, toy_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []

    def counted(feature: Feature, *arguments: Any) -> Any:
        computed.append(feature.name)
        return evaluate_feature(feature, *arguments)

    monkeypatch.setattr(scoring, "evaluate_feature", counted)
    scorers = scoring.Scorers(toy_run.path)
    with TreeSource(TreeLocation(str(toy_folder / "signal.root"))) as source:
        written, n_bad = scorers.evaluate(source.read(scorers.branches, 0, 100), 100)
    assert computed == ["x", "y2"]
    assert (tuple(written), n_bad) == (scorers.names, 0)
    assert written["BDT_seen"] is written["HGB_seen"]


def test_methods_with_other_features_do_not_disturb_each_other(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    write_analysis(tmp_path, features=["x"], spectators=[])
    for name in ("signal", "background"):
        shutil.copy(toy_folder / f"{name}.root", tmp_path)
    other = Analysis.from_file(tmp_path / "analysis.yaml").train(tmp_path / "other")
    mixed = tmp_path / "mixed"
    shutil.copytree(toy_run.path, mixed)
    shutil.rmtree(mixed / "models" / "HGB")
    shutil.copytree(other.path / "models" / "BDT", mixed / "models" / "HGB")
    y = np.array([1.0, np.inf, np.nan], dtype="f4")
    table: dict[str, Any] = {
        "run": np.ones(3, "u4"),
        "event_number": np.arange(3, dtype="u8"),
        "x": np.zeros(3, "f4"),
        "y": y,
    }
    (result,) = apply_model(mixed, write_table(tmp_path / "in.root", **table), tmp_path / "out.root")
    friend = columns(result.output)
    assert np.isnan(friend["BDT"]).tolist() == [False, True, False]
    assert np.array_equal(friend["HGB"], other.model("BDT").evaluate(np.zeros((3, 1), dtype=np.float32)))
    assert np.array_equal(friend["BDT"][::2], toy_run.model("BDT").evaluate(np.array([[0, 1], [0, np.nan]], "f4")))
    assert result.n_not_scored == 1


@pytest.mark.parametrize("chunk", [2000, 10**8])
def test_friends_of_the_inputs_are_read(
    toy_run: Run, toy_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(applying, "_CHUNK_BYTES", chunk)
    names = ("background", "signal")
    mains, friends, shuffled = [], [], []
    for name in names:
        table = columns(toy_folder / f"{name}.root")
        y = {key: table.pop(key) for key in ("y",)} | {key: table[key] for key in ("run", "event_number")}
        path = write_table(tmp_path / "main" / f"{name}.root", **table)
        mains.append(path)
        friends.append(write_table(tmp_path / "friend" / f"{name}.root", **y))
        order = np.random.default_rng(5).permutation(len(y["y"]))
        shuffled.append(
            write_table(tmp_path / f"other_{name}.root", tree="extra", **{k: c[order] for k, c in y.items()})
        )
    expected = apply_model(toy_run.path, [toy_folder / f"{name}.root" for name in names], tmp_path / "expected")
    by_entry = apply_model(toy_run.path, mains, tmp_path / "by_entry", friends=tmp_path / "friend" / "*.root")
    assert [result.n_entries for result in by_entry] == [2000, 1500]
    for one, other in zip(expected, by_entry, strict=True):
        assert_same_friend(one.output, other.output)
    by_key = apply_model(
        toy_run.path,
        mains[0],
        tmp_path / "by_key.root",
        friends=[f"{shuffled[0]}:extra"],
        index=["run", "event_number"],
    )
    assert_same_friend(expected[0].output, by_key[0].output)


def assert_same_friend(one: Path, other: Path) -> None:
    first, second = columns(one), columns(other)
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_another_tree_of_the_inputs_is_a_friend(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    table = columns(toy_folder / "signal.root")
    y = table.pop("y")
    with root_writer(tmp_path / "in.root") as writer:
        writer.extend("events", table)
        writer.extend("extra", {"y": y})
    apply_model(toy_run.path, toy_folder / "signal.root", tmp_path / "expected.root")
    apply_model(toy_run.path, tmp_path / "in.root", tmp_path / "out.root", friends=":extra")
    assert_same_friend(tmp_path / "expected.root", tmp_path / "out.root")


def test_friends_that_do_not_fit_are_refused_before_anything_is_written(
    toy_run: Run, toy_folder: Path, tmp_path: Path
) -> None:
    table = columns(toy_folder / "signal.root")
    y = table.pop("y")
    main = write_table(tmp_path / "in.root", **table)
    with pytest.raises(FeatureMismatchError, match=r"no branch 'y' in .*--friend FILE\[:TREE\]"):
        apply_model(toy_run.path, main, tmp_path / "out.root")
    short = write_table(tmp_path / "short.root", y=y[:-1])
    with pytest.raises(IdentityError, match=r"has 1499 entries, .* has 1500"):
        apply_model(toy_run.path, main, tmp_path / "out.root", friends=short)
    with pytest.raises(InvalidInputError, match=r"no friend is given \(--friend\)"):
        apply_model(toy_run.path, main, tmp_path / "out.root", index="run")
    with pytest.raises(OutputError, match=r"short\.root is an input"):
        apply_model(toy_run.path, main, short, friends=short, overwrite=True)
    twice = write_table(tmp_path / "twice.root", y=y, run=np.ones(1500, "u4"))
    with pytest.raises(IdentityError, match="`index:` must tell entries apart"):
        apply_model(toy_run.path, main, tmp_path / "out.root", friends=twice, index="run")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.root", "short.root", "twice.root"]


def test_friend_is_what_its_input_is(toy_run: Run, toy_folder: Path, tmp_path: Path) -> None:
    table = columns(toy_folder / "signal.root")
    inputs = [write_table(tmp_path / f"{kind}.root", kind, **table) for kind in ("ttree", "rntuple")]
    apply_model(toy_run.path, inputs, tmp_path / "same")
    apply_model(toy_run.path, inputs, tmp_path / "ttree", format="ttree")
    apply_model(toy_run.path, inputs, tmp_path / "rntuple", format="rntuple")
    found = {}
    for folder in ("same", "ttree", "rntuple"):
        for path in inputs:
            with uproot.open(tmp_path / folder / path.name) as file:
                found[folder, path.stem] = file.classnames()["events;1"]
            assert_same_friend(tmp_path / folder / path.name, tmp_path / "same" / "ttree.root")
    tree, ntuple = "TTree", "ROOT::RNTuple"
    assert list(found.values()) == [tree, ntuple, tree, tree, ntuple, ntuple]
    with pytest.raises(UnknownNameError, match="did you mean 'rntuple'"):
        apply_model(toy_run.path, inputs, tmp_path / "x", format="rntupl")  # type: ignore[arg-type]
