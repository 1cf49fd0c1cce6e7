"""Every program ends in one of few ways, and a user's mistake is one line."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tracking.commandline.errors import Stopped, UserError, unknown
from tracking.commandline.parser import Parser
from tracking.commandline.program import run
from tracking.commandline.signals import StopFlag


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    """`run` sets signal handlers; the tests' own ones come back after each test."""
    kept = {signum: signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for signum, handler in kept.items():
        signal.signal(signum, handler)


def _raiser(error: BaseException) -> Callable[[], int]:
    def main() -> int:
        raise error

    return main


def _exit_code(main: Callable[[], int]) -> Any:
    with pytest.raises(SystemExit) as exit_:
        run(main)
    return exit_.value.code


@pytest.mark.parametrize("code", [0, 1])
def test_a_program_exits_with_what_it_returns(code: int, capsys) -> None:
    assert _exit_code(lambda: code) == code
    assert capsys.readouterr() == ("", "")


def test_a_mistake_of_the_user_is_one_line_and_code_2(capsys) -> None:
    assert _exit_code(_raiser(UserError("port 5000 is in use."))) == 2

    assert capsys.readouterr() == ("", "error: port 5000 is in use.\n")


def test_a_mistake_stays_one_harmless_line_whatever_is_named_in_it(capsys) -> None:
    name = "a\x1b[31m\nerror: b\u202e" + "x" * 100_000
    _exit_code(_raiser(UserError(f"there is no file {name}. Name another.")))
    _exit_code(_raiser(unknown("study", name, [name, "lstm"])))
    said = capsys.readouterr().err
    assert said.count("\n") == 2
    assert said.replace("\n", "").isprintable()
    assert len(said) < 6_000
    assert said.splitlines()[0].endswith("xxx. Name another.")
    assert "Known: a\\u001b[31m" in said


def test_the_traceback_of_a_bug_has_no_password(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setenv("PGPASSWORD", "it's/mine")
    error = RuntimeError("a bug\x1b[2J with it's/mine")
    with pytest.raises(RuntimeError):
        run(_raiser(error))
    sys.excepthook(type(error), error, error.__traceback__)
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):\n")
    assert said.endswith("RuntimeError: a bug\\u001b[2J with ***\n")


@pytest.mark.parametrize("text", ["me:secret@host/x", "'; me:secret@h://x", "x" * 1_000])
def test_of_what_is_no_address_nothing_secret_is_repeated(text: str) -> None:
    with pytest.raises(UserError) as refusal:
        Parser("search.run", None).parse_args(["--tracking-uri", text])
    said = str(refusal.value)
    assert "but got something else" in said
    assert "secret" not in said


def test_ctrl_c_is_code_130(capsys) -> None:
    assert _exit_code(_raiser(KeyboardInterrupt())) == 130

    assert capsys.readouterr() == ("", "stopped.\n")


def test_a_stop_is_128_and_the_signal(capsys) -> None:
    assert _exit_code(_raiser(Stopped(signal.SIGTERM))) == 143

    assert capsys.readouterr() == ("", "stopped by SIGTERM.\n")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_stops_the_program(signum: signal.Signals, code: int, capsys) -> None:
    def main() -> int:
        os.kill(os.getpid(), signum)
        return 0

    assert _exit_code(main) == code
    assert capsys.readouterr().err == f"stopped by {signum.name}.\n"


def test_ctrl_c_is_not_forgotten_over_a_terminal_that_is_closed_after_it() -> None:
    with StopFlag() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped, match="SIGINT"):
            stop.check()


def test_a_reader_who_leaves_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)

    assert _exit_code(_raiser(BrokenPipeError())) == 141
    assert said.closed  # or Python would complain of the pipe at its end


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(_raiser(ZeroDivisionError("a bug")))


@pytest.fixture
def parser() -> Parser:
    parser = Parser("search.run", "What it does.")
    parser.add_argument("--port", type=int)
    parser.add_argument("--sampler", choices=("tpe", "random"))
    return parser


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--port", "many"], "'many'"),
        (["--sampler", "tpee"], "'tpee'"),
        (["--port"], "--port"),
        (["--nonsense"], "--nonsense"),
        (["--por", "1"], "--por"),  # an abbreviation would change its meaning with a new option
    ],
)
def test_the_parser_refuses_in_one_line(parser: Parser, arguments, named: str, capsys) -> None:
    assert _exit_code(lambda: parser.parse_args(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert named in err
    assert "--help" in err


def test_the_help_names_the_command_to_type(parser: Parser, capsys) -> None:
    with pytest.raises(SystemExit) as exit_:
        parser.parse_args(["--help"])

    assert exit_.value.code == 0
    assert "python -m search.run" in capsys.readouterr().out


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    assert str(unknown("study", "lstm_droput", ["lstm_dropout", "cnn"])) == (
        "unknown study 'lstm_droput'. Did you mean lstm_dropout? Known: cnn, lstm_dropout."
    )
    assert str(unknown("study", "x", ["lstm"])) == "unknown study 'x'. Known: lstm."
    assert str(unknown("study", "x", [])) == "unknown study 'x'. Known: none."


def _full_disk() -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def _full_database() -> int:
    try:
        raise sqlite3.OperationalError("database or disk is full")
    except sqlite3.OperationalError as error:
        raise RuntimeError("a write failed") from error


@pytest.mark.parametrize("main", [_full_disk, _full_database])
def test_a_full_disk_is_said_in_one_line(
    main: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run(main)
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith("error: the disk is full. ")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied", "/there/mlflow.lock"),
            "/there/mlflow.lock cannot be used: Permission denied. ",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "/there/.reserve"),
            "/there/.reserve cannot be used: Read-only file system. ",
        ),
        (
            sqlite3.OperationalError("attempt to write a readonly database"),
            "cannot be used: OperationalError: attempt to write a readonly database. ",
        ),
        (
            sqlite3.DatabaseError("database disk image is malformed"),
            "cannot be used: DatabaseError: database disk image is malformed. ",
        ),
    ],
)
def test_what_cannot_be_read_or_written_is_said_in_one_line(
    error: Exception, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> int:
        raise error

    with pytest.raises(SystemExit) as end:
        run(main)
    said = capsys.readouterr().err
    assert end.value.code == 2
    assert says in said
    assert said.count("\n") == 1


TALKS = """
import time
from tracking.commandline.program import run; from tracking.commandline.signals import StopFlag

def main():
    with StopFlag() as stop:
        while True:
            stop.check()
            print("still here", flush=True)
            time.sleep(0.01)

run(main)
"""


HEARS_LATE = """
import signal, sys, time
from tracking.commandline.program import run; from tracking.commandline.signals import StopFlag

def main():
    with StopFlag() as stop:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        while signal.SIGHUP not in signal.sigpending():
            print("still here", flush=True)
            time.sleep(0.01)
        print("to nobody")
        print("to nobody", file=sys.stderr)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP])
        stop.check()

run(main)
"""


@pytest.mark.parametrize("program", [TALKS, HEARS_LATE])
def test_a_program_whose_terminal_is_closed_stops_without_an_error(program: str) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    assert os.read(ours, 5) == b"still"
    os.close(ours)
    assert running.wait(20) == 128 + signal.SIGHUP


def test_a_closed_terminal_does_not_stop_what_was_started_with_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopFlag() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            stop.check()
    finally:
        signal.signal(signal.SIGHUP, before)
