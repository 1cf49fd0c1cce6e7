"""A smoke run, run again, and with one trial more: what each leaves and says."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import optuna
import pytest
from mlflow import MlflowClient

from spaces.studies import STUDIES
from tests.mlflow_only import missing
from tests.programs import Story, call, copy_study, snapshot

STUDY = "lstm-parted-smoke"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory, smoke_home: Path) -> Story:
    """A smoke run, the one that all tests share; in a copy the same command, then a trial more."""
    story = Story(copy_study(smoke_home, tmp_path_factory.mktemp("smoke")))
    said, errors = ((smoke_home / name).read_text() for name in ("said.txt", "errors.txt"))
    story.ends.append(CompletedProcess("", 0, said, errors))
    story.stores.append(snapshot(story.home, STUDY))
    story.facts["first"] = smoke_home
    command = ["--study", "lstm", "--data", str(smoke_home / "parted.csv"), "--smoke", "--json"]
    for more in ([], ["--trials", "3"]):
        (story.home / "mlruns" / "optuna.db").unlink()
        story.ends.append(call(story.home, "search.run", *command, *more))
        assert story.ends[-1].returncode == 0, story.ends[-1].stderr
        story.stores.append(snapshot(story.home, STUDY))
    return story


def test_a_smoke_run_leaves_two_complete_trials(smoke: Story) -> None:
    store = smoke.stores[0]
    store.assert_whole()
    assert store.statuses == {
        STUDY: "FINISHED",
        "trial-0000-lstm": "FINISHED",
        "trial-0001-lstm": "FINISHED",
    }
    assert store.states == ["complete", "complete"]
    proposers = [run.data.tags["trial.proposed_by"] for run in store.trials.values()]
    assert proposers == ["defaults", "tpe"]
    assert set(store.trials[0].data.params) == set(STUDIES["lstm"].space)
    assert store.trials[1].data.params["text.padding"] == "bucket"  # no reference of IMDB's


def test_a_smoke_run_tells_what_it_does_and_what_to_type_next(smoke: Story) -> None:
    end = smoke.ends[0]
    lines = end.stdout.splitlines()
    begun = [line for line in lines if line.startswith("trial ") and " of 2), " in line]
    assert [line.split(":")[0] for line in begun] == [
        "trial 0 (1 of 2), defaults",
        "trial 1 (2 of 2), tpe",
    ]
    assert sum(line.startswith("  epoch 1/1: train ") for line in lines) == 2
    assert "2 complete, 0 pruned, 0 failed." in lines
    assert f"  python -m search.export --study {STUDY} --out {STUDY}-model" in lines
    assert "Traceback" not in end.stderr
    (page,) = [line.removeprefix("page: ") for line in lines if line.startswith("page: ")]
    assert Path(page).parent == smoke.facts["first"] / "mlruns" / "dashboards"
    assert "</html>" in Path(page).read_text("utf-8")


def test_the_same_command_again_adds_nothing(smoke: Story) -> None:
    before, after = smoke.stores[:2]
    after.assert_whole()
    assert after.statuses == before.statuses
    assert [run.info.run_id for run in after.trials.values()] == [
        run.info.run_id for run in before.trials.values()
    ]
    assert not [line for line in smoke.ends[1].stderr.splitlines() if line.startswith("trial ")]


def test_a_higher_budget_adds_exactly_what_is_missing(smoke: Story) -> None:
    before, after = smoke.stores[1:]
    after.assert_whole()
    assert after.states == ["complete"] * 3
    assert after.trials[2].data.tags["trial.proposed_by"] == "tpe"
    assert after.values(0) == before.values(0)


def test_optunas_own_tools_see_each_trial_in_a_copy_that_was_deleted_before(smoke: Story) -> None:
    storage = f"sqlite:///{smoke.home / 'mlruns' / 'optuna.db'}"
    trials = optuna.load_study(study_name=STUDY, storage=storage).trials
    assert [trial.number for trial in trials] == [0, 1, 2]
    assert [trial.value for trial in trials] == smoke.stores[2].accuracies
    for trial, run in zip(trials, smoke.stores[2].trials.values(), strict=True):
        assert trial.intermediate_values == {1: run.data.metrics["val_accuracy"]}
        assert trial.params["lstm.units"] == int(run.data.params["lstm.units"])


def test_json_is_one_object_on_stdout_and_all_else_on_stderr(smoke: Story) -> None:
    for end, n in zip(smoke.ends[1:], (2, 3), strict=True):
        said = json.loads(end.stdout)
        assert (said["study"], said["complete"], said["pruned"]) == (STUDY, n, 0)
        assert said["official_test_set"] is False
        assert Path(said["page"]).is_file()
        assert "data: " in end.stderr
    best = json.loads(smoke.ends[2].stdout)["best"]
    runs = smoke.stores[2].trials
    accuracies = {n: run.data.metrics["best_val_accuracy"] for n, run in runs.items()}
    assert best["val_accuracy"] == max(accuracies.values()) == accuracies[best["trial"]]


def test_mlflows_own_client_finds_all_that_is_asked_of_a_study(smoke: Story) -> None:
    """As somebody would who has never seen this project."""
    client = MlflowClient(tracking_uri=f"sqlite:///{smoke.home / 'mlruns' / 'mlflow.db'}")
    assert missing(client, STUDY) == []
    for run in smoke.stores[2].trials.values():
        assert "search.run --study lstm" in run.data.tags["code.command"]
    done = call(smoke.home, "search.doctor")
    assert (done.returncode, done.stdout) == (0, "the records are whole.\n"), done.stderr


def test_the_best_model_is_exported_and_labels_raw_text(smoke: Story, tmp_path: Path) -> None:
    out = tmp_path / "model"
    exported = call(smoke.home, "search.export", "--study", STUDY, "--out", str(out))
    assert exported.returncode == 0, exported.stderr
    texts = "A wonderful film.\n<br />Dreadful, from beginning to end.\n"
    predicted = call(smoke.home, "search.predict", str(out), "--json", text=texts)
    assert predicted.returncode == 0, predicted.stderr
    lines = [json.loads(line) for line in predicted.stdout.splitlines()]
    assert [line["text"] for line in lines] == texts.splitlines()
    for line in lines:
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)
        assert set(line["probabilities"]) == {"neg", "pos"}
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5)
