"""The doctor says what is wrong with the records, and puts right what a kill left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from filelock import FileLock

from search import doctor
from search.coordinator.lock import alone
from tests.builders import (
    build_data,
    build_evaluation,
    build_plan,
    build_study,
    build_trial,
    client_of,
    place_database,
    write_study,
    write_trial,
)
from tracking import cli, store


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


def test_what_is_wrong_is_listed_and_the_exit_code_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(root, build_study(build_trial(0), build_trial(1, 0.8, state="interrupted")))
    assert examine(monkeypatch) == 0
    assert capsys.readouterr().out == (
        "lstm: trial 1 was interrupted after epoch 1; a start whose budget has room for it "
        "continues it\n"
        "the records are whole.\n"
    )
    client_of(root).delete_run(store.read_study(root, "lstm").trials[0].run_id)
    assert examine(monkeypatch, "--study", "lstm") == 1
    assert capsys.readouterr().out.startswith("lstm: the best trial is None, but MLflow names 0\n")


def test_a_study_under_way_may_have_running_trials(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = store.open_study(root, build_plan(), fresh=False)
    write_trial(records, build_trial(0, state="running"))

    with FileLock(root / "lstm.lock"):
        assert examine(monkeypatch) == 0
    assert examine(monkeypatch) == 1
    assert examine(monkeypatch, "--repair", "--study", "lstm") == 0


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


def test_a_reproduction_is_examined_too(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked = build_trial(0, score=None, evaluation=build_evaluation(0.87))
    write_study(root, build_study(looked, study="tutorials", plan="tutorials", space={}))
    assert examine(monkeypatch) == 0
    environment = next(root.rglob("artifacts/environment.json"))
    environment.write_text("{")
    capsys.readouterr()
    assert examine(monkeypatch) == 1
    assert capsys.readouterr().out == "tutorials: trial 0: environment.json cannot be read\n"


def test_a_repair_also_closes_what_killed_final_evaluations_left(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(root, build_study())
    final_ranking = store.open_evaluation(root, "lstm")
    final_ranking.open_rerun(
        "simple baseline", "majority", 0, {}, seed=1, parent=None, data=build_data()
    )
    assert examine(monkeypatch) == 1
    assert "rerun-0-of-majority is running, but nothing runs it" in capsys.readouterr().out
    assert examine(monkeypatch, "--repair", "--study", "lstm") == 0
    assert "lstm: rerun-0-of-majority was running, and is interrupted\n" in capsys.readouterr().out
    assert examine(monkeypatch, "--repair", "--study", "lstm") == 0
    assert "lstm: there is nothing to repair\n" in capsys.readouterr().out
