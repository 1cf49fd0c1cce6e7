"""A bundle: an exported model in a folder, with all that is needed to use it, and its manifest.

manifest.json       labels, where the model came from, size and SHA-256 of every file, its own hash
card.md card.html   what it is, what it is good for, how good it is
vocabulary.txt      the words it knows
and for each format its files (search/formats/)
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from tracking.cli import UserError

MANIFEST = "manifest.json"


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
        UserError: if a file is missing, changed, or not named.
    """
    path = folder / MANIFEST
    if not path.is_file() or path.is_symlink():
        raise UserError(f"{folder} is not a bundle: it has no {MANIFEST}.")
    try:
        manifest = _load(path.read_bytes().decode("utf-8"))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {type(error).__name__} {error}.") from error
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


def _files(folder: Path) -> set[str]:
    """Name all files but the manifest. A link or an empty folder is as good as a file more."""
    found = set()
    for place, folders, files in os.walk(folder):
        inside = Path(place)
        links = [name for name in folders if (inside / name).is_symlink()]
        empty = [] if folders or files or inside == folder else [""]
        for name in (*files, *links, *empty):
            found.add((inside / name).relative_to(folder).as_posix())
            if (inside / name).is_symlink():
                raise UserError(f"{inside / name} is a link; a bundle has files only.")
    return found - {MANIFEST}


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
    fields = json.loads(text)
    del fields["sha256"]
    files = {_name(name): FileRecord(**record) for name, record in fields["files"].items()}
    lists = {name: tuple(fields[name]) for name in ("classes", "interval", "formats")}
    manifest = Manifest(**{**fields, **lists, "files": files})
    if not all(isinstance(name, str) for name in (*manifest.classes, *manifest.formats)):
        raise TypeError("classes and formats are names")
    if _dump(manifest) != text:  # its own hash is in there, and nothing that the hash misses
        raise ValueError("it is not as it was written")
    return manifest


def _name(name: str) -> str:
    """Refuse a name that leads out of the folder, or that could be written otherwise."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name:
        raise ValueError(f"{name!r} is no name within the bundle")
    return name


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
