"""A disk that fails or is full: the store is as it was, one message says so, the next one works."""

import errno
import os
import shutil
import subprocess
import sys

import pytest
from faults.helping import leftovers, prepare, state, take_in, write

from cxkit import store
from cxkit.errors import NotWritten
from cxkit.imports import undo

THOROUGH = os.environ.get("CXKIT_THOROUGH") == "1"
CALLS = ("fsync", "replace", "unlink")


class Failing:
    """Stands before the functions of `os`; the nth call of all of them fails, as a disk does."""

    def __init__(self, monkeypatch, number):
        self.seen = 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._before(getattr(os, name), number))

    def _before(self, real, number):
        def called(*arguments, **named):
            self.seen += 1
            if self.seen == number:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(*arguments, **named)

        return called


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """A store with one import and what a second one makes of it; how many calls that takes."""
    folder = tmp_path_factory.mktemp("states")
    home = prepare(folder / "store")
    take_in(write(folder / "first", ["shop_1.csv"]), home)
    before = state(home)
    shutil.copytree(home, folder / "old")
    with pytest.MonkeyPatch.context() as patch:
        counted = Failing(patch, 0)
        take_in(write(folder / "second", ["shop_1.csv", "crm_1.csv"]), home)
    return folder, before, state(home), counted.seen


@pytest.mark.parametrize("number", range(1, 30, 1 if THOROUGH else 3))
def test_a_call_that_fails_leaves_the_old_state_or_the_new(tmp_path, states, monkeypatch, number):
    folder, before, after, calls = states
    assert 10 < calls < 30
    home, inbox = tmp_path / "store", folder / "second"
    shutil.copytree(folder / "old", home)
    told = ""
    with monkeypatch.context() as patch:
        Failing(patch, number)
        try:
            take_in(inbox, home)
        except NotWritten as problem:
            told = str(problem)
    if told:
        assert told == (
            "The store 'store' could not be written: Input/output error. "
            "It is as it was: make room, or mend its folder's rights, and run again."
        )
        assert state(home) == before
    else:
        assert state(home) == after
    take_in(inbox, home)
    assert state(home) == after
    assert leftovers(home) == []


def test_an_undo_that_fails_changes_nothing(tmp_path, monkeypatch):
    home = prepare(tmp_path / "store")
    take_in(write(tmp_path / "first", ["shop_1.csv"]), home)
    take_in(write(tmp_path / "second", ["crm_1.csv"]), home)
    before = state(home)
    with monkeypatch.context() as patch:
        Failing(patch, 1)
        with pytest.raises(NotWritten):
            undo(home)
    assert state(home) == before


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own, too small for an import; only root may mount one."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a disk of its own")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine mounts no disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=False)


@pytest.mark.parametrize("room", [10_000, 300_000, 2_000_000, 4_000_000])
def test_a_full_disk_changes_nothing_and_says_so(tmp_path, small_disk, room):
    home = prepare(small_disk / "store")
    take_in(write(tmp_path / "first", ["shop_1.csv"]), home)
    before = state(home)
    inbox = write(tmp_path / "second", ["shop_1.csv", "crm_1.csv"])
    lines = "".join(f"u{n},2024-01-05 08:{n % 60:02}:00,visited {n}\n" for n in range(150_000))
    (inbox / "log.csv").write_text("user,at,event\n" + lines)
    filled = os.statvfs(small_disk)
    (small_disk / "others").write_bytes(b"x" * (filled.f_bavail * filled.f_frsize - room))
    with pytest.raises(NotWritten) as problem:
        take_in(inbox, home)
    assert str(problem.value) == (
        "The store 'store' could not be written: No space left on device. "
        "It is as it was: make room, or mend its folder's rights, and run again."
    )
    assert state(home) == before
    assert leftovers(home) == []
    (small_disk / "others").unlink()
    (inbox / "log.csv").unlink()
    take_in(inbox, home)
    assert state(home) != before


def test_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "store").write_text("a file where the folder should be")
    with pytest.raises(NotWritten) as problem, store.draft(tmp_path / "store"):
        pass
    assert str(problem.value) == (
        "The store 'store' could not be written: File exists. "
        "It is as it was: make room, or mend its folder's rights, and run again."
    )
