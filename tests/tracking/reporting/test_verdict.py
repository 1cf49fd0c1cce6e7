"""The verdict in words: after the search, after the final evaluation, after the test evaluation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.builders import (
    build_data,
    build_difference,
    build_evaluation,
    build_plan,
    build_ranking,
    build_reruns,
    build_sealed_evaluation,
    build_trial,
)
from tracking.records import StudyRecord
from tracking.reporting.verdict import NOT_OFFICIAL, verdict

TRIALS = (build_trial(0, 0.88, proposed_by="lstm-2016"), build_trial(1, 0.91))


def final_ranking(**changes: Any) -> StudyRecord:
    """A study whose trial 1 won over the reference, trial 0, before any look."""
    study = StudyRecord(
        build_plan(),
        TRIALS,
        reruns=(
            *build_reruns(1, 0.900, 0.902, 0.904, seconds=80.0),
            *build_reruns(0, 0.880, 0.882, seconds=15.0, role="reference"),
            *build_reruns("tfidf_logistic", 0.89, role="simple baseline"),
        ),
        final_ranking=build_ranking(differences=(build_difference(1, 0, 0.02, 0.01, 0.03),)),
    )
    return replace(study, **changes)


def looked(low: float = 0.896, high: float = 0.906, **changes: Any) -> StudyRecord:
    """The same after one test evaluation."""
    accuracy = (low + high) / 2
    first = build_sealed_evaluation(
        1,
        accuracy,
        cluster_low=low,
        cluster_high=high,
        by_seed=(0.900, 0.901, 0.902),
        n_seen=123,
        accuracy_unseen=0.9008,
        differences=(
            build_difference(1, 0, 0.02, 0.011, 0.029, "test"),
            build_difference(1, "tfidf_logistic", 0.001, -0.004, 0.006, "test"),
        ),
    )
    reference = build_sealed_evaluation(0, 0.88, role="reference", by_seed=(0.88, 0.881))
    simple_baseline = build_sealed_evaluation(
        "tfidf_logistic", 0.89, role="simple baseline", by_seed=(0.89,)
    )
    study = replace(
        final_ranking(), sealed_evaluations=(first, reference, simple_baseline), n_sealed=1
    )
    return replace(study, **changes)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.896, 0.906, "Better than the 88.89 %"),
        (0.885, 0.895, "Not shown to be better than the 88.89 %"),
        (0.870, 0.880, "Worse than the 88.89 %"),
        (0.8889, 0.895, "Not shown to be better than the 88.89 %"),
    ],
)
def test_the_interval_on_test_decides_what_is_said_of_the_paper(
    low: float, high: float, said: str
) -> None:
    assert verdict(looked(low, high)).startswith(f"{said} of Maas et al. 2011: trial 1 (tpe) has ")


def test_a_test_accuracy_comes_with_its_interval_its_seeds_and_the_count_of_test_evaluations() -> (
    None
):
    first = verdict(looked()).split(". ")[0] + verdict(looked()).split(". ")[1]
    assert "90.10 % on the official test set, 95 % interval 89.60 to 90.60 by movie" in first
    assert "90.10 % ± 0.10 over 3 seeds" in first
    assert "1 test evaluation" in first


def test_the_count_of_test_evaluations_is_that_of_those_that_were_begun() -> None:
    assert "2 test evaluations" in verdict(looked(n_sealed=2))
    assert "begun and cut short; it counts" in verdict(looked(n_sealed=2))


def test_the_reference_and_the_simple_baseline_are_held_against_the_winner() -> None:
    said = verdict(looked())
    assert (
        "It is ahead of the reference trial 0 (lstm-2016), 88.05 % ± 0.07 over 2 seeds: " in said
    )
    assert "+2.00 points, 95 % interval +1.10 to +2.90" in said
    assert (
        "It is not shown to differ from the simple baseline tfidf_logistic, 89.00 % on one seed"
        in said
    )


def test_one_measure_alone_decides_whether_two_differ() -> None:
    evaluation = looked().sealed_evaluations[0]
    sure = tuple(replace(one, p_value=1e-9, p_holm=1e-9) for one in evaluation.differences)
    study = looked()
    study = replace(
        study,
        sealed_evaluations=(replace(evaluation, differences=sure), *study.sealed_evaluations[1:]),
    )

    said = verdict(study)

    assert "not shown to differ from the simple baseline" in said
    assert "+0.10 points, 95 % interval -0.40 to +0.60 over texts and seeds" in said
    assert "p <" not in said
    assert "McNemar" not in said


def test_texts_that_training_had_seen_are_left_out_once() -> None:
    assert "Without the 123 texts that are in training too it has 90.08 %." in verdict(looked())


def test_before_the_test_evaluation_the_seeds_and_the_luck_of_the_search_are_said() -> None:
    said = verdict(final_ranking())
    assert said.startswith(
        "Trained again on fresh seeds, trial 1 (tpe) is first: 90.20 % ± 0.20 over 3 seeds, on "
        "validation; the test set has not been used."
    )
    luck = "On validation the search had seen 91.00 % of it, and fresh seeds 90.20 % ± 0.20 over"
    assert f"{luck} 3 seeds: -0.80 points." in said
    assert luck in verdict(looked())


@pytest.mark.parametrize(
    ("low", "said"),
    [
        (
            -0.001,
            "The cheapest that is not shown to be worse on validation is trial 0 (lstm-2016): "
            "15 s a training instead of 80 s.",
        ),
        (0.001, "No cheaper finalist is as good on validation."),
    ],
)
def test_the_cheapest_that_is_not_shown_to_be_worse_is_named(low: float, said: str) -> None:
    for first, second, sign in ((1, 0, 1), (0, 1, -1)):  # however the pair was written down
        ends = sorted((sign * low, sign * 0.03))
        difference = build_difference(first, second, sign * 0.02, *ends)
        study = looked(final_ranking=build_ranking(differences=(difference,)))
        assert said in verdict(study)


@pytest.mark.parametrize("study", [final_ranking(), looked()])
def test_of_other_data_every_sentence_says_that_it_is_not_the_official_test_set(
    study: StudyRecord,
) -> None:
    plan = build_plan(data=build_data(name="imdb-train", official=False))
    evaluations = tuple(
        replace(
            evaluation, evaluation=build_evaluation(evaluation.evaluation.accuracy, official=False)
        )
        for evaluation in study.sealed_evaluations
    )
    said = verdict(replace(study, plan=plan, sealed_evaluations=evaluations))
    mark = f" (imdb-train: {NOT_OFFICIAL})."
    sentences = said.split(mark)
    assert len(sentences) >= 3
    assert sentences.pop() == ""
    for sentence in sentences:  # a point within one only where a number or a name has it
        assert ". " not in sentence.replace("et al. ", "")
    assert "Better" not in said
    assert "Maas" not in said


def test_of_ones_own_texts_there_is_nothing_published_to_hold_it_against() -> None:
    plan = build_plan(baselines=(), data=build_data(name="mine.csv", official=False))
    study = looked(plan=plan)
    first = replace(
        study.sealed_evaluations[0],
        evaluation=build_evaluation(0.901, official=False),
        cluster_low=None,
    )
    said = verdict(replace(study, sealed_evaluations=(first,)))
    assert said.startswith("Trial 1 (tpe) has 90.10 % on the test part of mine.csv, 95 % interval")
    assert "by movie" not in said
    assert "Maas" not in said


def test_when_every_seed_failed_that_is_all_there_is_to_say() -> None:
    failed = replace(build_reruns(1, 0.9)[0], state="failed", score=None)
    study = final_ranking(
        reruns=(failed,), final_ranking=build_ranking(ranking=(), differences=())
    )
    assert verdict(study) == "None of the finalists could be trained again: all seeds failed."
