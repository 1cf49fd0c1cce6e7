"""Records that were moved or copied are refused, and then found where they are."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.builders import build_trial, client_of, open_study, place_database, write_trial
from tracking import cli, store
from tracking.commandline.errors import UserError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = place_database(tmp_path / "my records")
    study = open_study(root)
    write_trial(study, build_trial(0), model=b"weights")
    study.end(finished=True)
    return root


def _relocate(monkeypatch: pytest.MonkeyPatch, root: Path) -> int:
    monkeypatch.setenv("SEQSEARCH_MLRUNS", str(root))
    monkeypatch.setattr(sys, "argv", ["store.py", "--relocate"])
    with pytest.raises(SystemExit) as end:
        cli.run(store.main)
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.mark.parametrize("carry", [shutil.move, shutil.copytree])
def test_a_moved_folder_keeps_its_artifacts(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, carry
) -> None:
    before = store.read_study(root, "lstm")
    there = tmp_path / "elsewhere" / "mlruns"
    there.parent.mkdir()
    carry(root, there)

    with pytest.raises(UserError, match=r"moved or copied.*tracking.store --relocate"):
        store.read_study(there, "lstm")
    with pytest.raises(UserError, match="moved or copied"):
        open_study(there)
    assert _relocate(monkeypatch, there) == 0

    assert store.read_study(there, "lstm") == before
    (trial,) = before.trials
    file = store.model_file(there, trial)
    assert file.is_relative_to(there)
    assert file.read_bytes() == b"weights"
    client = client_of(there)
    assert "curves.csv" in [file.path for file in client.list_artifacts(trial.run_id)]
    experiment = client.get_experiment_by_name("lstm").experiment_id
    (model,) = client.search_logged_models([experiment])
    assert model.artifact_location.startswith((there / "artifacts").as_uri())


def test_nothing_is_changed_where_nothing_was_moved(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _relocate(monkeypatch, root) == 0
    assert "0 addresses" in capsys.readouterr().out
    link = tmp_path / "link"
    link.symlink_to(root)
    assert store.read_study(link, "lstm") == store.read_study(root, "lstm")


def test_without_records_there_is_nothing_to_relocate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _relocate(monkeypatch, tmp_path / "nowhere") == 2
    assert not (tmp_path / "nowhere").exists()
