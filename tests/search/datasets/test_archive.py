"""Tiny archives of the Large Movie Review Dataset, whole, damaged and hostile."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.datasets import archive
from search.datasets.archive import read
from search.datasets.texts import Parts, Texts
from tests.memory import refusal
from tracking.commandline.errors import UserError

FILES = {
    "aclImdb/README": "about",
    "aclImdb/imdb.vocab": "the\nand",
    "aclImdb/train/unsup/0_0.txt": "no label",
    "aclImdb/train/urls_unsup.txt": "http://movie/9\n",
    "aclImdb/train/urls_neg.txt": "http://movie/1\nhttp://movie/2\n",
    "aclImdb/train/urls_pos.txt": "http://movie/2\nhttp://movie/3\n",
    "aclImdb/test/urls_neg.txt": "http://movie/4\nhttp://movie/4\n",
    "aclImdb/test/urls_pos.txt": "http://movie/5\nhttp://movie/6\n",
    "aclImdb/train/neg/1_2.txt": "train, second of neg",
    "aclImdb/train/neg/0_3.txt": "train, first of neg: fâcheux",
    "aclImdb/train/pos/0_9.txt": "train, first of pos",
    "aclImdb/train/pos/1_10.txt": "train, second of pos",
    "aclImdb/test/neg/0_1.txt": "test, first of neg",
    "aclImdb/test/neg/1_4.txt": "test, second of neg",
    "aclImdb/test/pos/0_7.txt": "test, first of pos",
    "aclImdb/test/pos/1_8.txt": "test, second of pos",
}
EXPECTED = Parts(
    train=Texts(
        (
            "train, first of neg: fâcheux",
            "train, second of neg",
            "train, first of pos",
            "train, second of pos",
        ),
        ("neg", "neg", "pos", "pos"),
        ("http://movie/1", "http://movie/2", "http://movie/2", "http://movie/3"),
    ),
    test=Texts(
        ("test, first of neg", "test, second of neg", "test, first of pos", "test, second of pos"),
        ("neg", "neg", "pos", "pos"),
        ("http://movie/4", "http://movie/4", "http://movie/5", "http://movie/6"),
    ),
    unlabelled=["no label"],
)


def as_archive(path: Path, files: dict[str, str], *strange: tarfile.TarInfo) -> Path:
    """Write the files, and before them members that no such archive has."""
    with tarfile.open(path, "w:gz") as writer:
        for member in strange:
            writer.addfile(member, io.BytesIO(b"x" * member.size))
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content.encode())
            writer.addfile(member, io.BytesIO(content.encode()))
    return path


def as_folder(path: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    return path


def strange_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def without(*names: str) -> dict[str, str]:
    return {name: content for name, content in FILES.items() if name not in names}


@pytest.fixture(autouse=True)
def _stand_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder below, so that what escapes from it would be seen too."""
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")


def read_two(path: Path, reviews_per_label: int = 2) -> Parts:
    """Read, and see that no file appears or vanishes."""
    around = Path.cwd().parent
    before = sorted(around.rglob("*"))
    try:
        return read(path, reviews_per_label)
    finally:
        assert sorted(around.rglob("*")) == before


def test_texts_labels_and_movies_come_out_by_label_and_number(tmp_path: Path) -> None:
    assert read_two(as_archive(tmp_path / "a.tar.gz", FILES)) == EXPECTED


@pytest.mark.parametrize("pack", [as_archive, as_folder])
def test_reviews_without_a_label_come_by_number_and_may_be_missing(
    tmp_path: Path, pack: Callable[[Path, dict[str, str]], Path]
) -> None:
    files = without("aclImdb/train/urls_unsup.txt")
    files["aclImdb/train/unsup/10_0.txt"] = "eleventh"
    files["aclImdb/train/unsup/2_0.txt"] = "third"
    files["aclImdb/test/unsup/3_0.txt"] = "no part of the official archive"
    assert read_two(pack(tmp_path / "more", files)).unlabelled == ["no label", "third", "eleventh"]
    fewer = {name: content for name, content in files.items() if "unsup" not in name}
    assert read_two(pack(tmp_path / "fewer", fewer)).unlabelled == []


def test_review_ten_comes_after_review_two(tmp_path: Path) -> None:
    files = dict(FILES)
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            files[f"aclImdb/{part}/urls_{label}.txt"] = "\n".join(f"m{i}" for i in range(11))
            for i in range(2, 11):
                files[f"aclImdb/{part}/{label}/{i}_5.txt"] = f"{part} {label} {i}"
    parts = read_two(as_archive(tmp_path / "a.tar.gz", files), reviews_per_label=11)
    assert parts.train.texts[9:11] == ("train neg 9", "train neg 10")
    assert parts.train.groups is not None
    assert parts.train.groups[9:11] == ("m9", "m10")


@pytest.mark.parametrize("prefix", ["", "./", "home/someone/"])
def test_the_folder_may_stand_anywhere_in_the_archive(tmp_path: Path, prefix: str) -> None:
    files = {f"{prefix}{name}": content for name, content in FILES.items()}
    assert read_two(as_archive(tmp_path / "a.tar.gz", files)) == EXPECTED


def test_a_folder_gives_what_the_archive_gives(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "folder", FILES)
    assert read_two(folder) == EXPECTED
    assert read_two(folder / "aclImdb") == EXPECTED


def test_an_archive_without_compression_is_read_too(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as writer:
        writer.add(as_folder(tmp_path / "folder", FILES) / "aclImdb", "aclImdb")
    assert read_two(tmp_path / "a.tar") == EXPECTED


def test_no_reviews_at_all_are_refused_with_the_layout_that_is_expected(tmp_path: Path) -> None:
    path = as_archive(tmp_path / "a.tar.gz", {"notes.txt": "hello"})
    with pytest.raises(UserError, match=r"holds no reviews: .*aclImdb/train/pos/"):
        read_two(path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no reviews"):
        read_two(tmp_path / "empty")


def test_a_missing_review_is_refused_with_both_counts(tmp_path: Path) -> None:
    path = as_archive(tmp_path / "a.tar.gz", without("aclImdb/test/pos/1_8.txt"))
    with pytest.raises(UserError, match=r"must have 2 reviews in test/pos/ .* has 1 and 2"):
        read_two(path)


def test_a_missing_list_of_movies_is_refused_with_both_counts(tmp_path: Path) -> None:
    path = as_archive(tmp_path / "a.tar.gz", without("aclImdb/train/urls_neg.txt"))
    with pytest.raises(UserError, match=r"lines in train/urls_neg\.txt, but it has 2 and 0"):
        read_two(path)


def test_the_official_counts_are_the_default(tmp_path: Path) -> None:
    path = as_archive(tmp_path / "a.tar.gz", FILES)
    with pytest.raises(UserError, match=r"must have 12,500 reviews in train/neg/"):
        read_two(path, archive.REVIEWS_PER_LABEL)


def test_a_gap_in_the_numbers_is_refused(tmp_path: Path) -> None:
    files = {**without("aclImdb/train/pos/1_10.txt"), "aclImdb/train/pos/7_10.txt": "seventh"}
    path = as_archive(tmp_path / "a.tar.gz", files)
    with pytest.raises(UserError, match="train/pos"):
        read_two(path)


def test_a_review_that_is_not_named_by_number_is_refused_by_name(tmp_path: Path) -> None:
    path = as_archive(tmp_path / "a.tar.gz", {**FILES, "aclImdb/train/pos/best_10.txt": "!"})
    with pytest.raises(UserError, match=r"NUMBER_STARS\.txt, but .* has 'best_10\.txt'"):
        read_two(path)


def test_a_review_that_is_not_utf_8_is_refused_by_name(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "folder", FILES)
    (folder / "aclImdb/test/neg/0_1.txt").write_bytes(b"f\xe2cheux")
    with pytest.raises(UserError, match=r"must be UTF-8, but .*test/neg/0_1\.txt. is not"):
        read_two(folder)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_archive_is_refused(tmp_path: Path, share: float) -> None:
    path = as_archive(tmp_path / "a.tar.gz", FILES)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    message = r"a\.tar\.gz (is not a whole archive|must have 2 reviews|holds no reviews)"
    with pytest.raises(UserError, match=message):
        read_two(path)


def test_an_archive_that_differs_from_its_checksum_is_refused(tmp_path: Path) -> None:
    path = as_archive(tmp_path / "a.tar.gz", FILES)
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # the last 8 bytes are gzip's CRC-32 and the size
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not a whole archive"):
        read_two(path)


@pytest.mark.parametrize("content", [b"", b"text,label\nfine,pos\n" * 100, b"\x1f\x8b rest"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.tar\.gz is not a whole archive"):
        read_two(tmp_path / "a.tar.gz")


@pytest.mark.parametrize(
    "name",
    ["../escaped.txt", "aclImdb/../../escaped.txt", "/tmp/escaped.txt", "aclImdb/train/pos/.."],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    path = as_archive(tmp_path / "a.tar.gz", FILES, strange_member(name))
    with pytest.raises(UserError, match=r"is refused: .* leads out of the archive's folder"):
        read_two(path)


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
    ids=["symlink", "hardlink", "character device", "block device", "pipe"],
)
def test_a_link_or_device_is_refused_by_name(tmp_path: Path, kind: bytes) -> None:
    member = strange_member("aclImdb/train/pos/0_9.txt", kind, "/etc/passwd")
    path = as_archive(tmp_path / "a.tar.gz", FILES, member)
    with pytest.raises(UserError, match=r"0_9\.txt' is neither a file nor a folder"):
        read_two(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 100)
    path = as_archive(tmp_path / "a.tar.gz", FILES)
    with pytest.raises(UserError, match="is refused: it unpacks to more than"):
        read_two(path)


def test_one_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    member = strange_member("aclImdb/train/pos/0_9.txt")
    member.size = 1 << 40
    (tmp_path / "a.tar").write_bytes(member.tobuf(tarfile.PAX_FORMAT) + b"\0" * 1024)
    with pytest.raises(UserError, match=r"at most 1 MB, but '.*0_9\.txt' has more"):
        read_two(tmp_path / "a.tar")


def hostile(path: Path, *pieces: tuple[bytes, int]) -> Path:
    """Write pieces, each so often: gzip streams in a row are one, so nothing large is made."""
    with path.open("wb") as file:
        for piece, times in pieces:
            file.write(gzip.compress(piece) * times)
    return path


def header(name: str, size: int = 0, **values: str) -> bytes:
    """The header of a member, with what is said of it in PAX records before it."""
    member = tarfile.TarInfo(name)
    member.size, member.pax_headers = size, values
    return member.tobuf(tarfile.PAX_FORMAT)


def extension(kind: bytes, size: int) -> bytes:
    """The header of a long name or of PAX records, of which so many bytes follow."""
    member = strange_member("././@LongLink", kind)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def folder_with_a_size(size: int) -> bytes:
    member = strange_member("aclImdb", tarfile.DIRTYPE)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


MEGABYTE = b"a" * (1 << 20)
REVIEW = "aclImdb/train/pos/0_9.txt"


def links() -> list[tuple[bytes, int]]:
    """Files that name a link, of 60 kB in the archive and four times as much in memory."""
    long = ("\U0001f600" + "a" * 60_000).encode()
    padded = long + b"\0" * (-len(long) % 512)
    one = extension(tarfile.GNUTYPE_LONGLINK, len(long)) + padded + header("aclImdb/README")
    return [(one * 100, 10)]


# What is in the archive, how it is refused, and how many MB its reading may take.
BOMBS: dict[str, tuple[Any, str, int]] = {
    "members of 60 MB": (
        lambda: [(header(REVIEW, 60 << 20), 1), (MEGABYTE, 60)] * 16,
        "a text may have at most 1 MB, but 'aclImdb/train/pos/0_9.txt' has more",
        50,
    ),
    "long GNU name": (
        lambda: [(extension(tarfile.GNUTYPE_LONGNAME, 900 << 20), 1), (MEGABYTE, 900)],
        "must fit in 64 kB",
        50,
    ),
    "long GNU link": (
        lambda: [(extension(tarfile.GNUTYPE_LONGLINK, 8 << 30), 1), (MEGABYTE, 900)],
        "must fit in 64 kB",
        50,
    ),
    "long PAX record": (
        lambda: [(extension(tarfile.XHDTYPE, 900 << 20), 1), (MEGABYTE, 900)],
        "must fit in 64 kB",
        50,
    ),
    "long global PAX record": (
        lambda: [(extension(tarfile.XGLTYPE, 900 << 20), 1), (MEGABYTE, 900)],
        "must fit in 64 kB",
        50,
    ),
    "long name after a folder with a size": (
        lambda: [
            (folder_with_a_size(900 << 20), 1),
            (extension(tarfile.GNUTYPE_LONGNAME, 900 << 20), 1),
            (MEGABYTE, 900),
        ],
        "must fit in 64 kB",
        50,
    ),
    "name of 2,000 characters": (
        lambda: [(header("aclImdb/" + "a" * 2_000), 1)],
        "a name may have at most 1,000 characters, but one that begins with 'aclImdb/aaa",
        50,
    ),
    "many long links": (links, "aclImdb/train/pos/", 100),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_would_fill_the_memory_is_refused_before_it_does(tmp_path: Path, kind: str) -> None:
    pieces, said, n_megabytes = BOMBS[kind]
    path = hostile(tmp_path / "a.tar.gz", *pieces(), (b"\0" * 1024, 1))
    message, grown = refusal(path, "archive")
    assert said in message
    assert len(message) < 500
    assert grown < n_megabytes


@pytest.mark.parametrize("made", [as_archive, as_folder])
@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        ("MAX_TEXTS_BYTES", 200, "its reviews have more than"),
        ("MAX_MEMBERS", 3, "it has more than 3 members"),
    ],
)
def test_more_texts_than_any_such_data_set_has_are_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: Callable[[Path, dict[str, str]], Path],
    limit: str,
    value: int,
    said: str,
) -> None:
    monkeypatch.setattr(archive, limit, value)
    with pytest.raises(UserError, match=f"is refused: {said}"):
        read_two(made(tmp_path / "data", FILES))


def test_a_text_of_a_folder_may_have_one_megabyte(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "folder", FILES)
    with (folder / REVIEW).open("wb") as file:
        file.truncate(1 << 20)
    assert len(read_two(folder).train.texts[2]) == 1 << 20
    with (folder / REVIEW).open("wb") as file:
        file.truncate(8 << 30)  # nothing is on disk
    message, grown = refusal(folder, "archive")
    assert "a text may have at most 1 MB, but 'aclImdb/train/pos/0_9.txt' has more" in message
    assert grown < 50


def test_the_official_archive_has_the_official_counts(official_parts: Parts) -> None:
    assert official_parts.test is not None
    for part in (official_parts.train, official_parts.test):
        assert len(part) == 25_000
        assert list(part.labels).count("pos") == 12_500
        assert part.groups is not None
        assert all("/title/tt" in group for group in part.groups)
