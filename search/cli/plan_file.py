"""A study's plan as a file of TOML: `--save-plan` writes it, `--study FILE.toml` reads it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spaces.families import FAMILIES, FAMILY
from spaces.plan import SPLITS, Reference, StudyPlan
from spaces.ranges import Choice, Float, Int, Range, is_fixed
from spaces.study import Study
from tracking.commandline.errors import UserError, unknown
from tracking.commandline.formatting import LINE, plain
from tracking.records import SourceRecord

# How a field of the file is called, and which of Study it is. The tables come after them.
_FIELDS = {
    "families": list,
    "search": list,
    "trials": int,
    "timeout": (int, float, str),
    "patience": int,
    "seconds_per_million_tokens": (int, float),
    "simple_baselines": list,
    "enqueued": list,
}
_TABLES = {"values": dict, "defaults": dict, "ranges": dict, "references": list}
_LARGEST = 1 << 20  # bytes


def write(plan: StudyPlan, sources: Sequence[SourceRecord] = ()) -> str:
    """Write a plan as text that `read` reads.

    Args:
        sources: the Python files that define families of it; those by themselves lie beside it.
    """
    head = {
        "name": plan.name,
        "question": plan.question,
        "families": list(plan.families),
        "code": [_code(one) for one in sources if one.families] or None,
        "trials": plan.n_trials,
        "timeout": plan.timeout and float(plan.timeout),
        "patience": plan.patience,
        "seconds_per_million_tokens": plan.seconds_per_million_tokens,
        "simple_baselines": list(plan.simple_baselines),
        "enqueued": list(plan.enqueued.values()) or None,
    }
    own = [name for name in plan.space if name != FAMILY]
    lines = [f"{name} = {_toml(value)}" for name, value in head.items() if value is not None]
    rest = {n: plan.space[n].default for n in own if n not in plan.searched}
    fixed = {name: value for name, value in rest.items() if is_fixed(plan.space[name])}
    defaults = {name: value for name, value in rest.items() if name not in fixed}
    ranges = {name: _table(plan.space[name]) for name in plan.searched if name != FAMILY}
    for title, table in (
        ("[values]  # the same in every trial", fixed),
        ("[defaults]  # the same in every trial, but for the references", defaults),
        ("[ranges]  # searched", ranges),
    ):
        lines += ["", title] if table else []
        lines += [f"{_toml(name)} = {_toml(value)}" for name, value in table.items()]
    for reference in plan.references:
        fields = {name: value for name, value in vars(reference).items() if value is not None}
        lines += ["", "[[references]]"]
        lines += [f"{name} = {_toml(value)}" for name, value in fields.items()]
    return "\n".join([*lines, ""])


def _code(source: SourceRecord) -> str:
    """Name a file or module, and the function in it that stands for a family."""
    of_function = any(FAMILIES[name].takes_params for name in source.families)
    return (source.module or source.name) + (f":{source.target}" if of_function else "")


def save(plan: StudyPlan, sources: Sequence[SourceRecord], file: Path) -> None:
    """Write a plan into a file, which may be there, and the Python files that it needs beside it.

    Raises:
        UserError: if it cannot be written, or another Python file has that place.
    """
    try:
        for source in sources:
            beside = file.parent / source.name
            if source.module or not source.families:
                continue
            if beside.exists() and beside.read_text("utf-8") != source.text:
                raise UserError(f"{beside} is another file than the one that {file} needs there.")
            beside.write_text(source.text, "utf-8")
        file.write_text(write(plan, sources), "utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from error


def code_of(file: Path) -> list[str]:
    """Return the Python files and modules that must be loaded before a plan is read."""
    found = _parsed(file).get("code", [])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise UserError(f"{file}: code must be a list of files and modules, but got {found!r}.")
    return found


def read(file: Path) -> StudyPlan:
    """Read a plan.

    Raises:
        UserError: if the file is not there, or is no plan.
    """
    try:
        return _plan(_parsed(file))
    except (ValueError, UserError) as error:
        raise UserError(f"{file}: {plain(str(error), LINE)}") from None


def read_text(text: str) -> StudyPlan:
    """Read a plan from what `write` wrote; the families that it names are known.

    Raises:
        UserError: if it is no plan.
    """
    try:
        return _plan(tomllib.loads(text))
    except ValueError as error:
        raise UserError(f"the recorded plan: {plain(str(error), LINE)}") from None


def _parsed(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            return tomllib.loads(opened.read(_LARGEST).decode("utf-8"))
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise UserError(f"{file}: {plain(str(error), LINE)}") from None


def _plan(found: dict[str, Any]) -> StudyPlan:
    laws: dict[str, Any] = {"name": str, "question": str, "code": list, **_FIELDS, **_TABLES}
    for name, value in found.items():
        if name not in laws:
            raise unknown("field", name, laws)
        if isinstance(value, bool) or not isinstance(value, laws[name]):
            raise ValueError(f"{name} must be {_words(laws[name])}, but got {value!r}.")
    if not all(isinstance(values, dict) for values in found.get("enqueued", [])):
        raise ValueError(f"enqueued must hold tables of values, but got {found['enqueued']!r}.")
    for name in ("name", "families"):
        if name not in found:
            raise ValueError(f"a plan needs the field {name}.")
    given = {
        name: value for name, value in found.items() if name in (*_FIELDS, "values", "defaults")
    }
    given |= {"trials": found.get("trials"), "timeout": found.get("timeout")}
    if "trials" not in found and "timeout" not in found:
        del given["trials"], given["timeout"]  # those of a study that names none
    given.setdefault("search", [])
    given["simple_baselines"] = tuple(found.get("simple_baselines", ()))
    return Study(
        found["name"],
        found.get("question", ""),
        **given,
        ranges={name: _range(name, table) for name, table in found.get("ranges", {}).items()},
        references=[_reference(one) for one in found.get("references", [])],
    )


def _range(name: str, table: object) -> Range:
    match table:
        case {"options": [_, *_] as options, **rest} if set(rest) <= {"default"}:
            default: Any = rest.get("default", options[0])
            return Choice(tuple(options), default=default)
        case {"low": int() | float() as low, "high": int() | float() as high, **rest} if set(
            rest
        ) <= {"default", "log"}:
            kind = Int if type(low) is int and type(high) is int else Float
            default, log = rest.get("default", low), rest.get("log", False)
            return kind(low, high, default=default, log=bool(log))  # type: ignore[arg-type]
    raise ValueError(
        f"the range of {name} must be {{low, high, default, log}} or {{options, default}}, "
        f"but got {table!r}."
    )


def _reference(table: Mapping[str, Any]) -> Reference:
    match table:
        case {"name": str(), "family": str(), "params": dict(), "source": str(), **rest} if (
            set(rest) <= {"published", "split", "note"} and rest.get("split", "official") in SPLITS
        ):
            fields: dict[str, Any] = {"published": None, **table}
            return Reference(**fields)
    raise ValueError(f"a reference needs name, family, params and source, but got {table!r}.")


def _table(range_: Range) -> dict[str, Any]:
    if isinstance(range_, Choice):
        return {"options": list(range_.options), "default": range_.default}
    log = {"log": True} if range_.log else {}
    return {"low": range_.low, "high": range_.high, "default": range_.default, **log}


def _toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():  # JSON's strings are TOML's, but for one character
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            return f"{{{', '.join(f'{_key(k)} = {_toml(v)}' for k, v in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_toml, value))}]"
    raise TypeError(f"{value!r} has no form in TOML")


def _key(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else _toml(name)


def _words(law: Any) -> str:
    names = {str: "a text", int: "a whole number", list: "a list", dict: "a table"}
    return names.get(law, "a number" if law == (int, float) else "a number or a text")
