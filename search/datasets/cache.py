"""Token ids as memory-mapped arrays, prepared once for each data set.

A prepared folder holds, for each part, tokens, offsets, labels, keys and, where they are known,
groups; the same without labels and groups of the unlabelled texts; and the vocabulary of the
training part. It is written beside its place and moved there whole, so it is complete or absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from search.datasets import NAMES, UNLABELLED, columns, split, tokenizer
from search.datasets.batches import Ragged, pack
from search.datasets.columns import GUESSED, TableOptions
from search.datasets.progress import PreparationProgress
from search.datasets.report import PreparedPart, report
from search.datasets.sources import Say, Source, locate
from search.datasets.texts import Parts, Texts, in_order, keys
from tracking.commandline.errors import UserError
from tracking.records import DataRecord, DataReportRecord

ARRAYS = "arrays"  # a folder in that of a data set (search/arrays.py)
_FORMAT = 3  # a change of the arrays or of the words needs a new number
SMOKE_TEXTS = 400


@dataclass(frozen=True)
class Dataset(DataRecord):
    """A prepared data set; its arrays are read from disk where they are used.

    Attributes:
        opened_for: why the test part may be read; empty while it is sealed.
    """

    folder: Path = field(kw_only=True)
    opened_for: str = field(default="", kw_only=True)

    @property
    def record(self) -> DataRecord:
        """What is recorded of it."""
        return DataRecord(
            **{field.name: getattr(self, field.name) for field in fields(DataRecord)}
        )

    def tokens(self, part: str) -> Ragged:
        """Return the full-vocabulary ids of a part, memory-mapped."""
        return Ragged(self._array(part, "tokens"), self._array(part, "offsets"))

    def labels(self, part: str) -> NDArray[np.int32]:
        """Return the class numbers of a part, int32 array of shape (n_texts,)."""
        return np.array(self._array(part, "labels"))

    def groups(self, part: str) -> NDArray[np.int32] | None:
        """Return the number of each text's group (its movie), shape (n_texts,), or None."""
        known = (self.folder / f"{part}.groups.npy").is_file()
        return np.array(self._array(part, "groups")) if known else None

    def keys(self, part: str) -> NDArray[np.uint64]:
        """Return a number for each text, shape (n_texts,): equal texts have equal ones."""
        return np.array(self._array(part, "keys"))

    def open_test(self, purpose: str) -> Dataset:
        """Return the data set with a test part that can be read. It is the only way to one.

        Whoever calls this writes the test evaluation down before anybody can see what was seen.

        Args:
            purpose: what the test evaluation is for.
        """
        return replace(self, opened_for=purpose)

    def array(self, key: str) -> NDArray[np.float32]:
        """Return what was learned from the texts before any trial, memory-mapped.

        Args:
            key: hyperparameter and value: "text.vectors=counted".
        """
        if key not in self.arrays:
            raise RuntimeError(f"{key} was to be made before any trial")
        file = self.folder / ARRAYS / self.arrays[key].file
        array: NDArray[np.float32] = np.load(file, mmap_mode="r")
        return array

    def vocabulary(self) -> list[str]:
        """Return all words of the training part, the most frequent first."""
        # As bytes: a word can hold a carriage return, which reading as text would turn around.
        return (self.folder / "vocabulary.txt").read_bytes().decode("utf-8").split("\n")

    def _array(self, part: str, what: str) -> NDArray[Any]:
        if part == "test" and not self.opened_for:
            raise RuntimeError(
                "the test part is sealed: only a test evaluation that is recorded may read it"
            )
        array: NDArray[Any] = np.load(self.folder / f"{part}.{what}.npy", mmap_mode="r")
        return array


def folder() -> Path:
    """The cache folder: SEQSEARCH_CACHE, or the user's own."""
    from platformdirs import user_cache_path

    return Path(os.environ.get("SEQSEARCH_CACHE") or user_cache_path("seqsearch"))


def find(record: DataRecord) -> Dataset | None:
    """Open what was prepared for a study, wherever its source is now; None if it is gone."""
    for manifest in sorted((folder() / "prepared").glob("*/manifest.json")):
        found = json.loads(manifest.read_text("utf-8"))
        names = ("digest", "split_digest", "unlabelled_digest")
        if all(getattr(record, name) in ("", found.get(name)) for name in names):
            values = {one.name: getattr(record, one.name) for one in fields(DataRecord)}
            return Dataset(folder=manifest.parent, **values)
    return None


def load(
    data: str,
    say: Say,
    *,
    smoke: bool = False,
    options: TableOptions = GUESSED,
) -> Dataset:
    """Find a data set and prepare it, or open it where it was prepared before.

    Args:
        data: "imdb", "imdb-train", or the path of a table.
        smoke: take a few hundred of its texts.
        options: how a table is to be read.

    Raises:
        UserError: if there are no such data, or they cannot be read, split or stored.
    """
    try:
        return _load(data, say, smoke, options)
    except OSError as error:
        raise UserError(f"{error.filename or folder()}: {error.strerror or error}.") from error


def _load(data: str, say: Say, smoke: bool, options: TableOptions) -> Dataset:
    source = locate(data, folder(), say, options)
    say(f"data: {source.note}")
    source = source.resolved()
    read = columns.in_words({role: source.options.given(role) for role in columns.ROLES})
    if source.name not in NAMES:
        say(f"  {read}")
    key = f"{_FORMAT} {source.name} {source.fingerprint()} {smoke} {split.SEED} {source.options}"
    prepared = folder() / "prepared" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not (prepared / "manifest.json").is_file():
        say("preparing the texts, once: reading them")
        parts = _divide(source, smoke)  # what is wrong with the data shows before anything is made
        prepared.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(prepared.parent / ".lock"):
            if not (prepared / "manifest.json").is_file():
                _prepare(parts, source.name, prepared, say)
    manifest = json.loads((prepared / "manifest.json").read_text("utf-8"))
    return Dataset(
        folder=prepared,
        note=source.note,
        path="" if source.name in NAMES else str(source.path.absolute()),
        official=source.official and not smoke,  # a few hundred texts are no official test set
        encoding=options.encoding,
        test_share=options.test_share,
        **{
            **manifest,
            "classes": tuple(manifest["classes"]),
            "report": DataReportRecord.of(manifest["report"]),
        },
    )


def _divide(source: Source, smoke: bool) -> Parts:
    """Read a source, and hold out test and validation where the source does not."""
    parts, where = source.read(), str(source.path)
    share = source.options.test_share
    if share:
        if parts.test is not None:
            raise UserError(f"--test-share means nothing to {where}: it has a test part.")
        held_out = split.hold_out(parts.train, where, share=share)
        train, test = parts.train.select(~held_out), parts.train.select(held_out)
        parts = replace(parts, train=train, test=test)
    if smoke:
        parts = _smoke(parts)
    if parts.validation is not None:
        return parts
    held_out = split.hold_out(parts.train, where)
    train, validation = parts.train.select(~held_out), parts.train.select(held_out)
    return replace(parts, train=train, validation=validation)


def _prepare(parts: Parts, name: str, target: Path, say: Say) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent) as building:
        whole = Path(building) / target.name
        whole.mkdir()
        with PreparationProgress(_n_passes(parts), say) as progress:
            _write(whole, name, parts, progress)
        _describe(whole, parts)
        shutil.rmtree(target, ignore_errors=True)  # without a manifest: a stranger's leftovers
        whole.rename(target)


def _smoke(parts: Parts) -> Parts:
    def few(part: Texts | None) -> Texts | None:
        return None if part is None else part.sample(SMOKE_TEXTS, split.SEED)

    train = parts.train.sample(SMOKE_TEXTS, split.SEED)
    n = len(parts.unlabelled)
    chosen = np.random.default_rng(split.SEED).permutation(n)[:SMOKE_TEXTS]
    return replace(
        parts,
        train=train,
        validation=few(parts.validation),
        test=few(parts.test),
        unlabelled=[parts.unlabelled[row] for row in sorted(chosen.tolist())],
    )


def _describe(target: Path, parts: Parts) -> None:
    """Add to the manifest which columns were read, and what is there."""
    file = target / "manifest.json"
    manifest = json.loads(file.read_text("utf-8"))

    def prepared(part: str) -> PreparedPart:
        tokens, offsets, labels, keys = (
            np.load(target / f"{part}.{what}.npy", mmap_mode="r")
            for what in ("tokens", "offsets", "labels", "keys")
        )
        return PreparedPart(Ragged(tokens, offsets), labels, keys)

    known = [part for part in ("train", "validation", "test") if part in manifest["n_texts"]]
    found = report(parts, {part: prepared(part) for part in known}, manifest["classes"])
    manifest |= {"columns": dict(parts.columns), "report": asdict(found)}
    file.write_text(json.dumps(manifest, indent=2), "utf-8")


def _n_passes(parts: Parts) -> int:
    """Count the texts that are gone through: those of training twice."""
    every = (parts.train, parts.train, parts.validation, parts.test, parts.unlabelled)
    return sum(len(part) for part in every if part is not None)


def _write(target: Path, name: str, parts: Parts, progress: PreparationProgress) -> None:
    assert parts.validation is not None
    progress.say(f"  counting the words of {len(parts.train):,} training texts")
    vocabulary = tokenizer.fit_vocabulary(progress.each(parts.train.texts))
    classes = in_order(set(parts.train.labels))
    written = {"train": parts.train, "validation": parts.validation}
    if parts.test is not None:
        written["test"] = parts.test
    ids = tokenizer.index(vocabulary)
    groups = {g for texts in written.values() for g in texts.groups or ()}
    numbers = {group: number for number, group in enumerate(sorted(groups))}
    held_out: set[bytes] = set()  # the token ids of the texts that nothing may learn from
    for part, texts in written.items():
        progress.say(f"  {part}: writing {len(texts):,} texts as numbers")
        rows = [tokenizer.encode(one, ids) for one in progress.each(texts.texts)]
        if part != "train":
            held_out.update(row.tobytes() for row in rows)
        _write_rows(target, part, rows, texts.texts)
        _write_labels(target, part, texts.labels, classes)
        if texts.groups is not None:
            codes = np.array([numbers[group] for group in texts.groups], dtype=np.int32)
            np.save(target / f"{part}.groups.npy", codes)
    unlabelled = _write_unlabelled(target, parts.unlabelled, ids, held_out, progress)
    n_texts = {part: len(texts) for part, texts in written.items()}
    (target / "vocabulary.txt").write_bytes("\n".join(vocabulary).encode("utf-8"))
    hashes = b"".join(digest for part in written.values() for digest in sorted(part.hashes()))
    manifest = {
        "name": name,
        "classes": classes,
        "digest": hashlib.sha256(hashes).hexdigest()[:16],
        "split_digest": split.digest(parts.validation),
        "n_texts": n_texts | ({UNLABELLED: len(unlabelled)} if len(unlabelled) else {}),
        "unlabelled_digest": hashlib.sha256(np.sort(unlabelled).tobytes()).hexdigest()[:16],
    }
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2), "utf-8")


def _write_unlabelled(
    target: Path,
    texts: Sequence[str],
    ids: dict[str, int],
    held_out: set[bytes],
    progress: PreparationProgress,
) -> NDArray[np.uint64]:
    """Write the unlabelled texts but for copies, word for word, of validation and test texts.

    Words that training lacks count as equal.

    Args:
        held_out: the token ids of those, as bytes.

    Returns:
        the keys of what is written.
    """
    rows = [tokenizer.encode(one, ids) for one in progress.each(texts)]
    kept = [number for number, row in enumerate(rows) if row.tobytes() not in held_out]
    if texts:
        n_copies = len(texts) - len(kept)
        without = f", without {n_copies:,} copies of validation or test texts" if n_copies else ""
        progress.say(f"  {UNLABELLED}: writing {len(kept):,} texts as numbers{without}")
    return _write_rows(target, UNLABELLED, [rows[n] for n in kept], [texts[n] for n in kept])


def _write_rows(
    target: Path, part: str, rows: list[NDArray[np.int32]], texts: Sequence[str]
) -> NDArray[np.uint64]:
    """Write what does not depend on labels; return the keys."""
    packed, of_texts = pack(rows), keys(texts)
    np.save(target / f"{part}.tokens.npy", packed.tokens)
    np.save(target / f"{part}.offsets.npy", packed.offsets)
    np.save(target / f"{part}.keys.npy", of_texts)
    return of_texts


def _write_labels(target: Path, part: str, labels: Sequence[str], classes: Sequence[str]) -> None:
    numbers = {label: number for number, label in enumerate(classes)}
    coded = np.array([numbers[label] for label in labels], dtype=np.int32)
    np.save(target / f"{part}.labels.npy", coded)
