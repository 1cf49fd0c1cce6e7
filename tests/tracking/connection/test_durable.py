"""What waits for the disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.builders import build_trial, open_study, place_database, write_trial
from tracking.connection.client import PatientClient
from tracking.connection.durable import sync_files, unsynced, write, written

_NORMAL, _FULL = 1, 2  # as SQLite counts them


def test_all_commits_wait_for_the_disk_but_those_that_need_not(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")

    def level() -> int:
        with engine.connect() as connection:
            return int(connection.execute(text("PRAGMA synchronous")).scalar_one())

    assert level() == _FULL
    with unsynced():
        assert level() == _NORMAL
        with unsynced():
            assert level() == _NORMAL
        assert level() == _NORMAL
    assert level() == _FULL
    engine.dispose()


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files in the order in which they were taken to the disk."""
    found: list[str] = []

    def note(descriptor: int) -> None:
        found.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)

    monkeypatch.setattr(os, "fsync", note)
    return found


def test_a_file_waits_for_the_disk_or_for_others(tmp_path: Path, synced: list[str]) -> None:
    write(tmp_path / "new" / "a", b"a")
    assert synced == ["a"]
    with unsynced():
        write(tmp_path / "b", b"b")
        write(tmp_path / "c", b"c")
        write(tmp_path / "gone", b"d")
    (tmp_path / "gone").unlink()
    assert synced == ["a"]
    assert (tmp_path / "b").read_bytes() == b"b"
    sync_files()
    assert sorted(synced) == ["a", "b", "c"]
    sync_files()
    assert sorted(synced) == ["a", "b", "c"]


def test_what_others_wrote_into_a_folder_waits_as_ours_does(
    tmp_path: Path, synced: list[str]
) -> None:
    (tmp_path / "within").mkdir()
    (tmp_path / "within" / "a").write_bytes(b"a")
    with unsynced():
        written(tmp_path)
    assert synced == []
    sync_files()
    assert synced == ["a"]
    written(tmp_path)
    assert synced == ["a", "a"]


def test_the_files_of_a_trial_are_on_the_disk_before_it_is_recorded_that_it_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: list[str]
) -> None:
    before: list[set[str]] = []
    log_batch = PatientClient.log_batch

    def spy(client: PatientClient, run_id: str, *args: Any, **kwargs: Any) -> None:
        if any(tag.key == "trial.state" for tag in kwargs.get("tags", ())):
            before.append(set(synced))
        log_batch(client, run_id, *args, **kwargs)

    monkeypatch.setattr(PatientClient, "log_batch", spy)
    records = open_study(place_database(tmp_path / "mlruns"))
    write_trial(records, build_trial(0, 0.7, 0.8), model=b"weights")
    files = {"environment.json", "curves.csv", "confusion.json", "mistakes.json"}
    model = {"MLmodel", "model.keras", "classes.json"}
    assert len(before) == 1
    assert files | model <= before[0]
