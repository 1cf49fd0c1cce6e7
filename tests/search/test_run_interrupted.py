"""A run that is killed, stopped, and goes on: its trial ends with it, and is continued."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import pytest

from tests.builders import place_database
from tests.programs import Running, Story, call, snapshot


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Story:
    """A run that is killed in its first trial, one stopped in its second, and one that ends."""
    story = Story(tmp_path_factory.mktemp("interrupted"))
    place_database(story.home / "mlruns")
    command = ["--study", "lstm", "--data", str(tiny_csv), "--trials", "2", "--max-epochs", "3"]
    command += ["--workers", "1"]

    killed = Running(story.home, *command)
    killed.wait_for("trial 0 (1 of 2), defaults", "  epoch 1/3")
    os.kill(killed.process.pid, signal.SIGSTOP)  # it holds the study, and the trial waits for it
    story.ends.append(call(story.home, "search.run", *command))
    story.facts["members"] = killed.members()
    story.facts["pid"] = killed.process.pid
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.end()
    killed.wait_until_gone()
    story.facts["orphans"] = killed.members()
    killed.kill_all()
    story.stores.append(snapshot(story.home, "lstm-tiny"))

    stopped = Running(story.home, *command)
    stopped.wait_for("trial 0 is continued after epoch", "trial 1 (2 of 2), ")
    story.facts["seconds"] = stopped.interrupt()
    story.facts["code"] = stopped.process.returncode
    story.facts["stderr"] = stopped.stderr
    story.facts["left"] = stopped.members()
    stopped.kill_all()
    story.stores.append(snapshot(story.home, "lstm-tiny"))

    story.ends.append(call(story.home, "search.run", *command, "--json"))
    story.stores.append(snapshot(story.home, "lstm-tiny"))
    return story


def test_a_second_coordinator_of_the_same_study_is_refused(interrupted: Story) -> None:
    second = interrupted.ends[0]
    assert second.returncode == 2
    first = rf"process {interrupted.facts['pid']} of \S+, since \S+"
    assert re.fullmatch(rf"error: study lstm-tiny is being run by {first}\.\n", second.stderr)


def test_a_killed_coordinator_leaves_no_process_behind(interrupted: Story) -> None:
    assert len(interrupted.facts["members"]) >= 3  # the coordinator, Keras' server, the trial
    assert interrupted.facts["orphans"] == []
    assert interrupted.stores[0].states == ["running"]  # so it was killed in mid-trial


def test_ctrl_c_in_mid_trial_ends_the_run_within_seconds_and_leaves_nothing_running(
    interrupted: Story,
) -> None:
    assert interrupted.facts["code"] == 130
    assert interrupted.facts["stderr"] == "stopped by SIGINT.\n"
    assert interrupted.facts["seconds"] < 10
    assert interrupted.facts["left"] == []
    store = interrupted.stores[1]
    store.assert_whole()
    assert store.statuses["lstm-tiny"] == "KILLED"
    assert store.states == ["complete", "interrupted"]


def test_a_study_that_was_killed_and_stopped_ends_at_exactly_its_budget(
    interrupted: Story,
) -> None:
    end = interrupted.ends[1]
    assert end.returncode == 0, end.stderr
    assert json.loads(end.stdout)["complete"] == 2
    store = interrupted.stores[2]
    store.assert_whole()
    assert store.states == ["complete"] * 2
    before = [run.info.run_id for run in interrupted.stores[1].trials.values()]
    assert [run.info.run_id for run in store.trials.values()] == before
    assert store.statuses["lstm-tiny"] == "FINISHED"


def test_ctrl_c_while_keras_loads_is_a_stop_like_any_other(tmp_path: Path, tiny_csv: Path) -> None:
    place_database(tmp_path / "mlruns")
    run = Running(tmp_path, "--study", "lstm", "--data", str(tiny_csv), "--smoke")
    run.wait_for("trial 0 (1 of 2), defaults")
    seconds = run.interrupt()
    left = run.members()
    run.kill_all()
    assert left == []
    assert run.process.returncode == 130
    assert run.stderr == "stopped by SIGINT.\n"
    assert seconds < 10
    store = snapshot(tmp_path, "lstm-tiny-smoke")
    store.assert_whole()
    assert store.states == ["interrupted"]
