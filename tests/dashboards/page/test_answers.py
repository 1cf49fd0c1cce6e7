"""The four answers follow from the records, and say what they do not know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboards.page.answers import answers, summary
from tests.builders import (
    build_data,
    build_epochs,
    build_evaluation,
    build_score,
    build_sealed_evaluation,
    build_search,
    build_simple_baseline,
    build_study,
    build_trial,
)
from tests.dashboards.odd import ODD
from tracking.records import BaselineRecord, SealedEvaluationRecord, State, StudyRecord


def _answers(study: StudyRecord) -> tuple[str, ...]:
    return tuple(answer for _, answer in answers(study))


def _study(accuracy: float, low: float, high: float, train: float = 0.95) -> StudyRecord:
    epochs = build_epochs(accuracy)
    score = build_score(epochs, low=low, high=high, train_accuracy=train)
    return build_study(build_trial(0, accuracy, score=score), build_trial(1, 0.70))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.890, 0.910, "yes, the whole interval is above 88.89 %"),
        (0.885, 0.905, "not shown, 88.89 %"),
        (0.860, 0.880, "no, it is below 88.89 %"),
    ],
)
def test_better_than_the_paper_is_judged_by_the_interval(low, high, said: str) -> None:
    answer = _answers(_study((low + high) / 2, low, high))[1]

    assert said in answer
    assert "best of 2 on the same texts, which flatters it" in answer
    assert "has not been looked at: python -m search.evaluate --study lstm takes" in answer


@pytest.mark.parametrize(
    ("second", "said"), [(0.8999, "is 0.01 points behind"), (0.89998, "is as good")]
)
def test_what_lies_no_hundredth_of_a_point_behind_is_as_good(second: float, said: str) -> None:
    answer = _answers(build_study(build_trial(0, 0.9), build_trial(1, second)))[0]
    assert said in answer
    assert "0.00 points" not in answer


def test_the_paper_without_unlabelled_reviews_is_judged_too() -> None:
    answer = _answers(_study(0.888, 0.884, 0.892))[1]

    assert "not shown, 88.89 % (baseline-maas-2011)" in answer
    assert "yes, the whole interval is above 88.33 % (maas-2011-labelled-only)" in answer


def test_a_test_evaluation_is_told_with_its_date_and_their_number() -> None:
    evaluation = SealedEvaluationRecord(
        "finalist", 0, build_evaluation(0.9), 0.89, 0.91, "me@here", "0a1b2c", "ff", n=1
    )
    study = replace(_study(0.9, 0.89, 0.91), sealed_evaluations=(evaluation,), n_sealed=1)

    answer = _answers(study)[1]

    assert answer.startswith("On the official test set: yes, the whole interval is above 88.89 %")
    assert "1 test evaluation, the last on 2026-11-23" in answer
    assert "trial 0 (defaults), finalist, 90.00 %, 95 % interval 89.00 % to 91.00 %" in answer
    assert "has not been looked at" not in answer


@pytest.mark.parametrize(("train", "said"), [(0.95, "Yes: "), (0.902, "Not that it could")])
def test_a_gap_wider_than_the_interval_is_overfitting(train: float, said: str) -> None:
    assert _answers(_study(0.90, 0.89, 0.91, train))[2].startswith(said)


def test_the_next_search_goes_beyond_edges_and_to_what_matters() -> None:
    edge = build_trial(0, 0.9, params={"lstm.units": 256})
    study = build_study(edge, space={"lstm.units": "8 to 256 (log)"})

    assert "lstm.units (upper edge, 256): widen" in _answers(study)[3]
    assert "With 1 of 10 candidates needed" in _answers(study)[3]
    assert "Most depends on t" in _answers(build_search(150, 6))[3]


def test_trials_under_way_are_not_said_to_have_found_nothing_better() -> None:
    def said(state: State) -> str:
        later = (build_trial(n, 0.5, state=state) for n in range(1, 13))
        return _answers(build_study(build_trial(0, 0.9), *later))[3]

    assert "The last 12 trials found nothing better" in said("pruned")
    assert "found nothing better" not in said("running")


def test_what_was_best_in_its_last_epoch_should_train_longer() -> None:
    longer, enough = build_study(build_trial(0, 0.7, 0.8)), build_study(build_trial(0, 0.8, 0.7))

    assert "Its last epoch was its best: let it train longer." in _answers(longer)[3]
    assert "longer" not in _answers(enough)[3]


def test_a_step_size_that_fell_to_zero_is_not_said_to_train_on() -> None:
    def said(schedule: str) -> str:
        params = {"train.schedule": schedule}
        return _answers(build_study(build_trial(0, 0.7, 0.8, params=params)))[3]

    assert "--continue 1 does" in said("constant")
    assert "--continue" not in said("cosine")
    assert "--range train.epochs=LOW..HIGH searches more epochs." in said("cosine")


def test_a_study_without_candidates_is_told_what_to_mend() -> None:
    said = _answers(ODD["only failures"])

    assert said[0] == "There is none yet: no trial has finished with a score."
    assert "Study health has the reasons" in said[3]


def test_a_reproduction_is_not_asked() -> None:
    assert answers(ODD["a reproduction"]) == ()


def test_data_of_ones_own_are_held_against_nothing_published() -> None:
    data = build_data(name="topics.csv", official=False)
    study = build_study(build_trial(0), baselines=(), data=data)

    question, answer = answers(study)[1]
    assert question == "Is it better than a simple baseline, beyond chance?"
    assert answer == "Nothing is published for these data, and no simple baseline was trained."


def test_the_best_simple_baseline_is_the_line_of_data_of_ones_own() -> None:
    data = build_data(name="topics.csv", official=False)
    study = replace(
        build_study(build_trial(0, 0.9), baselines=(), data=data),
        simple_baselines=(
            build_simple_baseline("majority", 0.5),
            build_simple_baseline("tfidf_logistic", 0.86),
        ),
    )

    question, answer = answers(study)[1]
    assert question == "Is it better than tfidf_logistic, beyond chance?"
    assert answer.startswith("On validation: yes, the whole interval is above 86.00 %")
    assert answer.endswith("python -m search.evaluate --study lstm takes it there.")


def test_a_baseline_that_the_person_gave_is_the_line() -> None:
    data = build_data(name="topics.csv", official=False, n_texts={"train": 80, "validation": 20})
    own = BaselineRecord("our SVM", 0.95, "given by --baseline", part="")
    study = build_study(build_trial(0, 0.9), baselines=(own,), data=data)

    question, answer = answers(study)[1]
    assert question == "Is it better than our SVM, beyond chance?"
    assert answer == (
        "On validation: no, it is below 95.00 % (our SVM). These data have no test part; "
        "search.run --test-share 0.2 holds one out."
    )
    evaluation = replace(
        build_sealed_evaluation(0, 0.96), result=build_evaluation(0.96, official=False)
    )
    looked = replace(study, sealed_evaluations=(evaluation,), n_sealed=1)
    assert answers(looked)[1][1].startswith("On the test part: ")


def test_the_best_is_held_against_each_baseline_and_simple_baseline() -> None:
    study = replace(
        _study(0.90, 0.89, 0.91),
        simple_baselines=(build_simple_baseline("tfidf_logistic", 0.895),),
    )

    assert [(row[0], row[3], row[4]) for row in summary(study)] == [
        ("baseline-maas-2011", "+1.11", "above"),
        ("maas-2011-labelled-only", "+1.67", "above"),
        ("tfidf_logistic", "+0.50", "not told apart"),
    ]
