"""Files of word vectors: both text formats, and what is no such file."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from search.datasets.vectors_file import dimension, read_vectors
from tracking.commandline.errors import UserError

PLACES = {"the": 0, "film": 1, "fâcheux": 2, "rare": 3}
LINES = ["the 1 2 3", "film -0.5 1e-3 0", "unknown 7 7 7", "fâcheux 4 5 6"]
EXPECTED = [[1, 2, 3], [-0.5, 1e-3, 0], [4, 5, 6], [0, 0, 0]]


def write(folder: Path, *lines: str, name: str = "vectors.txt") -> Path:
    file = folder / name
    content = "".join(f"{line}\n" for line in lines).encode()
    file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return file


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
@pytest.mark.parametrize("head", [[], ["4 3"]], ids=["glove", "word2vec"])
def test_both_formats_are_read_also_compressed(tmp_path: Path, head: list[str], name: str) -> None:
    file = write(tmp_path, *head, *LINES, name=name)
    assert dimension(file) == 3
    vectors = read_vectors(file, PLACES)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, np.array(EXPECTED, np.float32))


def test_of_a_word_that_comes_twice_the_first_counts(tmp_path: Path) -> None:
    file = write(tmp_path, *LINES, "the 9 9 9", "the broken line is not looked at x y z")
    np.testing.assert_allclose(read_vectors(file, PLACES)[0], [1, 2, 3])


def test_a_word_with_spaces_in_it_is_none_of_ours(tmp_path: Path) -> None:
    file = write(tmp_path, *LINES, "rare . . 1 2 3")
    assert not read_vectors(file, PLACES)[3].any()


@pytest.mark.parametrize(
    ("lines", "law"),
    [
        ([*LINES, "rare 1 2"], "line 5: each line needs a word and 3 numbers.*has 2 numbers"),
        ([*LINES, "rare"], "line 5: each line needs a word and up to 4,096 numbers"),
        ([*LINES, "rare 1 2 x"], "line 5: could not convert string to float"),
        ([*LINES, "rare 1 2 nan"], "line 5: each number must be finite"),
        (["another 1 2 3"], "has none of the words of the training texts"),
        ([], "needs a line for each word, but .* has none"),
        (["x" * (1 << 20) + " 1"], "line 1: each line needs a word"),
    ],
    ids=["few numbers", "no number", "no float", "nan", "no word", "empty", "long line"],
)
def test_what_is_no_vectors_file_is_refused_in_one_line(
    tmp_path: Path, lines: list[str], law: str
) -> None:
    with pytest.raises(UserError, match=law) as refusal:
        read_vectors(write(tmp_path, *lines), PLACES)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "vectors.bin"
    file.write_bytes(b"3000000 300\n" + bytes(range(128, 256)) * 10_000)
    with pytest.raises(UserError, match="line 2: each line needs a word"):
        dimension(file)


def test_an_archive_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, *LINES * 1_000, name="vectors.txt.gz")
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(UserError, match="cannot be read as a vectors file"):
        read_vectors(file, PLACES)
