"""What is written to the store is what is read from it, whenever the writer was killed."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow.entities import Run

from tests.builders import (
    build_array,
    build_data,
    build_evaluation,
    build_plan,
    build_reference,
    build_score,
    build_simple_baseline,
    build_study,
    build_trial,
    client_of,
    open_study,
    place_database,
    write_study,
    write_trial,
)
from tracking import store
from tracking.commandline.errors import UserError
from tracking.commandline.paths import home
from tracking.connection import address
from tracking.records import BaselineRecord, PlanRecord, State, TrialRecord
from tracking.reporting import plan_history
from tracking.schema import trial_layout
from tracking.writing import study_writer

_PARAMS = {
    "bool.true": True,
    "bool.false": False,
    "int.one": 1,
    "int.negative": -(10**18),
    "float.whole": 1.0,
    "float.digits": 0.1 + 0.2,
    "float.tiny": 5e-324,
    "text.plain": "pre",
    "text.number": "5",
    "text.float": "1e5",
    "text.true": "true",
    "text.null": "null",
    "text.nan": "NaN",
    "text.list": "[1, 2]",
    "text.quoted": '"5"',
    "text.quotes": 'it\'s "so"',
    "text.lines": "one\ntwo\r\n\tthree",
    "text.emoji": "très 🎬 好",
    "text.blank": " 5 ",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


def _runs(root: Path, kind: str, study: str = "lstm") -> list[Run]:
    client = client_of(root)
    experiment = client.get_experiment_by_name(study).experiment_id
    return list(client.search_runs([experiment], f"tags.kind = '{kind}'"))


def _trial_runs(root: Path) -> dict[int, Run]:
    return {int(run.data.tags["trial.number"]): run for run in _runs(root, "trial")}


def _artifact(run: Run, name: str) -> Path:
    return Path(run.info.artifact_uri.removeprefix("file://")) / name


def _same(read: TrialRecord, written: TrialRecord) -> bool:
    """Compare all but what the store itself gives: the run and how long it was open."""
    apart = {"run_id": "", "seconds": 0.0, "ended": None}
    return replace(read, **apart) == replace(written, **apart)


_TRIALS = (
    build_trial(0, 0.80, 1 / 3 + 0.5, 0.82),
    build_trial(1, 0.70, 0.71, state="pruned", reason="below its peers after epoch 2"),
    build_trial(2, 0.5, state="failed", reason="out of memory\nat batch_size=128"),
    build_trial(
        3, 0.6, 0.7, state="interrupted", reason="stopped by SIGTERM", sampler_state={"round": 1}
    ),
)


def test_a_study_is_read_as_it_was_written(root: Path) -> None:
    write_study(root, build_study(*_TRIALS))

    read = store.read_study(root, "lstm")

    assert read.plan == build_plan()
    assert [trial.number for trial in read.trials] == [0, 1, 2, 3]
    for trial, written in zip(read.trials, _TRIALS, strict=True):
        assert _same(trial, written)
        assert trial.run_id
        assert 0 <= trial.seconds < 120
    assert [trial.number for trial in read.candidates] == [0]
    assert (read.count("complete"), read.count("pruned"), read.count("failed")) == (1, 1, 1)


def test_params_keep_their_values_and_types(root: Path) -> None:
    write_study(root, build_study(build_trial(0, params=_PARAMS)))

    params = store.read_study(root, "lstm").trials[0].params

    assert params == _PARAMS
    for name, value in _PARAMS.items():
        assert type(params[name]) is type(value), name


def test_a_folder_may_have_spaces_and_signs_in_its_name(tmp_path: Path) -> None:
    root = place_database(tmp_path / "my runs, 100% für 🎬")
    study = open_study(root)
    run_id = write_trial(study, build_trial(), model=b"weights")

    trial = store.read_study(root, "lstm").trials[0]

    assert _same(trial, build_trial(model=True))
    assert store.model_file(root, trial).read_bytes() == b"weights"
    store.add_artifact(root, run_id, "drawn", "curves.html")
    assert store.has_artifact(root, run_id, "curves.html")


def test_a_long_reason_is_cut_and_does_not_stop_the_study(root: Path) -> None:
    traceback = "A traceback of a deep call, with its end. 🎬\n" * 3_000

    write_study(root, build_study(build_trial(0, state="failed", reason=traceback)))

    reason = store.read_study(root, "lstm").trials[0].reason
    assert len(reason) >= 1_000
    assert set(reason.splitlines()) & set(traceback.splitlines())


def test_mlflow_shows_how_each_trial_ended(root: Path) -> None:
    write_study(root, build_study(*_TRIALS))

    runs = _trial_runs(root)

    states = [(runs[n].info.status, runs[n].data.tags["trial.state"]) for n in range(4)]
    assert states == [
        ("FINISHED", "complete"),
        ("KILLED", "pruned"),
        ("FAILED", "failed"),
        ("KILLED", "interrupted"),
    ]
    assert runs[0].info.run_name == "trial-0000-lstm"


def test_mlflow_holds_the_numbers_of_the_best_epoch_under_names_of_their_own(root: Path) -> None:
    write_study(root, build_study(build_trial(0, 0.80, 0.86, 0.84)))

    run = _trial_runs(root)[0]

    assert run.data.metrics["best_epoch"] == 2
    assert run.data.metrics["best_val_accuracy"] == 0.86
    assert run.data.metrics["best_gap"] == (0.86 + 0.03 * 2) - 0.86
    history = client_of(root).get_metric_history(run.info.run_id, "val_accuracy")
    assert [(point.step, point.value) for point in history] == [(1, 0.80), (2, 0.86), (3, 0.84)]


def test_a_study_has_one_parent_run_however_often_it_is_opened(root: Path) -> None:
    first = open_study(root)
    write_trial(first, build_trial(0))
    second = open_study(root)
    write_trial(second, build_trial(1))

    (parent,) = _runs(root, "study")

    assert parent.info.run_name == "lstm"
    parents = {run.data.tags["mlflow.parentRunId"] for run in _runs(root, "trial")}
    assert parents == {parent.info.run_id}
    assert len(_runs(root, "baseline")) == 1
    assert store.ids(root, "lstm") == (parent.info.experiment_id, parent.info.run_id)


def test_the_parent_run_tells_whether_the_study_is_at_its_end(root: Path) -> None:
    study = open_study(root)
    statuses = []
    for step in (study.begin, lambda: study.end(finished=False), lambda: study.end(finished=True)):
        step()
        statuses.append(_runs(root, "study")[0].info.status)

    assert statuses == ["RUNNING", "KILLED", "FINISHED"]


def test_the_baseline_stands_in_the_charts_at_every_step(root: Path) -> None:
    open_study(root, max_epochs=4)

    (baseline,) = _runs(root, "baseline")

    assert baseline.info.run_name == "baseline-maas-2011"
    assert baseline.info.status == "FINISHED"
    for name in ("val_accuracy", "best_val_accuracy"):
        history = client_of(root).get_metric_history(baseline.info.run_id, name)
        assert [(point.step, point.value) for point in history] == [
            (step, 0.8889) for step in range(1, 5)
        ]


def test_references_stand_beside_the_trials_with_what_was_published(root: Path) -> None:
    params = {"lstm.units": 100, "text.truncating": "pre"}
    known = build_reference("lstm-2016", 0.8679, family="lstm", params=params)
    silent = build_reference("lstm-2021", None)
    for _ in range(2):
        open_study(root, references=(known, silent))
    added = build_reference("lstm-2017", 0.8653)
    open_study(root, references=(known, silent, added))

    runs = {run.info.run_name: run for run in _runs(root, "reference")}

    assert set(runs) == {"reference-lstm-2016", "reference-lstm-2017"}
    run = runs["reference-lstm-2016"]
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lstm.units": "100", "text.truncating": "pre"}
    assert run.data.metrics["best_val_accuracy"] == 0.8679
    assert "not one on validation" in run.data.tags["mlflow.note.content"]
    steps = client_of(root).get_metric_history(run.info.run_id, "val_accuracy")
    assert [metric.step for metric in steps] == [1, 2, 3]


def test_what_a_trial_cost_can_be_sorted_by(root: Path) -> None:
    written = build_trial(0, 0.8, 0.9, state="pruned")
    write_study(root, build_study(written))
    found = _trial_runs(root)[0].data.metrics
    assert found["seconds_per_epoch"] == written.seconds_per_epoch == 61.0 / 3
    assert found["trace_seconds"] == written.trace_seconds == 2.0 / 3
    assert found["memory_mb"] == written.memory_mb


def test_the_parent_run_shows_the_best_trials(root: Path) -> None:
    write_study(root, build_study(build_trial(0, 0.81), build_trial(1, 0.85)))
    (parent,) = _runs(root, "study")
    question, said, table = parent.data.tags["mlflow.note.content"].split("\n\n")
    assert question == build_plan().question
    assert said.startswith("The best candidate is trial 1 (tpe): 85.00 % on 5,000 validation")
    assert [line.split(" | ")[:2] for line in table.splitlines()[2:]] == [
        ["| 1", "tpe"],
        ["| 0", "defaults"],
    ]
    assert "85.00 %" in table


def test_a_trial_says_what_it_ran_on_and_how_it_was_started(root: Path) -> None:
    write_study(root, build_study(build_trial(0)))
    run = _trial_runs(root)[0]
    (used,) = run.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("imdb", "0123abcd")
    assert json.loads(used.dataset.profile)["validation split"] == "4567ef01"
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]
    assert run.data.tags["code.command"].startswith("python ")
    machine = json.loads(_artifact(run, "environment.json").read_text("utf-8"))
    assert {"packages", "n_threads", "onednn", "variables"} <= set(machine)


def test_the_most_confident_mistakes_are_a_table_that_the_ui_shows(root: Path) -> None:
    write_study(root, build_study(build_trial(0)))
    run = _trial_runs(root)[0]
    table = pd.read_json(_artifact(run, "mistakes.json"), orient="split")  # as MLflow reads it
    assert list(table.columns) == ["text", "label", "predicted", "probability"]
    assert table.predicted[0] == "neg"
    assert json.loads(run.data.tags["mlflow.loggedArtifacts"])[0]["path"] == "mistakes.json"


def test_a_kept_model_has_a_signature_and_its_labels(root: Path) -> None:
    study = open_study(root)
    write_trial(study, build_trial(0), model=b"weights")
    run = _trial_runs(root)[0]
    (model,) = client_of(root).search_logged_models([run.info.experiment_id])
    assert (model.name, model.source_run_id) == ("trial-0000-lstm", run.info.run_id)
    assert str(model.status) == "READY"
    assert [output.model_id for output in run.outputs.model_outputs] == [model.model_id]
    about = (_artifact(run, "../../models") / model.model_id / "artifacts" / "MLmodel").read_text()
    for said in ("p_pos", "loader_module: search.served", '"name": "text"'):
        assert said in about


def test_the_baseline_is_no_trial(root: Path) -> None:
    write_study(root, build_study())

    assert store.read_study(root, "lstm").trials == ()


def test_each_trial_says_what_it_was_made_of(root: Path) -> None:
    write_study(root, build_study(build_trial(0, seed=123)))

    run = _trial_runs(root)[0]

    assert run.data.tags["trial.seed"] == "123"
    assert run.data.tags["data.digest"] == build_data().digest
    assert run.data.tags["data.split_digest"] == build_data().split_digest
    assert json.loads(_artifact(run, "environment.json").read_text("utf-8"))["python"]


def test_the_curves_are_kept_as_a_table(root: Path) -> None:
    written = build_trial(0, 0.5, 1 / 3)
    write_study(root, build_study(written))

    head, *rows, end = _artifact(_trial_runs(root)[0], "curves.csv").read_text("utf-8").split("\n")

    assert end == ""
    columns = head.split(",")
    assert columns[:3] == ["epoch", "train_loss", "train_accuracy"]
    for row, epoch in zip(rows, written.epochs, strict=True):
        values = dict(zip(columns, map(float, row.split(",")), strict=True))
        assert values == {name: getattr(epoch, name) for name in columns}


def test_a_trial_left_running_stays_so_until_it_is_continued(root: Path) -> None:
    study = open_study(root)
    write_trial(study, build_trial(0, 0.8, 0.81, state="running"))

    study = open_study(root)
    study.begin()

    assert _same(study.trial(0), build_trial(0, 0.8, 0.81, state="running"))
    log = study.continue_trial(study.trial(0), build_data())
    third = build_trial(0, 0.8, 0.81, 0.82).epochs[2]
    assert [log.epoch(epoch) for epoch in (*study.trial(0).epochs, third)] == [False, False, True]
    log.close("complete", build_score(log.epochs), reason="", seconds=5.0)
    (trial,) = store.read_study(root, "lstm").trials
    assert _same(trial, build_trial(0, 0.8, 0.81, 0.82))
    assert trial.seconds == 5.0
    history = client_of(root).get_metric_history(trial.run_id, "val_accuracy")
    assert [metric.step for metric in history] == [1, 2, 3]


@pytest.mark.parametrize("state", ["interrupted", "pruned"])
def test_a_trial_that_was_stopped_or_paused_goes_on_in_its_run(root: Path, state: State) -> None:
    study = open_study(root)
    write_trial(study, build_trial(0, 0.8, 0.81, state=state, reason="stopped"))

    study = open_study(root)
    study.continue_trial(study.trial(0), build_data())

    assert study.trial(0).state == "running"
    assert _trial_runs(root)[0].info.status == "RUNNING"
    (trial,) = store.read_study(root, "lstm").trials
    assert (trial.resumed is not None) == (state == "pruned")  # it had ended
    assert _same(replace(trial, resumed=None), build_trial(0, 0.8, 0.81, state="running"))


def test_a_repair_interrupts_what_nobody_runs(root: Path) -> None:
    study = open_study(root)
    study.begin()
    write_trial(study, build_trial(0, 0.8, 0.81, state="running"))

    assert open_study(root).repair() == [
        "trial 0: it was running, and is interrupted",
        "it was marked as running, and is marked as stopped",
    ]
    assert open_study(root).repair() == []
    (trial,) = store.read_study(root, "lstm").trials
    assert (trial.state, trial.reason) == ("interrupted", "its coordinator was killed")
    assert trial.seconds == trial.trained_seconds


def test_what_was_left_of_a_model_is_deleted_when_its_trial_is_continued(root: Path) -> None:
    study = open_study(root)
    write_trial(study, build_trial(0, state="running"), model=b"weights")

    study = open_study(root)
    study.continue_trial(study.trial(0), build_data())

    trial = store.read_study(root, "lstm").trials[0]
    assert not trial.model
    assert list(root.rglob("model.keras")) == []
    assert client_of(root).search_logged_models([_trial_runs(root)[0].info.experiment_id]) == []


def test_a_trial_whose_outcome_was_written_counts_though_its_run_was_not_closed(
    root: Path,
) -> None:
    study = open_study(root)
    run_id = write_trial(study, build_trial(0), model=b"weights")
    client_of(root).update_run(run_id, status="RUNNING")

    study = open_study(root)
    study.begin()

    assert _same(study.trial(0), build_trial(0, model=True))
    assert _trial_runs(root)[0].info.status == "FINISHED"


def test_a_start_changes_nothing_in_trials_that_ended(root: Path) -> None:
    write_study(root, build_study(*_TRIALS))
    before = store.read_study(root, "lstm").trials

    study = open_study(root)
    study.begin()

    assert study.history == before
    assert store.read_study(root, "lstm").trials == before


def test_a_study_that_was_cut_short_while_it_was_made_is_made_whole(root: Path) -> None:
    open_study(root)
    (parent,) = _runs(root, "study")
    client_of(root).delete_tag(parent.info.run_id, "kind")  # a kill just before the last write
    assert store.studies(root) == {}

    open_study(root)

    assert len(_runs(root, "study")) == 1
    assert len(_runs(root, "baseline")) == 1
    assert store.read_study(root, "lstm").plan == build_plan()


def test_a_study_whose_parent_was_deleted_keeps_its_trials(root: Path) -> None:
    write_study(root, build_study(build_trial(0)))
    (parent,) = _runs(root, "study")
    client_of(root).delete_run(parent.info.run_id)

    with pytest.raises(UserError, match="Restore it in the MLflow UI"):
        open_study(root)

    assert len(_runs(root, "trial")) == 1


def test_the_limits_on_record_are_the_latest(root: Path) -> None:
    for max_epochs in (3, 9):
        open_study(root, max_epochs=max_epochs)
    assert store.read_study(root, "lstm").plan.max_epochs == 9


def test_a_study_deleted_in_the_ui_is_gone_and_its_name_is_free(root: Path) -> None:
    write_study(root, build_study(build_trial(0)))
    client = client_of(root)
    deleted = client.get_experiment_by_name("lstm").experiment_id
    client.delete_experiment(deleted)
    assert store.studies(root) == {}

    open_study(root, seed=8)

    assert set(store.studies(root)) == {"lstm"}
    assert store.read_study(root, "lstm").plan.seed == 8
    assert store.read_study(root, "lstm").trials == ()
    assert client.get_experiment(deleted).lifecycle_stage == "deleted"


def test_only_the_best_models_are_kept(root: Path) -> None:
    study = open_study(root)
    for number, accuracy in enumerate((0.81, 0.85, 0.79, 0.85, 0.84)):
        write_trial(study, build_trial(number, accuracy), model=b"weights %d" % number)

    study.drop_models(3)

    trials = store.read_study(root, "lstm").trials
    assert [trial.number for trial in trials if trial.model] == [1, 3, 4]
    runs = _trial_runs(root)
    assert {n: run.data.tags["model.kept"] == "True" for n, run in runs.items()} == {
        trial.number: trial.model for trial in trials
    }
    assert len(list(root.rglob("model.keras"))) == 3
    assert store.model_file(root, trials[3]).read_bytes() == b"weights 3"
    study.drop_models(1)
    trials = store.read_study(root, "lstm").trials
    assert [trial.number for trial in trials if trial.model] == [1]  # the earlier of equals


@pytest.mark.parametrize(
    ("asked", "before", "now"),
    [
        (build_plan(data=build_data(digest="ffff")), "0123abcd", "ffff"),
        (build_plan(data=build_data(split_digest="eeee")), "4567ef01", "eeee"),
        (build_plan(data=build_data(unlabelled_digest="dddd")), "89abcdef", "dddd"),
        (
            build_plan(data=build_data(arrays={"text.vectors=file": build_array("aaaa")})),
            "its text.vectors=file, but lstm has 01abcdef",
            "aaaa",
        ),
        (build_plan(data=build_data(arrays={})), "has 01abcdef", "none"),
        (build_plan(seed=8), "7", "8"),
        (build_plan(engine="keras-tuner"), "optuna", "keras-tuner"),
        (
            build_plan(goals=("val_accuracy", "n_parameters")),
            "has val_accuracy",
            "val_accuracy, n_parameters",
        ),
    ],
    ids=["data", "split", "unlabelled", "vectors", "no vectors", "seed", "engine", "goals"],
)
def test_other_data_another_seed_or_another_search_is_refused(
    root: Path, asked: PlanRecord, before: str, now: str
) -> None:
    write_study(root, build_study(build_trial(0)))

    with pytest.raises(UserError) as refused:
        store.open_study(root, asked, fresh=False)

    message = str(refused.value)
    assert "--fresh" in message
    assert before in message
    assert now in message
    assert "\n" not in message
    assert store.read_study(root, "lstm").plan == build_plan()


def test_a_study_may_come_to_read_more_arrays(root: Path) -> None:
    write_study(root, build_study(build_trial(0)))
    known = build_data().arrays
    more = build_data(arrays={**known, "train.teacher=nbsvm": build_array("bbbb")})
    store.open_study(root, build_plan(data=more), fresh=False)
    assert store.read_study(root, "lstm").plan.data == more


def test_a_trial_is_tagged_with_the_arrays_that_it_reads(root: Path) -> None:
    study = open_study(root)
    params = {"text.vectors": "file", "train.teacher": "none"}
    for number, values in enumerate(({"text.vectors": "random"}, params)):
        write_trial(study, build_trial(number, params=values))
    tags = [run.data.tags for _, run in sorted(_trial_runs(root).items())]
    assert not any(name.startswith("text.vectors") for name in tags[0])
    assert {name: tags[1][name] for name in tags[1] if name.startswith("text.vectors")} == {
        "text.vectors.digest": "01abcdef",
        "text.vectors.source": "/home/me/glove.txt",
        "text.vectors.words": "0.6667",
    }


def test_a_study_of_before_unlabelled_texts_were_known_goes_on(root: Path) -> None:
    write_study(root, build_study(build_trial(0), data=build_data(unlabelled_digest="")))
    store.open_study(root, build_plan(), fresh=False)


def test_fresh_puts_the_old_records_aside_and_loses_nothing(root: Path) -> None:
    write_study(root, build_study(*_TRIALS))
    other = build_plan(seed=8)

    store.open_study(root, other, fresh=True)

    names = store.studies(root)
    (aside,) = set(names) - {"lstm"}
    assert aside.startswith("lstm-until-")
    assert store.read_study(root, "lstm").plan == other
    assert store.read_study(root, "lstm").trials == ()
    old = store.read_study(root, aside)
    assert old.plan == replace(build_plan(), study=aside)
    for trial, written in zip(old.trials, _TRIALS, strict=True):
        assert _same(trial, written)


def test_fresh_on_a_new_study_is_a_plain_start(root: Path) -> None:
    store.open_study(root, build_plan(), fresh=True)

    assert set(store.studies(root)) == {"lstm"}


def test_the_name_of_a_plan_does_for_its_only_study(root: Path) -> None:
    write_study(root, build_study(build_trial(0), study="lstm-smoke"))

    study = store.read_study(root, "lstm")

    assert study.plan.study == "lstm-smoke"
    assert len(study.trials) == 1


def test_the_name_of_a_plan_still_does_after_a_fresh_start(root: Path) -> None:
    plan = build_plan(study="lstm-smoke")
    store.open_study(root, plan, fresh=False)
    store.open_study(root, plan, fresh=True)

    assert store.read_study(root, "lstm").plan.study == "lstm-smoke"


def test_a_plan_with_several_studies_is_not_guessed_at(root: Path) -> None:
    open_study(root, study="lstm-smoke")
    open_study(root, study="lstm-reviews")

    with pytest.raises(UserError) as refused:
        store.read_study(root, "lstm")

    assert "lstm-reviews, lstm-smoke" in str(refused.value)


def test_an_unknown_study_is_refused_with_a_suggestion(root: Path) -> None:
    open_study(root, study="lstm_dropout", plan="lstm_dropout")

    with pytest.raises(UserError) as refused:
        store.read_study(root, "lstm_droput")

    assert str(refused.value) == (
        "unknown study 'lstm_droput'. Did you mean lstm_dropout? Known: lstm_dropout."
    )


def test_looking_into_a_folder_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    missing = tmp_path / "mlruns"

    assert store.studies(missing) == {}
    with pytest.raises(UserError, match=r"Known: none\."):
        store.read_study(missing, "lstm")
    assert not missing.exists()


def test_experiments_of_others_are_passed_over(root: Path) -> None:
    client_of(root).create_experiment("somebody-else's")
    open_study(root)

    assert set(store.studies(root)) == {"lstm"}


def test_the_store_is_in_wal_mode(root: Path) -> None:
    open_study(root)

    with closing(sqlite3.connect(address.database(root))) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_records_are_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQSEARCH_MLRUNS", str(tmp_path / "elsewhere"))
    assert home() == tmp_path / "elsewhere"
    monkeypatch.delenv("SEQSEARCH_MLRUNS")
    monkeypatch.chdir(tmp_path)
    assert home() == tmp_path / "mlruns"


def test_the_score_keeps_a_confusion_of_many_classes(root: Path) -> None:
    epochs = build_trial(0, 0.5).epochs
    score = build_score(epochs, confusion=((3, 0, 1), (0, 2, 0), (5, 0, 9)))

    write_study(root, build_study(build_trial(0, 0.5, score=score)))

    assert store.read_study(root, "lstm").trials[0].score == score


def test_a_trial_whose_model_folder_is_gone_can_still_be_read(root: Path) -> None:
    study = open_study(root)
    write_trial(study, build_trial(0), model=b"weights")
    shutil.rmtree(root / "artifacts" / "models")

    assert _same(store.read_study(root, "lstm").trials[0], build_trial(0, model=False))


def test_data_without_a_published_accuracy_needs_no_baseline(root: Path) -> None:
    write_study(root, build_study(build_trial(0), baselines=()))

    assert _runs(root, "baseline") == []
    assert store.read_study(root, "lstm").plan.baselines == ()


def test_a_simple_baseline_is_read_as_it_was_written(root: Path) -> None:
    study = write_study(root, build_study(build_trial(0)))
    simple_baseline = build_simple_baseline("tfidf_logistic", 0.8812345678901234)
    study.write_simple_baseline(simple_baseline)
    assert study.simple_baselines() == {"tfidf_logistic"}
    assert store.read_study(root, "lstm").simple_baselines == (simple_baseline,)


def test_half_a_simple_baseline_is_no_simple_baseline_and_is_gone_at_the_next_start(
    root: Path,
) -> None:
    study = write_study(root, build_study(build_trial(0)))
    study.write_simple_baseline(build_simple_baseline("majority", 0.5))
    client = client_of(root)
    (experiment,) = client.search_experiments(filter_string="name = 'lstm'")
    (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'simple baseline'")
    client.set_tag(
        run.info.run_id, "kind", "half a simple baseline"
    )  # killed before the last write
    assert store.read_study(root, "lstm").simple_baselines == ()
    study.begin()
    study.end(finished=True)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"


def test_a_test_evaluation_is_read_as_it_was_written(root: Path) -> None:
    epochs = tuple(
        replace(epoch, val_loss=None, val_accuracy=None) for epoch in build_trial(0).epochs
    )
    evaluation = build_evaluation(0.8612345678901234)
    trial = build_trial(
        0, proposed_by="lstm-2016", score=None, evaluation=evaluation, epochs=epochs
    )
    write_study(root, build_study(trial, space={}))
    (read,) = store.read_study(root, "lstm").trials
    assert read.evaluation == evaluation
    assert read.epochs == epochs
    assert read.score is None
    assert read.state == "complete"


def test_a_study_goes_on_with_another_space_and_both_are_on_record(root: Path) -> None:
    narrow, wide = {"lstm.units": "32 to 64"}, {"lstm.units": "16 to 512", "cnn.units": "1 to 2"}
    fixed = {"train.batch_size": 64}
    first = build_plan(space={**narrow, "lstm.dropout": "0 to 0.6"}, fixed=fixed)
    second = replace(first, families=("lstm", "cnn"), space=wide)
    trials = [build_trial(number) for number in range(3)]
    write_study(root, replace(build_study(*trials), plan=first))
    said: list[str] = []
    inside = {"say": said.append, "is_inside": lambda trial: trial.number > 0}
    records = store.open_study(root, second, fresh=False, **inside)
    assert said == [
        "study lstm goes on with another space: lstm.units was 32 to 64, is 16 to 512; cnn.units "
        "is new, 1 to 2; model.family was lstm, is lstm | cnn; lstm.dropout was 0 to 0.6, is no "
        "more. Its trials stay as they are; --fresh puts them aside and starts anew.",
        "2 of 3 trials lie inside the new ranges; the search learns from these.",
    ]
    (earlier,) = store.read_study(root, "lstm").plan.earlier
    assert (earlier.until, earlier.n_trials, earlier.n_inside) == (3, 3, 2)
    assert (earlier.families, earlier.space, earlier.fixed) == (("lstm",), first.space, fixed)

    # Another change before any trial is no plan of its own; after one it is.
    third = replace(second, fixed={"train.batch_size": 32})
    store.open_study(root, third, fresh=False)
    assert [one.n_inside for one in store.read_study(root, "lstm").plan.earlier] == [3]
    store.open_study(root, first, fresh=False)  # back again
    assert store.read_study(root, "lstm").plan.earlier == ()
    store.open_study(root, third, fresh=False)
    write_trial(records, build_trial(3, family="cnn"))
    store.open_study(root, second, fresh=False)
    study = store.read_study(root, "lstm")
    assert [one.until for one in study.plan.earlier] == [3, 4]
    assert study.plan.earlier[1].fixed == {"train.batch_size": 32}
    assert study.plan.space == wide
    assert study.families == ("lstm", "cnn")
    assert plan_history.rows(study.plan)[-1] == ("4", "train.batch_size", "32", "64")
    said.clear()
    store.open_study(root, second, fresh=False, **inside)
    assert said == ["3 of 4 trials lie inside the new ranges; the search learns from these."]


def test_a_study_without_a_trial_has_no_earlier_space(root: Path) -> None:
    open_study(root, space={"lstm.units": "1 to 2"}, fixed={"train.batch_size": 64})
    open_study(root, space={"lstm.units": "1 to 3"}, fixed={"train.batch_size": 64})
    assert store.read_study(root, "lstm").plan.earlier == ()


def test_the_parent_run_says_how_far_the_study_has_come_and_what_is_best(root: Path) -> None:
    trials = [
        build_trial(0, 0.80, 0.85),
        build_trial(1, 0.70, state="pruned", reason="below its peers"),
        build_trial(2, 0.90),
        build_trial(3, 0.95, state="interrupted"),
    ]
    study = open_study(root)
    study.begin()
    for trial in trials:
        write_trial(study, trial)
        study.update_summary()
    parent = client_of(root).get_run(study.parent)
    found = parent.data.metrics
    assert [found[f"trials_{state}"] for state in ("complete", "pruned", "failed")] == [2, 1, 0]
    assert found["best_val_accuracy"] == 0.90
    best = client_of(root).get_run(parent.data.tags["best.run_id"])
    assert parent.data.tags["best.trial"] == best.data.tags["trial.number"] == "2"
    history = client_of(root).get_metric_history(study.parent, "best_val_accuracy")
    assert {metric.step: metric.value for metric in history} == {1: 0.85, 2: 0.85, 3: 0.90}


def test_to_start_a_study_takes_reading_it_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = [build_trial(number, state=s) for number, s in enumerate(["complete", "pruned"])]
    write_study(root, build_study(*trials)).write_simple_baseline(
        build_simple_baseline("nbsvm", 0.8)
    )
    calls = Counter[str]()

    def counted(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls[f"{name} {args[2] if name == 'of_kind' else ''}".strip()] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, call)

    counted(trial_layout, "read_trial")
    counted(study_writer, "of_kind")
    study = open_study(root)
    assert study.study() == store.read_study(root, "lstm")
    calls.clear()
    study = open_study(root)
    study.study()
    study.begin()
    study.update_summary()
    assert (calls["read_trial"], calls["of_kind trial"]) == (len(trials), 1)


def test_the_parent_run_names_data_sampler_and_pruner_and_has_a_table_of_all_trials(
    root: Path,
) -> None:
    plan = build_plan(sampler="tpe", pruner="median")
    study = write_study(root, build_study(build_trial(0), sampler="tpe", pruner="median"))
    assert store.read_study(root, "lstm").plan == plan
    parent = client_of(root).get_run(study.parent)
    tags = parent.data.tags
    assert (tags["plan.sampler"], tags["plan.pruner"]) == ("tpe", "median")
    assert (tags["data.digest"], tags["plan.seed"]) == (plan.data.digest, "7")
    head, row = _artifact(parent, "trials.csv").read_text().splitlines()
    values = dict(zip(head.split(","), row.split(","), strict=True))
    assert (values["number"], values["state"], values["val_accuracy"]) == ("0", "complete", "0.85")
    assert (values["lstm.units"], values["train.learning_rate"]) == ("128", "0.001")


def test_half_a_table_of_a_trial_that_was_killed_costs_no_epoch(root: Path) -> None:
    study = open_study(root)
    trial = build_trial(0, 0.8, 0.81, state="running")
    write_trial(study, trial)
    _artifact(_trial_runs(root)[0], "curves.csv").write_text("epoch,train_loss\n1,0.", "utf-8")

    open_study(root).begin()

    assert store.read_study(root, "lstm").trials[0].epochs == trial.epochs


def test_a_deletion_that_was_cut_short_is_finished_at_the_next_start(root: Path) -> None:
    study = open_study(root)
    write_trial(study, build_trial(0), model=b"weights")
    shutil.rmtree(root / "artifacts" / "models")

    open_study(root).begin()

    run = _trial_runs(root)[0]
    assert run.data.tags["model.kept"] == "False"
    assert client_of(root).search_logged_models([run.info.experiment_id]) == []


def test_records_of_another_schema_are_refused_and_put_aside_by_fresh(root: Path) -> None:
    study = write_study(root, build_study(build_trial(0)))
    client_of(root).delete_tag(study.parent, "schema")  # as before 2026-11-28
    said = r"^the records of study lstm must have schema 2, but have schema 1: .+--fresh"
    for use in (store.read_study, store.reopen_study, store.open_evaluation, store.condition):
        with pytest.raises(UserError, match=said):
            use(root, "lstm")
    assert store.studies(root) == {}
    (sentence,) = store.unreadable_studies(root)
    assert re.match(said, sentence)
    with pytest.raises(UserError, match=said):
        open_study(root)
    store.open_study(root, build_plan(), fresh=True)
    assert open_study(root).history == ()


def test_a_baseline_that_was_given_stays_until_another_is_given(tmp_path: Path) -> None:
    data = build_data(name="topics.csv", official=False)
    ours = BaselineRecord("our SVM", 0.87, "given by --baseline", part="")

    def lines() -> list[tuple[str, float]]:
        client = client_of(tmp_path)
        experiment = client.get_experiment_by_name("lstm")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], "tags.kind = 'baseline'")
        return [(run.info.run_name, run.data.metrics["val_accuracy"]) for run in runs]

    open_study(tmp_path, data=data, baselines=(ours,))
    assert lines() == [("our SVM", 0.87)]
    open_study(tmp_path, data=data, baselines=())
    assert store.read_study(tmp_path, "lstm").plan.baselines == (ours,)
    assert lines() == [("our SVM", 0.87)]
    better = replace(ours, accuracy=0.88)
    open_study(tmp_path, data=data, baselines=(better,))
    assert store.read_study(tmp_path, "lstm").plan.baselines == (better,)
    assert lines() == [("our SVM", 0.88)]
