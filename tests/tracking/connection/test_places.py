"""Nothing that a store, a seal or a journal names leads out of the folder of the records."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from search.audit import audit
from tests.builders import (
    build_study,
    build_trial,
    client_of,
    open_study,
    place_database,
    whole_model,
    write_study,
    write_trial,
)
from tracking import store
from tracking.commandline.errors import UserError
from tracking.connection.files import inside
from tracking.connection.relocate import relocate
from tracking.models import registry
from tracking.records import SealItemRecord

Edit = Callable[[Path, str], None]  # of the records, and of the run of trial 1
SECRET = "a secret"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of two trials that keep models, of which the search deletes the second."""
    root = place_database(tmp_path_factory.mktemp("whole") / "mlruns")
    study = open_study(root)
    write_trial(study, build_trial(0), model=whole_model())
    write_trial(study, build_trial(1, 0.7), model=whole_model())
    study.end(finished=True)
    return root


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A folder beside the records, laid out as theirs."""
    folder = tmp_path / "victim"
    for name in ("artifacts/data/model/model.keras", "secret.json", "confusion.json"):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SECRET)
    return folder


def tagged(name: str, value: str) -> Edit:
    return lambda root, run_id: client_of(root).set_tag(
        run_id, name, value.format(victim=root.parent / "victim")
    )


def addressed(value: str) -> Edit:
    def edit(root: Path, run_id: str) -> None:
        address = value.format(
            victim=root.parent / "victim", artifacts=root / "artifacts", run=run_id
        )
        change(root, "UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", address, run_id)

    return edit


def change(root: Path, statement: str, *values: str) -> None:
    with closing(sqlite3.connect(root / "mlflow.db")) as connection, connection:
        connection.execute(statement, values)


def renamed(value: str) -> Edit:
    def edit(root: Path, run_id: str) -> None:
        for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
            change(root, f"UPDATE {table} SET run_uuid = ? WHERE run_uuid = ?", value, run_id)

    return edit


def linked(place: str) -> Edit:
    def edit(root: Path, run_id: str) -> None:
        model = client_of(root).get_run(run_id).data.tags["model.id"]
        there = root / "artifacts" / place.format(run=run_id, model=model)
        if there.is_dir():
            shutil.rmtree(there)
        else:
            there.unlink()
        there.symlink_to(root.parent / "victim" / (there.name if there.suffix else ""))

    return edit


def foreign(root: Path, run_id: str) -> None:
    client = client_of(root)
    other = next(root.glob("artifacts/models/*")).name
    if other == client.get_run(run_id).data.tags["model.id"]:
        *_, other = (folder.name for folder in root.glob("artifacts/models/*"))
    client.set_tag(run_id, "model.id", other)


IDS = ("../../../victim", "{victim}", ".", "..", "m-", "m-../../../victim", f"m-{'0' * 31}")
HOSTILE: dict[str, tuple[Edit, str]] = {
    **{f"model {name}": (tagged("model.id", name), "its tag model.id is '") for name in IDS},
    "model with a newline": (tagged("model.id", f"m-{'0' * 32}\n"), "its tag model.id is 'm-"),
    "model with a NUL": (tagged("model.id", f"m-{'0' * 30}\0\0"), "its tag model.id is 'm-"),
    "no model": (tagged("model.id", ""), "its tag model.id is ''"),
    "model of another": (foreign, "another run's model"),
    "address elsewhere": (addressed("file://{victim}"), "its files are said to lie in 'file:"),
    "address with dots": (
        addressed("file://{artifacts}/{run}/../../../victim/artifacts"),
        "its files are said to lie in",
    ),
    "address with a NUL": (addressed("file://{victim}%00"), "its files are said to lie in"),
    "no address": (addressed(""), "its files are said to lie in ''"),
    "run id": (renamed("../../../victim"), "its id is not one of MLflow's"),
    "link for a run": (linked("{run}"), "its files are said to lie in"),
    "link for a model": (linked("models/{model}"), "the folder of its model is a link"),
    "link for a file": (linked("{run}/artifacts/confusion.json"), "confusion.json is a link"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_leads_elsewhere_is_named_in_a_line_and_nothing_there_is_read_or_deleted(
    whole: Path, victim: Path, tmp_path: Path, name: str
) -> None:
    edit, says = HOSTILE[name]
    root = tmp_path / "mlruns"
    shutil.copytree(whole, root)
    relocate(root)
    run_id = next(t.run_id for t in store.read_study(root, "lstm").trials if t.number == 1)
    edit(root, run_id)

    before = {file: file.read_bytes() for file in victim.rglob("*") if file.is_file()}
    records = store.reopen_study(root, "lstm")
    records.repair()
    records.drop_models(keep_models=1)
    reader = store.follow(root, "lstm")
    study = reader.read()
    assert reader.read() == study
    lines = audit(study, store.condition(root, "lstm"))

    assert [trial.number for trial in study.trials] == [0]
    (line,) = (line for line in lines if "cannot be read" in line)
    assert says in line
    assert line.isprintable()
    assert SECRET not in "".join(lines)
    assert {file: file.read_bytes() for file in victim.rglob("*") if file.is_file()} == before
    assert store.model_file(root, study.trials[0]).read_bytes() == whole_model()


@pytest.mark.parametrize("name", ["../victim", ".", "", "/tmp/victim", "a\nb", ".hidden", "a\0b"])
def test_an_experiment_whose_name_is_no_studys_is_named_and_opens_no_file(
    whole: Path, tmp_path: Path, name: str
) -> None:
    root = tmp_path / "mlruns"
    shutil.copytree(whole, root)
    relocate(root)
    change(root, "UPDATE experiments SET name = ? WHERE name = 'lstm'", name)
    assert store.studies(root) == {}
    (line,) = store.unreadable_studies(root)
    assert f"it is named {name!r}" in line
    assert line.isprintable()
    with pytest.raises(UserError, match=r"cannot be read|unknown study"):
        store.read_study(root, name)


@pytest.mark.parametrize("name", ["../../../victim/secret.json", "/etc/passwd", "plan.json"])
def test_the_file_of_the_final_evaluations_must_be_one_of_them(
    whole: Path, tmp_path: Path, name: str
) -> None:
    root = tmp_path / "mlruns"
    shutil.copytree(whole, root)
    relocate(root)
    client_of(root).set_tag(store.ids(root, "lstm")[1], "final_ranking.file", name)
    study = store.read_study(root, "lstm")
    assert study.final_ranking is None
    lines = audit(study, store.condition(root, "lstm"))
    (line,) = (line for line in lines if "cannot be read" in line)
    assert f"its tag finals.file is {name!r}" in line


def test_a_seal_that_names_no_run_is_refused(tmp_path: Path) -> None:
    """Its ids become names of folders when the test evaluation is taken."""
    root = place_database(tmp_path / "mlruns")
    write_study(root, build_study(build_trial(0)))
    final_ranking = store.open_evaluation(root, "lstm")
    final_ranking.seal([SealItemRecord("simple baseline", "majority", {}, "../../../victim")])
    with pytest.raises(UserError, match=r"'\.\./\.\./\.\./victim' is not the id of a run"):
        final_ranking.seals()


def test_a_model_is_loaded_from_the_folder_of_the_records_only(
    whole: Path, victim: Path, tmp_path: Path
) -> None:
    root = tmp_path / "mlruns"
    shutil.copytree(whole, root)
    relocate(root)
    (trial, _) = store.read_study(root, "lstm").trials
    model = client_of(root).get_run(trial.run_id).data.tags["model.id"]
    assert registry.fetch(root, f"models:/{model}").is_relative_to(root)
    change(root, "UPDATE logged_models SET artifact_location = ?", f"file://{victim}/artifacts")
    with pytest.raises(UserError, match="files must lie in"):
        registry.fetch(root, f"models:/{model}")


@pytest.mark.parametrize("name", ["", ".", "..", "/etc", "a/../b", "link", "../x", "a//b"])
def test_a_path_lies_inside_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert inside(tmp_path, "a", "b") == tmp_path / "a" / "b"
    with pytest.raises(ValueError, match="does not lie in"):
        inside(tmp_path, name)


@pytest.mark.parametrize("name", ["a?b", "c#d", "e%20f", "g h"])
def test_records_lie_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    root = place_database(tmp_path / name / "mlruns")
    study = open_study(root)
    write_trial(study, build_trial(0), model=b"weights")
    study.drop_models(keep_models=1)
    study.end(finished=True)
    (trial,) = store.read_study(root, "lstm").trials
    assert store.model_file(root, trial).read_bytes() == b"weights"
    assert [path.name for path in tmp_path.iterdir()] == [name]  # nothing beside it
    assert [path.name for path in (tmp_path / name).iterdir()] == ["mlruns"]
