"""A bundle: an exported model in a folder, with all that is needed to use it, and its manifest.

manifest.json       labels, where the model came from, size and SHA-256 of every file, its own hash
card.md card.html   what it is, what it is good for, how good it is
vocabulary.txt      the words it knows
and for each format its files (search/bundles/formats/)
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from search.bundles.formats import NAMES
from search.system import reading
from search.system.reading import LONGEST
from tracking.commandline.errors import UserError

MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 1 << 20  # bytes; a thousand classes and files take a fifth of it
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class FileRecord:
    """A file of a bundle."""

    n_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself.

    Attributes:
        classes: label names; the columns of the model's probabilities.
        trial: its number; of an ensemble, that of the best member.
        val_accuracy: on validation; of a refitted model, what the trial had before.
        interval: its 95 % Wilson interval.
        commit: of the code that trained it; empty outside a checkout.
        refitted: trained once more, on training and validation part together.
        formats: those that are there, the recommended first.
        files: every file but the manifest, by its name from the folder, with "/".
    """

    classes: tuple[str, ...]
    study: str
    trial: int
    family: str
    params: dict[str, Any]
    val_accuracy: float
    interval: tuple[float, float]
    data: str
    data_digest: str
    split_digest: str
    official_test_set: bool
    commit: str
    refitted: bool
    formats: tuple[str, ...]
    files: Mapping[str, FileRecord] = field(default_factory=dict)


@contextmanager
def building(out: Path) -> Iterator[Path]:
    """Give a folder to write a bundle into. It takes its place when the block ends, or vanishes.

    Raises:
        UserError: if `out` exists and is not an empty folder, or cannot be written.
    """
    out = out.absolute()
    refuse_place(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".seqsearch-") as folder:
            whole = Path(folder) / out.name
            whole.mkdir()
            yield whole
            whole.replace(out)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror or error}.") from error


def refuse_place(out: Path) -> None:
    """Make sure that a bundle can stand there."""
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise UserError(f"a bundle needs a new or an empty folder, but {out} is not empty.")


def seal(folder: Path, manifest: Manifest) -> Manifest:
    """Write the manifest, last, over all files that lie in the folder."""
    files = {name: _record(folder / name) for name in sorted(_files(folder))}
    sealed = Manifest(**{**_fields(manifest), "files": files})
    (folder / MANIFEST).write_text(_dump(sealed), "utf-8")
    return sealed


def read(folder: Path) -> Manifest:
    """Read a bundle's manifest and make sure that its files are those it names.

    Raises:
        UserError: if the manifest is not valid, or a file is missing, changed, or not named.
    """
    path = folder / MANIFEST
    if not _is_regular(path):
        raise UserError(f"{folder} is not a bundle: it has no {MANIFEST}.")
    try:
        manifest = _load(reading.read(path, _LARGEST_MANIFEST).decode("utf-8"))
    except RecursionError as error:
        raise UserError(f"{path} is damaged: it is nested too deeply.") from error
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is damaged: {error}.") from error
    found = _files(folder)
    for name in sorted(found ^ set(manifest.files)):
        what = "has a file that its manifest does not name" if name in found else "lacks"
        raise UserError(f"{folder} {what}: {name}.")
    for name, record in manifest.files.items():
        # The size first: who swells a file is told without reading it.
        file = folder / name
        if file.stat().st_size != record.n_bytes or _record(file) != record:
            raise UserError(f"{file} is not the file that was exported: it was changed.")
    return manifest


def are_classes(value: object) -> bool:
    """Return whether a value can be the names of a model's classes."""
    return _are_names(value, fewest=2)


def short(value: object) -> str:
    """Show a value in one line of an error."""
    said = repr(value)
    return said if len(said) <= 40 else said[:40] + "..."


def _files(folder: Path) -> set[str]:
    """Name all files but the manifest. An empty folder counts as a file more.

    Raises:
        UserError: if there is anything but regular files: a link, a pipe, a device.
    """
    found: set[str] = set()
    for place, folders, files in os.walk(folder):
        inside = Path(place)
        links = [name for name in folders if (inside / name).is_symlink()]
        for name in (*files, *links):
            if not _is_regular(inside / name):
                what = "a link" if (inside / name).is_symlink() else "no regular file"
                raise UserError(f"{inside / name} is {what}; a bundle has regular files only.")
        empty = [] if folders or files or inside == folder else [""]
        found.update((inside / name).relative_to(folder).as_posix() for name in (*files, *empty))
    return found - {MANIFEST}


def _is_regular(path: Path) -> bool:
    """Return whether a path is a regular file: no link, and nothing that blocks when opened."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _record(file: Path) -> FileRecord:
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return FileRecord(file.stat().st_size, digest)


def _fields(manifest: Manifest) -> dict[str, Any]:
    return {name: getattr(manifest, name) for name in Manifest.__dataclass_fields__}


def _dump(manifest: Manifest) -> str:
    fields = asdict(manifest)
    return json.dumps({**fields, "sha256": _digest(fields)}, indent=2) + "\n"


def _load(text: str) -> Manifest:
    """Read a manifest.

    Raises:
        ValueError: if it is not valid.
    """
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("it is no JSON object")
    _check(fields)
    del fields["sha256"]
    files = {_name(name): FileRecord(**record) for name, record in fields["files"].items()}
    lists = {name: tuple(fields[name]) for name in ("classes", "interval", "formats")}
    manifest = Manifest(**{**fields, **lists, "files": files})
    if _dump(manifest) != text:  # its own hash is in there, and nothing that the hash misses
        raise ValueError("it is not as it was written")
    return manifest


def _check(fields: Mapping[str, Any]) -> None:
    """Hold the fields of a manifest against `_LAWS`.

    Raises:
        ValueError: for the first that is missing, unknown or not what it must be.
    """
    for name in sorted(_LAWS.keys() ^ fields.keys()):
        what = "lacks the field" if name in _LAWS else "has an unknown field"
        raise ValueError(f"it {what} {short(name)}")
    for name, (holds, law) in _LAWS.items():
        if not holds(fields[name]):
            raise ValueError(f"{name} must be {law}, but got {short(fields[name])}")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_share(value: object) -> bool:
    tiny = 1e-9  # an interval is computed
    return (
        type(value) is not bool and isinstance(value, int | float) and -tiny <= value <= 1 + tiny
    )


def _are_shares(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_share, value))


def _are_names(value: object, fewest: int) -> bool:
    """Whether it is a list of texts, each once."""
    return (
        isinstance(value, list)
        and all(map(_is_text, value))
        and len(set(value)) == len(value) >= fewest
    )


def _are_formats(value: object) -> bool:
    return isinstance(value, list) and _are_names(value, fewest=1) and set(value) <= {*NAMES}


def _are_params(value: object) -> bool:
    return (
        isinstance(value, dict)
        and all(isinstance(one, str | int | float) for one in value.values())
        and type(value.get("text.maxlen")) is int
        and 1 <= value["text.maxlen"] <= LONGEST
        and value.get("text.truncating") in ("pre", "post")
    )


def _are_files(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_file, value.values()))


def _is_file(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"n_bytes", "sha256"}
        and _is_count(value["n_bytes"])
        and _is_text(value["sha256"])
    )


_TEXT, _FLAG = (_is_text, "a text"), (_is_flag, "true or false")
_LAWS: dict[str, tuple[Callable[[object], bool], str]] = {
    "classes": (are_classes, "two names or more, each once"),
    "study": _TEXT,
    "trial": (_is_count, "a whole number from 0"),
    "family": _TEXT,
    "params": (
        _are_params,
        f"plain values by name, with text.maxlen from 1 to {LONGEST:,} and text.truncating pre "
        "or post",
    ),
    "val_accuracy": (_is_share, "a number from 0 to 1"),
    "interval": (_are_shares, "two numbers from 0 to 1"),
    "data": _TEXT,
    "data_digest": _TEXT,
    "split_digest": _TEXT,
    "official_test_set": _FLAG,
    "commit": _TEXT,
    "refitted": _FLAG,
    "formats": (_are_formats, f"one or more of {', '.join(NAMES)}, each once"),
    "files": (_are_files, "size and SHA-256 of each file by its name"),
    "sha256": _TEXT,
}


def _name(name: str) -> str:
    """Refuse a name that leads out of the folder, or that could be written otherwise."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name:
        raise ValueError(f"{name!r} is no name within the bundle")
    return name


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
