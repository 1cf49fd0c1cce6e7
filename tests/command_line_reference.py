"""The command line reference, made of the parsers of the programs themselves.

python -m tests.command_line_reference > docs/reference/command-line.md
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
import textwrap
from typing import NoReturn
from unittest import mock

PROGRAMS = (
    "search.run",
    "search.evaluate",
    "search.export",
    "search.predict",
    "search.doctor",
    "dashboards.build",
    "dashboards.serve",
    "tracking.ui",
)
_WIDTH = 98
_HEAD = """\
# Command line

Every option of every command, as `--help` prints it. This page is made by
`python -m tests.command_line_reference`, and a test compares it with the parsers.
[Exit codes](exit-codes.md) are the same for all commands.

The console script `seqsearch` has them all under one name: `seqsearch run` is
`python -m search.run`, and so are `evaluate`, `export`, `predict` and `doctor`; `page` is
`dashboards.build`, `board` is `dashboards.serve`, `ui` is `tracking.ui`.
"""


class _Made(Exception):
    """Carries the parser of a program that was about to parse its command line."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        super().__init__()
        self.parser = parser


def parser_of(module: str) -> argparse.ArgumentParser:
    """Return the parser that a program makes. The program is not run.

    Raises:
        ValueError: if it parses no command line.
    """

    def stop(parser: argparse.ArgumentParser, *arguments: object) -> NoReturn:
        raise _Made(parser)

    parsing = {"parse_args": stop, "parse_intermixed_args": stop}
    with mock.patch.multiple(argparse.ArgumentParser, **parsing):
        try:
            importlib.import_module(module).main()
        except _Made as made:
            return made.parser
    raise ValueError(f"{module} must parse its command line before anything else.")


def reference() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_HEAD, *map(_section, PROGRAMS)])


def _section(module: str) -> str:
    with mock.patch.dict(os.environ, {"COLUMNS": str(_WIDTH + 2)}):
        usage, _, rest = parser_of(module).format_help().partition("\n\n")
    return f"## `python -m {module}`\n\n```text\n{_wrapped(usage)}\n\n{rest.rstrip()}\n```\n"


def _wrapped(usage: str) -> str:
    """Wrap a usage line; argparse wraps it differently in each version of Python."""
    groups = re.sub(
        r"\[[^][]*\]|\([^()]*\)",
        lambda group: group[0].replace(" ", "\0"),
        " ".join(usage.split()),
    )
    lines = textwrap.fill(
        groups, _WIDTH, subsequent_indent=" " * 7, break_on_hyphens=False, break_long_words=False
    )
    return lines.replace("\0", " ")


if __name__ == "__main__":
    sys.stdout.write(reference())
