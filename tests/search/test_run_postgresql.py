"""A whole study in PostgreSQL, which is stopped and started again while a trial trains."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from search.coordinator.audit import audit
from tests.programs import Running, Story, call
from tests.servers import Database
from tracking import store
from tracking.commandline.paths import TRACKING_URI

NAME = "lstm-tiny-smoke"


def read_until(run: Running, beginning: str) -> str:
    """Read what it says up to the line with this beginning."""
    assert run.process.stdout is not None
    seen = ""
    for line in run.process.stdout:
        seen += line
        if line.startswith(beginning):
            return seen
    pytest.fail(f"no line {beginning!r} in {seen}\n{run.stderr}")


@pytest.fixture(scope="module")
def stopped(
    tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path, postgresql: Database
) -> Story:
    """A study; while it runs, another machine's start of the same one, and an outage."""
    story = Story(tmp_path_factory.mktemp("stopped"))
    place = postgresql.create_for_mlflow()
    stores = ["--tracking-uri", place]
    words = ["--study", "lstm", "--data", str(tiny_csv), "--smoke", *stores]
    # The trials must last longer than the other start.
    run = Running(story.home, *words, "--trials", "12", "--pruner", "none")
    seen = read_until(run, "trial 0 (1 of 12), defaults")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    story.ends.append(call(elsewhere, "search.run", *words))
    postgresql.stop()
    seen += read_until(run, "the tracking store does not answer: OperationalError: ")
    postgresql.start()
    seen += run.process.communicate()[0]
    story.ends.append(call(story.home, "search.doctor", *stores))
    story.facts = {
        "place": place,
        "pid": run.process.pid,
        "code": run.process.returncode,
        "out": seen,
        "err": run.stderr,
    }
    return story


def test_it_says_what_it_waits_for_and_goes_on_to_its_budget(
    stopped: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert stopped.facts["code"] == 0, stopped.facts["err"]
    lines = stopped.facts["out"].splitlines()
    assert [line for line in lines if line.startswith("the tracking store answers again, after ")]
    assert "12 complete, 0 pruned, 0 failed." in lines
    assert "Traceback" not in stopped.facts["err"]
    monkeypatch.setenv(TRACKING_URI, stopped.facts["place"])
    root = stopped.home / "mlruns"
    study = store.read_study(root, NAME)
    assert audit(study, store.condition(root, NAME)) == []
    assert [trial.state for trial in study.trials] == ["complete"] * 12
    assert stopped.ends[1].returncode == 0, stopped.ends[1].stdout


def test_another_machine_is_refused_in_one_line_that_names_the_first(stopped: Story) -> None:
    second = stopped.ends[0]
    first = rf"process {stopped.facts['pid']} of \S+, since \S+"
    assert second.returncode == 2
    assert re.fullmatch(rf"error: study {NAME} is being run by {first}\.\n", second.stderr)


def test_no_password_is_shown_or_stored(stopped: Story, postgresql: Database) -> None:
    password = postgresql.password
    shown = [stopped.facts["out"], stopped.facts["err"]]
    shown += [end.stdout + end.stderr for end in stopped.ends]
    assert not [text for text in shown if password in text]
    files = [file for file in (stopped.home / "mlruns").rglob("*") if file.is_file()]
    assert [file for file in files if file.suffix == ".html"]
    assert not [file for file in files if password.encode() in file.read_bytes()]
    dump = postgresql.dump(stopped.facts["place"])
    assert "postgresql+psycopg://***@" in dump  # in the command that was typed
    assert password not in dump
