"""A disk that is full at any moment: nothing finished is lost, and no file is half a one."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.audit import audit
from search.coordinator.lock import alone
from tests.builders import place_database
from tests.coordinator import MODEL, Script, run_search
from tests.programs import call
from tracking import store
from tracking.commandline.errors import disk_is_full
from tracking.records import TrialRecord

N_TRIALS = 6
_MOST_FREE = 800_000  # bytes: what a study of six trials needs
_RESERVE = 4 * 2**20  # what it keeps back


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 MB, which only root can mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def run(root: Path, n_trials: int) -> None:
    root.mkdir(exist_ok=True)
    with alone(root, "s"):
        run_search(root, n_trials, Script(), n_workers=2)


def fill(disk: Path, n_free: int) -> Path:
    """Fill the disk up to so many bytes."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(65_536)):
            pass
    os.truncate(filler, max(0, filler.stat().st_size - n_free))
    return filler


def finished(root: Path) -> list[TrialRecord]:
    found = store.studies(root)
    trials = store.read_study(root, "s").trials if "s" in found else ()
    return [trial for trial in trials if trial.state == "complete"]


def one_round(disk: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a study into a full disk and, when there is space again, to its end.

    Returns:
        what the disk being full led to.
    """
    luck = random.Random(seed)
    n_begun, n_free = luck.choice((0, 1, 1, 1)), luck.randrange(_MOST_FREE)
    if not n_begun:
        n_free += luck.choice((0, _RESERVE))
    root = place_database(disk / "mlruns")
    monkeypatch.setenv("SEQSEARCH_MLRUNS", str(root))
    if n_begun:
        run(root, n_begun)
    filler = fill(disk, n_free)
    said = None
    try:
        run(root, N_TRIALS)
    except Exception as error:
        if not disk_is_full(error):
            raise
        said = error
    filler.unlink()
    before = finished(root)
    run(root, N_TRIALS)
    found = store.read_study(root, "s")  # which reads every file of every trial
    assert audit(found, store.condition(root, "s")) == []
    assert [trial.number for trial in found.trials] == list(range(N_TRIALS))
    now = {trial.number: trial for trial in found.trials}
    for trial in before:  # only the best keep their models
        assert replace(now[trial.number], model=trial.model) == trial
    for trial in found.candidates[:3]:
        assert store.model_file(root, trial).read_bytes() == MODEL
    return f"{n_begun} begun, {n_free} bytes free: {said!r}; {len(before)} had finished"


@pytest.mark.parametrize("seed", [4, 6])
def test_a_disk_that_is_full_at_a_random_byte_loses_nothing_finished(
    disk: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_round(disk, seed, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_sixty_disks_that_are_full_at_a_random_byte(
    disk: Path,
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("led_to", one_round(disk, seed, monkeypatch))


@pytest.mark.slow
@pytest.mark.parametrize("n_free", [4_300_000, 4_700_000, 5_000_000])
def test_the_program_says_so_in_one_line_and_goes_on_when_there_is_space(
    disk: Path, tiny_csv: Path, tmp_path: Path, n_free: int
) -> None:
    root = place_database(disk / "mlruns")
    (tmp_path / "mlruns").symlink_to(root)
    filler = fill(disk, n_free)
    words = ["--study", "feedforward", "--data", str(tiny_csv), "--smoke", "--trials", "6"]
    words += ["--keep-models", "1"]
    end = call(tmp_path, "search.run", *words)
    assert end.returncode == 2, end.stderr
    assert end.stderr.startswith("error: the disk is full. Free some space;")
    assert end.stderr.count("\n") == 1
    filler.unlink()
    again = call(tmp_path, "search.run", *words)
    assert again.returncode == 0, again.stderr
    assert "6 complete, 0 pruned, 0 failed." in again.stdout
    assert call(tmp_path, "search.doctor").returncode == 0
