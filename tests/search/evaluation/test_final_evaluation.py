"""Finals from the first seed to the look: what is trained, chosen, seen once, and survives."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.search.finals.conftest import Course, Script, candidate

from search.evaluation import test_evaluation
from tests.builders import build_plan, build_reference
from tracking import store
from tracking.commandline.errors import Stopped, UserError
from tracking.records import SealRecord
from tracking.reporting.verdict import verdict
from tracking.writing.evaluation_writer import FinalsStore


def test_the_best_are_trained_on_fresh_seeds_beside_the_reference_and_a_control(
    course: Course, script: Script
) -> None:
    trials = (candidate(0, 0.7, origin="lstm-2016"), candidate(1, 0.9), candidate(2, 0.8))
    course.write(*trials, candidate(3, 0.5))
    course.run(top=2, n_seeds=3)
    study = course.study
    counts = {of: sum(r.of == of for r in study.repeats) for of in {r.of for r in study.repeats}}
    assert counts == {1: 3, 2: 3, 0: 3, "tfidf_logistic": 1}
    assert {r.role for r in study.repeats if r.of == 0} == {"reference"}
    seeds = [seed for _, seed in script.trained]
    assert len(set(seeds)) == 9
    assert not set(seeds) & {trial.seed for trial in study.trials}
    assert study.finals is not None
    assert study.finals.ranking == (1, 2, 0, "tfidf_logistic")


def test_repeats_are_no_candidates_and_no_trials(course: Course, script: Script) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))
    before = course.study
    course.run()
    after = course.study
    assert after.trials == before.trials
    assert after.candidates == before.candidates
    assert [after.count(state) for state in ("complete", "failed")] == [2, 0]


def test_a_reference_among_the_best_is_trained_once(course: Course, script: Script) -> None:
    course.write(candidate(0, 0.9, origin="lstm-2016"), candidate(1, 0.8))
    course.run()
    assert len(script.trained) == 4
    assert {look.role for look in course.study.final_looks} == {"finalist", "control"}


def test_a_reference_that_the_search_had_no_time_for_is_trained_as_it_is_on_record(
    course: Course, script: Script
) -> None:
    values = {"text.vocab_size": 5_000, "train.epochs": 9}
    reference = build_reference("lstm-2016", 0.8679, family="lstm", params=values)
    course.write(candidate(0, 0.9), references=(reference,), plan="renamed-since")
    course.run()
    own = [repeat for repeat in course.study.repeats if repeat.of == "lstm-2016"]
    assert [repeat.role for repeat in own] == ["reference", "reference"]
    assert own[0].params["text.vocab_size"] == 5_000
    assert own[0].params["train.epochs"] == build_plan().max_epochs
    assert {one.of for one in course.study.final_looks if one.role == "reference"} == {"lstm-2016"}


def test_the_winner_its_reference_and_the_control_are_seen_in_one_look(
    course: Course, script: Script
) -> None:
    course.write(candidate(0, 0.7, origin="lstm-2016"), candidate(1, 0.9), candidate(2, 0.8))
    course.run()
    looks = course.study.final_looks
    assert [(one.role, one.of, one.n) for one in looks] == [
        ("finalist", 1, 1),
        ("reference", 0, 1),
        ("control", "tfidf_logistic", 1),
    ]
    assert script.scored == 2 + 2 + 1
    assert all(len(one.by_seed) == (1 if one.role == "control" else 2) for one in looks)
    assert [(one.first, one.second, one.part) for one in looks[0].differences] == [
        (1, 0, "test"),
        (1, "tfidf_logistic", "test"),
    ]
    assert looks[0].who.count("@") == 1
    assert looks[0].look.accuracy in looks[0].by_seed


def test_the_model_that_was_looked_at_is_that_of_the_best_seed_and_is_kept(
    course: Course, script: Script
) -> None:
    course.write(candidate(0, 0.8), candidate(1, 0.9))
    course.run(n_seeds=4)
    study = course.study
    winner = study.final_looks[0]
    own = [repeat for repeat in study.repeats if repeat.of == winner.of]
    best = max(own, key=lambda repeat: (repeat.score.val_accuracy, -repeat.index))
    finals = store.open_finals(course.root, "lstm")
    assert test_evaluation.sha256(finals.model(best.run_id)) == winner.model_sha256
    assert [repeat.model for repeat in own] == [True] * 4
    assert not any(repeat.model for repeat in study.repeats if repeat.of == 0)


def test_the_same_again_trains_nothing_and_looks_at_nothing(
    course: Course, script: Script
) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))
    course.run()
    before, trained, scored = course.study, list(script.trained), script.scored
    said = course.run()
    assert (script.trained, script.scored) == (trained, scored)
    assert course.study == before
    assert "no second look: the test set was looked at for this study by" in said
    assert "--again takes another" in said


def test_more_seeds_are_added_to_those_that_are_there(course: Course, script: Script) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))
    course.run(n_seeds=2)
    course.run(n_seeds=3)
    assert len(script.trained) == 6
    assert len(set(script.trained)) == 6


def test_a_second_look_is_taken_when_asked_for_and_counted(course: Course, script: Script) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))
    course.run()
    course.run(again=True)
    study = course.study
    assert sorted({one.n for one in study.final_looks}) == [1, 2]
    assert study.n_sealed == 2
    assert "2 looks at the test set" in verdict(study)
    first, second = ([o.look.accuracy for o in study.final_looks if o.n == n] for n in (1, 2))
    assert first == second


def test_a_stop_loses_no_seed_that_has_finished(course: Course, script: Script) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))

    def stop() -> None:
        raise Stopped(signal.SIGINT)

    script.stop_after, script.stop = 2, stop
    with pytest.raises(Stopped):
        course.run()
    cut = course.study
    *ended, interrupted = cut.repeats
    assert [repeat.state for repeat in ended] == ["complete"] * 3
    assert (interrupted.state, interrupted.reason) == ("interrupted", "stopped by SIGINT")
    assert (cut.final_looks, cut.n_sealed) == ((), 0)
    script.stop_after = None
    course.run()
    assert len(script.trained) == 5  # four trainings, one of them begun twice
    assert script.trained[2] == script.trained[3]
    assert interrupted.run_id in {repeat.run_id for repeat in course.study.repeats}
    assert {repeat.state for repeat in course.study.repeats} == {"complete"}
    assert course.study.n_sealed == 1


def test_a_kill_in_the_middle_of_a_look_counts_it_and_the_next_start_finishes_that_very_look(
    course: Course, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))

    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FinalsStore, "write_looks", killed)
        with pytest.raises(KeyboardInterrupt):
            course.run()
    cut = course.study
    assert (cut.final_looks, cut.n_sealed) == ((), 1)
    assert "A look at the test set was begun and cut short; it counts" in verdict(cut)
    assert "1 look at the test set so far" in verdict(cut)
    sealed = store.open_finals(course.root, "lstm").unopened()
    said = course.run()
    assert "look 1 at the test set was cut short: finishing it" in said
    study = course.study
    assert study.n_sealed == 1
    assert [one.n for one in study.final_looks] == [1, 1]
    assert sealed is not None
    assert study.final_looks[0].model_sha256 == sealed.items[0].models[sealed.items[0].chosen]
    assert study.final_looks[0].look.looked_at == sealed.sealed_at


def test_a_look_is_on_record_before_a_model_is_scored(
    course: Course, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))
    seen: list[int] = []
    take = test_evaluation.take

    def watched(*arguments: Any) -> Any:
        seen.append(course.study.n_sealed)
        return take(*arguments)

    monkeypatch.setattr(test_evaluation, "take", watched)
    course.run()
    assert seen == [1]


def seal_then_change_a_model(course: Course, monkeypatch: pytest.MonkeyPatch) -> SealRecord:
    """Kill finals in the middle of their look, and let somebody touch the model it was for."""
    course.write(candidate(0, 0.7), candidate(1, 0.9))

    def killed(*arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FinalsStore, "write_looks", killed)
        with pytest.raises(KeyboardInterrupt):
            course.run()
    finals = store.open_finals(course.root, "lstm")
    sealed = finals.unopened()
    assert sealed is not None
    finals.model(sealed.items[0].chosen).write_text("0.99 7")
    return sealed


def test_a_model_that_changed_after_it_was_sealed_is_not_scored(
    course: Course, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal_then_change_a_model(course, monkeypatch)
    with pytest.raises(UserError, match=r"look 1 was sealed for .* has changed or is gone since"):
        course.run()
    course.run(again=True)
    assert course.study.n_sealed == 2
    assert {one.n for one in course.study.final_looks} == {2}


def test_a_look_that_was_given_up_counts_and_no_other_is_taken_unasked(
    course: Course, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = seal_then_change_a_model(course, monkeypatch)
    store.open_finals(course.root, "lstm").abandon(sealed)
    assert "no second look" in course.run()
    assert course.study.n_sealed == 1


def test_all_seeds_diverging_is_said_in_words(course: Course, script: Script) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))
    script.diverge = {0, 1}
    said = course.run()
    assert "failed: loss became nan in epoch 1" in said
    assert "no finalist could be trained again, so nothing is looked at" in said
    study = course.study
    assert study.n_sealed == 0
    assert verdict(study).startswith("None of the finalists could be trained again")
    course.run()
    assert len(script.trained) == 4  # a seed that failed has finished


def test_a_finalist_that_fails_at_times_is_behind_one_that_never_does(
    course: Course, script: Script
) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.9))
    script.diverge = {1}
    course.run()
    finals = course.study.finals
    assert finals is not None
    assert finals.ranking == (0, "tfidf_logistic")


def test_one_finished_trial_is_enough(course: Course, script: Script) -> None:
    course.write(candidate(0, 0.8))
    course.run()
    assert verdict(course.study).startswith("Trial 0 (defaults) has ")


def test_of_ties_the_earlier_trial_is_first(course: Course, script: Script) -> None:
    course.write(*(candidate(number, 0.8) for number in range(4)))
    course.run(top=2)
    assert {r.of for r in course.study.repeats} == {0, 1, "tfidf_logistic"}


def test_without_a_test_part_the_finalists_are_ranked_and_the_look_is_refused_in_words(
    course: Course, script: Script, tiny_dataset: Any
) -> None:
    course.data = tiny_dataset
    course.write(candidate(0, 0.7), candidate(1, 0.9))
    said = course.run()
    assert "tiny.csv has no test part, so nothing is looked at." in said
    study = course.study
    assert study.finals is not None
    assert study.finals.ranking == (1, 0, "tfidf_logistic")
    assert study.n_sealed == 0
    assert "the test set has not been looked at" in verdict(study)


def test_trials_after_the_look_can_win_but_are_not_looked_at_unasked(
    course: Course, script: Script
) -> None:
    course.write(candidate(0, 0.7), candidate(1, 0.8))
    course.run()
    course.write(candidate(2, 0.95))
    course.run()
    study = course.study
    assert study.finals is not None
    assert study.finals.ranking[0] == 2
    assert {one.of for one in study.final_looks} == {1, "tfidf_logistic"}
    said = (
        "Since that look trial 2 (tpe) has become the first on validation, and was not looked at"
    )
    assert said in verdict(study)


def test_a_model_that_an_earlier_look_had_no_use_for_is_trained_again_on_its_seeds(
    course: Course, script: Script
) -> None:
    course.write(candidate(0, 0.9), candidate(1, 0.8))
    course.run()
    first = list(script.trained)
    for repeat in course.study.repeats:  # as if the look had been at trial 1
        if repeat.of == 0:
            store.open_finals(course.root, "lstm").model(repeat.run_id).unlink()
    course.run(again=True)
    assert sorted(script.trained[4:]) == sorted(pair for pair in first if pair[0] == 0.9)
    assert len(course.study.repeats) == 5
    assert {one.n for one in course.study.final_looks if one.of == 0} == {1, 2}


def test_a_look_leaves_its_seal_in_the_store(course: Course, script: Script) -> None:
    course.write(candidate(0, 0.9))
    course.run()
    (file,) = Path(course.root).rglob("seal.json")
    seal = json.loads(file.read_text("utf-8"))
    assert {"n", "who", "sealed_at", "commit", "items"} <= set(seal)
    assert [item["role"] for item in seal["items"]] == ["finalist", "control"]
