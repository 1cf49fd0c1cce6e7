"""Progress of a long scoring: for a person, and for nobody else."""

from __future__ import annotations

import pytest

from search.cli.scoring_progress import ScoringProgress


def test_a_person_sees_how_many_texts_are_through(capsys: pytest.CaptureFixture[str]) -> None:
    with ScoringProgress(1_000, shown=True) as progress:
        progress.advance(1_024, at_byte=500)
        progress.advance(1_024, at_byte=1_000)
    captured = capsys.readouterr()
    assert "2,048 texts" in captured.err
    assert captured.out == ""


def test_where_nobody_looks_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with ScoringProgress(1_000) as progress:
        progress.advance(1_024, at_byte=500)
    assert capsys.readouterr() == ("", "")
