"""A study of data of one's own says nothing of the reviews that this project began with."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from dashboards.page.compose import page
from search.bundles.card import markdown
from search.bundles.card.content import content
from search.bundles.card.facts import Facts
from search.bundles.proof import Proof
from search.cli.summary import next_commands
from search.evaluation import checklist
from search.evaluation.evaluation_text import without_test
from spaces.families import FAMILIES, space_of
from spaces.studies import STUDIES
from tests.builders import (
    build_data,
    build_epochs,
    build_evaluation,
    build_ranking,
    build_reruns,
    build_score,
    build_sealed_evaluation,
    build_simple_baseline,
    build_study,
    build_trial,
)
from tracking.records import (
    BaselineRecord,
    DataReportRecord,
    PartReportRecord,
    ScoreRecord,
    StudyRecord,
)
from tracking.reporting.verdict import verdict

WORDS = re.compile(r"imdb|maas|88\.89|\bmovies?\b|\breviews?\b|official|\bpaper\b", re.IGNORECASE)


def part(n_texts: int) -> PartReportRecord:
    return PartReportRecord(
        n_texts, {"a": n_texts - 2, "b": 1, "c": 1}, (0, 5, 8, 12, 20, 31), 3, 2, 1
    )


REPORT = DataReportRecord(
    parts={"train": part(80), "validation": part(20), "test": part(25)},
    n_unlabelled=7,
    left_out={"without a text": 2},
    in_two_parts={"train, test": 4},
    n_words=900,
    n_words_twice=400,
    alike=(("a", "A"),),
)


def score(accuracy: float) -> ScoreRecord:
    confusion = ((8, 1, 1), (2, 5, 0), (3, 0, 0))
    return build_score(build_epochs(accuracy), confusion=confusion)


def studies() -> dict[str, StudyRecord]:
    data = build_data(
        name="topics.csv",
        note="topics.csv, your own texts",
        official=False,
        classes=("a", "b", "c"),
        n_texts={"train": 80, "validation": 20, "test": 25},
        report=REPORT,
    )
    trials = [build_trial(n, 0.7 + n / 10, score=score(0.7 + n / 10)) for n in range(3)]
    plain = build_study(
        *trials,
        question=STUDIES["architecture"].question,
        references=(),
        baselines=(),
        data=data,
    )
    plain = replace(plain, simple_baselines=(build_simple_baseline("tfidf_logistic", 0.75),))
    given = BaselineRecord("our SVM", 0.87, "given by --baseline", part="")
    evaluation = replace(
        build_sealed_evaluation(1, 0.8), result=build_evaluation(0.8, official=False)
    )
    evaluated = replace(
        plain,
        plan=replace(plain.plan, baselines=(given,)),
        reruns=(
            *build_reruns(1, 0.81, 0.82),
            *build_reruns(0, 0.71, 0.72),
            *build_reruns("tfidf_logistic", 0.75, role="simple baseline"),
        ),
        final_ranking=build_ranking(),
        sealed_evaluations=(evaluation,),
        n_sealed=1,
    )
    untested = replace(data, n_texts={"train": 80, "validation": 20})
    return {
        "searched": plain,
        "evaluated": evaluated,
        "without test": replace(plain, plan=replace(plain.plan, data=untested)),
        "begun": replace(plain, trials=(), simple_baselines=()),
    }


@pytest.mark.parametrize("name", studies())
def test_no_page_of_own_data_speaks_of_other_data(name: str) -> None:
    written = page([studies()[name]])
    shown = re.sub(
        r"<(script|style)\b(?! type=\"application/json\").*?</\1>", "", written, flags=re.S
    )
    shown = re.sub(r'"(paper_bgcolor|[xy]ref)":"[^"]*"', "", shown)
    assert {found[0] for found in WORDS.finditer(shown)} == set()
    assert "The parts of topics.csv" in shown
    assert "published" not in shown.replace("Nothing is published for these data", "").lower()


@pytest.mark.parametrize("name", ["searched", "evaluated", "without test"])
def test_no_text_on_own_data_speaks_of_other_data(name: str) -> None:
    study = studies()[name]
    facts = Facts(study, study.trials[1], ("onnx",), Proof(), Proof(), "c0ffee", {}, 0, "best")
    texts = [
        verdict(study),
        markdown.write(content(facts)),
        checklist.write(study, {}, html=False),
        *next_commands(study),
    ]
    assert {found[0] for text in texts for found in WORDS.finditer(text)} == set()


def test_no_question_and_no_range_speaks_of_other_data() -> None:
    questions = [plan.question for plan in STUDIES.values() if not plan.reproduces]
    notes = [range_.note for range_ in space_of(*FAMILIES).values()]
    assert {found[0] for text in (*questions, *notes) for found in WORDS.finditer(text)} == set()


def test_without_a_test_part_it_is_said_what_final_evaluations_cannot_tell() -> None:
    study = studies()["without test"]
    study = replace(study, plan=replace(study.plan, data=replace(study.plan.data, path="/t.csv")))
    said = without_test(study)
    assert said.startswith("topics.csv has no test part. Fresh seeds tell which finalist is best")
    assert said.endswith("search.run --study lstm --data /t.csv --test-share 0.2 --fresh")


def test_several_classes_get_their_own_numbers() -> None:
    study = studies()["searched"]
    written = page([study])
    assert "The best of lstm in each class, macro F1 48.83 %" in written
    assert "macro F1 %" in written
    facts = Facts(study, study.trials[1], ("onnx",), Proof(), Proof(), "c0ffee", {}, 0, "best")
    card = markdown.write(content(facts))
    assert "| macro F1 | 48.83 % |" in card
    assert "| b | 71.43 % |" in card
