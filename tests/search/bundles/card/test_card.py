"""The card says what the records say, shows any text as it is, and loads nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from search.bundles.card import html, markdown
from search.bundles.card.blocks import Figure, Heading, Paragraph, Table
from search.bundles.card.content import content
from search.bundles.card.facts import Facts
from search.bundles.proof import CalibrationBin, Proof
from tests.builders import (
    build_data,
    build_evaluation,
    build_simple_baseline,
    build_study,
    build_trial,
)
from tracking.records import SealedEvaluationRecord

PROOF = Proof(
    n_texts=5_000,
    accuracy=0.86,
    difference=2e-7,
    calibration_error=0.0321,
    bins=(CalibrationBin(100, 0.55, 0.5), CalibrationBin(4_900, 0.95, 0.9)),
    per_second={
        "keras": {1: 10.0, 32: 300.0, 1_024: 900.0},
        "onnx": {1: 9.0, 32: 400.0, 1_024: 1.0},
    },
)
MACHINE = {"n_cores": 2, "processor": "x86_64", "platform": "Linux"}


def facts(**changes: Any) -> Facts:
    study = replace(
        build_study(build_trial(3, 0.80, 0.86)),
        simple_baselines=(build_simple_baseline("tfidf", 0.8),),
    )
    made = Facts(
        study, study.trials[0], ("onnx", "keras"), PROOF, PROOF, "c0ffee", MACHINE, 0, "best"
    )
    return replace(made, **changes)


def both(some: Facts) -> tuple[str, str]:
    blocks = content(some)
    return markdown.write(blocks), html.write(blocks, some.title)


def test_the_card_has_numbers_data_cost_and_citation() -> None:
    for text in both(facts()):
        for said in (
            "86.00 %",
            "0123abcd",
            "4567ef01",
            "88.89 % on test",
            "tfidf",
            "3.21 %",
            "c0ffee",
            "Maas, Daly, Pham",
            "has not been scored on test data",
            "onnx, the fastest",
        ):
            assert said in text, said


def test_what_the_trial_learned_from_beside_the_texts_is_named() -> None:
    study = build_study(build_trial(0, params={"text.vectors": "file"}), build_trial(1))
    for trial in study.trials:
        text, _ = both(facts(study=study, trial=trial))
        assert ("glove.txt, words 66.67 %; digest 01abcdef" in text) is (trial.number == 0)


def test_texts_of_ones_own_ask_for_no_citation() -> None:
    study = build_study(build_trial(0), data=build_data(name="mine.csv", official=False))
    text, _ = both(facts(study=study, trial=study.trials[0]))
    assert "cites" not in text
    assert "mine.csv" in text
    assert "official" not in text
    assert "A wonderful film" not in text


def test_a_test_number_comes_with_the_count_of_test_evaluations() -> None:
    evaluation = SealedEvaluationRecord(
        "finalist", 3, build_evaluation(0.85), None, None, "somebody", "", "0" * 64, 1
    )
    study = replace(facts().study, sealed_evaluations=(evaluation,), n_sealed=2)
    text, _ = both(facts(study=study))
    assert "85.00 % on 25,000 texts, 95 % interval 84.60 % to 85.40 %; 2 test evaluations" in text


def test_what_was_not_measured_is_said_not_to_be() -> None:
    text, _ = both(facts(proof=Proof(), before=Proof()))
    assert "Not measured" in text
    assert "Speed was not measured" in text


def test_html_shows_any_text_as_it_is_and_loads_nothing() -> None:
    evil = '<script src="http://x/y.js">alert(1)</script> & "quotes"'
    page = html.write([Heading(evil, 1), Paragraph(evil), Table((evil,), [(evil,)])], evil)
    assert "<script" not in page
    assert page.count("&lt;script") == 5


def test_markdown_shows_any_text_as_it_is() -> None:
    text = markdown.write([Table(("a|b",), [("`x` *y* <b>\n_z_",)])])
    assert text.splitlines()[0] == r"| a\|b |"
    assert text.splitlines()[2] == r"| \`x\` \*y\* \<b\> \_z\_ |"


def test_the_card_has_two_figures() -> None:
    assert [isinstance(block, Figure) for block in content(facts())].count(True) == 2


def test_the_card_of_own_data_speaks_of_no_other_test_set() -> None:
    data = build_data(name="mine.csv", official=False)
    study = build_study(build_trial(0), data=data, baselines=())
    evaluation = SealedEvaluationRecord(
        "finalist", 0, build_evaluation(0.9, official=False), 0.88, 0.92, "", "", "", 1
    )
    study = replace(study, sealed_evaluations=(evaluation,), n_sealed=1)
    for text in both(facts(study=study, trial=study.trials[0])):
        assert "mine.csv" in text
        assert "official" not in text
