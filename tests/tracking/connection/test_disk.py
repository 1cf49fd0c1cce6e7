"""SQLite files are kept off network file systems, and space is kept back for a full disk."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import psutil
import pytest

from tests.builders import open_study
from tracking.commandline.errors import UserError
from tracking.commandline.paths import TRACKING_URI
from tracking.connection import disk

Mount = namedtuple("Mount", "mountpoint fstype")


@pytest.fixture
def mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Say that a folder of another kind is mounted."""

    def mount(kind: str) -> Path:
        there = tmp_path / "share"
        there.mkdir()
        mounts = [Mount("/", "ext4"), Mount(str(there.resolve()), kind)]
        monkeypatch.setattr(psutil, "disk_partitions", lambda all: mounts)
        return there / "project" / "mlruns"

    return mount


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "smb3"])
def test_a_folder_across_a_network_is_refused_before_anything_is_made(mount, kind: str) -> None:
    root = mount(kind)
    with pytest.raises(UserError, match=rf"network file system \({kind}\)\. Let SEQSEARCH_MLRUNS"):
        open_study(root)
    assert not root.parent.exists()


def test_what_is_no_sqlite_file_may_be_anywhere(mount, monkeypatch: pytest.MonkeyPatch) -> None:
    root = mount("nfs4")
    monkeypatch.setenv(TRACKING_URI, "http://127.0.0.1:9")
    with pytest.raises(UserError, match="no MLflow server answers"):
        open_study(root)


@pytest.mark.parametrize("kind", ["ext4", "overlay", "tmpfs", "apfs", "fuse.ntfs"])
def test_a_disk_of_this_machine_is_taken(mount, kind: str) -> None:
    disk.refuse_network(mount(kind))


def test_space_is_kept_back_and_given_back(tmp_path: Path) -> None:
    disk.set_aside(tmp_path)
    disk.set_aside(tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.stat().st_size == 4 * 2**20
    disk.release(tmp_path)
    disk.release(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file/x", "folder", "x" * 300, "file/y/x", "dangling/x"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="cannot be written: "):
        disk.refuse_unwritable(tmp_path / name)


def test_of_looking_whether_a_place_can_be_written_nothing_stays(tmp_path: Path) -> None:
    disk.refuse_unwritable(tmp_path / "new" / "newer" / "x.csv")
    disk.refuse_unwritable(tmp_path, folder=True)
    assert not list(tmp_path.iterdir())
