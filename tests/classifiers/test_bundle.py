"""A saved model comes back bit for bit; one that was damaged or tampered with is refused with a clear error."""

from __future__ import annotations

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hepml
from hepml.classifiers.trees import NODE_DTYPE, nodes_from_bytes, nodes_to_bytes
from hepml.data import Feature
from hepml.errors import HepmlError, InvalidInputError, MissingFileError, ModelFormatError, OutputError

FEATURES = (Feature("lpt", "log(pt + 1)", title="log pt"), Feature("eta", unit="rad", missing=(-999.0,)))


@pytest.fixture
def model(kind, quick, events):
    return quick(kind, 8).fit(events.X, events.y, events.w, validation=(events.X, events.y, events.w))


@pytest.fixture
def folder(model, tmp_path):
    return model.save(tmp_path / "model", FEATURES, {"split": {"seed": 2**63}, "identity": ["run", "event"]})


def _payload(folder):
    (name,) = [path for path in folder.iterdir() if path.name not in {"MODEL_CARD.md", "model.json"}]
    return name


def _edit(folder, **changes):
    path = folder / "model.json"
    document = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            del document[key]
        else:
            document[key] = value
    path.write_text(json.dumps(document))


def _rewrite_payload(folder, content):
    """Change the payload and make its checksum right, as somebody would who means harm."""
    path = _payload(folder)
    path.write_bytes(content)
    entry = {"name": path.name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    _edit(folder, payloads=[entry])


def test_a_bundle_of_version_1_is_upgraded(model, folder, events):
    _edit(folder, version=1, task=None, n_targets=None)
    loaded = hepml.load(folder)
    assert np.array_equal(loaded.evaluate(events.X), model.evaluate(events.X))
    assert loaded.metadata["task"] == "classification"


def test_round_trip(kind, model, folder, events):
    loaded = hepml.load(folder)
    assert (loaded.kind, loaded.features) == (kind, FEATURES)
    assert loaded.context == {"split": {"seed": 2**63}, "identity": ["run", "event"]}
    assert np.array_equal(loaded.evaluate(events.X), model.evaluate(events.X))
    assert loaded.estimator.get_params() == model.get_params()
    assert loaded.estimator.training_report_ == model.training_report_
    assert loaded.estimator.n_iter_ == model.n_iter_
    assert np.array_equal(loaded.estimator.predict(events.X), model.predict(events.X))
    assert loaded.metadata["libraries"]["numpy"] == np.__version__


def test_saving_again_gives_the_same_bytes(folder, tmp_path):
    loaded = hepml.load(folder)
    again = loaded.estimator.save(tmp_path / "again", loaded.features, loaded.context)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}


def test_missing_values_go_the_same_way(kind, quick, tmp_path):
    rng = np.random.default_rng(0)
    y = rng.random(4000) < 0.5
    X = (rng.normal(size=(4000, 4)) + y[:, None]).astype(np.float32)
    X[rng.random(X.shape) < np.where(y[:, None], 0.4, 0.1)] = np.nan
    model = quick(kind).fit(X, y)
    probe = np.where(rng.random((4000, 4)) < 0.5, np.nan, 3 * rng.normal(size=(4000, 4)))
    probe[:3] = [[np.nan] * 4, [3e38] * 4, [-3e38] * 4]
    assert np.array_equal(hepml.load(model.save(tmp_path / "m")).evaluate(probe), model.evaluate(probe))


@pytest.mark.parametrize("labels", [[False, True], [-1, 1], [0.0, 1.0], ["b", "s"]])
def test_labels_survive(kind, quick, events, tmp_path, labels):
    y = np.array(labels)[events.y.astype(int)]
    loaded = hepml.load(quick(kind, 2).fit(events.X, y).save(tmp_path / "m"))
    assert loaded.estimator.classes_.tolist() == labels
    assert set(loaded.estimator.predict(events.X)) <= set(labels)


def test_pruned_trees_survive(quick, events, tmp_path):
    model = quick("xgboost", 20, gamma=5.0, min_child_weight=0.5).fit(events.X, events.y)
    assert np.array_equal(hepml.load(model.save(tmp_path / "m")).evaluate(events.X), model.evaluate(events.X))


def test_attachments_stay_with_the_model(model, tmp_path):
    files = {"seen.bin": bytes(range(256)), "empty": b""}
    folder = model.save(tmp_path / "m", attachments=files)
    assert hepml.load(folder).attachments == files
    (folder / "seen.bin").write_bytes(b"x" * 256)
    with pytest.raises(ModelFormatError, match=r"seen\.bin does not have the checksum"):
        hepml.load(folder)


def test_without_features_the_names_are_those_of_the_training(model, tmp_path):
    assert [feature.name for feature in hepml.load(model.save(tmp_path / "m")).features] == ["x0", "x1"]


def test_an_existing_folder_is_kept_unless_told(model, folder):
    before = (folder / "model.json").read_text()
    with pytest.raises(OutputError, match="exists already"):
        model.save(folder)
    assert (folder / "model.json").read_text() == before
    model.save(folder, overwrite=True)
    assert [feature.name for feature in hepml.load(folder).features] == ["x0", "x1"]
    assert sorted(path.name for path in folder.parent.iterdir()) == ["model"]


def test_an_interrupted_save_leaves_nothing(model, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_text", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": FEATURES[:1]}, "1 features given for a classifier that was trained on 2"),
        ({"features": (FEATURES[0], FEATURES[0])}, "'lpt' stands twice"),
        ({"context": {"x": float("nan")}}, "JSON"),
        ({"context": {"x": object()}}, "JSON"),
        ({"context": {"x": "x" * 2**24}}, "use attachments"),
        ({"attachments": {"../outside": b""}}, "'../outside' does not have a plain file name"),
        ({"attachments": {"model.json": b""}}, "'model.json' does not have a plain file name"),
    ],
)
def test_what_cannot_be_saved(model, tmp_path, options, message):
    with pytest.raises(InvalidInputError, match=message):
        model.save(tmp_path / "model", **options)
    assert list(tmp_path.iterdir()) == []


def test_no_model_there(tmp_path):
    with pytest.raises(MissingFileError, match="no model at"):
        hepml.load(tmp_path / "nowhere")
    with pytest.raises(ModelFormatError, match=r"model.json cannot be read"):
        hepml.load(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelFormatError, match="no model that hepml knows"):
        hepml.load(tmp_path / "file")


def test_truncated_or_changed_payload(folder):
    path = _payload(folder)
    content = path.read_bytes()
    path.write_bytes(content[:-7])
    with pytest.raises(ModelFormatError, match="truncated or changed"):
        hepml.load(folder)
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelFormatError, match="checksum"):
        hepml.load(folder)
    path.unlink()
    with pytest.raises(ModelFormatError, match=path.name):
        hepml.load(folder)


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/hostname", "a/b", "a\\b", "..", ".", "", "model.json", "c:x", "a\0b", "a\nb"]
)
def test_payload_names_stay_in_the_folder(folder, name):
    _edit(folder, payloads=[{"name": name, "size": 1, "sha256": "0"}])
    with pytest.raises(ModelFormatError, match="not a plain file name"):
        hepml.load(folder)


def test_links_are_not_followed(folder, tmp_path):
    path = _payload(folder)
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelFormatError, match="not a regular file"):
        hepml.load(folder)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ModelFormatError, match="not a regular file"):
        hepml.load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "pickle"}, "is not a hepml model: its format is 'pickle'"),
        ({"format": None}, "its format is None"),
        ({"version": 3}, "has version 3 .* use a newer hepml"),
        ({"version": "1"}, "'1' is no version"),
        ({"version": True}, "True is no version"),
        ({"kind": 3}, "'kind' is not of type str"),
        ({"kind": "xgbost"}, "did you mean 'xgboost'"),
        ({"features": []}, "features are none"),
        ({"features": [FEATURES[0].to_dict()] * 2}, "two of one name"),
        ({"features": [{**FEATURES[0].to_dict(), "missing": ["x"]}]}, "missing values are not numbers"),
        ({"features": [{**FEATURES[0].to_dict(), "expresion": "x"}]}, r"features\[0\].*'expresion'; did you mean"),
        ({"features": [FEATURES[0].to_dict()]}, "number of features|feature that is not among"),
        ({"features": [{**FEATURES[0].to_dict(), "expression": "log("}, FEATURES[1].to_dict()]}, "expression"),
        ({"parameters": {"max_detph": 3}}, "did you mean 'max_depth'"),
        ({"parameters": {"max_depth": "x"}}, "must be a whole number"),
        ({"classes": [0]}, "2 to 1000 labels"),
        ({"classes": [0, "1"]}, "2 to 1000 labels"),
        ({"classes": [0, 2**70]}, "64 bits"),
        ({"classes": [1, 0]}, "different and in order"),
        ({"task": "clustering"}, "'clustering' is no task"),
        ({"state": {"x": 1}}, "state|baseline"),
        ({"payloads": []}, "payload"),
        ({"surprise": 1}, "unknown key 'surprise'"),
        *[({key: None}, f"'{key}' is missing") for key in ("kind", "features", "payloads", "context", "classes")],
    ],
)
def test_edited_model_json(folder, changes, message):
    _edit(folder, **changes)
    with pytest.raises(HepmlError, match=message) as raised:
        hepml.load(folder)
    if changes.get("kind") != "xgbost":
        assert isinstance(raised.value, ModelFormatError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": 1e999}', "out of range"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[" * 200_000, "not valid JSON"),
        ('{"a": ' + "9" * 10_000 + "}", "not valid JSON"),
        (" " * (16 * 2**20 + 1), "more than the 16777216 allowed"),
        (b"\xff\xfe{}", "not valid JSON"),
    ],
)
def test_model_json_that_is_no_json(folder, text, message):
    (folder / "model.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelFormatError, match=message):
        hepml.load(folder)


def _first_tree(change):
    def edit(document):
        change(document["learner"]["gradient_booster"]["model"]["trees"][0])

    return edit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_first_tree(lambda t: t["left_children"].__setitem__(0, 10**6)), "out of range"),
        (_first_tree(lambda t: t["left_children"].__setitem__(0, 0)), "out of range"),
        (_first_tree(lambda t: t["left_children"].__setitem__(0, t["right_children"][0])), "no parent or with two"),
        (_first_tree(lambda t: t["left_children"].__setitem__(0, 1.5)), "something else than numbers"),
        (_first_tree(lambda t: t["left_children"].pop()), "is not a list of"),
        (_first_tree(lambda t: t["split_indices"].__setitem__(0, 2)), "not among the 2"),
        (_first_tree(lambda t: t["split_conditions"].__setitem__(0, 1e300)), "does not fit float32"),
        (_first_tree(lambda t: t["split_type"].__setitem__(0, 1)), "categorical"),
        (_first_tree(lambda t: t["default_left"].__setitem__(0, 7)), "default_left"),
        (_first_tree(lambda t: t["parents"].__setitem__(1, 2)), "parents and children disagree"),
        (_first_tree(lambda t: t.pop("parents")), "KeyError 'parents'"),
        (_first_tree(lambda t: t["tree_param"].__setitem__("num_nodes", "999999999999")), "is not a list of"),
        (lambda d: d["learner"]["gradient_booster"].__setitem__("name", "gblinear"), "'gbtree'"),
        (lambda d: d["learner"]["objective"].__setitem__("name", "multi:softmax"), "binary:logistic"),
        (lambda d: d["learner"]["learner_model_param"].__setitem__("base_score", "[5]"), "base score"),
        (lambda d: d["learner"]["learner_model_param"].__setitem__("num_class", "3"), "does not have 0 classes"),
        (lambda d: d["learner"]["learner_model_param"].__setitem__("num_feature", "3"), "number of features"),
        (lambda d: d["learner"]["gradient_booster"]["model"].__setitem__("trees", []), "number of trees"),
        (lambda d: d.__setitem__("learner", []), "TypeError"),
        (lambda d: d.__setitem__("version", ["x"]), "damaged"),
    ],
)
def test_xgboost_model_that_would_lead_astray(quick, events, tmp_path, change, message):
    folder = quick("xgboost", 3).fit(events.X, events.y).save(tmp_path / "m")
    document = json.loads(_payload(folder).read_bytes())
    change(document)
    _rewrite_payload(folder, json.dumps(document).encode())
    with pytest.raises(ModelFormatError, match=message):
        hepml.load(folder)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("left", 10**6, "out of range"),
        ("left", 0, "out of range"),
        ("right", -5, "out of range"),
        ("right", 1, "no parent or with two"),
        ("feature", 2, "not among the 2"),
        ("feature", -1, "not among the 2"),
        ("value", np.inf, "not finite"),
        ("threshold", np.nan, "threshold is NaN"),
        ("leaf", 1, "no parent or with two"),
        ("leaf", 3, "neither 0 nor 1"),
        ("tree", 1, "numbered"),
    ],
)
def test_tree_nodes_that_would_lead_astray(quick, events, field, value, message):
    nodes = quick("hist_gradient_boosting", 3).fit(events.X, events.y).nodes_.copy()
    assert np.array_equal(nodes_from_bytes(nodes_to_bytes(nodes), 2), nodes)
    nodes[field][0] = value
    with pytest.raises(ModelFormatError, match=message):
        nodes_from_bytes(nodes_to_bytes(nodes), 2)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY\x01\x00\xff\xff{",
        nodes_to_bytes(np.zeros(0, NODE_DTYPE)),
        nodes_to_bytes(np.zeros((2, 2), NODE_DTYPE)),
        nodes_to_bytes(np.zeros(4)),
        nodes_to_bytes(np.zeros(4, NODE_DTYPE))[:-1],
        nodes_to_bytes(np.zeros(4, NODE_DTYPE)).replace(b"(4,)", b"(9,)"),
    ],
)
def test_tree_nodes_that_are_no_array_of_nodes(content):
    with pytest.raises(ModelFormatError, match="array of tree nodes is damaged"):
        nodes_from_bytes(content, 2)


def test_an_array_of_python_objects_is_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    path = tmp_path / "trap.npy"
    np.save(path, np.array([Trap()], dtype=object), allow_pickle=True)
    with pytest.raises(ModelFormatError):
        nodes_from_bytes(path.read_bytes(), 2)
    assert not (tmp_path / "sprung").exists()


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_payload_gives_an_error_or_a_model_that_predicts(model, folder, data, events):
    content = bytearray(model._payloads()[_payload(folder).name])
    # at the ends stand the header and the document's frame, where a change is the most telling
    near = st.one_of(st.integers(0, 400), st.integers(len(content) - 600, len(content) - 1))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.one_of(near, st.integers(0, len(content) - 1)))
        content[at] = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(list(b'0123456789-[]{},"eE.'))))
    _rewrite_payload(folder, bytes(content))
    try:
        loaded = hepml.load(folder)
    except ModelFormatError:
        return
    assert loaded.evaluate(events.X).shape == (2000,)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_mutated_bundle_gives_an_error_or_the_same_scores(model, folder, data, events):
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = path.read_bytes()
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(changed)
    try:
        loaded = hepml.load(folder)
    except HepmlError:
        return
    else:
        # what may change without notice is what does not enter the score of finished features
        if loaded.metadata["state"] == model._state() and not any(f.missing for f in loaded.features):
            assert np.array_equal(loaded.evaluate(events.X), model.evaluate(events.X))
    finally:
        path.write_bytes(content)
