"""The models of all folds as one: which of them scores an event, the average, and the bundle."""

from __future__ import annotations

import hashlib
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import hepml
from hepml.classifiers import FoldModel
from hepml.classifiers.fold_bundle import fold_context, save_folds
from hepml.data import FALLBACK_NAMES, Dataset, Feature, Folds, Identity, Part, SeenEvents
from hepml.errors import HepmlError, IdentityError, InvalidInputError, ModelFormatError

FEATURES = (Feature("x", "a/2"), Feature("y", "b"))
FOLDS = Folds(3, seed=7)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Three models of 600 events, and the events."""
    rng = np.random.default_rng(1)
    y = rng.random(600) < 0.5
    X = (rng.normal(size=(600, 2)) + y[:, None]).astype(np.float32)
    identity = Identity(("run", "event"), (np.full(600, 3), np.arange(600, dtype=np.int64) + 2**54))
    data = Dataset.from_numpy(
        X, features=FEATURES, label=y.astype(int), identity=dict(zip(identity.names, identity.columns, strict=True))
    )
    folder, fold = tmp_path_factory.mktemp("folds") / "model", FOLDS.of(identity)
    for number, name in enumerate(FOLDS.names):
        train = FOLDS.parts(fold, number) == Part.TRAIN
        estimator = hepml.classifiers.get("hist_gradient_boosting")(max_iter=5, n_jobs=1)
        estimator.fit(X[train], y[train])
        estimator.save(folder / name, FEATURES, {"fold": fold_context(FOLDS, number)})
    seen = SeenEvents.of(data, np.full(len(data), Part.TRAIN, dtype=np.int8))
    model = save_folds(folder, FOLDS, identity=identity.names, seen=seen, context={"method": "HGB"})
    return SimpleNamespace(model=model, folder=folder, X=X, data=data, identity=identity, fold=fold)


@pytest.fixture
def copied(trained, tmp_path):
    return shutil.copytree(trained.folder, tmp_path / "copied")


def test_each_event_is_scored_by_the_model_that_has_not_seen_it(trained):
    loaded = hepml.load(trained.folder)
    assert isinstance(loaded, FoldModel)
    score = loaded.evaluate(trained.data)
    assert score.dtype == np.float64
    for number, name in enumerate(FOLDS.names):
        here = trained.fold == number
        alone = hepml.load(trained.folder / name).evaluate(trained.X[here])
        assert np.array_equal(score[here], alone)
    others = loaded.models[0].evaluate(trained.X)
    assert (score[trained.fold != 0] != others[trained.fold != 0]).mean() > 0.9


def test_forms_of_events_give_the_same_scores(trained):
    columns = {"a": 2.0 * trained.X[:, 0], "b": trained.X[:, 1]}
    columns |= dict(zip(trained.identity.names, trained.identity.columns, strict=True))
    expected = trained.model.evaluate(trained.data)
    assert np.array_equal(trained.model.evaluate(columns), expected)
    assert np.array_equal(trained.model.evaluate(pd.DataFrame(columns)), expected)
    assert np.array_equal(trained.model.evaluate(trained.X, identity=trained.identity), expected)
    order = np.random.default_rng(0).permutation(600)
    shuffled = trained.model.evaluate(trained.X[order], identity=trained.identity.take(order))
    assert np.array_equal(shuffled, expected[order])
    assert trained.model.evaluate(trained.X[:0], identity=trained.identity.take(slice(0))).shape == (0,)


def test_events_without_their_identity_are_refused(trained):
    with pytest.raises(IdentityError, match=r"no identity \(run, event\).*3 models.*identity=Identity"):
        trained.model.evaluate(trained.X)
    with pytest.raises(IdentityError, match="no identity"):
        trained.model.evaluate({"a": trained.X[:, 0], "b": trained.X[:, 1], "run": trained.identity.columns[0]})
    with pytest.raises(IdentityError, match="identified by event, those of the training by run, event"):
        trained.model.evaluate(trained.X, identity=Identity(("event",), (np.arange(600),)))
    with pytest.raises(InvalidInputError, match="10 identities for 600 events"):
        trained.model.evaluate(trained.X, identity=trained.identity.take(slice(10)))


def test_an_identity_in_floating_numbers_is_refused(trained):
    columns = {"a": trained.X[:, 0], "b": trained.X[:, 1], "run": np.full(600, 3), "event": np.arange(600.0)}
    with pytest.raises(HepmlError, match="integer"):
        trained.model.evaluate(columns)


def test_average_is_of_events_that_no_model_has_seen(trained):
    new = Identity(("run", "event"), (np.full(600, 4), trained.identity.columns[1]))
    mean = trained.model.evaluate(trained.X, identity=new, average=True)
    assert np.allclose(mean, np.mean([one.evaluate(trained.X) for one in trained.model.models], axis=0), rtol=1e-15)
    with pytest.raises(IdentityError, match=r"600 of 600 events.*run=3 event=18014398509481984.*by event"):
        trained.model.evaluate(trained.data, average=True)
    one_seen = Identity(("run", "event"), (np.where(np.arange(600) == 99, 3, 4), trained.identity.columns[1]))
    with pytest.raises(IdentityError, match=r"1 of 600 events were used in the training, e.g. run=3 event=\d+83:"):
        trained.model.evaluate(trained.X, identity=one_seen, average=True)
    with pytest.raises(IdentityError, match="no identity"):
        trained.model.evaluate(trained.X, average=True)
    # the user states that events of these numbers are others
    assert np.array_equal(trained.model.evaluate(trained.X, average=True, sample="none"), mean)


def test_round_trip(trained):
    loaded = hepml.load(str(trained.folder))
    assert (loaded.folds, loaded.identity, loaded.kind) == (FOLDS, ("run", "event"), "hist_gradient_boosting")
    assert (loaded.features, loaded.n_scores, loaded.is_foreign) == (FEATURES, 1, False)
    assert loaded.context == {"method": "HGB"}
    assert "3 hist_gradient_boosting models by run, event" in repr(loaded)
    assert {path.name for path in trained.folder.iterdir()} == {"MODEL_CARD.md", "model.json", "seen.npz", *FOLDS.names}


def edit(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "newer hepml"),
        ({"n_folds": 2}, "3 to 100"),
        ({"n_folds": 4}, "does not list the models fold_0, fold_1, fold_2, fold_3"),
        ({"n_folds": 10**9}, "3 to 100"),
        ({"seed": 8}, "was trained as fold.*seed"),
        ({"seed": -1}, "do not tell the folds"),
        ({"seed": True}, "not of type int"),
        ({"identity": list(FALLBACK_NAMES)}, "do not tell the folds"),
        ({"identity": []}, "do not tell the folds"),
        ({"identity": [1]}, "not a list of texts"),
        ({"identity": ["run("]}, "run"),
        ({"samples": []}, "damaged"),
        ({"models": [1, 2, 3]}, "does not list the models"),
        ({"models": []}, "does not list the models"),
        ({"attachments": []}, "no table"),
        ({"surprise": 1}, "unknown key 'surprise'"),
        ({"format": "hepml-fold-models"}, "not a hepml model"),
    ],
)
def test_a_changed_model_file_is_refused(copied, changes, message):
    edit(copied, **changes)
    with pytest.raises(ModelFormatError, match=message):
        hepml.load(copied)


def test_folds_that_change_places_are_refused(copied):
    (copied / "fold_0").rename(copied / "other")
    (copied / "fold_1").rename(copied / "fold_0")
    (copied / "other").rename(copied / "fold_1")
    with pytest.raises(ModelFormatError, match=r"fold_0.*checksum"):
        hepml.load(copied)
    document = json.loads((copied / "model.json").read_text())
    first, second, third = document["models"]
    edit(copied, models=[first | {"sha256": second["sha256"]}, second | {"sha256": first["sha256"]}, third])
    with pytest.raises(ModelFormatError, match="was trained as fold"):
        hepml.load(copied)


def test_a_damaged_or_missing_fold_is_refused(copied):
    payload = next(path for path in (copied / "fold_1").iterdir() if path.suffix != ".md" and path.name != "model.json")
    content = payload.read_bytes()
    payload.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelFormatError, match=r"fold_1.*checksum"):
        hepml.load(copied)
    shutil.rmtree(copied / "fold_1")
    with pytest.raises(ModelFormatError, match="fold_1"):
        hepml.load(copied)


def test_a_fold_is_no_link_and_no_model_of_folds(copied, tmp_path):
    shutil.move(copied / "fold_2", tmp_path / "outside")
    (copied / "fold_2").symlink_to(tmp_path / "outside")
    with pytest.raises(ModelFormatError, match="fold_2 is a link"):
        hepml.load(copied)
    (copied / "fold_2").unlink()
    shutil.copytree(copied, tmp_path / "nested")
    shutil.copytree(tmp_path / "nested", copied / "fold_2")
    nested = hashlib.sha256((copied / "fold_2" / "model.json").read_bytes()).hexdigest()
    models = json.loads((copied / "model.json").read_text())["models"]
    edit(copied, models=[*models[:2], models[2] | {"sha256": nested}])
    with pytest.raises(ModelFormatError, match="not a hepml model"):
        hepml.load(copied)


def test_bundles_of_different_models_make_no_model(trained, copied):
    other = hepml.classifiers.get("xgboost")(n_estimators=2, n_jobs=1)
    label = trained.data.label == 1
    other.fit(trained.X, label).save(copied / "fold_2", FEATURES, {"fold": fold_context(FOLDS, 2)}, overwrite=True)
    arguments = {"identity": trained.identity.names, "seen": trained.model.seen}
    with pytest.raises(ModelFormatError, match="fold_2 has another kind"):
        save_folds(copied, FOLDS, **arguments)
    with pytest.raises(ModelFormatError, match="fold_0 was trained as fold"):
        save_folds(copied, Folds(3, seed=8), **arguments)
    with pytest.raises(ModelFormatError, match="fold_3"):
        save_folds(copied, Folds(4, seed=7), **arguments)
    with pytest.raises(IdentityError, match="`identity:`"):
        save_folds(copied, FOLDS, identity=FALLBACK_NAMES, seen=trained.model.seen)
