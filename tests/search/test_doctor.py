"""The doctor holds both stores against each other, on real files of both."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from filelock import FileLock

from search import doctor
from search.engines.optuna import OptunaEngine
from search.lock import alone
from spaces.studies import STUDIES
from tests.builders import (
    build_data,
    build_look,
    build_plan,
    build_study,
    build_trial,
    place_database,
    write_study,
    write_trial,
)
from tracking import cli, store

PLAN = STUDIES["lstm"]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = place_database(tmp_path / "mlruns")
    monkeypatch.setenv("SEQSEARCH_MLRUNS", str(root))
    return root


def examine(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["doctor.py", *words])
    with pytest.raises(SystemExit) as end:
        cli.run(doctor.main)
    assert isinstance(end.value.code, int)
    return end.value.code


def open_engine(root: Path, owner: str) -> OptunaEngine:
    database = root / "optuna.db"
    return OptunaEngine(database, "lstm", owner, PLAN, seed=7, sampler="tpe", pruner="median")


def test_what_is_in_one_store_only_is_listed_and_the_exit_code_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = store.open_study(root, build_plan(), fresh=False)
    engine = open_engine(root, records.parent)
    asked = engine.ask()
    same = {"params": dict(asked.params), "seed": asked.seed, "origin": asked.origin}
    trial = build_trial(asked.number, 0.8, 1 / 3 + 0.5, **same)
    write_trial(records, trial)
    engine.tell(asked.number, "complete", 1 / 3 + 0.5, void=False)
    records.end(finished=True)

    assert examine(monkeypatch) == 0
    assert capsys.readouterr().out == "MLflow and the search engines agree.\n"

    engine.ask()
    assert examine(monkeypatch, "--study", "lstm") == 1
    assert capsys.readouterr().out == "lstm: trial 1 is in Optuna and not in MLflow\n"


def test_a_study_under_way_may_have_one_running_trial(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = store.open_study(root, build_plan(), fresh=False)
    asked = open_engine(root, records.parent).ask()
    same = {"params": dict(asked.params), "seed": asked.seed, "origin": asked.origin}
    write_trial(records, build_trial(asked.number, state="running", **same))

    with FileLock(root / "lstm.lock"):
        assert examine(monkeypatch) == 0
    assert examine(monkeypatch) == 1


def test_without_a_study_there_is_nothing_to_examine(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert examine(monkeypatch) == 2
    assert "holds no study yet" in capsys.readouterr().err
    store.open_study(root, build_plan(), fresh=False)
    assert examine(monkeypatch, "--study", "gru") == 2
    assert "unknown study 'gru'" in capsys.readouterr().err


def test_a_repair_is_refused_while_a_coordinator_is_at_work(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.open_study(root, build_plan(), fresh=False)
    with alone(root, "lstm"):
        assert examine(monkeypatch, "--repair", "--study", "lstm") == 2
    assert capsys.readouterr().err.startswith("error: study lstm is being run by process ")
    assert examine(monkeypatch, "--repair") == 2
    assert "--repair needs --study NAME" in capsys.readouterr().err


def test_a_torn_file_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = store.open_study(root, build_plan(), fresh=False)
    run_id = write_trial(records, build_trial(0), model=b"half of a model")
    records.end(finished=True)
    environment = next(root.rglob(f"{run_id}/artifacts/environment.json"))
    environment.write_text(environment.read_text()[:-10])
    assert examine(monkeypatch) == 1
    found = capsys.readouterr().out
    assert "lstm: trial 0: environment.json cannot be read\n" in found
    assert "lstm: trial 0: its model cannot be read\n" in found


def test_a_reproduction_is_not_skipped_without_a_word(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked = build_trial(0, score=None, look=build_look(0.87))
    write_study(root, build_study(looked, study="tutorials", plan="tutorials", space={}))
    says = "tutorials: it proposes nothing, so no engine knows it; its records were looked at.\n"
    assert examine(monkeypatch) == 0
    assert capsys.readouterr().out == f"{says}MLflow and the search engines agree.\n"
    environment = next(root.rglob("artifacts/environment.json"))
    environment.write_text("{")
    assert examine(monkeypatch) == 1
    assert capsys.readouterr().out == (
        f"{says}tutorials: trial 0: environment.json cannot be read\n"
    )


def test_a_repair_also_closes_what_killed_finals_left(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(root, build_study())
    finals = store.open_finals(root, "lstm")
    finals.open_repeat("control", "majority", 0, {}, seed=1, parent=None, data=build_data())
    assert examine(monkeypatch) == 1
    assert "repeat-0-of-majority is running, but nothing runs it" in capsys.readouterr().out
    assert examine(monkeypatch, "--repair", "--study", "lstm") == 0
    assert "lstm: repeat-0-of-majority was running, and is void\n" in capsys.readouterr().out
    assert examine(monkeypatch, "--repair", "--study", "lstm") == 0
    assert "lstm: there is nothing to repair\n" in capsys.readouterr().out
