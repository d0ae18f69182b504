"""Outputs that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from hepml.atomic import atomic_folder, atomic_path, refuse_existing, replace_folder, write_text
from hepml.errors import InvalidInputError, OutputError


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_appears_under_its_name_only_at_the_end(tmp_path: Path) -> None:
    final = tmp_path / "new" / "x.root"
    with atomic_path(final) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.suffix == ".root", "writers choose the format by the suffix"
        assert temporary.parent == final.parent
        assert not final.exists()
    assert final.read_bytes() == b"half"
    assert names(final.parent) == ["x.root"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    final = tmp_path / "x.txt"
    final.write_text("old")
    with pytest.raises(error), atomic_path(final) as temporary:  # noqa: PT012
        temporary.write_text("new")
        raise error
    assert final.read_text() == "old"
    assert names(tmp_path) == ["x.txt"]


def test_an_existing_file_is_replaced_only_if_allowed(tmp_path: Path) -> None:
    final = tmp_path / "x.txt"
    write_text(final, "one")
    write_text(final, "zwei: μ")
    assert final.read_text(encoding="utf-8") == "zwei: μ"
    with pytest.raises(OutputError, match=r"x\.txt exists already.*--overwrite"):
        write_text(final, "three", overwrite=False)
    with pytest.raises(OutputError, match="exists already"):
        refuse_existing(final, overwrite=False)
    refuse_existing(final, overwrite=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    # tests may run as root, to whom no permission is denied
    for final in (tmp_path / "file" / "deep" / "x.txt", Path("/proc/hepml/x.txt")):
        with pytest.raises(OutputError, match=f"cannot write {final}"):
            write_text(final, "x")
        with pytest.raises(OutputError, match=f"cannot write {final}"), atomic_folder(final):
            pytest.fail("the block must not start")
    with pytest.raises(OutputError, match=r"cannot write /proc/x\.txt"):
        write_text("/proc/x.txt", "x")
    with pytest.raises(OutputError, match="cannot write /proc/x"), atomic_folder("/proc/x"):
        pytest.fail("the block must not start")


@pytest.mark.parametrize("name", ["", "/", "a/.."])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(OutputError), atomic_path(name, overwrite=True):
        pytest.fail("the block must not start")


def test_a_folder_in_the_way_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(OutputError, match="cannot write"):
        write_text(tmp_path / "x", "text")
    assert names(tmp_path) == ["x"]


def test_a_full_disk_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No space left"), atomic_path(tmp_path / "x") as temporary:  # noqa: PT012
        temporary.write_text("x")
        # the operating system names no file here
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(OutputError, match="No space left"), atomic_folder(tmp_path / "y"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_a_limit_of_the_file_size_is_an_output_error(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OutputError, match="File too large"):
            write_text(tmp_path / "x", "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []


def test_errors_of_other_files_and_our_own_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, atomic_path(tmp_path / "x"):
        (tmp_path / "input").read_text()
    assert not isinstance(caught.value, OutputError)
    with pytest.raises(InvalidInputError), atomic_path(tmp_path / "x"):
        raise InvalidInputError
    with pytest.raises(OutputError, match="cannot write"), atomic_folder(tmp_path / "y") as folder:
        (folder / "missing" / "deep").write_text("x")
    assert names(tmp_path) == []


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"), atomic_path(tmp_path / "x"):
        pass


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    final = tmp_path / "run"
    with atomic_folder(final) as folder:
        (folder / "old").write_text("1")
        assert not final.exists()
    with pytest.raises(OutputError, match="exists already"), atomic_folder(final):
        pytest.fail("the block must not start")
    with pytest.raises(ValueError, match="stop"), atomic_folder(final, overwrite=True) as folder:  # noqa: PT012
        (folder / "new").write_text("2")
        raise ValueError("stop")  # noqa: EM101
    assert names(final) == ["old"]
    with atomic_folder(final, overwrite=True) as folder:
        (folder / "new").write_text("2")
        assert names(final) == ["old"], "it stays as it is until the new one is complete"
    assert names(final) == ["new"]
    assert names(tmp_path) == ["run"]


def test_a_folder_may_replace_a_file_or_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "precious").write_text("1")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "file").write_text("x")
    for name in ("link", "file"):
        source = tmp_path / "source"
        source.mkdir()
        replace_folder(source, tmp_path / name)
        assert (tmp_path / name).is_dir()
        assert not (tmp_path / name).is_symlink()
    assert names(target) == ["precious"], "what a link points to is not ours"
    assert names(tmp_path) == ["file", "link", "target"]


def test_a_rename_that_fails_brings_the_old_folder_back(tmp_path: Path) -> None:
    final = tmp_path / "run"
    final.mkdir()
    (final / "old").write_text("1")
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "not there", final)
    assert names(final) == ["old"]


def test_a_killed_process_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys, time
        from hepml.atomic import atomic_path
        with atomic_path(sys.argv[1]) as path:
            path.write_text("half")
            print("writing", flush=True)
            time.sleep(60)
    """)
    final = tmp_path / "x.txt"
    with subprocess.Popen([sys.executable, "-c", program, str(final)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
    assert not final.exists()
    left = names(tmp_path)
    assert len(left) == 1
    assert left[0].startswith(".x.")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(final)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    assert names(tmp_path) == left, "an interrupt cleans up"


def test_interrupt_between_the_renames_puts_the_old_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final, new = tmp_path / "run", tmp_path / "new"
    for folder, text in ((final, "old"), (new, "new")):
        folder.mkdir()
        (folder / "a.txt").write_text(text)
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if self == new:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replace_folder(new, final)
    assert (final / "a.txt").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "run"]
