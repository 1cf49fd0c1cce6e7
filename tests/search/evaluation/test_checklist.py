"""The reproducibility checklist: every answer comes from the records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search.evaluation.checklist import sections, write
from search.evaluation.ranking import expected
from tests.builders import (
    build_data,
    build_difference,
    build_plan,
    build_ranking,
    build_reruns,
    build_sealed_evaluation,
    build_trial,
)
from tracking.records import StudyRecord
from tracking.reporting.verdict import verdict

MACHINE = {"platform": "Linux", "n_cores": 2, "python": "3.11", "packages": {"keras": "3.15"}}
ENVIRONMENTS = {
    "run-0": {**MACHINE, "commit": "abc", "dirty": False},
    "run-1": {**MACHINE, "commit": "abc", "dirty": True},
}


@pytest.fixture
def study() -> StudyRecord:
    evaluation = build_sealed_evaluation(
        1, 0.901, differences=(build_difference(1, 0, 0.02, 0.01, 0.03, "test"),)
    )
    return StudyRecord(
        build_plan(sampler="tpe", pruner="median"),
        (build_trial(0, 0.88), build_trial(1, 0.91), build_trial(2, 0.5, state="pruned")),
        reruns=(*build_reruns(1, 0.900, 0.904), *build_reruns(0, 0.88, 0.882)),
        final_ranking=build_ranking(
            ranking=(1, 0), differences=(build_difference(1, 0, 0.02, 0, 0.03),)
        ),
        sealed_evaluations=(evaluation,),
        n_sealed=1,
    )


def test_ranges_budget_seeds_hardware_splits_selection_and_test_evaluations_are_answered(
    study: StudyRecord,
) -> None:
    found = {title: (said, table) for title, said, table in sections(study, ENVIRONMENTS)}
    assert found["Ranges searched"][1][1] == ("lstm.units", "32 to 256", "128")
    assert "3 trials, 2 complete, 1 pruned, 0 failed" in found["Budget"][0][1]
    assert found["Seeds"][1][1:] == [
        ("trial 1 (tpe)", "7000, 7001"),
        ("trial 0 (defaults)", "7000, 7001"),
    ]
    assert "1 training: Linux, 2 cores" in found["Machine and code"][0][0]
    assert "with uncommitted changes" in found["Machine and code"][0][1]
    assert "validation part 4567ef01" in found["Data and splits"][0][1]
    assert found["Data and splits"][0][3] == (
        "Read beside the texts, text.vectors=file: glove.txt, words 66.67 %; digest 01abcdef."
    )
    assert "expected to look 0.71 points better" in found["Selection"][0][1]
    assert found["Looks at the test set"][0] == ["1 test evaluation."]
    assert found["Looks at the test set"][1][1][:3] == ("1", "trial 1 (tpe)", "90.10 %")
    assert [row[2] for row in found["Differences"][1][1:]] == ["validation", "test"]
    assert found["Results on fresh seeds"][1][1][:3] == (
        "trial 1 (tpe)",
        "90.20 % ± 0.28",
        "90.00 90.40",
    )


@pytest.mark.parametrize("html", [False, True])
def test_the_checklist_holds_the_verdict_and_no_half_written_table(
    study: StudyRecord, html: bool
) -> None:
    text = write(study, ENVIRONMENTS, html=html)
    assert verdict(study) in text
    if html:
        assert text.count("<table>") == text.count("</table>") == 6
        assert "<script" not in text
    else:
        tables = [line for line in text.splitlines() if line.startswith("|---")]
        assert len(tables) == 6


def test_what_a_person_named_is_no_markup(study: StudyRecord) -> None:
    named = replace(study, plan=replace(study.plan, question="<script>alert('1')</script> a|b"))
    assert "<script>" not in write(named, {}, html=True)
    trials = (replace(study.trials[0], proposed_by="a|b"), *study.trials[1:])
    assert "a\\|b" in write(replace(study, trials=trials), {}, html=False)


def test_of_other_data_every_count_of_test_evaluations_says_so(study: StudyRecord) -> None:
    plan = replace(study.plan, data=build_data(name="imdb-train", official=False))
    found = {title: said for title, said, _ in sections(replace(study, plan=plan), {})}
    assert found["Looks at the test set"] == [
        "1 test evaluation (imdb-train: not the official test set)."
    ]


def test_of_own_data_nothing_speaks_of_another_test_set(study: StudyRecord) -> None:
    data = build_data(name="mine.csv", official=False)
    own = replace(study, plan=replace(study.plan, data=data, baselines=()))
    found = {title: said for title, said, _ in sections(own, ENVIRONMENTS)}
    assert found["Looks at the test set"] == ["1 test evaluation."]
    assert "official" not in " ".join(found["Data and splits"])


def test_a_search_without_final_evaluations_is_answered_as_far_as_it_went() -> None:
    study = StudyRecord(build_plan(), (build_trial(0),))
    text = write(study, {}, html=False)
    assert "No final evaluation yet." in text
    assert "No test evaluation." in text


def test_expected_validation_performance_is_that_of_the_random_trials_alone() -> None:
    trials = (
        build_trial(0, 0.99),
        build_trial(1, 0.7, 0.8, proposed_by="random"),
        build_trial(2, 0.6, 0.5, proposed_by="random", state="pruned"),
        build_trial(3, 0.9, proposed_by="tpe"),
        build_trial(4, 0.9, proposed_by="random", state="interrupted"),
    )
    points = expected(StudyRecord(build_plan(), trials))
    assert [point.val_accuracy for point in points] == pytest.approx([0.7, 0.8])
    assert [point.seconds for point in points] == [61.0, 122.0]
