"""Optuna remembers in PostgreSQL what it remembers in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.arguments import parser
from search.engines.optuna import OptunaEngine
from search.engines.remembered import told
from search.engines.storage import STORAGE, open_storage
from spaces.studies import STUDIES
from tests.servers import Database, free_port
from tracking.cli import TRACKING_URI, UserError

PLAN = STUDIES["lstm_dropout"]


def search(place: Path | str, n: int) -> list[dict[str, object]]:
    """Ask for n trials and tell each, in a session of its own."""
    engine = OptunaEngine(place, "s", "owner", PLAN, seed=3, sampler="tpe", pruner="median")
    proposed = []
    for _ in range(n):
        asked = engine.ask()
        proposed.append(dict(asked.params))
        engine.tell(asked.number, "complete", 0.8 + asked.number / 100, void=False)
    return proposed


def test_a_search_in_postgresql_is_the_search_in_a_file(
    postgresql: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postgresql.create()
    monkeypatch.setenv(STORAGE, address)
    there = search(address, 4) + search(address, 3)
    assert there == search(tmp_path / "optuna.db", 7)
    remembered = told(tmp_path, "optuna", "owner")
    assert [remembered[number].value for number in range(7)] == [0.8 + n / 100 for n in range(7)]


def test_connections_that_were_cut_while_idle_are_made_anew(postgresql: Database) -> None:
    engine = OptunaEngine(
        postgresql.create(), "s", "owner", PLAN, seed=3, sampler="tpe", pruner="median"
    )
    for _ in range(3):
        asked = engine.ask()
        postgresql.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname LIKE 'records%'"
        )
        engine.tell(asked.number, "complete", 0.8, void=False)
    assert engine.n_finished() == 3


def test_a_database_that_does_not_answer_is_said_without_the_password() -> None:
    address = f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/optuna"
    with pytest.raises(UserError, match="no database answers there") as error:
        open_storage(address)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_mlflow_and_optuna_do_not_share_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    address = "postgresql+psycopg://me:secret@127.0.0.1/both"
    monkeypatch.setenv(TRACKING_URI, address)
    with pytest.raises(UserError, match="cannot share a database") as error:
        open_storage(address)
    assert "secret" not in str(error.value)


def test_what_is_no_postgresql_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parser().parse_args(["--study", "lstm", "--storage", "mysql://me:secret@host/db"])
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert "must begin with postgresql+psycopg:// and name a host, but got 'mysql'" in said
    assert "secret" not in said
