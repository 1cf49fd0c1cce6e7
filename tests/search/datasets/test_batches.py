"""Ragged rows, clipping, and batches bucketed by length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from search.datasets.batches import Labelled, Ragged, clip, pack, with_teacher

ROWS = st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=12), min_size=1, max_size=12)
BATCH_SIZES = st.integers(1, 5)
SEEDS = st.tuples(st.integers(0, 2**31), st.integers(0, 20))
Batches = list[tuple[NDArray[np.int32], NDArray[np.int32]]]


def ragged(rows: list[list[int]]) -> Ragged:
    return pack([np.array(row, dtype=np.int32) for row in rows])


def numbered(rows: Ragged, pad_to: int | None = None) -> Labelled:
    """Label each row with its number, so that a batch tells which rows it holds."""
    return Labelled(rows, np.arange(len(rows), dtype=np.int32), pad_to)


def many_lengths(n_rows: int = 2_000, longest: int = 400) -> Ragged:
    """Rows of 1 to `longest` tokens, as uneven as reviews are."""
    lengths = np.random.default_rng(0).integers(1, longest + 1, n_rows)
    return pack([np.full(length, 7, dtype=np.int32) for length in lengths])


def rows_of(batches: Batches) -> list[int]:
    return [int(label) for _, labels in batches for label in labels]


def equal(one: Batches, other: Batches) -> bool:
    return len(one) == len(other) and all(
        np.array_equal(a, b)
        for pair, other_pair in zip(one, other, strict=True)
        for a, b in zip(pair, other_pair, strict=True)
    )


@given(ROWS)
def test_packed_rows_come_out_as_they_went_in(rows: list[list[int]]) -> None:
    packed = ragged(rows)
    assert len(packed) == len(rows)
    assert [packed[i].tolist() for i in range(len(packed))] == rows
    assert packed.lengths.tolist() == [len(row) for row in rows]
    assert packed.tokens.dtype == np.int32


def test_no_rows_pack_to_nothing() -> None:
    packed = pack([])
    assert len(packed) == 0
    assert packed.tokens.shape == (0,)


@given(ROWS, st.integers(4, 50), st.integers(1, 15), st.sampled_from(["pre", "post"]))
def test_clip_does_what_a_plain_loop_does(
    rows: list[list[int]], vocab_size: int, maxlen: int, truncating: str
) -> None:
    expected = []
    for row in rows:
        kept = row[-maxlen:] if truncating == "pre" else row[:maxlen]
        expected.append([token if token < vocab_size else 2 for token in kept])
    clipped = clip(ragged(rows), vocab_size=vocab_size, maxlen=maxlen, truncating=truncating)
    assert [clipped[i].tolist() for i in range(len(clipped))] == expected
    assert clipped.tokens.dtype == np.int32


def test_clip_keeps_the_end_with_pre_and_the_beginning_with_post() -> None:
    rows = ragged([[1, 4, 5, 6, 7], [1, 9]])
    pre = clip(rows, vocab_size=7, maxlen=3, truncating="pre")
    post = clip(rows, vocab_size=7, maxlen=3, truncating="post")
    assert [row.tolist() for row in (pre[0], pre[1])] == [[5, 6, 2], [1, 2]]
    assert [row.tolist() for row in (post[0], post[1])] == [[1, 4, 5], [1, 2]]


@given(ROWS)
def test_clip_leaves_its_input_as_it_was(rows: list[list[int]]) -> None:
    packed = ragged(rows)
    clip(packed, vocab_size=4, maxlen=2, truncating="pre")
    assert [packed[i].tolist() for i in range(len(packed))] == rows


@given(ROWS, BATCH_SIZES, SEEDS, st.sampled_from([None, 15]))
def test_an_epoch_gives_every_row_once_with_its_label(
    rows: list[list[int]], batch_size: int, seed: tuple[int, ...], pad_to: int | None
) -> None:
    batches = list(numbered(ragged(rows), pad_to).epoch(batch_size, seed))
    assert sorted(rows_of(batches)) == list(range(len(rows)))
    assert len(batches) == -(-len(rows) // batch_size)
    for tokens, labels in batches:
        assert tokens.dtype == labels.dtype == np.int32
        assert len(tokens) == len(labels) <= batch_size
        for line, label in zip(tokens, labels, strict=True):
            assert line[line != 0].tolist() == rows[label]


@given(ROWS, BATCH_SIZES)
def test_by_length_gives_every_row_once_and_the_shortest_first(
    rows: list[list[int]], batch_size: int
) -> None:
    data = numbered(ragged(rows))
    order = rows_of(list(data.by_length(batch_size)))
    assert order == data.order_by_length.tolist()
    assert sorted(order) == list(range(len(rows)))
    assert [len(rows[row]) for row in order] == sorted(map(len, rows))


@pytest.mark.parametrize("pad_to", [None, 400])
def test_the_same_seed_gives_the_same_batches_and_another_gives_others(
    pad_to: int | None,
) -> None:
    data = numbered(many_lengths(500), pad_to)
    first = list(data.epoch(32, (1, 0)))
    assert equal(first, list(data.epoch(32, (1, 0))))
    for other in ((2, 0), (1, 1)):
        assert rows_of(first) != rows_of(list(data.epoch(32, other)))


def test_another_seed_puts_other_rows_together() -> None:
    data = numbered(many_lengths(2_000))

    def groups(seed: tuple[int, int]) -> set[frozenset[int]]:
        return {frozenset(labels.tolist()) for _, labels in data.epoch(4, seed)}

    assert not groups((1, 0)) & groups((2, 0))


def test_long_and_short_batches_come_mixed() -> None:
    widths = [tokens.shape[1] for tokens, _ in numbered(many_lengths()).epoch(32, (0, 0))]
    assert widths != sorted(widths)
    half = len(widths) // 2
    assert abs(np.mean(widths[:half]) - np.mean(widths[half:])) < 0.5 * np.mean(widths)


@given(ROWS, BATCH_SIZES, SEEDS)
def test_padding_stands_behind_and_reaches_to_the_longest_row_of_the_batch(
    rows: list[list[int]], batch_size: int, seed: tuple[int, ...]
) -> None:
    for tokens, labels in numbered(ragged(rows)).epoch(batch_size, seed):
        assert tokens.shape[1] == max(len(rows[label]) for label in labels)
        for line, label in zip(tokens, labels, strict=True):
            assert line.tolist() == rows[label] + [0] * (len(line) - len(rows[label]))


@given(ROWS, BATCH_SIZES, SEEDS)
def test_with_pad_to_padding_stands_in_front_of_a_fixed_width(
    rows: list[list[int]], batch_size: int, seed: tuple[int, ...]
) -> None:
    for tokens, labels in numbered(ragged(rows), pad_to=15).epoch(batch_size, seed):
        assert tokens.shape[1] == 15
        for line, label in zip(tokens, labels, strict=True):
            assert line.tolist() == [0] * (15 - len(rows[label])) + rows[label]


def test_bucketing_wastes_little_on_padding() -> None:
    rows = many_lengths()
    n_cells = sum(tokens.size for tokens, _ in numbered(rows).epoch(32, (0, 0)))
    assert n_cells < 1.05 * len(rows.tokens)
    at_random = sum(
        rows.lengths[chosen].max() * len(chosen)
        for chosen in np.array_split(np.random.default_rng(0).permutation(len(rows)), 63)
    )
    assert at_random > 1.5 * len(rows.tokens)


N_OWN, N_TAUGHT = 7, 5


def taught_rows(n_drawn: int, seed: tuple[int, ...]) -> list[int]:
    """The rows of an epoch, 7 with labels of their own and then 5 with a teacher's."""
    rows = [ragged([[number + 1] for number in range(n)]) for n in (N_OWN, N_TAUGHT)]
    own = Labelled(rows[0], np.arange(N_OWN, dtype=np.int32) % 3)
    probabilities = np.full((N_TAUGHT, 3), 1 / 3, np.float32)
    both = with_teacher(own, rows[1], probabilities, n_drawn)
    batches = list(both.epoch(4, seed))
    assert sum(len(tokens) for tokens, _ in batches) == both.n_per_epoch
    found = []
    for tokens, labels in batches:
        assert labels.dtype == np.float32
        for word, label in zip(tokens[:, 0].tolist(), labels, strict=True):
            is_own = label.max() == 1
            assert label.tolist() == (
                np.eye(3)[(word - 1) % 3].tolist() if is_own else [np.float32(1 / 3)] * 3
            )
            found.append(word - 1 if is_own else N_OWN + word - 1)
    return found


@given(SEEDS, st.integers(0, 9))
def test_an_epoch_has_each_row_with_its_own_label_and_some_of_the_teachers(
    seed: tuple[int, ...], n_drawn: int
) -> None:
    found = taught_rows(n_drawn, seed)
    assert sorted(row for row in found if row < N_OWN) == list(range(N_OWN))
    others = [row for row in found if row >= N_OWN]
    assert len(others) == len(set(others)) == min(n_drawn, N_TAUGHT)
    assert found == taught_rows(n_drawn, seed)


def test_each_epoch_draws_others_of_the_teachers_rows() -> None:
    drawn = [{row for row in taught_rows(2, (0, epoch)) if row >= N_OWN} for epoch in range(30)]
    assert set.union(*drawn) == set(range(N_OWN, N_OWN + N_TAUGHT))
