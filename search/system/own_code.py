"""Run a person's own Python file: the same text in every process that needs what it defines.

It becomes a module whose name comes from its SHA-256, so that what Keras writes of a layer in it
is found again by whoever loads the same text.
"""

from __future__ import annotations

import importlib
import linecache
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

from spaces.families import OURS, register
from spaces.family import Family
from tracking.commandline.errors import UserError
from tracking.commandline.formatting import plain
from tracking.records import SourceRecord

VARIABLE = "SEQSEARCH_TRUST_CODE"
_LARGEST = 1 << 20  # bytes
_LONGEST = 400  # characters of what an exception says
_LOADS_KERAS = re.compile(r"^\s*(import|from) (keras|tensorflow)", re.MULTILINE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_loaded: dict[str, SourceRecord] = {}  # by the name of the module
_defines: dict[str, str] = {}  # module by the name of a family


def read_file(file: Path, target: str = "") -> SourceRecord:
    """Read a file.

    Raises:
        UserError: if it cannot be read.
    """
    try:
        if file.stat().st_size > _LARGEST:
            raise UserError(f"{file} must be a Python file of {_LARGEST:,} bytes at most.")
        return SourceRecord(file.name, file.read_text("utf-8"), target)
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{file} must be UTF-8: {error}.") from error


def refuse_untrusted(source: SourceRecord | None, of: str, trusted: bool | None) -> None:
    """Let a person's own code run where it was said to be trusted.

    Args:
        of: what holds it, for the message.
        trusted: whether --trust-code was given; None where there is no such option. MLflow, which
            takes no options of ours, is told by the environment variable SEQSEARCH_TRUST_CODE, the
            SHA-256 of the file.

    Raises:
        UserError: if it is not.
    """
    if source is None or trusted or os.environ.get(VARIABLE) == source.sha256:
        return
    option = "" if trusted is None else "--trust-code, or "
    comma = "," if option else ""
    raise UserError(
        f"{of} holds code of its own, {plain(source.name)}, which would be run. Read it first; "
        f"{option}{VARIABLE}={source.sha256}{comma} then lets it run."
    )


def load(source: SourceRecord) -> ModuleType:
    """Run a file, once in this process, and register the families that it defines.

    Raises:
        UserError: if it does not run, or an installed package has another one.
    """
    name = _module_name(source)
    if name not in _loaded:
        if _LOADS_KERAS.search(source.text):  # first: it silences TensorFlow's start
            importlib.import_module("search.system.keras_backend")
        module = _imported(source) if source.module else _executed(source, name)
    else:
        module = sys.modules[name]
    _loaded[name] = source
    for family in _families(module):
        try:
            register(family)
        except ValueError as error:
            raise UserError(f"{source.name}: {error}") from None
        _defines[family.name] = name
    return module


def defines(source: SourceRecord, family: str) -> None:
    """Note that a file, which was loaded, defines a family that is no Family object in it."""
    _defines[family] = _module_name(source)


def told(error: Exception, source: SourceRecord) -> str | None:
    """Say in one line what a person's own code has raised, and where in it.

    Returns:
        None if the exception did not come through that code, so that it is not its mistake.
    """
    file = source.name
    if source.module:
        file = getattr(sys.modules.get(source.module), "__file__", None) or file
    frames = traceback.extract_tb(error.__traceback__)
    return _where(error, file) if any(frame.filename == file for frame in frames) else None


def sources_of(families: dict[str, Family]) -> tuple[SourceRecord, ...]:
    """Return the files that define these families; none for ours."""
    found: dict[str, SourceRecord] = {}
    for name, family in families.items():
        if name in OURS:
            continue
        build = family.build
        own = build.partition(":")[0] if isinstance(build, str) else build.__module__
        module = _defines.get(name, own)
        source = found.get(module) or _loaded.get(module) or installed(module)
        names = tuple(dict.fromkeys([*source.families, name]))
        found[module] = SourceRecord(source.name, source.text, source.target, names, source.module)
    return tuple(found.values())


def installed(module: str, target: str = "") -> SourceRecord:
    """Return the file of a module that can be imported.

    Raises:
        UserError: if there is none.
    """
    try:
        file = importlib.import_module(module).__file__
    except Exception as error:
        raise UserError(f"module {module} cannot be imported: {_where(error, '')}") from None
    if file is None or not file.endswith(".py"):
        raise UserError(f"module {module} has no Python file.")
    read = read_file(Path(file), target)
    return SourceRecord(read.name, read.text, target, module=module)


def _module_name(source: SourceRecord) -> str:
    return source.module or f"seqsearch_own_{source.sha256[:16]}"


def _imported(source: SourceRecord) -> ModuleType:
    here = installed(source.module)
    if here.sha256 != source.sha256:
        raise UserError(
            f"module {source.module} has SHA-256 {here.sha256[:16]}, but the study was made with "
            f"{source.sha256[:16]}: another version of its package is installed here."
        )
    return sys.modules[source.module]


def _executed(source: SourceRecord, name: str) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = source.name
    lines = source.text.splitlines(keepends=True)
    linecache.cache[source.name] = (len(source.text), None, lines, source.name)
    before = set(sys.modules)
    sys.modules[name] = module
    try:
        exec(compile(source.text, source.name, "exec"), vars(module))
        _refuse_neighbours(source, before)
    except UserError:
        del sys.modules[name]
        raise
    except Exception as error:
        del sys.modules[name]
        raise UserError(_where(error, source.name)) from None
    return module


def _refuse_neighbours(source: SourceRecord, before: set[str]) -> None:
    """Refuse a file that imports one beside it, which would not travel with it."""
    here = Path.cwd()
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).parent == here and name.partition(".")[0] == name:
            raise UserError(
                f"{source.name} imports {name}, a file in the folder {here}: it would be missing "
                "where trials run. Put both into one file, or install them as a package."
            )


def _where(error: Exception, file: str) -> str:
    """Say in one line what a file raised, and where in it."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    return (
        f"{file}, line {lines[-1]}: {what(error)}" if lines else f"{file or 'it'}: {what(error)}"
    )


def what(error: Exception) -> str:
    """Return type and message of an exception in one line, without the colours of Keras'."""
    message = plain(_COLOURS.sub("", str(error)), _LONGEST) if str(error).strip() else ""
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _families(module: ModuleType) -> list[Family]:
    found = [value for value in vars(module).values() if isinstance(value, Family)]
    return [f for f in found if f.name not in OURS or _is_of(f, module)]


def _is_of(family: Family, module: ModuleType) -> bool:
    """Return whether a family's builder is defined in a module; ours may be imported there."""
    return not isinstance(family.build, str) and family.build.__module__ == module.__name__
