"""One process at a time works on a study, and the second is told who the first is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.lock import alone
from tracking.cli import UserError


def test_the_second_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with alone(tmp_path, "lstm"), alone(tmp_path, "cnn"):
        said = rf"^study lstm is being run by process {os.getpid()} of .+@.+, since 20.+\.$"
        with pytest.raises(UserError, match=said), alone(tmp_path, "lstm"):
            pass
    with alone(tmp_path, "lstm"):
        pass
    assert not list(tmp_path.glob("*.holder"))


def test_an_unreadable_note_of_the_first_refuses_all_the_same(tmp_path: Path) -> None:
    with alone(tmp_path, "lstm"):
        (tmp_path / "lstm.holder").write_text("{half")
        with pytest.raises(UserError, match="another process"), alone(tmp_path, "lstm"):
            pass
