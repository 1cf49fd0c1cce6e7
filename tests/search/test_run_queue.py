"""Queued trials and the audit of pruning through the programs themselves, on a finished study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.programs import call, copy_study
from tracking import store

STUDY = "lstm-parted-smoke"


@pytest.fixture
def home(smoke_home: Path, tmp_path: Path) -> Path:
    copy_study(smoke_home, tmp_path)
    (tmp_path / "parted.csv").write_bytes((smoke_home / "parted.csv").read_bytes())
    return tmp_path


def test_a_finished_study_tries_what_is_queued_next(home: Path) -> None:
    words = ("--study", "lstm", "--data", str(home / "parted.csv"), "--smoke")
    wanted = ("--enqueue", "lstm.units=9,text.maxlen=30")
    end = call(home, "search.run", *words, *wanted)
    assert end.returncode == 0, end.stderr
    assert "Queued and not tried yet: enqueued-1. A larger --trials or" in end.stdout
    end = call(home, "search.run", *words, "--trials", "3")  # it need not be typed again
    assert end.returncode == 0, end.stderr
    study = store.read_study(home / "mlruns", STUDY)
    last = study.trials[-1]
    assert (last.number, last.proposed_by, study.waiting) == (2, "enqueued-1", [])
    assert (last.params["lstm.units"], last.params["text.maxlen"]) == (9, 30)


def test_a_dry_run_names_what_a_study_would_start_from(home: Path) -> None:
    words = ("--study", "lstm_recurrent_dropout", "--data", str(home / "parted.csv"), "--smoke")
    end = call(home, "search.run", *words, "--start-from", f"{STUDY}:1", "--dry-run", "--json")
    assert end.returncode == 0, end.stderr
    best = store.read_study(home / "mlruns", STUDY).candidates[0].number
    assert json.loads(end.stdout)["initial_trials"][0] == f"from-{STUDY}-{best}"
    assert f"queued: trial {best} of {STUDY}, " in end.stderr
    assert list(store.studies(home / "mlruns")) == [STUDY]


def test_an_audit_needs_a_pruned_trial_and_nothing_of_a_final_evaluation(home: Path) -> None:
    for more, says in (
        ((), "has pruned no trial, so there is nothing to audit"),
        (("--seeds", "5"), "so --seeds means nothing to it"),
        (("--again",), "so --again means nothing to it"),
        (("--report", "a.md"), "so --report means nothing to it"),
    ):
        end = call(home, "search.evaluate", "--study", STUDY, "--audit-pruning", "2", *more)
        assert (end.returncode, end.stdout) == (2, "")
        assert says in end.stderr
        assert end.stderr.count("\n") == 1
