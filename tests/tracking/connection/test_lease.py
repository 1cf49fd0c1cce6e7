"""The lease on a study whose records an MLflow server keeps: one at a time has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import build_plan, client_of, open_study, place_database
from tracking import store
from tracking.connection import lease
from tracking.connection.lease import Lease
from tracking.connection.retry import Outage

Take = Callable[[str], Lease]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


@pytest.fixture
def take(root: Path) -> Take:
    """Make the lease of a machine on the study that there is now."""
    client = client_of(root)

    def find() -> str | None:
        return store.ids(root, "lstm")[1]

    open_study(root)
    return lambda name: Lease(client, find, name, f"process 1 of {name}")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set both clocks on."""
    now = [1e9]
    monkeypatch.setattr(lease.time, "time", lambda: now[0])
    monkeypatch.setattr(lease.time, "monotonic", lambda: now[0])

    def pass_by(seconds: float) -> None:
        now[0] += seconds

    return pass_by


def test_a_second_machine_is_told_who_the_first_is_until_that_gives_the_lease_back(
    take: Take, clock: Callable[[float], None]
) -> None:
    first, second = take("here"), take("there")
    assert first.keep() is None
    assert second.keep() == "process 1 of here"
    clock(50)
    assert first.keep() is None  # it is renewed
    clock(50)
    assert second.keep() == "process 1 of here"
    first.release()
    assert second.keep() is None


def test_a_lease_that_has_run_out_is_taken_over_and_the_first_notices(
    take: Take, clock: Callable[[float], None]
) -> None:
    first, second = take("here"), take("there")
    assert first.keep() is None
    clock(61)
    assert second.keep() is None
    assert first.keep() == "process 1 of there"
    clock(61)
    assert first.keep() == "process 1 of there"  # though it has run out: our history is old


def test_the_next_start_on_the_same_machine_has_the_lease_of_one_that_was_killed(
    take: Take, clock: Callable[[float], None]
) -> None:
    assert take("here").keep() is None
    assert take("here").keep() is None


def test_a_fresh_start_takes_the_lease_of_the_new_study(
    take: Take, root: Path, clock: Callable[[float], None]
) -> None:
    first, second = take("here"), take("there")
    assert first.keep() is None
    store.open_study(root, build_plan(), fresh=True)
    clock(16)
    assert first.keep() is None
    assert second.keep() == "process 1 of here"


def test_a_server_that_is_away_is_not_waited_for(take: Take) -> None:
    def away() -> str | None:
        raise Outage("the tracking store has not answered")

    first = take("here")
    first._find = away
    assert first.keep() is None
    first.release()
