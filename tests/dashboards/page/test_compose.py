"""The page says what came out, needs no network, and trusts no name."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from plotly.offline import get_plotlyjs

from dashboards.figures import FIGURES
from dashboards.page.compose import PageSource, page
from tests.builders import build_data, build_score, build_simple_baseline, build_study, build_trial
from tests.dashboards.odd import ODD
from tracking.records import CommandRecord, StudyRecord, TrialRecord
from tracking.reporting.verdict import verdict

_HOSTILE = "<script>alert(1)</script>"


class _Elements(HTMLParser):
    """Collects the tags of a page with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._in_script = False
        self.feed(_without_plotly(html))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in_script = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if not self._in_script:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def _data(html: str, key: str) -> dict[str, Any]:
    """Return the data that stand in the page under this name."""
    content = html.partition(f'<script type="application/json" id="{key}">')[2]
    return json.loads(content.partition("</script>")[0])


def _without_plotly(html: str) -> str:
    """Leave out Plotly's own four megabytes, which must stand in the page once."""
    assert html.count(get_plotlyjs()) == 1
    return html.replace(get_plotlyjs(), "")


def _trial_with(accuracy: float, low: float, high: float) -> TrialRecord:
    trial = build_trial(4, accuracy, proposed_by="tpe")
    score = build_score(trial.epochs, val_accuracy=accuracy, low=low, high=high)
    return build_trial(4, accuracy, proposed_by="tpe", score=score)


@pytest.fixture
def study() -> StudyRecord:
    return build_study(
        build_trial(0, 0.80, 0.85),
        build_trial(1, 0.84, 0.87, 0.86),
        build_trial(2, 0.6, state="pruned"),
        build_trial(3, 0.5, state="failed"),
        build_trial(4, 0.5, state="interrupted"),
    )


@pytest.mark.parametrize(
    ("low", "high", "wording"),
    [
        (0.8890, 0.9100, "That is above 88.89"),
        (0.8600, 0.8888, "That is below 88.89"),
        (0.8800, 0.9000, "That is not shown to differ from 88.89"),
        (0.8889, 0.9000, "That is not shown to differ from 88.89"),
        (0.8800, 0.8889, "That is not shown to differ from 88.89"),
    ],
)
def test_the_verdict_holds_the_interval_against_the_baseline(low, high, wording: str) -> None:
    said = verdict(build_study(_trial_with((low + high) / 2, low, high)))

    assert wording in said
    assert "chosen on validation" in said


def test_the_verdict_names_the_best_candidate_and_its_numbers(study: StudyRecord) -> None:
    said = verdict(study)

    assert "trial 1 (tpe)" in said
    assert "5,000 validation texts" in said
    for number in ("87.00", "86.00", "88.00"):
        assert number in said


@pytest.mark.parametrize("states", [(), ("pruned",), ("failed",), ("pruned", "failed")])
def test_the_verdict_on_a_study_without_candidates_compares_nothing(states) -> None:
    trials = [build_trial(number, state=state) for number, state in enumerate(states)]

    said = verdict(build_study(*trials))

    assert said == "No trial has finished yet, so there is nothing to compare."


def test_the_verdict_on_data_without_baselines_compares_nothing(study: StudyRecord) -> None:
    said = verdict(build_study(*study.trials, baselines=()))

    assert "trial 1 (tpe)" in said
    assert "That is" not in said


def test_the_page_says_what_was_asked_and_counts_the_trials(study: StudyRecord) -> None:
    text = _Elements(page([study])).text

    assert "Which LSTM reads reviews best?" in text
    assert verdict(study) in text
    assert "2 complete, 1 pruned, 1 failed, 1 interrupted" in text
    for fact in ("imdb, digest 0123abcd", "4567ef01", "Seed of the study 7"):
        assert fact in text


def test_the_page_ranks_the_candidates_with_their_searched_parameters(study) -> None:
    html = page([study])

    board = _data(html, "board-data")
    names = [column["name"] for column in board["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in board["rows"]]
    assert [(row["rank"], row["trial"]) for row in rows[:2]] == [(1, 1), (2, 0)]
    assert (rows[0]["accuracy %"], rows[0]["best epoch"], rows[0]["epochs"]) == (87.0, 2, 3)


def test_official_data_are_shown_without_a_warning(study: StudyRecord) -> None:
    assert "not the official test set" not in _Elements(page([study])).text


def test_other_data_are_said_not_to_be_the_official_test_set(study: StudyRecord) -> None:
    data = build_data(name="imdb-train", official=False)

    text = _Elements(page([build_study(*study.trials, data=data)])).text

    assert "imdb-train: not the official test set" in text


@pytest.mark.parametrize("state", ["running", "pruned", "failed"])
def test_a_study_without_candidates_has_a_page(state: str) -> None:
    text = _Elements(page([build_study(build_trial(0, state=state))])).text

    assert "No trial has finished yet" in text
    assert f"1 {state}" in text


def test_an_empty_study_has_a_page() -> None:
    assert "Not drawn: No trial has begun yet." in _Elements(page([build_study()])).text


def test_several_studies_stand_on_one_page(study: StudyRecord) -> None:
    other = build_study(build_trial(0, 0.7), study="lstm_dropout", question="And dropout?")

    html = page([study, other])

    elements = _Elements(html)
    assert [tag for tag, _ in elements.tags].count("h1") == 1
    assert "And dropout?" in elements.text
    names = [column["name"] for column in _data(html, "board-data")["columns"]]
    assert "study" in names
    assert "<title>lstm, lstm_dropout</title>" in html


def test_a_trial_is_linked_to_its_mlflow_run_where_that_is_known(study: StudyRecord) -> None:
    sources = {"lstm": PageSource("http://127.0.0.1:5000/#/experiments/1/runs/", None)}

    board = _data(page([study], sources), "board-data")

    assert board["links"][0] == "http://127.0.0.1:5000/#/experiments/1/runs/run-1"
    assert _data(page([study]), "board-data")["links"][0] is None


def test_the_reproduce_block_says_what_was_typed_and_which_code_ran(study: StudyRecord) -> None:
    command = CommandRecord("python -m search.run --study lstm --seed 7", "0a1b2c", changed=True)

    text = _Elements(page([study], {"lstm": PageSource("http://localhost/", command)})).text

    assert "python -m search.run --study lstm --seed 7" in text
    assert "0a1b2c; tracked files were changed" in text
    assert "Seed of the best trial 1001" in text


@pytest.mark.parametrize("odd", ODD)
def test_every_odd_study_has_a_page(odd: str) -> None:
    html = page([ODD[odd]])

    assert html.endswith("</html>\n")
    for name in ("verdict", "leaderboard", *FIGURES, "reproduce"):
        assert f'<section id="{name}">' in html


def test_the_page_needs_no_network(study: StudyRecord) -> None:
    html = page([study])
    elements = _Elements(html)
    assert {tag for tag, _ in elements.tags}.isdisjoint({"link", "iframe", "img", "base"})
    for tag, attributes in elements.tags:
        loaded = {attributes.get(name) for name in ("src", "href", "srcset")} - {None}
        assert all(value.startswith("#") for value in loaded), f"<{tag}> loads {loaded}"
    assert "default-src 'none'" in html
    assert "@import" not in _without_plotly(html)
    assert "url(" not in _without_plotly(html)


def test_hostile_names_stay_text() -> None:
    trials = [
        build_trial(
            number,
            proposed_by=_HOSTILE if number else "defaults",
            params={_HOSTILE: f"{_HOSTILE}\"'&"},
        )
        for number in range(2)
    ]
    study = build_study(
        *trials,
        study=_HOSTILE,
        question=_HOSTILE,
        space={_HOSTILE: "any"},
        data=build_data(name=_HOSTILE, official=False),
    )
    rest = _without_plotly(page([study]))

    assert "<script>alert" not in rest
    assert "</script>alert" not in rest
    assert rest.count("</script>") == rest.count("<script")
    assert _HOSTILE in _Elements(page([study])).text


def test_names_that_are_no_markup_are_shown_as_they_are() -> None:
    text = _Elements(page([build_study(question="Is 1 < 2 & “so” 🎬?")])).text

    assert "Is 1 < 2 & “so” 🎬?" in text


@pytest.mark.parametrize("baselines", [None, ()])
def test_the_verdict_says_what_the_best_adds_to_each_simple_baseline(
    baselines: tuple[()] | None,
) -> None:
    changes = {} if baselines is None else {"baselines": baselines}
    simple_baselines = (
        build_simple_baseline("majority", 0.5),
        build_simple_baseline("tfidf_logistic", 0.84),
    )
    said = verdict(
        replace(build_study(build_trial(0, 0.85), **changes), simple_baselines=simple_baselines)
    )
    assert "+1.00 points against tfidf_logistic (84.00 %), +35.00 points against majority" in said


def test_only_data_that_something_published_is_held_against_are_said_to_be_unofficial() -> None:
    own = build_data(name="mine.csv", official=False)

    assert "Large Movie Review" in _Elements(page([build_study(build_trial(0), data=own)])).text
    study = build_study(build_trial(0), data=own, baselines=())
    text = _Elements(page([study])).text
    assert "Large Movie Review" not in text
    assert "official" not in text
