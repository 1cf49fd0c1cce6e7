"""Which commits wait for the disk."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text

from tracking.durable import unsynced

_NORMAL, _FULL = 1, 2  # as SQLite counts them


def test_all_commits_wait_for_the_disk_but_those_that_need_not(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")

    def level() -> int:
        with engine.connect() as connection:
            return int(connection.execute(text("PRAGMA synchronous")).scalar_one())

    assert level() == _FULL
    with unsynced():
        assert level() == _NORMAL
        with unsynced():
            assert level() == _NORMAL
        assert level() == _NORMAL
    assert level() == _FULL
    engine.dispose()
