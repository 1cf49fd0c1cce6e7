"""Read the Large Movie Review Dataset, from its folder `aclImdb/` or its archive.

An archive is read as a stream and never unpacked, so nothing in it can be written anywhere:
`tarfile`'s own filter is not a boundary on every Python that we support (CVE-2025-4517).
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from search.datasets.texts import MAX_TEXT_BYTES, Parts, Texts
from tracking.commandline.errors import UserError

REVIEWS_PER_LABEL = 12_500
_LABELS = ("neg", "pos")
_UNLABELLED = "unsup"  # the folder of train/ whose reviews have no label
# The official archive unpacks to about 500 MB, of which 132 MB are the reviews. It has
# about 100,000 members, and their names have less than 40 characters.
MAX_BYTES = 1 << 30
MAX_TEXTS_BYTES = 256 << 20
MAX_MEMBERS = 250_000
_MAX_NAME = 1_000
_MAX_HEADER_BYTES = 64 << 10  # all headers of one member: tarfile holds a long name in memory

Files = Iterator[tuple[str, bytes]]


def read(path: Path, reviews_per_label: int = REVIEWS_PER_LABEL) -> Parts:
    """Read the reviews; the movie of a labelled one is its group.

    Those without a label may be missing: tutorials have people delete their folder.

    Raises:
        UserError: if the layout or the counts are not the official ones, or the archive is
            damaged or hostile.
    """
    reviews: dict[tuple[str, str], dict[int, str]] = {}
    movies: dict[tuple[str, str], list[str]] = {}
    n_bytes = 0
    for name, content in _folder(path) if path.is_dir() else _archive(path):
        n_bytes += len(content)
        if n_bytes > MAX_TEXTS_BYTES:
            raise UserError(
                f"{path} is refused: its reviews have more than {MAX_TEXTS_BYTES >> 20} MB."
            )
        part, label, file = _place(name)
        text = _decode(content, f"{path}: {name!r}")
        if label:
            reviews.setdefault((part, label), {})[_review_id(file, path)] = text
        else:
            movies[part, file.removeprefix("urls_").removesuffix(".txt")] = text.split()
    _check(reviews, movies, path, reviews_per_label)
    unlabelled = sorted(reviews.get(("train", _UNLABELLED), {}).items())
    return Parts(
        train=_join("train", reviews, movies),
        test=_join("test", reviews, movies),
        unlabelled=[text for _, text in unlabelled],
    )


def _wanted(name: str) -> bool:
    """Tell reviews and lists of movies from everything else."""
    part, label, file = _place(name)
    if part not in ("train", "test"):
        return False
    lists = [f"urls_{of}.txt" for of in _LABELS]
    return (label in _folders(part) and file.endswith(".txt")) or (label == "" and file in lists)


def _folders(part: str) -> tuple[str, ...]:
    """Name the folders of a part that hold reviews."""
    return (*_LABELS, _UNLABELLED) if part == "train" else _LABELS


def _place(name: str) -> tuple[str, str, str]:
    """Split `.../aclImdb/train/pos/0_9.txt` into part, label and file; a list has no label."""
    match PurePosixPath(name).parts:
        case (*_, "aclImdb", part, label, file):
            return part, label, file
        case (*_, "aclImdb", part, file):
            return part, "", file
    return "", "", name


def _folder(path: Path) -> Files:
    root = path / "aclImdb" if (path / "aclImdb").is_dir() else path
    for part in ("train", "test"):
        files = [root / part / f"urls_{label}.txt" for label in _LABELS]
        for label in _folders(part):
            found = (root / part / label).glob("*.txt")
            files.extend(sorted(islice(found, MAX_MEMBERS + 1)))
        if len(files) > MAX_MEMBERS:
            raise _too_many(path)
        for file in files:
            if file.is_file():
                name = f"aclImdb/{file.relative_to(root).as_posix()}"
                with file.open("rb") as opened:
                    content = opened.read(MAX_TEXT_BYTES + 1)
                if len(content) > MAX_TEXT_BYTES:
                    raise _too_long(name, path)
                yield name, content


def _archive(path: Path) -> Files:
    try:
        with path.open("rb") as file, _unpacked(file) as stream:
            limited = _Limited(stream, path)
            with tarfile.open(fileobj=limited, mode="r|") as archive:
                yield from _members(archive, limited, path)
            limited.end = MAX_BYTES
            while limited.read(1 << 20):  # the checksum stands at the very end
                pass
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a whole archive: {error}.") from error


class _Limited(io.BufferedIOBase):
    """A stream that refuses to give more than MAX_BYTES, headers and gaps included.

    Attributes:
        end: the byte that must not be passed before the next member is known.
    """

    def __init__(self, stream: gzip.GzipFile | IO[bytes], path: Path) -> None:
        self._stream, self._path, self._n_bytes = stream, path, 0
        self.end = _MAX_HEADER_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        content = self._stream.read(-1 if size is None else size)
        self._n_bytes += len(content)
        if self._n_bytes > MAX_BYTES:
            raise _too_large(self._path)
        if self._n_bytes > self.end:
            raise UserError(
                f"{self._path} is refused: a name and all else that is said of a member must fit "
                f"in {_MAX_HEADER_BYTES >> 10} kB."
            )
        return content


def _too_large(path: Path) -> UserError:
    return UserError(f"{path} is refused: it unpacks to more than {MAX_BYTES >> 20} MB.")


def _unpacked(file: IO[bytes]) -> gzip.GzipFile | IO[bytes]:
    """Undo gzip, with its checksum, which tarfile's own stream mode never compares."""
    magic = file.read(2)
    file.seek(0)
    return gzip.open(file) if magic == b"\x1f\x8b" else file


def _too_long(name: str, path: Path) -> UserError:
    return UserError(
        f"{path} is refused: a text may have at most {MAX_TEXT_BYTES >> 20} MB, "
        f"but {name!r} has more."
    )


def _too_many(path: Path) -> UserError:
    return UserError(f"{path} is refused: it has more than {MAX_MEMBERS:,} members.")


def _members(archive: tarfile.TarFile, limited: _Limited, path: Path) -> Files:
    n_bytes = 0
    for n_members, member in enumerate(archive, start=1):
        if n_members > MAX_MEMBERS:
            raise _too_many(path)
        n_bytes += member.size
        _refuse_hostile(member, n_bytes, path)
        n_content = member.size if member.isreg() else 0
        limited.end = member.offset_data + n_content + _MAX_HEADER_BYTES
        if member.isreg() and _wanted(member.name):
            file = archive.extractfile(member)
            assert file is not None
            yield member.name, file.read()
        _forget(member)
        archive.pax_headers = {}  # each member would get a copy


def _forget(member: tarfile.TarInfo) -> None:
    """Free what it says of itself: tarfile keeps every member until the archive is closed."""
    member.name = member.linkname = member.uname = member.gname = ""
    member.pax_headers = {}


def _refuse_hostile(member: tarfile.TarInfo, n_bytes: int, path: Path) -> None:
    if len(member.name) > _MAX_NAME:
        raise UserError(
            f"{path} is refused: a name may have at most {_MAX_NAME:,} characters, but one that "
            f"begins with {member.name[:40]!r} has {len(member.name):,}."
        )
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise UserError(f"{path} is refused: {member.name!r} leads out of the archive's folder.")
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise UserError(f"{path} is refused: {member.name!r} is neither a file nor a folder.")
    if member.size < 0:
        raise UserError(f"{path} is refused: {member.name!r} has a size of {member.size}.")
    if _wanted(member.name) and member.size > MAX_TEXT_BYTES:
        raise _too_long(member.name, path)
    if n_bytes > MAX_BYTES:
        raise _too_large(path)


def _decode(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"a review must be UTF-8, but {where} is not: {error.reason}.") from error


def _review_id(file: str, path: Path) -> int:
    """Take the number out of `7_10.txt`, review 7 with 10 stars."""
    number = file.partition("_")[0]
    if not number.isdecimal():
        raise UserError(f"a review is named NUMBER_STARS.txt, but {path} has {file!r}.")
    return int(number)


def _check(
    reviews: dict[tuple[str, str], dict[int, str]],
    movies: dict[tuple[str, str], list[str]],
    path: Path,
    expected: int,
) -> None:
    if not any(label in _LABELS for _, label in reviews):
        raise UserError(
            f"{path} holds no reviews: the Large Movie Review Dataset has them in "
            "aclImdb/train/pos/, train/neg/, test/pos/ and test/neg/."
        )
    for part in ("train", "test"):
        for label in _LABELS:
            numbers = set(reviews.get((part, label), {}))
            stray = numbers - set(range(expected))
            n_reviews = len(numbers)
            n_movies = len(movies.get((part, label), []))
            if stray or n_reviews != expected or n_movies != expected:
                raise UserError(
                    f"{path} must have {expected:,} reviews in {part}/{label}/ numbered from 0, "
                    f"and as many lines in {part}/urls_{label}.txt, but it has "
                    f"{n_reviews:,} and {n_movies:,}."
                )


def _join(
    part: str,
    reviews: dict[tuple[str, str], dict[int, str]],
    movies: dict[tuple[str, str], list[str]],
) -> Texts:
    rows = [
        (text, label, movies[part, label][number])
        for label in _LABELS
        for number, text in sorted(reviews[part, label].items())
    ]
    texts, labels, groups = zip(*rows, strict=True)
    return Texts(texts, labels, groups)
