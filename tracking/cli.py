"""What every command line of the project does alike: parse, refuse in one line, exit codes.

0 done; 2 the user's mistake, one line on stderr; 1 a fault of ours, with its traceback; 129, 130
and 143 stopped by the user.
"""

from __future__ import annotations

import argparse
import difflib
import errno
import gc
import importlib.util
import os
import re
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, NoReturn, Self

from tracking.commandline import terminal
from tracking.commandline.formatting import plain, printable, visible
from tracking.commandline.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console

TRACKING_URI = "SEQSEARCH_TRACKING_URI"  # the variable that --tracking-uri sets

_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
_PAGE = 65_536  # bytes; a disk with less has no room for anything of ours

# New objects between two looks for garbage; Python has 700. A program loads a million objects that
# stay, and looking among them takes a seventh of its start. 10,000 cost two megabytes at most.
_NEW_OBJECTS = 10_000

HOST = "127.0.0.1"  # servers are for this machine only


class UserError(Exception):
    """Something the user can mend; its text is the one line that is shown."""


class Stopped(Exception):
    """The user asked the program to end (Ctrl-C, SIGTERM, or a closed terminal)."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.is_interrupt = signum == signal.SIGINT
        self.exit_code = 128 + signum


_ENDS = (signal.SIGTERM, signal.SIGHUP)  # whoever ignores one from the start means it: nohup


class StopFlag:
    """Remembers a wish to stop until it is asked for, so that no write is cut in the middle."""

    def __init__(self) -> None:
        self._signum: int | None = None

    def __enter__(self) -> Self:
        signals = [signal.SIGINT, *(s for s in _ENDS if signal.getsignal(s) is not signal.SIG_IGN)]
        self._before = [(signum, signal.signal(signum, self._remember)) for signum in signals]
        return self

    def __exit__(self, *exception: object) -> None:
        for signum, handler in self._before:
            signal.signal(signum, handler)

    def check(self) -> None:
        """Raise Stopped if the user asked to end."""
        if self._signum is not None:
            raise Stopped(self._signum)

    def _remember(self, signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGHUP:
            terminal.leave()
        if self._signum != signal.SIGINT:  # which asks for more than the others
            self._signum = signum


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that refuses in one line. Every program can be told where records are."""

    def __init__(self, prog: str, description: str | None, epilog: str | None = None) -> None:
        super().__init__(
            prog=f"python -m {prog}",
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_address(
            self,
            "--tracking-uri",
            TRACKING_URI,
            ("http://", "https://", "postgresql+psycopg://"),
            "MLflow's records: http://HOST:PORT of a server, or postgresql+psycopg://...; "
            "default: a file in mlruns",
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {shown(message)} (--help lists the options)\n")


def add_address(
    parser: argparse.ArgumentParser, option: str, variable: str, schemes: Sequence[str], said: str
) -> None:
    """Add an option whose value goes to the environment, where programs that we start find it.

    Args:
        schemes: what an address may begin with; a host must follow.
    """

    def store(text: str) -> str:
        hosts = [text[len(scheme) :] for scheme in schemes if text.startswith(scheme)]
        if not any(host and not host.startswith("/") for host in hosts):
            # No more than the scheme: the rest may hold a password.
            scheme = text.partition("://")[0]
            got = repr(scheme) if re.fullmatch(r"[\w+.-]{1,30}", scheme) else "something else"
            known = " or ".join([", ".join(schemes[:-1]), schemes[-1]][len(schemes) == 1 :])
            raise argparse.ArgumentTypeError(
                f"must begin with {known} and name a host, but got {got}"
            )
        if text.startswith("postgresql") and importlib.util.find_spec("psycopg") is None:
            raise argparse.ArgumentTypeError(
                "needs the package psycopg: pip install 'seqsearch[postgresql]'"
            )
        os.environ[variable] = text
        return text

    parser.add_argument(option, type=store, metavar="URI", help=said)


def shown(line: str) -> str:
    """Make a line fit to be shown, whoever wrote what is in it: no secrets, nothing hidden."""
    return printable(redact(line))


def note(line: str) -> None:
    """Say something beside what the program is for."""
    print(shown(line), file=sys.stderr)


def open_console(*, stderr: bool) -> Console:
    """Open a console that shows names as they are: no markup, no emoji, no colors."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else 120
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def notes_on(console: Console) -> Callable[[str], None]:
    """Return what shows a line on a console, whatever is in it."""
    return lambda line: console.print(
        shown(line), soft_wrap=True, markup=False, emoji=False, highlight=False
    )


def port_number(text: str) -> int:
    """Read the option --port."""
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"must be from 1 to 65535, but got {text!r}")
    return int(text)


def choose_port(wanted: int | None, first: int) -> int:
    """Return the port that was asked for, or the first free one from `first` on.

    Raises:
        UserError: if the port is in use.
    """
    if wanted is None:
        return next(port for port in range(first, 65_536) if _is_free(port))
    if not _is_free(wanted):
        raise UserError(f"port {wanted} is in use; leave --port out to have a free one chosen.")
    return wanted


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0


def unknown(noun: str, name: str, known: Iterable[str]) -> UserError:
    """Say that a name is not known, what is, and which one was probably meant."""
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f" Did you mean {plain(close[0])}?" if close else ""
    names = ", ".join(map(plain, choices)) or "none"
    return UserError(f"unknown {noun} {plain(name)!r}.{hint} Known: {names}.")


def run(main: Callable[[], int]) -> NoReturn:
    """Run a program and exit with the code that its end deserves."""
    gc.set_threshold(_NEW_OBJECTS)
    for signum in _ENDS:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _raise_stopped)
    terminal.outlive()
    sys.excepthook = _print_fault
    try:
        code = main()
    except UserError as error:
        note(f"error: {error}")
        code = 2
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        code = 128 + signal.SIGINT
    except Stopped as stopped:
        print(f"{stopped}.", file=sys.stderr)
        code = stopped.exit_code
    except BrokenPipeError:  # the reader of our output left, as `| head` does
        sys.stderr.close()
        code = 128 + signal.SIGPIPE
    except Exception as error:
        said = _passing(error)
        if said is None:
            raise
        note(f"error: {said}")
        code = 2
    sys.exit(code)


def _print_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print the traceback of a fault of ours, as Python does, without secrets."""
    text = redact("".join(traceback.format_exception(kind, error, trace)))
    print(*map(visible, text.splitlines()), sep="\n", file=sys.stderr)


def _passing(error: Exception) -> str | None:
    """Say what is no fault of ours: the user can mend it, or it passes."""
    from tracking.commandline.errors import cause, is_damage, is_outage

    if disk_is_full(error):
        return "the disk is full. Free some space; the same command then goes on from here."
    if is_outage(error):
        return f"a store does not answer: {cause(error)}. The same command goes on from here."
    if isinstance(error, OSError) and error.errno in _DENIED and error.filename:
        return f"{error.filename} cannot be used: {error.strerror}. Let us read and write it."
    if is_damage(error):
        from tracking.commandline.paths import home

        return (
            f"a database in {home()} cannot be used: {cause(error)}. Let us read and write "
            "mlflow.db there, or put a backup in its place."
        )
    return None


def disk_is_full(error: BaseException | None) -> bool:
    """Tell it of an error or of what caused it; SQLite says it in words only."""
    while error is not None:
        if getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error):
            return True
        # What SQLite says of its index of the log, where no byte is left.
        if "disk I/O error" in str(error) and _n_bytes_free() < _PAGE:
            return True
        error = error.__cause__ or error.__context__
    return False


def _n_bytes_free() -> int:
    """Count the bytes that are free where the records are."""
    from tracking.commandline.paths import home

    there = next(folder for folder in (home(), *home().parents) if folder.is_dir())
    return shutil.disk_usage(there).free


def _raise_stopped(signum: int, frame: FrameType | None) -> None:
    if signum == signal.SIGHUP:
        terminal.leave()
    raise Stopped(signum)
