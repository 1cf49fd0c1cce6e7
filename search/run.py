"""Run a study, or resume it: `python -m search.run --study lstm_dropout`.

In Python, `from search import run` and then `run("lstm_dropout", data=frame, trials=20)` does the
same. It is this module that is called (docs/decisions/0104-run-is-a-module-that-is-called.md).
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from search.cli.arguments import parser
from search.cli.options import Options, options
from tracking.commandline.console import open_console
from tracking.commandline.program import run

if TYPE_CHECKING:
    from rich.console import Console

    from search.api import OpenStudy


def main() -> int:
    """Parse, then do one of: list, dry run, run."""
    command = parser()
    arguments = command.parse_args()
    if not arguments.study and not arguments.list:
        command.error("--study NAME is needed; --list names the studies")
    chosen = options(arguments) if arguments.study else None

    console = open_console(stderr=arguments.json)
    if arguments.list or chosen is None:
        return _list(console, arguments.json)
    return _dry_run(console, chosen) if chosen.dry_run else _run(console, chosen)


def _list(console: Console, as_json: bool) -> int:
    from search.cli import dry_run

    if as_json:
        print(json.dumps(dry_run.studies()))
    else:
        dry_run.print_studies(console)
    return 0


def _dry_run(console: Console, chosen: Options) -> int:
    from search.cli import dry_run, session

    chosen, data = session.prepare(console, chosen)
    if chosen.json:
        print(json.dumps(dry_run.dry_run(chosen, data)))
    else:
        dry_run.print_dry_run(console, chosen, data)
    return 0


def _run(console: Console, chosen: Options) -> int:
    from search.cli import session, summary
    from search.cli.study_page import build_page

    study = session.run_study(console, chosen)
    page = build_page(study.plan.study)
    if chosen.json:
        print(json.dumps(summary.summary(study, page)))
    summary.print_summary(console, study, page)
    return 0


class _Callable(ModuleType):
    """Lets `run` of `from search import run` be called, whoever imported this module before."""

    def __call__(self, study: Any, data: Any = "imdb", **options: Any) -> OpenStudy:
        """Run a study in Python, or resume it: `search.api.run`."""
        from search import api

        return api.run(study, data, **options)


sys.modules[__name__].__class__ = _Callable

if __name__ == "__main__":
    run(main)
