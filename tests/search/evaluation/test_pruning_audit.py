"""Was pruning right? Pruned trials that are trained to their end; the search stays as it is."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dashboards.page.answers import answers
from search.evaluation.pruning_audit import PruningAudit, to_audit
from search.workers.tasks import CHECKPOINT
from tests.builders import build_study, client_of
from tests.search.evaluation.conftest import Script, Story, candidate
from tracking import store
from tracking.commandline.errors import Stopped, UserError
from tracking.records import TrialRecord
from tracking.reporting import pruning


def pruned(number: int, seen: float, skill: float) -> TrialRecord:
    """A trial that was pruned at an accuracy, and has a skill when it is trained to its end."""
    trial = candidate(number, seen, state="pruned", reason=f"after epoch 1: {seen}, below")
    return TrialRecord(**{**vars(trial), "params": {**trial.params, "skill": skill}})


TRIALS = (
    *(candidate(number, 0.7 + number / 100) for number in range(6)),
    *(pruned(number, 0.4 + number / 100, 0.5 if number != 8 else 0.95) for number in range(6, 13)),
)


def audit(story: Story, n: int, *, top: int = 3, check_stop: Any = lambda: None) -> str:
    """Run the audit; return what was said."""
    console = Console(record=True, width=200, file=(story.root / "said.txt").open("w"))
    try:
        PruningAudit(
            study=story.study,
            store=store.open_evaluation(story.root, "lstm"),
            data=story.data,
            n=n,
            top=top,
            n_workers=1,
            n_threads=None,
            console=console,
            check_stop=check_stop,
            work_dir=story.root / "lstm.audit",
            trials=story.root / "lstm.trials",
        ).run()
    finally:
        console.file.close()
    return console.export_text()


def test_the_choice_is_spread_over_the_accuracies_and_more_include_fewer() -> None:
    study = build_study(*TRIALS)
    chosen = [[one.of for one in to_audit(study, n)] for n in range(1, 8)]
    assert chosen[0] == [9]  # the middle of seven
    assert sorted(chosen[2]) == [7, 9, 11]
    assert all(more[: len(fewer)] == fewer for fewer, more in pairwise(chosen))
    assert sorted(chosen[6]) == [6, 7, 8, 9, 10, 11, 12]
    assert len(to_audit(study, 99)) == 7


def test_pruned_trials_are_trained_to_the_end_on_their_own_seeds_and_held_against_the_best(
    story: Story, script: Script
) -> None:
    story.write(*TRIALS)
    before = story.study
    said = audit(story, 7)
    seeds = {trial.number: trial.seed for trial in TRIALS}
    assert sorted(seed for _, seed in script.trained) == [seeds[number] for number in range(6, 13)]
    assert "7 pruned trials are trained to the end, on validation: about" in said
    assert script.scored == 0  # nothing was scored on the test part
    study = story.study
    assert study.trials == before.trials
    assert study.candidates == before.candidates
    assert (study.reruns, study.sealed_evaluations, study.n_sealed) == ((), (), 0)
    assert store.open_evaluation(story.root, "lstm").reruns() == ()
    found = study.pruning_audit
    assert found is not None
    assert (found.top, found.n_pruned, found.entered) == (3, 7, [8])
    assert found.least == before.candidates[2].score.val_accuracy
    text = pruning.sentence(study)
    assert text.startswith("7 of 7 pruned trials were trained to the end: 1 (trial 8, ")
    assert "would be among the best 3, which go down to 73.00 %." in text
    assert "interval" not in text  # they are all that there are
    assert ("Was pruning right?", text) in answers(study)
    assert [row[3] for row in pruning.rows(study)] == ["yes", *["no"] * 6]


def test_of_a_few_it_is_said_how_little_they_say(story: Story, script: Script) -> None:
    story.write(*TRIALS)
    audit(story, 3)
    text = pruning.sentence(story.study)
    assert text.startswith("3 of 7 pruned trials were trained to the end: none would be among")
    assert "A share of 0 %, but of 3 only: its 95 % interval goes from 0 to 56 %." in text
    audit(story, 3)  # the same again trains nothing, and more add to what is there
    assert len(script.trained) == 3
    audit(story, 4)
    assert len(script.trained) == 4


def test_a_training_that_was_stopped_is_continued_under_its_run(
    story: Story, script: Script
) -> None:
    def stop() -> None:
        raise Stopped(2)

    story.write(*TRIALS)
    script.stop_after, script.stop = 1, stop
    with pytest.raises(Stopped):
        audit(story, 3)
    assert story.study.pruning_audit is None
    known = {one.run_id: one.state for one in story.study.audits}
    assert sorted(known.values()) == ["complete", "interrupted"]
    script.stop_after = None
    audit(story, 3)
    assert {one.run_id for one in story.study.audits} >= known.keys()
    assert [one.state for one in story.study.audits] == ["complete"] * 3
    assert store.condition(story.root, "lstm").faults == ()
    assert not (story.root / "lstm.audit").exists()


def test_what_a_paused_trial_left_is_gone_on_from(story: Story, script: Script) -> None:
    story.write(*TRIALS)
    left = story.root / "lstm.trials" / "9"
    left.mkdir(parents=True)
    (left / CHECKPOINT).write_text("half a training")
    found: list[str] = []
    train = script._train

    def look(task: Any) -> Any:
        found.extend(file.read_text() for file in task.folder.glob(CHECKPOINT))
        yield from train(task)

    script._train = look  # type: ignore[method-assign]
    audit(story, 2)
    assert found == ["half a training"]
    assert (left / CHECKPOINT).exists()


def test_its_runs_are_of_a_kind_of_their_own_below_the_trials_and_keep_no_model(
    story: Story, script: Script
) -> None:
    story.write(*TRIALS)
    audit(story, 1)
    client = client_of(story.root)
    (experiment,) = client.search_experiments(filter_string="name = 'lstm'")
    (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'pruning audit'")
    assert run.info.run_name == "audit-of-trial-0009"
    (trial,) = [trial for trial in story.study.trials if trial.number == 9]
    assert run.data.tags["mlflow.parentRunId"] == trial.run_id
    assert "model.keras" not in [file.path for file in client.list_artifacts(run.info.run_id)]
    (parent,) = client.search_runs([experiment.experiment_id], "tags.kind = 'study'")
    assert json.loads(parent.data.tags["pruning.audit"])["n_pruned"] == 7


def test_one_that_cannot_be_trained_is_counted(story: Story, script: Script) -> None:
    story.write(*TRIALS)
    script.diverge = {9}
    audit(story, 1)
    assert pruning.sentence(story.study) == (
        "None of the pruned trials could be trained to its end."
    )
    audit(story, 2)
    assert " 1 could not be trained. Up to where it was pruned, 1 had other numbers than" in (
        pruning.sentence(story.study)
    )


def test_a_study_without_a_pruned_trial_has_nothing_to_audit(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has pruned no trial"):
        to_audit(build_study(*TRIALS[:6]), 3)
    with pytest.raises(UserError, match="has no finished trial to hold pruned ones against"):
        to_audit(build_study(*TRIALS[6:]), 3)
