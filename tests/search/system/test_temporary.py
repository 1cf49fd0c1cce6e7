"""What a killed program left among the temporary files is deleted by the next; no other is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.system.temporary import temporary_folder
from tests.programs import ROOT
from tracking.commandline.errors import UserError

_HAS_ONE = """
import sys, tempfile, time
from multiprocessing import util
from multiprocessing.connection import Listener
from search.temporary import temporary_folder
with temporary_folder():
    print(tempfile.mkdtemp(), flush=True)
    print(util.get_temp_dir(), flush=True)
    Listener(family="AF_UNIX").close()
    time.sleep(float(sys.argv[1]))
print(tempfile.gettempdir())
"""


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's place for temporary files; pytest's own folders have too long a path for it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)


@pytest.fixture
def long(system: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose path is too long for a socket's address."""
    folder = system / ("long" * 25)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def make_old(system: Path) -> None:
    for folder in system.iterdir():
        os.utime(folder, (0, 0))


def program(seconds: float) -> subprocess.Popen[str]:
    """Start a program that has a folder, with a temporary file and multiprocessing's files in it,
    for so long.
    """
    command = [sys.executable, "-c", _HAS_ONE, str(seconds)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def test_temporary_files_are_in_one_folder_and_gone_at_the_end_without_a_word(
    system: Path,
) -> None:
    said, complaints = program(0.0).communicate()
    assert complaints == ""
    *inside, after = map(Path, said.split())
    assert {path.parent.parent for path in inside} == {system}
    assert len({path.parent for path in inside}) == 1
    assert after == system
    assert not list(system.iterdir())


def test_what_a_killed_program_left_is_deleted_and_what_a_living_one_needs_is_not(
    system: Path,
) -> None:
    with program(600.0) as first:
        assert first.stdout is not None
        theirs = Path(first.stdout.readline().strip())
        make_old(system)
        program(0.0).communicate()
        assert theirs.is_dir()
        first.send_signal(signal.SIGKILL)
    make_old(system)
    program(0.0).communicate()
    assert not list(system.iterdir())


def test_a_folder_that_is_young_or_somebody_elses_name_is_left_alone(system: Path) -> None:
    young = Path(tempfile.mkdtemp(prefix="seqs-"))
    target = Path(tempfile.mkdtemp(prefix="target-"))
    (system / "seqs-link").symlink_to(target)
    (system / "seqs-file").write_text("somebody's")
    os.utime(system / "seqs-file", (0, 0))
    program(0.0).communicate()
    assert young.is_dir()
    assert target.is_dir()
    assert (system / "seqs-file").is_file()


def test_sockets_lie_elsewhere_where_the_place_for_temporary_files_has_too_long_a_path(
    long: Path,
) -> None:
    said, complaints = program(0.0).communicate()
    assert complaints == ""
    file, sockets, after = map(Path, said.split())
    assert file.parent.parent == after == long
    assert sockets.parent.parent == Path("/tmp")
    assert not sockets.parent.exists()
    assert not list(long.iterdir())


def test_what_a_killed_program_left_elsewhere_is_deleted_too(long: Path) -> None:
    with program(600.0) as first:
        assert first.stdout is not None
        theirs = [Path(first.stdout.readline().strip()).parent for _ in range(2)]
        first.send_signal(signal.SIGKILL)
    assert all(folder.is_dir() for folder in theirs)
    for folder in theirs:
        os.utime(folder, (0, 0))
    program(0.0).communicate()
    assert not any(folder.exists() for folder in theirs)


def test_where_sockets_have_room_nowhere_one_line_says_what_to_do(
    long: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.system.temporary._SHORT", (str(long),))
    advice = r"Let TMPDIR name a folder whose path has at most \d+ bytes"
    with pytest.raises(UserError, match=advice), temporary_folder():
        pass
    assert not list(long.iterdir())
