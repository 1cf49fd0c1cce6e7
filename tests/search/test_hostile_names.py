"""Names from outside reach a terminal as text: they steer nothing, and a long one is cut."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from search import predict
from search.bundles import classifier
from search.bundles.classifier import Prediction
from search.cli import summary
from search.cli.progress import Progress, Tally
from search.evaluation import evaluation_text
from spaces.studies import STUDIES
from tests.builders import build_data, build_simple_baseline, build_study, build_trial
from tests.dashboards.odd import HOSTILE
from tracking.commandline.console import open_console

NASTY = "neg\x1b]0;owned\x07\x1b[31m\nTotal: 100 %\u202e[bold]x[/bold] :warning:\x9b1m"
LONG = NASTY + "y" * 100_000
STEERING = ("\x1b", "\x07", "\x9b", "\u202e", "\ud800", "\r")


def _assert_harmless(text: str, longest: int = 20_000) -> None:
    assert not [one for one in STEERING if one in text]
    assert "\nTotal" not in text
    assert len(text) < longest


class _Stub:
    """A classifier that has hostile classes."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return [Prediction(LONG, {LONG: 0.75}) for _ in texts]


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier, "load", lambda model, format, **trust: _Stub())


def _predict(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["search.predict", str(sys.prefix), *words])
    assert predict.main() == 0


def test_a_prediction_is_one_line_whatever_the_class_and_the_text_are_called(
    stub: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _predict(monkeypatch, "one", f"two {NASTY}")
    output = capsys.readouterr().out
    _assert_harmless(output, 1_000)
    assert output.count("\n") == 2
    assert output.startswith("neg\\u001b]0;owned\\u0007")


def test_json_is_exact(
    stub: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _predict(monkeypatch, "--json", NASTY)
    found = json.loads(capsys.readouterr().out)
    assert (found["label"], found["text"]) == (LONG, NASTY)


def test_the_summary_of_a_study_shows_names_as_they_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trials = [build_trial(n, proposed_by=name) for n, name in enumerate([NASTY, LONG, *HOSTILE])]
    study = build_study(*trials, study=NASTY, data=build_data(name=LONG, official=False))
    study = replace(study, simple_baselines=(build_simple_baseline(LONG, 0.5),))
    console = open_console(stderr=False)
    summary.print_summary(console, study, page=f"/tmp/{NASTY}.html")
    evaluation_text.print_summary(console, study, page=LONG, report=None)
    output = capsys.readouterr().out
    _assert_harmless(output)
    assert "[bold]x[/bold]" in output.replace("\n", "")
    assert ":warning:" in output


def test_the_progress_of_a_study_shows_reasons_and_simple_baselines_as_they_are() -> None:
    output = io.StringIO()
    shown = Progress(Console(file=output, width=200), STUDIES["lstm"], (), Tally(), 1.0)
    with shown:
        shown.simple_baseline_begins(LONG)
        shown.simple_baseline_ends(NASTY, None, LONG)
    _assert_harmless(output.getvalue())
    assert output.getvalue().count("\n") == 2
