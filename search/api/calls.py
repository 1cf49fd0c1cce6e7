"""`run` and `load_study`: what Python calls instead of the command line.

Keywords become the words of the command line, so that both take the same options, check them in
one place and refuse them in the same sentence.
"""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from search.api.ask_tell import give_up
from search.api.open_study import OpenStudy
from search.api.own_rows import OwnRows, own_rows
from search.cli import session
from search.cli.arguments import parser
from search.cli.options import Options, options
from search.cli.study_page import build_page
from spaces.families import find
from spaces.plan import StudyPlan
from tracking.commandline.console import notes_on, open_console
from tracking.commandline.errors import Stopped, UserError, passing, unknown
from tracking.commandline.formatting import plain
from tracking.commandline.parser import HINT
from tracking.commandline.paths import home
from tracking.schema import environment

if TYPE_CHECKING:
    import argparse

    import pandas as pd

# Options of the command that have a parameter here, or that only a program needs.
_NOT_KEYWORDS = {"study", "data", "list", "dry_run", "json", "tracking_uri"}


def run(
    study: str | os.PathLike[str] | StudyPlan,
    data: str | os.PathLike[str] | pd.DataFrame | list[tuple[str, Any]] | Any = "imdb",
    *,
    data_name: str | None = None,
    **keywords: Any,
) -> OpenStudy:
    """Run a study, or resume it, and return it.

    Ctrl-C pauses the study: the same call goes on from there.

    Args:
        study: a name, a file or a module, as --study takes it; or a `spaces.Study(...)`.
        data: imdb, imdb-train, the path of a table, a DataFrame, a list of (text, label), or a
            function that returns one of them.
        data_name: names data that have no file, and so the study: "frame", "pairs", or the name
            of the function.
        keywords: the options of `python -m search.run`, with "_" for "-": trials=20,
            timeout="10m", smoke=True, text_column="body". `families` takes a list, `set` a dict,
            `range` a dict of (low, high), lists, or text such as "16..512:log". trials=0 trains
            nothing: `ask` and `tell` of what is returned do.

    Raises:
        UserError: if the caller can mend it.
        KeyboardInterrupt: after Ctrl-C, when the study is paused.
    """
    rows = own_rows(data, data_name)
    called = _as_called(study, rows, keywords)
    trains = keywords.get("trials") != 0
    if not trains:
        keywords = {**keywords, "trials": None}
    chosen = _options(study, rows, keywords)
    give_up(home(), chosen.study)
    console = open_console(stderr=False)
    with environment.called(called), _quiet_import():
        try:
            if not trains:
                return OpenStudy(home(), session.make_records(console, chosen), is_own=True)
            record = session.run_study(console, chosen)
        except Stopped as stopped:
            signal.raise_signal(stopped.signum)  # as if nobody had caught it
            raise
        except UserError:
            raise
        except Exception as error:
            said = passing(error)
            if said is None:
                raise
            raise UserError(said) from error
    notes_on(console)(f"page: {build_page(record.plan.study)}")
    return OpenStudy(home(), record.plan.study, is_own=True)


def load_study(name: str, *, trust_code: bool = False) -> OpenStudy:
    """Return a recorded study.

    Args:
        name: of the study, as `run` says it and `study.name` has it.
        trust_code: lets the Python file run that a study of a person's own holds, where its model
            is loaded, exported, or values are asked for.

    Raises:
        UserError: if there is no such study.
    """
    with _quiet_import():
        from tracking import store

    found = store.read_study(home(), name)
    return OpenStudy(home(), found.plan.study, is_own=trust_code)


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Leave out what MLflow's import says in a notebook: that widgets are missing, which it uses
    for downloads.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")
        yield


def _options(
    study: str | os.PathLike[str] | StudyPlan, rows: str | OwnRows, keywords: Mapping[str, Any]
) -> Options:
    """Check what was called as the command checks what was typed."""
    arguments = _parsed(keywords)
    if isinstance(study, StudyPlan):
        _refuse_of_main(study)
    arguments.study = study if isinstance(study, StudyPlan) else os.fspath(study)
    arguments.data = rows if isinstance(rows, str) else rows.file_name
    chosen = options(arguments)
    if isinstance(rows, OwnRows):
        chosen = replace(chosen, data=str(rows.write(chosen.table)))
    return chosen


def _refuse_of_main(plan: StudyPlan) -> None:
    """Refuse a family whose builder other processes cannot find: it has no file, or is a script's.

    Raises:
        UserError: if there is one.
    """
    for name in plan.families:
        build = find(name).build
        if not isinstance(build, str) and build.__module__ == "__main__":
            raise UserError(
                f"family {name} is built by {build.__name__} of this script or notebook, where "
                "the processes of its trials cannot load it. Write study and families to a file "
                "(%%writefile my_study.py in a notebook), and give run its name."
            )


def _parsed(keywords: Mapping[str, Any]) -> argparse.Namespace:
    command = parser()
    known = vars(command.parse_args([])).keys() - _NOT_KEYWORDS
    words: list[str] = []
    for keyword, value in keywords.items():
        name = keyword.rstrip("_")  # continue_
        if name not in known:
            raise unknown("option", keyword, known)
        words += _words(name, value)
    try:
        return command.parse_args(words)
    except UserError as error:
        raise UserError(str(error).removesuffix(HINT)) from None


def _words(name: str, value: Any) -> Iterator[str]:
    """Yield the words that stand for a keyword on the command line."""
    option = f"--{name.replace('_', '-')}"
    match value:
        case None | False:
            return
        case True:
            yield option
        case Mapping():
            for key, one in value.items():
                yield f"{option}={key}={_range(one) if name == 'range' else one}"
        case list() | tuple() if name == "families":
            yield f"{option}={','.join(map(str, value))}"
        case list() | tuple():
            for one in value:
                yield f"{option}={one}"
        case _:
            yield f"{option}={value}"


def _range(value: Any) -> str:
    """Write a range as --range takes it.

    >>> _range((16, 512)), _range([16, 32]), _range("16..512:log")
    ('16..512', '16,32', '16..512:log')
    """
    match value:
        case (low, high) if isinstance(value, tuple):
            return f"{low}..{high}"
        case list():
            return ",".join(map(str, value))
        case str():
            return value
    raise UserError(
        "a range is (low, high), a list of values, or text such as '16..512:log', but got "
        f"{plain(repr(value))}."
    )


def _as_called(study: Any, rows: str | OwnRows, keywords: Mapping[str, Any]) -> str:
    """Return the call, to be recorded beside what it did."""
    name = study.name if isinstance(study, StudyPlan) else study
    data = repr(rows) if isinstance(rows, str) else rows.name
    named = [f"{keyword}={value!r}" for keyword, value in keywords.items()]
    return f"search.run({', '.join([repr(name), f'data={data}', *named])})"
