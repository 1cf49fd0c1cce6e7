"""Show lines to a person: no secrets, nothing hidden, no markup."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from tracking.commandline.formatting import printable
from tracking.commandline.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console


def shown(line: str) -> str:
    """Make a line fit to be shown, whoever wrote what is in it: no secrets, nothing hidden."""
    return printable(redact(line))


def note(line: str) -> None:
    """Say something beside what the program is for."""
    print(shown(line), file=sys.stderr)


def open_console(*, stderr: bool) -> Console:
    """Open a console that shows names as they are: no markup, no emoji, no colors."""
    from rich.console import Console

    is_terminal = on_terminal(sys.stdout)
    return Console(
        stderr=stderr,
        width=None if is_terminal else 120,
        force_terminal=None if is_terminal else False,
        markup=False,
        emoji=False,
        highlight=False,
        force_jupyter=False,  # it would show each line as HTML of its own
    )


def on_terminal(stream: TextIO) -> bool:
    """Return whether what a terminal obeys can be written there; a notebook says so wrongly."""
    return stream.isatty() and not in_notebook()


def in_notebook() -> bool:
    """Return whether we run in a cell of a notebook, whose output can be replaced."""
    if "IPython" not in sys.modules:
        return False
    from rich.console import Console

    return Console().is_jupyter


def notes_on(console: Console) -> Callable[[str], None]:
    """Return what shows a line on a console, whatever is in it."""
    return lambda line: console.print(
        shown(line), soft_wrap=True, markup=False, emoji=False, highlight=False
    )
