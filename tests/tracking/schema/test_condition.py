"""Whatever is half in the records of a study is named, and nothing is named that is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.builders import (
    build_evaluation,
    build_ranking,
    build_sealed_evaluation,
    build_study,
    build_trial,
    client_of,
    open_study,
    place_database,
    whole_model,
    write_rerun,
    write_study,
    write_trial,
)
from tests.servers import start_mlflow
from tracking import store
from tracking.commandline.paths import TRACKING_URI
from tracking.records import SealItemRecord

N_VALIDATION = 5_000  # of build_data


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


def write_all(root: Path) -> dict[str, str]:
    """Write a study that was taken to its verdict; give the ids of its runs by what they are."""
    records = open_study(root)
    records.begin()
    ids = {"trial": write_trial(records, build_trial(0), model=whole_model())}
    write_trial(records, build_trial(1, state="pruned", reason="below its peers"))
    write_trial(records, build_trial(2, state="interrupted", reason="stopped"))
    records.end(finished=True)
    final_ranking = store.open_evaluation(root, "lstm")
    final_ranking.begin()
    model = root.parent / "model.keras"
    model.write_bytes(whole_model())
    predictions = root.parent / "validation.npy"
    np.save(predictions, np.full((N_VALIDATION, 2), 0.5))
    ids["rerun"] = write_rerun(final_ranking, 0, 0, model, predictions)
    final_ranking.write_ranking(build_ranking())
    seal = final_ranking.seal([SealItemRecord("finalist", 0, (70,), ("aa",))])
    final_ranking.write_evaluations(seal, [build_sealed_evaluation(0, 0.9)])
    final_ranking.seal(
        [SealItemRecord("finalist", 0, (70,), ("aa",))]
    )  # and one that was cut short
    return {**ids, "test evaluation": seal.run_id, "parent": store.ids(root, "lstm")[1]}


def faults(root: Path) -> list[str]:
    return sorted(store.condition(root, "lstm").faults)


def file_of(root: Path, run_id: str, name: str) -> Path:
    return next(root.rglob(f"{run_id}/artifacts/{name}"))


def files_of(root: Path, run_id: str) -> set[str]:
    return {file.name for file in root.rglob(f"{run_id}/artifacts/*")}


def test_a_study_that_was_taken_to_its_verdict_has_no_faults(root: Path) -> None:
    write_all(root)
    assert faults(root) == []


@pytest.mark.parametrize(
    ("run", "name", "says"),
    [
        ("trial", "environment.json", "trial 0: environment.json cannot be read"),
        ("rerun", "environment.json", "rerun-0-of-trial-0000: environment.json cannot be read"),
        ("rerun", "model.keras", "rerun-0-of-trial-0000: its model cannot be read"),
        ("rerun", "validation.npy", "rerun-0-of-trial-0000: validation.npy cannot be read"),
        ("test evaluation", "seal.json", "test-evaluation-1: seal.json cannot be read"),
        (
            "test evaluation",
            "evaluations.json",
            "test-evaluation-1: evaluations.json cannot be read",
        ),
        ("parent", "final_ranking/*.json", "final_ranking/{file} cannot be read"),
    ],
)
def test_a_file_that_was_torn_is_named(root: Path, run: str, name: str, says: str) -> None:
    ids = write_all(root)
    torn = file_of(root, ids[run], name)
    torn.write_bytes(torn.read_bytes()[:-9])
    assert faults(root) == [says.format(file=torn.name)]


@pytest.mark.parametrize(
    ("run", "name", "says"),
    [
        ("rerun", "validation.npy", "rerun-0-of-trial-0000: its validation.npy is missing"),
        ("test evaluation", "seal.json", "test-evaluation-1: its seal.json is missing"),
        (
            "test evaluation",
            "evaluations.json",
            "test-evaluation-1: its evaluations.json is missing",
        ),
        ("parent", "final_ranking/*.json", "final_ranking/{file} is missing"),
    ],
)
def test_a_file_that_must_be_there_is_missed(root: Path, run: str, name: str, says: str) -> None:
    ids = write_all(root)
    gone = file_of(root, ids[run], name)
    gone.unlink()
    assert faults(root) == [says.format(file=gone.name)]


def test_a_model_that_final_evaluations_deleted_is_not_missed(root: Path) -> None:
    ids = write_all(root)
    store.open_evaluation(root, "lstm").drop_models(kept=())
    assert not list(root.rglob(f"{ids['rerun']}/artifacts/model.keras"))
    assert faults(root) == []


def test_predictions_of_another_number_of_texts_are_named(root: Path) -> None:
    ids = write_all(root)
    np.save(file_of(root, ids["rerun"], "validation.npy"), np.full((N_VALIDATION - 1, 2), 0.5))
    (said,) = faults(root)
    assert said == (
        "rerun-0-of-trial-0000: validation.npy is of shape (4999, 2), but there are 5000 texts "
        "of 2 classes"
    )


def test_what_killed_final_evaluations_leave_is_named_and_repaired(root: Path) -> None:
    write_all(root)
    final_ranking = store.open_evaluation(root, "lstm")
    write_rerun(final_ranking, 0, 1, state="running")
    experiment, _ = store.ids(root, "lstm")
    client = client_of(root)
    client.create_run(
        experiment, run_name="test-evaluation-3", tags={"kind": "half a test evaluation"}
    )
    assert faults(root) == [
        "test-evaluation-3 is half sealed, and saw nothing",
        "rerun-1-of-trial-0000 is running, but nothing runs it",
    ]
    assert sorted(store.open_evaluation(root, "lstm").begin()) == [
        "test-evaluation-3 was half sealed, and is deleted",
        "rerun-1-of-trial-0000 was running, and is interrupted",
    ]
    assert store.open_evaluation(root, "lstm").begin() == []
    assert faults(root) == []


def test_what_a_rerun_that_was_cut_short_left_is_deleted_and_nothing_else(root: Path) -> None:
    ids = write_all(root)
    files = [root.parent / name for name in ("model.keras", "validation.npy", "summary.txt")]
    files[-1].write_text("Model: a few layers\n")
    run_id = write_rerun(store.open_evaluation(root, "lstm"), 0, 1, *files, state="running")
    for name in ("model.keras", "environment.json"):
        torn = file_of(root, run_id, name)
        torn.write_bytes(torn.read_bytes()[:-9])
    whole, half = files_of(root, ids["rerun"]), files_of(root, run_id)

    name = "rerun-1-of-trial-0000"
    assert store.open_evaluation(root, "lstm").begin() == [
        f"{name} was running, and is interrupted",
        f"environment.json of {name} was deleted",
        f"model.keras of {name} was deleted",
        f"validation.npy of {name} was deleted",
    ]
    gone = {"environment.json", "model.keras", "validation.npy"}
    assert half >= gone | {"summary.txt"}
    assert files_of(root, run_id) == half - gone
    assert files_of(root, ids["rerun"]) == whole > gone
    assert store.open_evaluation(root, "lstm").begin() == []
    assert faults(root) == []


def test_a_reproduction_has_no_faults_and_its_torn_files_are_named(root: Path) -> None:
    looked = build_trial(0, score=None, evaluation=build_evaluation(0.87))
    study = build_study(looked, space={})
    write_study(root, study)
    assert faults(root) == []
    file_of(root, store.read_study(root, "lstm").trials[0].run_id, "environment.json").write_text(
        "{"
    )
    assert faults(root) == ["trial 0: environment.json cannot be read"]


def test_a_study_without_a_candidate_names_no_best_and_a_second_repair_changes_nothing(
    root: Path,
) -> None:
    """The best may have been deleted by hand, in the MLflow UI."""
    write_study(root, build_study(build_trial(0), build_trial(1, state="pruned")))
    assert store.condition(root, "lstm").best_trial == 0
    client_of(root).delete_run(store.read_study(root, "lstm").trials[0].run_id)
    assert store.reopen_study(root, "lstm").repair() == ["no trial is named the best"]
    assert store.condition(root, "lstm").best_trial is None
    assert store.reopen_study(root, "lstm").repair() == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("server")
    with start_mlflow(folder) as address:
        yield address, folder


def test_files_that_a_server_keeps_are_looked_at_too(
    root: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = server
    monkeypatch.setenv(TRACKING_URI, address)
    ids = write_all(root)
    assert faults(root) == []
    for run, name in (("trial", "environment.json"), ("rerun", "model.keras")):
        torn = file_of(folder, ids[run], name)
        torn.write_bytes(torn.read_bytes()[:-9])
    for model in folder.rglob("models/*/artifacts/data/model/model.keras"):
        model.write_bytes(b"half")
    np.save(file_of(folder, ids["rerun"], "validation.npy"), np.zeros((3, 2)))
    file_of(folder, ids["test evaluation"], "evaluations.json").unlink()
    assert faults(root) == [
        "test-evaluation-1: its evaluations.json is missing",
        "rerun-0-of-trial-0000: its model cannot be read",
        "rerun-0-of-trial-0000: validation.npy is of shape (3, 2), but there are 5000 texts of 2 "
        "classes",
        "trial 0: environment.json cannot be read",
        "trial 0: its model cannot be read",
    ]


def test_a_study_says_when_it_ended_because_its_budget_was_met(root: Path) -> None:
    records = open_study(root)
    records.set_limit(2)
    assert not store.condition(root, "lstm").budget_met
    records.mark_finished()
    condition = store.condition(root, "lstm")
    assert (condition.budget_met, condition.most_trials) == (True, 2)
    records.set_limit(3)
    assert not store.condition(root, "lstm").budget_met
