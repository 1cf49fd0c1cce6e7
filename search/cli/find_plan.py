"""Find the study that --study names: ours, a file, or one of an installed package."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from search.cli import plan_file
from spaces.families import OURS, find
from spaces.plan import StudyPlan
from spaces.studies import STUDIES
from tracking.commandline.errors import UserError, unknown
from tracking.commandline.formatting import plain

if TYPE_CHECKING:
    from types import ModuleType

    from tracking.records import SourceRecord

GROUP = "seqsearch.studies"  # the entry point of a package that brings a study
_TARGET = "STUDY"  # what a file is asked for that names nothing


def find_plan(named: str | StudyPlan) -> tuple[StudyPlan, SourceRecord | None]:
    """Return the plan of a study, and the Python file that it is of, if it is none of ours.

    Args:
        named: one of ours, FILE.toml, FILE.py, FILE.py:NAME, package.module:NAME, or a study that
            an installed package brings. NAME is a Study, or a function build_model(hp). From
            Python, the plan itself.

    Raises:
        UserError: if there is none, or what is there is no study.
    """
    if isinstance(named, StudyPlan):
        return named, None
    if named in STUDIES:
        return STUDIES[named], None
    file, colon, target = named.rpartition(":") if ".py:" in named else (named, "", "")
    if file.endswith((".py", ".toml")):
        if not Path(file).is_file():
            raise UserError(f"there is no file {file!r}.")
        if file.endswith(".toml"):
            return _of_toml(Path(file)), None
        from search.system.own_code import load, read_file

        source = read_file(Path(file), target or _TARGET)
        return _of_module(load(source), source)
    from importlib.metadata import entry_points  # here, for it takes its time

    installed = entry_points(group=GROUP)
    if named in installed.names:
        named = installed[named].value
    module, colon, target = named.partition(":")
    if not colon:
        raise unknown("study", named, {*STUDIES, *installed.names})
    from search.system.own_code import installed as file_of
    from search.system.own_code import load

    source = file_of(module, target)
    return _of_module(load(source), source)


def _of_toml(file: Path) -> StudyPlan:
    """Read a plan, once the files that define its families are loaded."""
    code = plan_file.code_of(file)
    if code:
        from search.system.own_code import installed, load, read_file

        for entry in code:
            name, _, target = entry.partition(":")
            is_file = name.endswith(".py")
            source = read_file(file.parent / name, target) if is_file else installed(name, target)
            module = load(source)
            if target:
                _of_module(module, source)  # a function, whose family is registered by reading it
    return plan_file.read(file)


def _of_module(module: ModuleType, source: SourceRecord) -> tuple[StudyPlan, SourceRecord | None]:
    """Return the study of a name in a module."""
    found = vars(module).get(source.target)
    if found is None:
        studies = [name for name, value in vars(module).items() if isinstance(value, StudyPlan)]
        close = difflib.get_close_matches(source.target, studies or list(vars(module)), n=1)
        if not studies and "build_model" in vars(module):
            close = ["build_model"]
        hint = f" Did you mean {source.name}:{close[0]}?" if close else ""
        raise UserError(
            f"{source.name} has no {plain(source.target)}.{hint} Studies in it: "
            f"{', '.join(studies) or 'none'}."
        )
    from search.training.own_families import model_function

    function = model_function(module, source)
    if function is not None:
        from search.engines.keras_tuner.model_function import read

        return read(function, source), source
    if not isinstance(found, StudyPlan):
        raise UserError(
            f"{source.name}: {source.target} must be a Study or a function build_model(hp), "
            f"but is a {type(found).__name__}."
        )
    return found, source


def sources_of_plan(plan: StudyPlan, own: SourceRecord | None) -> tuple[SourceRecord, ...]:
    """Return the Python files that define the families of a plan, and the study itself."""
    if own is None and set(plan.families) <= OURS:
        return ()
    from search.system.own_code import sources_of

    sources = sources_of({name: find(name) for name in plan.families})
    if own is None or any(source.sha256 == own.sha256 for source in sources):
        return sources
    return (own, *sources)
