"""What a killed program left among the temporary files is deleted by the next; no other is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from search.temporary import temporary_folder
from tests.programs import ROOT

_WAITS = """
import tempfile, time
from search.temporary import temporary_folder
with temporary_folder():
    print(tempfile.mkdtemp(), flush=True)
    time.sleep(600)
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's place for temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def make_old(system: Path) -> None:
    for folder in system.iterdir():
        os.utime(folder, (0, 0))


def test_temporary_files_are_gone_at_the_end_and_those_that_follow_lie_where_they_did(
    system: Path,
) -> None:
    with temporary_folder():
        assert Path(tempfile.mkdtemp()).parent.parent == system
    assert not list(system.iterdir())
    assert Path(tempfile.mkdtemp()).parent == system


def test_what_a_killed_program_left_is_deleted_and_what_a_living_one_needs_is_not(
    system: Path,
) -> None:
    command = [sys.executable, "-c", _WAITS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        theirs = Path(program.stdout.readline().strip())
        make_old(system)
        with temporary_folder():
            assert theirs.is_dir()
        program.send_signal(signal.SIGKILL)
    make_old(system)
    with temporary_folder():
        assert not theirs.exists()
    assert not list(system.iterdir())


def test_a_folder_that_is_young_or_somebody_elses_name_is_left_alone(system: Path) -> None:
    young = Path(tempfile.mkdtemp(prefix="seqs-"))
    target = Path(tempfile.mkdtemp(prefix="target-"))
    (system / "seqs-link").symlink_to(target)
    (system / "seqs-file").write_text("somebody's")
    os.utime(system / "seqs-file", (0, 0))
    with temporary_folder():
        pass
    assert young.is_dir()
    assert target.is_dir()
    assert (system / "seqs-file").is_file()
