"""The bar of long readings: there for people, and for nobody else."""

import io
import sys

import pytest

from cxkit.text import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(progress, "SHOWN_FROM", 0)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.delenv("CXKIT_BATCH", raising=False)


def drawn(monkeypatch, screen: io.StringIO) -> str:
    monkeypatch.setattr(sys, "stderr", screen)
    assert list(progress.shown(iter("abc"), 3, "judging the tone")) == ["a", "b", "c"]
    return screen.getvalue()


def test_a_terminal_shows_how_far_it_is(monkeypatch):
    assert "0 of 3  judging the tone" in drawn(monkeypatch, Terminal())


def test_a_file_and_a_batch_show_nothing(monkeypatch):
    assert drawn(monkeypatch, io.StringIO()) == ""
    monkeypatch.setenv("CXKIT_BATCH", "1")
    assert drawn(monkeypatch, Terminal()) == ""
