"""Weights scaled to a luminosity by the generated events of exactly the files that are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uproot

from hepml.data import Feature
from hepml.errors import FileUnreadableError, HepmlError, TreeNotFoundError, WeightError
from hepml.readers import Normalise, SampleRequest, TreeLocation, expand_files, read_samples, reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hepml.data import Dataset

HIGGS = Path(__file__).parents[2] / "data" / "higgs_tautau"
FEATURES = [Feature("x")]


def make_file(path: Path, n: int, *, first: int = 0, sumw: float = 100.0, xsec: float = 2.0) -> Path:
    rng = np.random.default_rng(first + 1)
    with uproot.recreate(path) as file:
        tree = file.mktree("events", {"event": "i8", "x": "f4", "w": "f8"})
        half = n // 2
        for start, stop in ((0, half), (half, n)):
            tree.extend(
                {
                    "event": np.arange(first + start, first + stop),
                    "x": rng.normal(size=stop - start).astype(np.float32),
                    "w": rng.normal(1, 0.3, stop - start),
                }
            )
        # two entries, as after merging two jobs
        file["Runs"] = {"sumw": np.array([0.25, 0.75]) * sumw, "xsec": np.full(2, xsec)}
        file["counts"] = np.histogram([0.5] * 3 + [1.5] * int(sumw), bins=2, range=(0, 2))
    return path


def sample(files: Sequence[Path], **options: Any) -> Dataset:
    options = {"normalise": Normalise(xsec=2.0, lumi=3.0, sumw="Runs:sumw")} | options
    locations = [
        location if isinstance(location, TreeLocation) else TreeLocation(str(location), "events") for location in files
    ]
    request = SampleRequest("s", "signal", locations, weight="w", **options)
    return read_samples([request], features=FEATURES)


def raw(path: Path) -> Any:
    with uproot.open(path) as file:
        return file["events"]["w"].array(library="np")


@pytest.mark.parametrize("name", ["ggH", "VBFH", "Ztautau", "ttbar", "Wjets"])
def test_the_sample_s_own_weight_is_reproduced(name: str) -> None:
    request = SampleRequest(
        name,
        "signal",
        expand_files(HIGGS / f"{name}.root", "events"),
        weight="gen_weight*reco_weight",
        normalise=Normalise(xsec="Runs:xsec_pb", lumi="Runs:lumi_fb", sumw="Runs:genEventSumw"),
    )
    dataset = read_samples([request], features=[Feature("met")], spectators=[Feature("weight")], selection="met > 20")
    np.testing.assert_allclose(dataset.weight, dataset.spectators["weight"], rtol=1e-6)
    with uproot.open(f"{HIGGS}/{name}.root:Runs") as runs:
        facts = {key: float(value[0]) for key, value in runs.arrays(library="np").items()}
    generated, entries, selected = dataset.samples[0].cutflow.steps
    assert (generated.cut, generated.n_events) == ("generated", None)
    assert generated.sum_weights == pytest.approx(facts["xsec_pb"] * 1000 * facts["lumi_fb"])
    assert entries.sum_weights == dataset.samples[0].sum_weights
    assert selected.sum_weights == pytest.approx(dataset.weight.sum())


@pytest.mark.parametrize("sumw", ["Runs:sumw", "Runs:sumw*1", "counts[2]", 400.0])
def test_the_sum_is_over_the_files_that_are_read(tmp_path: Path, sumw: float | str) -> None:
    files = [make_file(tmp_path / "a.root", 40), make_file(tmp_path / "b.root", 60, first=40, sumw=300.0)]
    dataset = sample(files, normalise=Normalise(xsec="Runs:xsec", lumi=3.0, sumw=sumw))
    expected = np.concatenate(list(map(raw, files))) * (2.0 * 1000 * 3.0 / 400)
    np.testing.assert_allclose(dataset.weight, expected)
    assert dataset.samples[0].cutflow.steps[0].sum_weights == pytest.approx(6000)


def test_two_trees_of_a_file_share_its_generated_events(tmp_path: Path) -> None:
    path = make_file(tmp_path / "a.root", 40)
    with uproot.update(path) as file:
        file.mktree("others", {"event": "i8", "x": "f4", "w": "f8"}).extend(
            {"event": np.arange(100, 110), "x": np.ones(10, dtype=np.float32), "w": np.ones(10)}
        )
    dataset = sample([TreeLocation(str(path), "events"), TreeLocation(str(path), "others")])
    np.testing.assert_allclose(dataset.weight, np.append(raw(path), np.ones(10)) * 60)


@pytest.mark.parametrize("chunk", [100, 32_000_000])
def test_fewer_events_stand_for_fewer_generated_ones(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_CHUNK_BYTES", chunk)
    files = [make_file(tmp_path / "a.root", 40), make_file(tmp_path / "b.root", 60, first=40, sumw=300.0)]
    dataset = sample(files, max_events=55)
    assert len(dataset) == dataset.samples[0].n_entries == 55
    # all of the first file, a quarter of the second
    expected = np.concatenate([raw(files[0]), raw(files[1])[:15]]) * 6000 / (100 + 0.25 * 300)
    np.testing.assert_allclose(dataset.weight, expected)
    first = sample(files, max_events=10)
    assert first.samples[0].files == (f"{files[0]}:events",)
    np.testing.assert_allclose(first.weight, raw(files[0])[:10] * 6000 / 25)
    assert len(sample(files, max_events=1000)) == 100
    assert len(sample(files, normalise=None, max_events=7)) == 7


def damage_end_of_baskets(path: Path) -> None:
    """Overwrite compressed values in the middle of the file: it opens, and cannot be read to its end."""
    with uproot.open(path) as file:
        branch = file["events"]["w"]
        place, size = int(branch.member("fBasketSeek")[1]), int(branch.member("fBasketBytes")[1])
    content = bytearray(path.read_bytes())
    content[place : place + size] = bytes(size)
    path.write_bytes(bytes(content))


def test_skipped_files_count_in_neither_sum(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = [
        make_file(tmp_path / f"{name}.root", 40, first=40 * number, sumw=100.0 * (number + 1))
        for number, name in enumerate("abcd")
    ]
    damage_end_of_baskets(files[1])
    files[2].write_bytes(files[2].read_bytes()[:300])
    with pytest.raises(FileUnreadableError, match=r"[bc]\.root"):
        sample(files)
    dataset = sample(files, bad_files="skip")
    good = np.concatenate([raw(files[0]), raw(files[3])])
    np.testing.assert_allclose(dataset.weight, good * 6000 / 500)
    np.testing.assert_array_equal(dataset.identity.columns[0], np.r_[0:40, 120:160])
    info = dataset.samples[0]
    assert info.files == (f"{files[0]}:events", f"{files[3]}:events")
    assert (info.n_entries, info.cutflow.steps[1].n_events) == (80, 80)
    lost, damaged = info.skipped
    assert (lost.file, lost.n_entries, lost.sum_generated) == (f"{files[2]}:events", None, None)
    assert (damaged.file, damaged.n_entries, damaged.sum_generated) == (f"{files[1]}:events", 40, 200.0)
    assert "b.root" in damaged.reason
    assert len([record for record in caplog.records if "is skipped" in record.message]) == 2


def test_some_file_must_be_good(tmp_path: Path) -> None:
    bad = [make_file(tmp_path / "a.root", 40), make_file(tmp_path / "b.root", 40)]
    for path in bad:
        damage_end_of_baskets(path)
    with pytest.raises(FileUnreadableError, match="none of its files can be read"):
        sample(bad, bad_files="skip")
    for path in bad:
        path.write_bytes(b"")
    with pytest.raises(FileUnreadableError, match="none of its 2 files can be read"):
        sample(bad, bad_files="skip")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sumw": "Runs:nothing"}, HepmlError, "no branch 'nothing'"),
        ({"sumw": "Rums:sumw"}, TreeNotFoundError, "did you mean 'Runs'"),
        ({"sumw": "count[2]"}, TreeNotFoundError, r"no histogram 'count' in .*did you mean 'counts'"),
        ({"sumw": "counts[9]"}, FileUnreadableError, "no bin 9"),
        ({"sumw": "counts[0]"}, WeightError, r"counts\[0\]\) sum to 0; the sum must be positive"),
        ({"xsec": "Runs:sumw"}, WeightError, "values from 25 to 75"),
        ({"sumw": "Runs:log(-sumw)/0"}, HepmlError, "Runs:log"),
        ({"xsec": "Runs:xsec*0"}, WeightError, "xsec is 0; it must be positive"),
    ],
)
def test_what_cannot_be_normalised_is_refused(
    tmp_path: Path, change: dict[str, Any], error: type[HepmlError], message: str
) -> None:
    options = {"xsec": 2.0, "lumi": 3.0, "sumw": "Runs:sumw"} | change
    with pytest.raises(error, match=message):
        sample([make_file(tmp_path / "a.root", 10)], normalise=Normalise(**options))


def test_files_must_agree_on_the_cross_section(tmp_path: Path) -> None:
    files = [make_file(tmp_path / "a.root", 10), make_file(tmp_path / "b.root", 10, xsec=4.0)]
    with pytest.raises(WeightError, match=r"xsec is 2 in .*a\.root, but 4 in .*b\.root: make them two samples"):
        sample(files, normalise=Normalise(xsec="Runs:xsec", lumi=3.0, sumw="Runs:sumw"))
