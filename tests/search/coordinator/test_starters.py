"""Several processes start at the same moment, in a folder or a database that holds nothing yet."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.servers import Database
from tests.starter import experiments, start_at_once
from tracking.commandline.paths import TRACKING_URI
from tracking.connection import address

REFUSAL = re.compile(r"study s is being run by (another process|process \d+ of \S+, since \S+)\.")


@pytest.fixture(params=["files", "postgresql"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the records are: nothing is there yet."""
    if request.param == "postgresql":
        server: Database = request.getfixturevalue("postgresql")
        monkeypatch.setenv(TRACKING_URI, server.create())
    return str(request.param)


def one_round(place: str, root: Path) -> None:
    """Eight starts of one new study: one works on it, seven are refused.

    With the records in PostgreSQL each has a folder of its own, as on eight machines.
    """
    roots = [root / str(n) if place == "postgresql" else root for n in range(8)]
    started = start_at_once([(root, "s") for root in roots])
    assert [one.fault for one in started if one.fault] == []
    refused = [one.refused for one in started if one.refused]
    assert len(refused) == 7
    assert [line for line in refused if not REFUSAL.fullmatch(line)] == []
    assert experiments(address.tracking_uri(root)) == {"s": 1}


def test_of_eight_starts_of_one_new_study_one_works_on_it_and_seven_are_refused(
    place: str, tmp_path: Path
) -> None:
    one_round(place, tmp_path / "mlruns")


@pytest.mark.slow
@pytest.mark.parametrize("n", range(20))
def test_twenty_rounds_of_eight_starts(place: str, tmp_path: Path, n: int) -> None:
    one_round(place, tmp_path / "mlruns")


@pytest.mark.parametrize(
    "place", ["files", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True
)
def test_eight_new_studies_are_started_at_once_in_records_that_one_of_them_makes(
    place: str, tmp_path: Path
) -> None:
    root = tmp_path / "mlruns"
    names = [f"study-{n}" for n in range(8)]
    started = start_at_once([(root, name) for name in names])
    assert [one.fault or one.refused for one in started if not one.parent] == []
    assert experiments(address.tracking_uri(root)) == dict.fromkeys(names, 1)
