"""The journal of a search: what was written is read, what was torn is cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.engines.journal import Attempt, Ended, Journal, read_attempts

FIRST = Attempt(0, 0, "", "defaults", 5, {"a.b": 0.1 + 0.2, "c.d": True, "e.f": "x\u2028y"})
SECOND = Attempt(1, 1, "hyperband", "hyperband", 6, {"a.b": 1e-300}, {"tuner/epochs": 3})
EVENTS = [FIRST, Ended(0, "complete", 1 / 3, False), SECOND, Ended(1, "failed", None, True)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keras_tuner" / "s.jsonl"


def write(file: Path, owner: str = "1") -> Journal:
    journal = Journal(file, owner)
    for event in EVENTS:
        if isinstance(event, Attempt):
            journal.ask(event)
        else:
            journal.tell(event)
    journal.spend(12.5)
    return journal


def test_what_was_written_is_read_to_the_last_bit(file: Path) -> None:
    written, read = write(file), Journal(file, "1")
    assert read.events == written.events == EVENTS
    assert read.attempts == written.attempts == read_attempts(file, "1")
    assert (read.attempts[0].value, read.attempts[1].void, read.seconds) == (1 / 3, True, 12.5)


def test_whatever_a_kill_tore_is_cut_off_and_the_rest_stays(file: Path) -> None:
    write(file)
    content = file.read_bytes()
    for end in range(len(content)):
        file.write_bytes(content[:end])
        n_whole = content[:end].count(b"\n")
        assert len(read_attempts(file, "1")) == sum(n_whole > line for line in (1, 3))
        journal = Journal(file, "1")
        assert journal.events == EVENTS[: max(0, n_whole - 1)]
        journal.spend(1.0)
        assert Journal(file, "1").seconds == 1.0


def test_what_another_owner_left_is_put_aside_whole(file: Path) -> None:
    write(file, owner="1")
    assert Journal(file, "2").events == []
    assert read_attempts(file, "1") == {}
    assert len(read_attempts(file.with_name("s-of-1.jsonl"), "1")) == 2


def test_a_journal_in_memory_leaves_no_file(tmp_path: Path) -> None:
    journal = Journal(None, "1")
    journal.ask(FIRST)
    assert journal.attempts == {0: FIRST}
    assert list(tmp_path.iterdir()) == []
