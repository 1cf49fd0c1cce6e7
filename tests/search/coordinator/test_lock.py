"""One process at a time works on a study, and the second is told who the first is."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from search.coordinator.lock import Taken, alone
from tests.servers import Database, free_port
from tracking.commandline.errors import UserError
from tracking.commandline.paths import TRACKING_URI
from tracking.connection.advisory import AdvisoryLock

WHO = rf"process {os.getpid()} of .+@.+, since 20.+"


def test_the_second_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with alone(tmp_path, "lstm"), alone(tmp_path, "cnn"):
        said = rf"^study lstm is being run by {WHO}\.$"
        with pytest.raises(Taken, match=said), alone(tmp_path, "lstm"):
            pass
    with alone(tmp_path, "lstm"):
        pass
    assert not list(tmp_path.glob("*.holder"))


def test_an_unreadable_note_of_the_first_refuses_all_the_same(tmp_path: Path) -> None:
    with alone(tmp_path, "lstm"):
        (tmp_path / "lstm.holder").write_text("{half")
        with pytest.raises(UserError, match="another process"), alone(tmp_path, "lstm"):
            pass


def test_who_has_it_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    order: list[str] = []
    has_it = threading.Event()

    def hold() -> None:
        with alone(tmp_path, "lstm", briefly=True):
            has_it.set()
            time.sleep(0.5)
            order.append("first")

    first = threading.Thread(target=hold)
    first.start()
    has_it.wait()
    with alone(tmp_path, "lstm"):
        order.append("second")
    first.join()
    assert order == ["first", "second"]


@pytest.fixture
def shared(postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with the records."""
    uri = postgresql.create()
    monkeypatch.setenv(TRACKING_URI, uri)
    return uri


def test_a_second_machine_with_the_same_database_is_refused_and_told_who_the_first_is(
    shared: str, tmp_path: Path
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    with alone(here, "lstm"), alone(there, "cnn"):
        said = rf"^study lstm is being run by {WHO}\.$"
        with pytest.raises(UserError, match=said), alone(there, "lstm"):
            pass
        with pytest.raises(UserError, match=said), alone(there, "lstm"):
            pass  # who was refused has left nothing behind
    with alone(there, "lstm"):
        pass


def test_schemas_of_one_database_are_no_neighbours(
    postgresql: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = postgresql.create()
    postgresql.program(
        "psql", *postgresql.client, "-d", uri.rpartition("/")[2], "-c", "CREATE SCHEMA b"
    )
    (tmp_path / "other").mkdir()
    monkeypatch.setenv(TRACKING_URI, uri)
    with alone(tmp_path, "lstm"):
        monkeypatch.setenv(TRACKING_URI, f"{uri}?options=-csearch_path%3Db")
        with alone(tmp_path / "other", "lstm"):
            pass


def test_a_lock_whose_connection_was_cut_is_taken_again(
    shared: str, postgresql: Database, tmp_path: Path
) -> None:
    with alone(tmp_path, "lstm") as hold:
        hold.keep()
        postgresql.cut()
        hold.keep()
        (tmp_path / "there").mkdir()
        with pytest.raises(UserError, match=WHO), alone(tmp_path / "there", "lstm"):
            pass


def test_a_study_that_was_taken_over_meanwhile_is_not_written_any_more(
    shared: str, postgresql: Database, tmp_path: Path
) -> None:
    with alone(tmp_path, "lstm") as hold:
        postgresql.cut()
        other = AdvisoryLock(shared, "study lstm", "process 1 of you@there")
        assert other.keep() is None
        said = r"^study lstm was taken over by process 1 of you@there, since 20.+It writes nothing"
        for _ in range(2):
            with pytest.raises(UserError, match=said):
                hold.keep()
        other.release()


def test_our_own_lost_connection_is_not_somebody_else(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the network goes: the server holds on to a connection that we have given up."""
    uri = postgresql.create()
    lock = AdvisoryLock(uri, "study lstm", "process 1 of me@here")
    assert lock.keep() is None
    lost, lock._connection = lock._connection, None
    assert lock.keep() is None
    assert AdvisoryLock(uri, "study lstm", "process 1 of me@here").keep() is not None
    lock.release()
    del lost


def test_a_database_that_does_not_answer_is_said_in_one_line_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        TRACKING_URI, f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/optuna"
    )
    said = "no database answers there"
    with pytest.raises(UserError, match=said) as error, alone(tmp_path, "lstm"):
        pass
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)
