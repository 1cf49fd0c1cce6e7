"""Show lines to a person: no secrets, nothing hidden, no markup."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

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

    width = None if sys.stdout.isatty() else 120
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)


def notes_on(console: Console) -> Callable[[str], None]:
    """Return what shows a line on a console, whatever is in it."""
    return lambda line: console.print(
        shown(line), soft_wrap=True, markup=False, emoji=False, highlight=False
    )
