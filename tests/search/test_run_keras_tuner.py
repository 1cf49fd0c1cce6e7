"""A search by Keras Tuner, from the command line to the exported model."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.builders import place_database
from tests.programs import Running, Story, call, snapshot
from tracking import store

STUDY = "feedforward-parted-smoke"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, tiny_csv_with_test: Path) -> Story:
    """Four trials by random search, killed in the third; then what is done with a study."""
    story = Story(tmp_path_factory.mktemp("keras-tuner"))
    place_database(story.home / "mlruns")
    words = ["--study", "feedforward", "--data", str(tiny_csv_with_test), "--smoke"]
    words += ["--engine", "keras-tuner", "--sampler", "random", "--trials", "4"]
    killed = Running(story.home, *words)
    killed.wait_for("trial 2 (")
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.end()
    killed.wait_until_gone()
    bundle = str(story.home / "model")
    for module, typed in (
        ("search.run", [*words, "--json"]),
        ("search.doctor", ["--study", STUDY]),
        ("search.export", ["--study", STUDY, "--out", bundle]),
        ("search.evaluate", ["--study", STUDY, "--seeds", "1", "--top", "1", "--json"]),
    ):
        story.ends.append(call(story.home, module, *typed))
    return story


def test_nothing_that_follows_a_search_asks_who_searched(story: Story) -> None:
    for end in story.ends:
        assert end.returncode == 0, end.stderr
    assert json.loads(story.ends[-1].stdout)["looks_at_test"] == 1


def test_four_trials_with_a_kill_are_four_that_are_recorded_once(story: Story) -> None:
    trials = store.read_study(story.home / "mlruns", STUDY).trials
    assert [trial.state for trial in trials] == ["complete"] * 4
    assert len({trial.seed for trial in trials}) == 4
    assert [trial.proposed_by for trial in trials] == ["defaults", "random", "random", "random"]
    snapshot(story.home, STUDY).assert_whole()


def test_the_page_shows_it_as_any_other(story: Story) -> None:
    page = (story.home / "mlruns" / "dashboards" / f"{STUDY}.html").read_text("utf-8")
    assert "random with pruner none" in page
    assert "Traceback" not in page
