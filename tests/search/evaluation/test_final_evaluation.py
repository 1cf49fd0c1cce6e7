"""Finals from the first seed to the test evaluation: what is trained, chosen, seen once, and survives."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from search.evaluation import evaluate_on_test
from tests.builders import build_plan, build_reference
from tests.search.final_ranking.conftest import Script, Story, candidate
from tracking import store
from tracking.commandline.errors import Stopped, UserError
from tracking.records import SealRecord
from tracking.reporting.verdict import verdict
from tracking.writing.evaluation_writer import EvaluationWriter


def test_the_best_are_trained_on_fresh_seeds_beside_the_reference_and_a_simple_baseline(
    story: Story, script: Script
) -> None:
    trials = (candidate(0, 0.7, proposed_by="lstm-2016"), candidate(1, 0.9), candidate(2, 0.8))
    story.write(*trials, candidate(3, 0.5))
    story.run(top=2, n_seeds=3)
    study = story.study
    counts = {of: sum(r.of == of for r in study.reruns) for of in {r.of for r in study.reruns}}
    assert counts == {1: 3, 2: 3, 0: 3, "tfidf_logistic": 1}
    assert {r.role for r in study.reruns if r.of == 0} == {"reference"}
    seeds = [seed for _, seed in script.trained]
    assert len(set(seeds)) == 9
    assert not set(seeds) & {trial.seed for trial in study.trials}
    assert study.final_ranking is not None
    assert study.final_ranking.ranking == (1, 2, 0, "tfidf_logistic")


def test_reruns_are_no_candidates_and_no_trials(story: Story, script: Script) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))
    before = story.study
    story.run()
    after = story.study
    assert after.trials == before.trials
    assert after.candidates == before.candidates
    assert [after.count(state) for state in ("complete", "failed")] == [2, 0]


def test_a_reference_among_the_best_is_trained_once(story: Story, script: Script) -> None:
    story.write(candidate(0, 0.9, proposed_by="lstm-2016"), candidate(1, 0.8))
    story.run()
    assert len(script.trained) == 4
    assert {evaluate_on_test.role for evaluation in story.study.sealed_evaluations} == {
        "finalist",
        "simple baseline",
    }


def test_a_reference_that_the_search_had_no_time_for_is_trained_as_it_is_on_record(
    story: Story, script: Script
) -> None:
    values = {"text.vocab_size": 5_000, "train.epochs": 9}
    reference = build_reference("lstm-2016", 0.8679, family="lstm", params=values)
    story.write(candidate(0, 0.9), references=(reference,), plan="renamed-since")
    story.run()
    own = [rerun for rerun in story.study.reruns if rerun.of == "lstm-2016"]
    assert [rerun.role for rerun in own] == ["reference", "reference"]
    assert own[0].params["text.vocab_size"] == 5_000
    assert own[0].params["train.epochs"] == build_plan().max_epochs
    assert {one.of for one in story.study.sealed_evaluations if one.role == "reference"} == {
        "lstm-2016"
    }


def test_the_winner_its_reference_and_the_simple_baseline_are_seen_in_one_test_evaluation(
    story: Story, script: Script
) -> None:
    story.write(candidate(0, 0.7, proposed_by="lstm-2016"), candidate(1, 0.9), candidate(2, 0.8))
    story.run()
    evaluations = story.study.sealed_evaluations
    assert [(one.role, one.of, one.n) for one in evaluations] == [
        ("finalist", 1, 1),
        ("reference", 0, 1),
        ("simple baseline", "tfidf_logistic", 1),
    ]
    assert script.scored == 2 + 2 + 1
    assert all(
        len(one.by_seed) == (1 if one.role == "simple baseline" else 2) for one in evaluations
    )
    assert [(one.first, one.second, one.part) for one in evaluations[0].differences] == [
        (1, 0, "test"),
        (1, "tfidf_logistic", "test"),
    ]
    assert evaluations[0].who.count("@") == 1
    assert evaluations[0].evaluation.accuracy in evaluations[0].by_seed


def test_the_model_that_was_looked_at_is_that_of_the_best_seed_and_is_kept(
    story: Story, script: Script
) -> None:
    story.write(candidate(0, 0.8), candidate(1, 0.9))
    story.run(n_seeds=4)
    study = story.study
    winner = study.sealed_evaluations[0]
    own = [rerun for rerun in study.reruns if rerun.of == winner.of]
    best = max(own, key=lambda rerun: (rerun.score.val_accuracy, -rerun.index))
    final_ranking = store.open_evaluation(story.root, "lstm")
    assert evaluate_on_test.sha256(final_ranking.model(best.run_id)) == winner.model_sha256
    assert [rerun.model for rerun in own] == [True] * 4
    assert not any(rerun.model for rerun in study.reruns if rerun.of == 0)


def test_the_same_again_trains_nothing_and_test_evaluations_at_nothing(
    story: Story, script: Script
) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))
    story.run()
    before, trained, scored = story.study, list(script.trained), script.scored
    said = story.run()
    assert (script.trained, script.scored) == (trained, scored)
    assert story.study == before
    assert "no second test evaluation: the test set was used for this study by" in said
    assert "--again takes another" in said


def test_more_seeds_are_added_to_those_that_are_there(story: Story, script: Script) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))
    story.run(n_seeds=2)
    story.run(n_seeds=3)
    assert len(script.trained) == 6
    assert len(set(script.trained)) == 6


def test_a_second_test_evaluation_is_taken_when_asked_for_and_counted(
    story: Story, script: Script
) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))
    story.run()
    story.run(again=True)
    study = story.study
    assert sorted({one.n for one in study.sealed_evaluations}) == [1, 2]
    assert study.n_sealed == 2
    assert "2 test evaluations" in verdict(study)
    first, second = (
        [o.evaluation.accuracy for o in study.sealed_evaluations if o.n == n] for n in (1, 2)
    )
    assert first == second


def test_a_stop_loses_no_seed_that_has_finished(story: Story, script: Script) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))

    def stop() -> None:
        raise Stopped(signal.SIGINT)

    script.stop_after, script.stop = 2, stop
    with pytest.raises(Stopped):
        story.run()
    cut = story.study
    *ended, interrupted = cut.reruns
    assert [rerun.state for rerun in ended] == ["complete"] * 3
    assert (interrupted.state, interrupted.reason) == ("interrupted", "stopped by SIGINT")
    assert (cut.sealed_evaluations, cut.n_sealed) == ((), 0)
    script.stop_after = None
    story.run()
    assert len(script.trained) == 5  # four trainings, one of them begun twice
    assert script.trained[2] == script.trained[3]
    assert interrupted.run_id in {rerun.run_id for rerun in story.study.reruns}
    assert {rerun.state for rerun in story.study.reruns} == {"complete"}
    assert story.study.n_sealed == 1


def test_a_kill_in_the_middle_of_a_test_evaluation_counts_it_and_the_next_start_finishes_that_very_test_evaluation(
    story: Story, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))

    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(EvaluationWriter, "write_looks", killed)
        with pytest.raises(KeyboardInterrupt):
            story.run()
    cut = story.study
    assert (cut.sealed_evaluations, cut.n_sealed) == ((), 1)
    assert "A test evaluation was begun and cut short; it counts" in verdict(cut)
    assert "1 test evaluation so far" in verdict(cut)
    sealed = store.open_evaluation(story.root, "lstm").unopened()
    said = story.run()
    assert "test evaluation 1 was cut short: finishing it" in said
    study = story.study
    assert study.n_sealed == 1
    assert [one.n for one in study.sealed_evaluations] == [1, 1]
    assert sealed is not None
    assert (
        study.sealed_evaluations[0].model_sha256 == sealed.items[0].models[sealed.items[0].chosen]
    )
    assert study.sealed_evaluations[0].evaluation.evaluated_at == sealed.sealed_at


def test_a_test_evaluation_is_on_record_before_a_model_is_scored(
    story: Story, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))
    seen: list[int] = []
    take = evaluate_on_test.take

    def watched(*arguments: Any) -> Any:
        seen.append(story.study.n_sealed)
        return take(*arguments)

    monkeypatch.setattr(test_evaluation, "take", watched)
    story.run()
    assert seen == [1]


def seal_then_change_a_model(story: Story, monkeypatch: pytest.MonkeyPatch) -> SealRecord:
    """Kill final evaluations in the middle of their look, and let somebody touch the model it was for."""
    story.write(candidate(0, 0.7), candidate(1, 0.9))

    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(EvaluationWriter, "write_looks", killed)
        with pytest.raises(KeyboardInterrupt):
            story.run()
    final_ranking = store.open_evaluation(story.root, "lstm")
    sealed = final_ranking.unopened()
    assert sealed is not None
    final_ranking.model(sealed.items[0].chosen).write_text("0.99 7")
    return sealed


def test_a_model_that_changed_after_it_was_sealed_is_not_scored(
    story: Story, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal_then_change_a_model(story, monkeypatch)
    with pytest.raises(
        UserError, match=r"test evaluation 1 was sealed for .* has changed or is gone since"
    ):
        story.run()
    story.run(again=True)
    assert story.study.n_sealed == 2
    assert {one.n for one in story.study.sealed_evaluations} == {2}


def test_a_test_evaluation_that_was_given_up_counts_and_no_other_is_taken_unasked(
    story: Story, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = seal_then_change_a_model(story, monkeypatch)
    store.open_evaluation(story.root, "lstm").abandon(sealed)
    assert "no second test evaluation" in story.run()
    assert story.study.n_sealed == 1


def test_all_seeds_diverging_is_said_in_words(story: Story, script: Script) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))
    script.diverge = {0, 1}
    said = story.run()
    assert "failed: loss became nan in epoch 1" in said
    assert "no finalist could be trained again, so nothing is looked at" in said
    study = story.study
    assert study.n_sealed == 0
    assert verdict(study).startswith("None of the finalists could be trained again")
    story.run()
    assert len(script.trained) == 4  # a seed that failed has finished


def test_a_finalist_that_fails_at_times_is_behind_one_that_never_does(
    story: Story, script: Script
) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.9))
    script.diverge = {1}
    story.run()
    final_ranking = story.study.final_ranking
    assert final_ranking is not None
    assert final_ranking.ranking == (0, "tfidf_logistic")


def test_one_finished_trial_is_enough(story: Story, script: Script) -> None:
    story.write(candidate(0, 0.8))
    story.run()
    assert verdict(story.study).startswith("Trial 0 (defaults) has ")


def test_of_ties_the_earlier_trial_is_first(story: Story, script: Script) -> None:
    story.write(*(candidate(number, 0.8) for number in range(4)))
    story.run(top=2)
    assert {r.of for r in story.study.reruns} == {0, 1, "tfidf_logistic"}


def test_without_a_test_part_the_finalists_are_ranked_and_the_test_evaluation_is_refused_in_words(
    story: Story, script: Script, tiny_dataset: Any
) -> None:
    story.data = tiny_dataset
    story.write(candidate(0, 0.7), candidate(1, 0.9))
    said = story.run()
    assert "tiny.csv has no test part, so nothing is looked at." in said
    study = story.study
    assert study.final_ranking is not None
    assert study.final_ranking.ranking == (1, 0, "tfidf_logistic")
    assert study.n_sealed == 0
    assert "the test set has not been used" in verdict(study)


def test_trials_after_the_test_evaluation_can_win_but_are_not_looked_at_unasked(
    story: Story, script: Script
) -> None:
    story.write(candidate(0, 0.7), candidate(1, 0.8))
    story.run()
    story.write(candidate(2, 0.95))
    story.run()
    study = story.study
    assert study.final_ranking is not None
    assert study.final_ranking.ranking[0] == 2
    assert {one.of for one in study.sealed_evaluations} == {1, "tfidf_logistic"}
    said = "Since that test evaluation trial 2 (tpe) has become the first on validation, and was not looked at"
    assert said in verdict(study)


def test_a_model_that_an_earlier_test_evaluation_had_no_use_for_is_trained_again_on_its_seeds(
    story: Story, script: Script
) -> None:
    story.write(candidate(0, 0.9), candidate(1, 0.8))
    story.run()
    first = list(script.trained)
    for rerun in story.study.reruns:  # as if the test evaluation had been at trial 1
        if rerun.of == 0:
            store.open_evaluation(story.root, "lstm").model(rerun.run_id).unlink()
    story.run(again=True)
    assert sorted(script.trained[4:]) == sorted(pair for pair in first if pair[0] == 0.9)
    assert len(story.study.reruns) == 5
    assert {one.n for one in story.study.sealed_evaluations if one.of == 0} == {1, 2}


def test_a_test_evaluation_leaves_its_seal_in_the_store(story: Story, script: Script) -> None:
    story.write(candidate(0, 0.9))
    story.run()
    (file,) = Path(story.root).rglob("seal.json")
    seal = json.loads(file.read_text("utf-8"))
    assert {"n", "who", "sealed_at", "commit", "items"} <= set(seal)
    assert [item["role"] for item in seal["items"]] == ["finalist", "simple baseline"]
