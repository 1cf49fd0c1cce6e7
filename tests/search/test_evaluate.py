"""The command line of final evaluations: what it refuses, and a whole run that is killed on its way."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pandas as pd
import pytest

from search import evaluate
from tests.builders import (
    build_data,
    build_plan,
    build_study,
    build_trial,
    place_database,
    write_study,
)
from tests.programs import Running, call, copy_study
from tracking import cli, store
from tracking.reporting.verdict import NOT_OFFICIAL

STUDY = "lstm-parted-smoke"


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    root = place_database(tmp_path / "mlruns")
    monkeypatch.setenv("SEQSEARCH_MLRUNS", str(root))
    return root


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> str:
    """Return the line that a mistake is answered with."""
    monkeypatch.setattr(sys, "argv", ["search.evaluate", *words])
    with pytest.raises(SystemExit) as end:
        cli.run(evaluate.main)
    assert end.value.code == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    return printed.err


def test_a_study_without_a_finished_trial_is_answered_in_a_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(root, build_study(build_trial(0, state="failed")))
    said = refused(monkeypatch, capsys, "--study", "lstm")
    assert "study lstm has no finished trial, so there is nothing to train again" in said


def test_a_study_that_reproduces_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(root, build_study(study="tutorials", plan="tutorials", space={}))
    said = refused(monkeypatch, capsys, "--study", "tutorials")
    assert "each of its trainings has looked at the test set already" in said


def test_a_study_that_is_not_known_is_refused_with_those_that_are(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_study(root, build_study(build_trial(0)))
    said = refused(monkeypatch, capsys, "--study", "lst")
    assert "unknown study 'lst'. Did you mean lstm? Known: lstm." in said


@pytest.mark.parametrize(
    ("words", "law"),
    [
        (("--seeds", "4"), "a final evaluation needs at least 5 seeds, but got 4"),
        (("--report", "report.pdf"), "a report must end in .md or .html, but got 'report.pdf'"),
        (("--top", "0"), "must be a whole number from 1, but got '0'"),
    ],
)
def test_a_mistake_in_the_options_is_answered_with_the_law(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, str],
    law: str,
) -> None:
    assert law in refused(monkeypatch, capsys, "--study", "lstm", *words)


@pytest.mark.parametrize(
    ("words", "law"),
    [
        ((), "was run on mine.csv, and its records do not say where that lies"),
        (
            ("--data", "{csv}"),
            "a final evaluation needs the study's own data, but lstm was run on 0123abcd",
        ),
    ],
)
def test_other_data_than_the_studys_own_are_refused(
    root: Path,
    tiny_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    law: str,
) -> None:
    data = build_data(name="mine.csv", official=False)
    write_study(root, build_study(build_trial(0), data=data))
    given = [word.format(csv=tiny_csv) for word in words]
    monkeypatch.setattr(sys, "argv", ["search.evaluate", "--study", "lstm", *given])
    with pytest.raises(SystemExit) as end:
        cli.run(evaluate.main)
    assert end.value.code == 2
    assert law in capsys.readouterr().err


def test_a_study_of_the_reviews_without_a_test_set_is_found_by_its_own_name(root: Path) -> None:
    plan = build_plan(study="lstm-smoke")
    write_study(root, build_study(build_trial(0), study="lstm-smoke"))
    chosen = evaluate.options(evaluate.parser().parse_args(["--study", "lstm", "--smoke"]))
    assert evaluate._recorded_name(chosen, [plan.study, "lstm"]) == "lstm-smoke"
    assert (chosen.top, chosen.seeds) == (2, 2)


@pytest.fixture(scope="module")
def home(smoke_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished smoke study of one's own."""
    return copy_study(smoke_home, tmp_path_factory.mktemp("finals"))


@pytest.mark.slow
def test_killed_in_the_middle_and_started_again_no_seed_and_no_test_evaluation_is_repeated(
    home: Path,
) -> None:
    words = ("--study", STUDY, "--smoke", "--workers", "2")
    killed = Running(home, *words, module="search.evaluate")
    killed.wait_for("training 4 of 5")  # two at a time, so two have finished
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.end()
    killed.wait_until_gone()
    cut = store.read_study(home / "mlruns", STUDY).reruns
    finished = {rerun.run_id for rerun in cut if rerun.state == "complete"}
    assert len(finished) == 2

    report = home / "report.html"
    done = call(home, "search.evaluate", *words, "--json", "--report", str(report))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    reruns = store.read_study(home / "mlruns", STUDY).reruns
    counted = [rerun for rerun in reruns if rerun.state != "interrupted"]
    assert finished < {rerun.run_id for rerun in counted}
    assert len(counted) == 5
    assert told["looks_at_test"] == 1
    assert told["evaluations"][0]["role"] == "finalist"
    assert told["verdict"] in (home / "mlruns/dashboards" / f"{STUDY}.html").read_text("utf-8")
    assert "Reproducibility checklist" in report.read_text("utf-8")

    again = call(home, "search.evaluate", *words, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == {**told, "report": None}
    assert "no second test evaluation" in again.stderr
    assert "training 1 of" not in again.stderr


@pytest.mark.slow
def test_of_the_reviews_without_a_test_set_every_sentence_says_so(tmp_path: Path) -> None:
    words = ("--study", "nbsvm", "--data", "imdb-train", "--smoke")
    assert call(tmp_path, "search.run", *words).returncode == 0
    done = call(tmp_path, "search.evaluate", "--study", "nbsvm-imdb-train-smoke", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not told["official_test_set"]
    sentences = told["verdict"].split(f" (imdb-train: {NOT_OFFICIAL}).")
    assert sentences.pop() == ""
    assert len(sentences) >= 3
    assert pd.Series(sentences).str.contains("Maas").sum() == 0
