"""A loop of a person's own: what it is told is a trial like the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from search import UserError, load_study, run
from search.api import OpenStudy, ask_tell
from search.coordinator import audit
from tests.builders import place_database
from tests.programs import call
from tracking.commandline.paths import home


@pytest.fixture
def study(tiny_csv: Path, monkeypatch: pytest.MonkeyPatch) -> OpenStudy:
    """A study without a trial, and a process that has asked for none."""
    monkeypatch.setattr(ask_tell, "_of_process", {})
    place_database(home())
    return run("nbsvm", data=tiny_csv, trials=0)


def test_what_is_told_is_recorded_and_proposals_learn_from_it(study: OpenStudy) -> None:
    for accuracy in (0.6, 0.7, 0.65):
        trial = study.ask()
        assert trial.family == "nbsvm"
        assert trial.params["nbsvm.smoothing"] > 0
        study.tell(trial, accuracy)
    failed = study.ask()
    study.tell(failed, None, reason="out of memory")
    last = study.ask()
    study.tell(last.number, 0.9, val_loss=0.3, train_accuracy=0.95, n_parameters=1_000)

    trials = study.trials
    assert list(trials.state) == ["complete"] * 3 + ["failed", "complete"]
    assert list(trials.proposed_by) == ["defaults"] + ["tpe"] * 4
    assert trials.reason[3] == "out of memory"
    first, best = study.record.trials[0].score, study.best
    assert first is not None
    assert (first.val_loss, first.train_accuracy, first.n_parameters) == (None, None, None)
    assert first.low < 0.6 < first.high
    assert (best.number, best.score.val_accuracy) == (4, 0.9)
    assert (best.score.val_loss, best.score.gap) == (0.3, pytest.approx(0.05))
    assert best.score.n_parameters == 1_000
    assert "trial 4 (tpe): 90.00 %" in study.verdict
    assert audit.examine(home(), study.name) == ([], [])


def test_the_proposals_are_those_of_the_same_history(tiny_csv: Path, study: OpenStudy) -> None:
    asked = []
    for accuracy in (0.6, 0.7, 0.65):
        trial = study.ask()
        asked.append(trial.params)
        study.tell(trial, accuracy)
    again = run("nbsvm", data=tiny_csv, trials=0, fresh=True)
    for params, accuracy in zip(asked, (0.6, 0.7, 0.65), strict=True):
        trial = again.ask()
        assert trial.params == params
        again.tell(trial, accuracy)


def test_every_page_and_figure_takes_a_trial_that_was_told_little(study: OpenStudy) -> None:
    study.tell(study.ask(), 0.6)
    study.tell(study.ask(), 0.8)
    absent = []
    for name in study.figures:
        try:
            study.figures[name]
        except UserError:
            absent.append(name)
    assert absent == ["overfitting", "overlay", "gap", "importance", "contour"]
    for words in (
        ("dashboards.build", "--study", study.name),
        ("search.run", "--study", "nbsvm", "--data", study.record.plan.data.path, "--trials", "2"),
    ):
        end = call(home().parent, *words)
        assert end.returncode == 0, end.stderr
    assert "80.00 %" in end.stdout
    with pytest.raises(UserError, match="trial 1 of nbsvm-tiny was trained elsewhere"):
        study.export("never", trial=1, retrain=True)
    with pytest.raises(UserError, match="trial 1 of nbsvm-tiny was trained elsewhere"):
        study.load_model(1)
    assert [t.value for t in study.to_optuna().trials] == [0.6, 0.8]


def test_several_are_asked_for_at_once_and_meanwhile_no_other_process_works_on_it(
    study: OpenStudy,
) -> None:
    first, second = study.ask(), study.ask()
    assert (first.number, second.number) == (0, 1)
    assert first.params != second.params
    study.tell(second, 0.7)
    words = ("search.run", "--study", "nbsvm", "--data", study.record.plan.data.path)
    end = call(home().parent, *words)
    assert end.returncode == 2
    assert "study nbsvm-tiny is being run by process" in end.stderr
    load_study("nbsvm-tiny").tell(first, 0.6)  # the same process, so the same trials
    assert list(study.trials.state) == ["complete"] * 2


def test_what_nobody_told_is_asked_for_first_by_the_next(tiny_csv: Path, study: OpenStudy) -> None:
    asked = study.ask()
    study = run("nbsvm", data=tiny_csv, trials=0)
    assert list(study.trials.state) == ["interrupted"]
    again = study.ask()
    assert again == asked
    study.tell(again, 0.6)
    with pytest.raises(UserError, match=r"once, but got trial 0\. Under way: none"):
        study.tell(asked, 0.6)


def test_a_number_that_makes_no_sense_is_refused_and_can_be_told_again(
    study: OpenStudy,
) -> None:
    trial = study.ask()
    for told, says in (
        ({"val_accuracy": 60}, "val_accuracy must be from 0 to 1, but got 60"),
        ({"val_accuracy": float("nan")}, "val_accuracy must be from 0 to 1, but got nan"),
        ({"val_accuracy": 0.6, "train_accuracy": 2}, "train_accuracy must be from 0 to 1"),
        ({"val_accuracy": 0.6, "val_loss": -1}, "val_loss must be at least 0 nats"),
        ({"val_accuracy": 0.6, "n_parameters": -1}, "n_parameters must be at least 0"),
    ):
        with pytest.raises(UserError, match=says):
            study.tell(trial, **told)
    study.tell(trial, 0.6)
    assert list(study.trials.state) == ["complete"]


def test_two_goals_need_two_numbers(tiny_csv: Path, study: OpenStudy) -> None:
    study = run("nbsvm", data=tiny_csv, trials=0, sampler="nsga2", fresh=True)
    trial = study.ask()
    with pytest.raises(UserError, match="sampler nsga2 has two goals: tell needs n_parameters"):
        study.tell(trial, 0.6)
    study.tell(trial, 0.6, n_parameters=10)
    assert study.to_optuna().trials[0].values == [0.6, 10.0]


def test_a_reproduction_proposes_nothing(study: OpenStudy, tiny_csv_with_test: Path) -> None:
    study = run("tutorials", data=tiny_csv_with_test, only=["feedforward-dropout"], timeout="1s")
    with pytest.raises(UserError, match="trains published configurations, and proposes none"):
        study.ask()
    with pytest.raises(UserError, match="searched nothing"):
        study.to_optuna()
