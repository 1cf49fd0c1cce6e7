"""What is waited for, what is not, and what is said of it."""

from __future__ import annotations

import sqlite3

import pytest
import requests
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import IntegrityError, OperationalError

from tracking import cli
from tracking.commandline.errors import UserError, cause, is_outage
from tracking.connection.retry import Outage, Patience


def of_sqlite(words: str) -> OperationalError:
    return OperationalError("INSERT ...", None, sqlite3.OperationalError(words))


def of_server(words: str) -> OperationalError:
    return OperationalError("INSERT ...", None, RuntimeError(words))


def within(error: Exception) -> MlflowException:
    """As MLflow wraps it."""
    try:
        try:
            raise error
        except Exception as first:
            raise MlflowException(first)  # noqa: B904  so does MLflow
    except MlflowException as wrapped:
        return wrapped


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (of_sqlite("database is locked"), True),
        (of_sqlite("no such table: runs"), False),
        (of_sqlite("unable to open database file"), False),
        (of_sqlite("database or disk is full"), False),
        (of_server("terminating connection due to administrator command"), True),
        (within(of_server("server closed the connection unexpectedly")), True),
        (within(requests.ConnectionError("Connection refused")), True),
        (within(requests.HTTPError("404 Client Error")), False),
        (IntegrityError("INSERT ...", None, RuntimeError("duplicate key")), False),
        (OSError(28, "No space left on device"), False),
        (KeyError("a bug"), False),
    ],
)
def test_only_what_may_pass_is_waited_for(error: Exception, passes: bool) -> None:
    assert is_outage(error) is passes


def test_a_call_is_made_until_there_is_an_answer_and_both_ends_of_the_wait_are_said() -> None:
    said: list[str] = []
    answers = iter([of_sqlite("database is locked"), of_sqlite("database is locked"), None])

    def call() -> str:
        error = next(answers)
        if error is not None:
            raise error
        return "an answer"

    assert Patience(said.append).insist("the store", call) == "an answer"
    assert said == [
        "the store does not answer: OperationalError: database is locked; trying again",
        "the store answers again, after 0 s",
    ]


def test_what_an_attempt_made_is_found_and_not_made_again() -> None:
    made: list[str] = []

    def call() -> str:
        made.append("a run")
        raise of_server("server closed the connection unexpectedly")

    found = Patience(lambda line: None).insist("the store", call, lambda: next(iter(made), None))
    assert (found, made) == ("a run", ["a run"])


def test_after_the_limit_nothing_is_waited_for_any_more() -> None:
    said: list[str] = []
    waiting = Patience(said.append, limit=0.05)
    n_calls = 0

    def call() -> None:
        nonlocal n_calls
        n_calls += 1
        raise of_server("connection to postgresql://me:secret@host/db lost\nand more of it")

    with pytest.raises(
        Outage, match=r"^the store has not answered for 0 s: RuntimeError: "
    ) as end:
        waiting.insist("the store", call)
    before = n_calls
    with pytest.raises(Outage):
        waiting.insist("the store", call)
    assert n_calls == before + 1
    assert not [line for line in [*said, str(end.value)] if "secret" in line or "\n" in line]


def test_who_may_not_write_any_more_does_not_call() -> None:
    def lost() -> None:
        raise UserError("study s was taken over")

    calls: list[str] = []
    with pytest.raises(UserError, match="taken over"):
        Patience(hold=lost).insist("the store", lambda: calls.append("written"))
    assert calls == []


def test_an_outage_that_nobody_waited_for_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        raise within(of_server("connection to postgresql://me:secret@host/db lost"))

    with pytest.raises(SystemExit) as end:
        cli.run(main)
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert said == (
        "error: a store does not answer: RuntimeError: connection to postgresql://***@host/db "
        "lost. The same command goes on from here.\n"
    )


def test_the_cause_is_what_the_database_said() -> None:
    assert cause(within(of_sqlite("database is locked"))) == "OperationalError: database is locked"
    assert cause(KeyError("x")) == "KeyError: 'x'"
