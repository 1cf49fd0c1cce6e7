"""A study as an Optuna storage: equal to the records, and a copy that nothing depends on."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial

from search import export
from search.engines.base import Engine
from search.engines.keras_tuner.keras_tuner_engine import KerasTunerEngine
from search.engines.optuna.optuna_engine import OptunaEngine
from search.engines.optuna.storage_copy import (
    COPY,
    distribution,
    refresh_copy,
    to_optuna,
    write_to,
)
from spaces.ranges import Choice, Float, Int
from spaces.studies import STUDIES
from tests.builders import (
    build_plan,
    build_search,
    build_study,
    build_trial,
    place_database,
    write_study,
)
from tests.histories import run_three_at_once
from tracking import store
from tracking.commandline.errors import UserError
from tracking.records import RungRecord, StudyRecord

PLAN = STUDIES["architecture"]
ENGINES: dict[str, Engine] = {
    "optuna": OptunaEngine(PLAN, seed=7, sampler="tpe", pruner="median"),
    "keras-tuner": KerasTunerEngine(PLAN, seed=7, sampler="hyperband"),
}


def url(file: Path) -> str:
    return f"sqlite:///{file}"


def load(file: Path, name: str) -> list[FrozenTrial]:
    return optuna.load_study(study_name=name, storage=url(file)).trials


def recorded(engine: str) -> StudyRecord:
    """A study by an engine, of which the trials between 3 and 6 were deleted."""
    trials = run_three_at_once(lambda: ENGINES[engine], 24, stops=False)
    trials[2] = replace(trials[2], rung=RungRecord(0.25, 0.61, 1.0))
    trials[-1] = replace(trials[-1], state="interrupted", score=None, reason="stopped by SIGINT")
    space = {name: str(PLAN.space[name]) for name in PLAN.searched}
    plan = build_plan(study="s", plan="gone since", space=space, families=PLAN.families)
    return StudyRecord(plan, (*trials[:4], *trials[6:]))


@pytest.mark.parametrize("engine", ENGINES)
def test_optuna_loads_the_numbers_states_values_and_parameters_that_are_recorded(
    engine: str, tmp_path: Path
) -> None:
    record = recorded(engine)
    to_optuna(record, url(tmp_path / "o.db"))
    found = {trial.number: trial for trial in load(tmp_path / "o.db", "s")}
    assert [*found] == list(range(24))
    states = {"interrupted": "RUNNING", "failed": "FAIL"}
    for trial in record.trials:
        theirs = found.pop(trial.number)
        assert theirs.state.name == states.get(trial.state, trial.state.upper())
        assert theirs.value == (trial.score and trial.score.val_accuracy)
        steps = {0: trial.rung.val_accuracy} if trial.rung else {}
        steps |= {epoch.epoch: epoch.val_accuracy for epoch in trial.epochs}
        assert theirs.intermediate_values == steps
        searched = {n: v for n, v in trial.params.items() if n in PLAN.searched}
        assert theirs.params == searched
        assert theirs.distributions == {n: distribution(PLAN.space[n]) for n in searched}
        assert theirs.user_attrs == {
            "proposed_by": trial.proposed_by,
            "seed": trial.seed,
            "reason": trial.reason,
        }
    gap = [(trial.state.name, trial.user_attrs["reason"]) for trial in found.values()]
    assert gap == [("FAIL", "no trial of this number is recorded")] * 2


def test_a_range_takes_in_what_was_tried_before_it_was_narrowed() -> None:
    space = {"units": "32 to 64 (log)", "rate": "0 to 1", "padding": "full | 2 | True"}
    plan = build_plan(study="s", space=space)
    tried = [
        {"units": 16, "rate": 1, "padding": "bucket"},
        {"units": 48, "rate": 1.5, "padding": True},
        {"units": 48},
    ]
    trials = [build_trial(number, params=params) for number, params in enumerate(tried)]
    study = to_optuna(StudyRecord(plan, tuple(trials)))
    assert [trial.params for trial in study.trials] == tried
    assert study.trials[0].distributions == {
        "units": distribution(Int(low=16, high=64, default=16, note="", log=True)),
        "rate": distribution(Float(low=0, high=1.5, default=0, note="")),
        "padding": distribution(Choice(options=("full", 2, True, "bucket"), default=2, note="")),
    }


def test_two_goals_are_those_of_the_study() -> None:
    record = build_study(build_trial(0), build_trial(1, 0.5), goals=("val_accuracy", "val_loss"))
    study = to_optuna(record)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.number for trial in study.best_trials] == [0]


def test_the_copy_holds_every_study_and_is_neither_read_nor_missed(tmp_path: Path) -> None:
    copy = tmp_path / COPY
    first, second = recorded("optuna"), build_study(build_trial(0), study="t")
    refresh_copy(tmp_path, first)
    refresh_copy(tmp_path, second)
    more = replace(first, trials=(*first.trials, build_trial(24, params={})))
    refresh_copy(tmp_path, more)
    assert (len(load(copy, "s")), len(load(copy, "t"))) == (25, 1)
    copy.write_bytes(b"no database")
    (tmp_path / f"{COPY}.new-journal").write_bytes(b"of a session that was killed")
    refresh_copy(tmp_path, first)
    assert len(load(copy, "s")) == 24
    copy.unlink()
    refresh_copy(tmp_path, second)
    assert optuna.get_all_study_names(url(copy)) == ["t"]
    assert {path.name for path in tmp_path.iterdir()} == {COPY, f"{COPY}.lock"}


def test_the_copy_gets_the_trials_that_it_lacks_and_is_made_anew_where_one_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, added = recorded("optuna"), list[object]()
    refresh_copy(tmp_path, record)
    before = load(tmp_path / COPY, "s")
    original = optuna.Study.add_trial

    def add(study: optuna.Study, trial: FrozenTrial) -> None:
        added.append(trial.user_attrs["reason"])
        original(study, trial)

    monkeypatch.setattr(optuna.Study, "add_trial", add)
    refresh_copy(tmp_path, record)
    assert added == []
    assert load(tmp_path / COPY, "s") == before
    new = (build_trial(24, params={}), build_trial(26, params={}))
    refresh_copy(tmp_path, replace(record, trials=(*record.trials, *new)))
    assert added == ["", "no trial of this number is recorded", ""]
    assert load(tmp_path / COPY, "s")[:24] == before
    assert [trial.number for trial in load(tmp_path / COPY, "s")] == list(range(27))
    went_on = replace(record.trials[-1], state="failed", reason="out of memory")
    refresh_copy(tmp_path, replace(record, trials=(*record.trials[:-1], went_on)))
    assert len(added) == 3 + 24
    last = load(tmp_path / COPY, "s")[-1]
    assert (last.number, last.state.name, last.user_attrs["reason"]) == (
        23,
        "FAIL",
        went_on.reason,
    )


def say(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["search.export", "--study", "search", *words])
    return export.main()


def test_a_study_is_exported_into_a_storage_beside_others_but_never_over_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, file = tmp_path / "mlruns", tmp_path / "theirs.db"
    write_study(root, build_search(4, 2))
    optuna.create_study(study_name="another", storage=url(file))
    assert say(monkeypatch, "--optuna", url(file)) == 0
    assert capsys.readouterr().out == f"{url(file)}: study search, 4 trials\n"
    states = [trial.state.name for trial in load(file, "search")]
    assert len(states) == len(store.read_study(root, "search").trials)
    law = "has a study search already, which is not replaced"
    with pytest.raises(UserError, match=law):
        say(monkeypatch, "--optuna", url(file))
    assert [trial.state.name for trial in load(file, "search")] == states
    assert optuna.get_all_study_names(url(file)) == ["another", "search"]


@pytest.mark.parametrize(
    ("storage", "law"),
    [
        ("records.db", "records.db is no storage that Optuna can write to: ArgumentError"),
        ("sqlite:////no/folder/o.db", "unable to open database file"),
        ("sqlite:///{root}/mlflow.db", "holds MLflow's records"),
        ("sqlite:///{root}/torn.db", "file is not a database"),
        ("oracle+cx_oracle://me:secret@host/db", r"\*\*\*@host/db needs the package cx_Oracle"),
    ],
)
def test_a_storage_that_cannot_be_written_to_is_refused_in_one_line(
    tmp_path: Path, storage: str, law: str
) -> None:
    place_database(tmp_path)
    (tmp_path / "torn.db").write_bytes(b"no database, and longer than its head would be")
    with pytest.raises(UserError, match=law) as refused:
        write_to(storage.format(root=tmp_path), build_study(build_trial(0)))
    assert len(str(refused.value).splitlines()) == 1
    assert "secret" not in str(refused.value)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as records:
        tables = {name for (name,) in records.execute("SELECT name FROM sqlite_master")}
    assert "trials" not in tables


def test_a_study_that_searched_nothing_is_refused_and_leaves_no_copy(tmp_path: Path) -> None:
    record = build_study(build_trial(0), space={})
    with pytest.raises(UserError, match="study lstm searched nothing"):
        write_to(url(tmp_path / "o.db"), record)
    refresh_copy(tmp_path, record)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", ["--trial 0", "--register m", "--retrain", "--format onnx"])
def test_options_of_a_model_are_refused_beside_a_whole_study(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    option = words.split()[0]
    with pytest.raises(UserError, match=f"{option} is for --out; --optuna writes"):
        say(monkeypatch, "--optuna", "sqlite:///o.db", *words.split())
