"""Holding out: groups whole, duplicates on one side, stratified, reproducible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from search.datasets.split import digest, hold_out
from search.datasets.texts import Parts, Texts
from tracking.commandline.errors import UserError


def reviews(n: int = 600, n_groups: int | None = 120, positive: float = 0.5) -> Texts:
    """Distinct texts, some positive, in groups of uneven size."""
    generator = np.random.default_rng(0)
    labels = np.where(generator.random(n) < positive, "pos", "neg").tolist()
    groups = None
    if n_groups is not None:
        groups = [f"movie {int(g)}" for g in generator.integers(0, n_groups, n)]
    return Texts([f"text {i}" for i in range(n)], labels, groups)


def sides(values: list[str], held_out: NDArray[np.bool_]) -> tuple[set[str], set[str]]:
    """Return the values held out and those left."""
    array = np.array(values, dtype=object)
    return set(array[held_out]), set(array[~held_out])


GROUPED = pytest.mark.parametrize("n_groups", [120, None], ids=["groups", "no groups"])


@GROUPED
def test_about_a_fifth_is_held_out(n_groups: int | None) -> None:
    held_out = hold_out(reviews(n_groups=n_groups), "test")
    assert held_out.dtype == bool
    assert held_out.shape == (600,)
    assert held_out.mean() == pytest.approx(0.2, abs=0.02)


@GROUPED
@pytest.mark.parametrize("positive", [0.5, 0.2])
def test_both_sides_have_the_same_share_of_each_class(
    n_groups: int | None, positive: float
) -> None:
    part = reviews(n=2_000, n_groups=n_groups and 400, positive=positive)
    held_out = hold_out(part, "test")
    is_positive = np.array(part.labels) == "pos"
    assert abs(is_positive[held_out].mean() - is_positive[~held_out].mean()) < 0.02


@GROUPED
def test_the_split_is_the_same_each_time(n_groups: int | None) -> None:
    part = reviews(n_groups=n_groups)
    np.testing.assert_array_equal(hold_out(part, "test"), hold_out(part, "another name"))


def test_a_group_is_never_torn() -> None:
    part = reviews()
    assert part.groups is not None
    held, left = sides(list(part.groups), hold_out(part, "test"))
    assert held
    assert not held & left


def test_equal_texts_stay_on_one_side_without_groups() -> None:
    part = reviews(n_groups=None)
    texts = [f"text {i % 250}" for i in range(len(part))]
    held, left = sides(texts, hold_out(Texts(texts, part.labels), "test"))
    assert held
    assert not held & left


def test_equal_texts_stay_on_one_side_even_across_groups() -> None:
    """Two groups that share a text are held together, and so is a third that shares another."""
    part = reviews()
    assert part.groups is not None
    texts = list(part.texts)
    for first in range(0, 120, 4):
        texts[first] = texts[first + 1]
    chained = hold_out(Texts(texts, part.labels, part.groups), "test")
    for values in (texts, list(part.groups)):
        held, left = sides(values, chained)
        assert held
        assert not held & left


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_no_text_and_no_group_is_on_both_sides(data: st.DataObject) -> None:
    n = data.draw(st.integers(60, 120))
    texts = [f"text {data.draw(st.integers(0, 300))}" for _ in range(n)]
    groups = [f"group {data.draw(st.integers(0, 80))}" for _ in range(n)]
    labels = ["neg", "pos"] * (n // 2) + ["neg"] * (n % 2)
    try:
        held_out = hold_out(Texts(texts, labels, groups), "test")
    except UserError:
        return
    for values in (texts, groups):
        held, left = sides(values, held_out)
        assert held
        assert not held & left


@GROUPED
def test_each_class_is_on_both_sides(n_groups: int | None) -> None:
    part = reviews(n_groups=n_groups, positive=0.03)
    held, left = sides(list(part.labels), hold_out(part, "test"))
    assert held == left == {"neg", "pos"}


def test_too_few_groups_are_refused() -> None:
    part = reviews(n_groups=4)
    with pytest.raises(UserError, match="at least 5 unconnected groups"):
        hold_out(part, "test")


def test_a_class_within_one_group_is_refused_with_its_name() -> None:
    part = Texts(
        [f"text {i}" for i in range(50)],
        ["pos"] * 5 + ["neg"] * 45,
        [f"{i // 5}" for i in range(50)],
    )
    with pytest.raises(UserError, match=r"mine\.csv cannot be split .* no text of pos is"):
        hold_out(part, "mine.csv")


def test_a_class_of_one_text_many_times_is_refused() -> None:
    part = Texts(["same"] * 10 + [f"text {i}" for i in range(40)], ["pos"] * 10 + ["neg"] * 40)
    with pytest.raises(UserError, match="at least 2 distinct texts"):
        hold_out(part, "test")


def test_the_digest_does_not_depend_on_the_order() -> None:
    part = reviews(n=50)
    assert digest(part) == digest(part.select(np.arange(50)[::-1]))
    assert len(digest(part)) == 16
    assert set(digest(part)) <= set("0123456789abcdef")


def test_the_digest_tells_other_texts_and_other_labels_apart() -> None:
    part = Texts(["a", "b"], ["x", "y"])
    others = [
        Texts(["a", "c"], ["x", "y"]),
        Texts(["a", "b"], ["y", "x"]),
        Texts(["a"], ["x"]),
        Texts(["a", "b", "b"], ["x", "y", "y"]),
    ]
    assert len({digest(texts) for texts in (part, *others)}) == 5


def test_official_validation_shares_no_movie_and_no_text_with_training(
    official_parts: Parts,
) -> None:
    train = official_parts.train
    assert train.groups is not None
    held_out = hold_out(train, "imdb")
    for values in (list(train.groups), list(train.texts)):
        held, left = sides(values, held_out)
        assert not held & left
    assert 4_750 < held_out.sum() < 5_250
    positive = np.array(train.labels) == "pos"
    assert abs(positive[held_out].mean() - 0.5) < 0.02
