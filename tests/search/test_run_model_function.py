"""Keras Tuner's own function, as the guide prints it, under both engines and to its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.cli import plan_file
from search.cli.find_plan import find_plan, sources_of_plan
from spaces.families import FAMILIES, OURS
from tests.builders import place_database
from tests.programs import Story, call, printed, snapshot, write_few_texts
from tracking import store

STUDY = "my_model-few-smoke"


@pytest.fixture(autouse=True)
def _forget_families() -> Iterator[None]:
    yield
    for name in set(FAMILIES) - OURS:
        del FAMILIES[name]


@pytest.fixture(scope="module", params=["optuna", "keras-tuner"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Three trials, the final evaluation, the model, a label."""
    story = Story(tmp_path_factory.mktemp("function"))
    home, file = story.home, story.home / "my_model.py"
    place_database(home / "mlruns")
    write_few_texts(home)
    file.write_text(printed("def build_model"))
    words = ["--data", "few.csv", "--test-share", "0.2", "--smoke", "--trials", "3"]
    for module, typed in (
        ("search.run", ["--study", "my_model.py:build_model", "--engine", request.param, *words]),
        ("search.evaluate", ["--study", STUDY, "--seeds", "1", "--top", "1", "--json"]),
        ("search.export", ["--study", STUDY, "--out", "model"]),
        ("search.predict", ["model", "a fine film"]),
    ):
        trust = [] if module == "search.run" else ["--trust-code"]
        story.ends.append(call(home, module, *typed, *trust, cwd=home))
        file.unlink(missing_ok=True)
    return story


def test_it_runs_unchanged_and_is_evaluated_exported_and_scored(story: Story) -> None:
    for end in story.ends:
        assert end.returncode == 0, end.stderr
    assert json.loads(story.ends[1].stdout)["looks_at_test"] == 1
    assert "onnx is left out: family my_model is of my_model.py" in story.ends[2].stdout
    assert story.ends[3].stdout.startswith(("pos\t", "neg\t"))


def test_its_values_are_recorded_and_its_own_step_size_is_the_one_trained_with(
    story: Story,
) -> None:
    study = store.read_study(story.home / "mlruns", STUDY)
    snapshot(story.home, STUDY).assert_whole()
    assert [trial.state for trial in study.trials] == ["complete"] * 3
    (source,) = study.plan.sources
    assert (source.name, source.target) == ("my_model.py", "build_model")
    for trial in study.trials:
        assert trial.epochs[0].learning_rate == pytest.approx(trial.params["my_model.lr"])
        assert "train.learning_rate" not in trial.params
    assert len({trial.params["my_model.lr"] for trial in study.trials}) == 3


def test_its_plan_is_saved_and_read_back(tmp_path: Path) -> None:
    file = tmp_path / "my_model.py"
    file.write_text(printed("def build_model"))
    plan, own = find_plan(f"{file}:build_model")
    saved = tmp_path / "saved" / "plan.toml"
    saved.parent.mkdir()
    sources = sources_of_plan(plan, own)
    plan_file.save(plan, sources, saved)
    again, none = find_plan(str(saved))
    assert none is None
    assert (again.searched, dict(again.space)) == (plan.searched, dict(plan.space))
    assert sources_of_plan(again, None) == sources


def test_a_file_with_a_function_and_no_study_says_what_to_type(tmp_path: Path) -> None:
    (tmp_path / "my_model.py").write_text(printed("def build_model"))
    words = ("--study", "my_model.py", "--data", str(write_few_texts(tmp_path)))
    end = call(tmp_path, "search.run", *words, cwd=tmp_path)
    assert end.returncode == 2
    assert "Did you mean my_model.py:build_model?" in end.stderr
