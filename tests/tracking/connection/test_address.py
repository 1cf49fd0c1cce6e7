"""Records in PostgreSQL or with an MLflow server are the same records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.builders import (
    build_plan,
    build_simple_baseline,
    build_study,
    build_trial,
    open_study,
    write_trial,
)
from tests.programs import call
from tests.servers import Database, free_port, start_mlflow
from tracking import store
from tracking.commandline.errors import UserError
from tracking.commandline.parser import Parser
from tracking.commandline.paths import TRACKING_URI


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_mlflow(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture(params=["server", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address that holds no records yet, of each kind."""
    found = request.getfixturevalue(request.param)
    address = found.create() if isinstance(found, Database) else found
    monkeypatch.setenv(TRACKING_URI, address)
    return str(address)


def test_what_is_written_elsewhere_is_read_back_and_the_folder_has_no_database(
    elsewhere: str, tmp_path: Path
) -> None:
    root = tmp_path / "mlruns"
    study = build_study(
        build_trial(0, model=True),
        build_trial(1, state="pruned", reason="below its peers", score=None),
        build_trial(2, 0.9, params={"lstm.units": 1, "odd": "x" * 10_000}),
    )
    records = store.open_study(root, study.plan, fresh=False)
    records.begin()
    records.write_simple_baseline(build_simple_baseline("majority", 0.5))
    models = [b"weights 0", None, b"weights 2"]
    runs = [
        write_trial(records, trial, model)
        for trial, model in zip(study.trials, models, strict=True)
    ]
    records.update_summary()
    records.drop_models(keep_models=1)
    records.end(finished=True)

    found = store.read_study(root, "lstm")
    expected = [
        replace(
            trial,
            run_id=run,
            seconds=read.seconds,
            ended=read.ended,
            model=trial.number == 2,
        )
        for trial, run, read in zip(study.trials, runs, found.trials, strict=True)
    ]
    assert list(found.trials) == expected
    assert [simple_baseline.name for simple_baseline in found.simple_baselines] == ["majority"]
    assert found.plan == study.plan
    assert store.model_file(root, found.trials[2]).read_bytes() == b"weights 2"
    assert not (root / "mlflow.db").exists()
    kept = MlflowClient(elsewhere).search_logged_models([store.ids(root, "lstm")[0]])
    assert [model.source_run_id for model in kept] == [runs[2]]


def test_a_study_goes_on_where_it_is(elsewhere: str, tmp_path: Path) -> None:
    plan = build_plan(study="again")
    first = store.open_study(tmp_path / "one", plan, fresh=False)
    write_trial(first, build_trial(0))
    first.end(finished=False)
    if elsewhere.startswith("http"):  # the files are with the server: any folder will do
        second = store.open_study(tmp_path / "two", plan, fresh=False)
        second.begin()
        assert [trial.number for trial in second.history] == [0]
    else:
        with pytest.raises(UserError, match="moved or copied"):
            store.open_study(tmp_path / "two", plan, fresh=False)


def test_no_password_reaches_what_is_recorded(
    postgresql: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postgresql.create()
    monkeypatch.setattr(
        sys, "orig_argv", ["python", "-m", "search.run", "--tracking-uri", address]
    )
    monkeypatch.setenv(TRACKING_URI, address)
    records = open_study(tmp_path)
    write_trial(
        records, build_trial(0, state="failed", score=None, reason=f"lost {address}"), b"x"
    )
    records.end(finished=True)

    dumped = postgresql.program(
        "pg_dump",
        "-h",
        "127.0.0.1",
        "-p",
        str(postgresql.port),
        "-U",
        "tester",
        address.rpartition("/")[2],
    )
    assert "search.run --tracking-uri" in dumped
    assert postgresql.password not in dumped
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if postgresql.password.encode() in file.read_bytes()]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:{port}", "no MLflow server answers there: ConnectionError"),
        ("postgresql+psycopg://me:secret@127.0.0.1:{port}/records", "no database answers there: "),
    ],
)
def test_where_nobody_answers_that_is_said_in_one_line_without_the_password(
    tmp_path: Path, address: str, said: str
) -> None:
    done = call(tmp_path, "search.doctor", "--tracking-uri", address.format(port=free_port()))
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    "address", ["ftp://host", "mlruns", "http://", "postgresql://me:secret@host/db"]
)
def test_an_address_of_no_known_kind_is_refused(
    address: str,
) -> None:
    with pytest.raises(UserError) as refusal:
        Parser("search.run", None).parse_args(["--tracking-uri", address])
    said = str(refusal.value)
    assert "must begin with http://, https:// or postgresql+psycopg://" in said
    assert "secret" not in said


def test_a_database_whose_package_is_missing_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'seqsearch\[postgresql\]'"):
        Parser("search.run", None).parse_args(["--tracking-uri", "postgresql+psycopg://h/d"])
