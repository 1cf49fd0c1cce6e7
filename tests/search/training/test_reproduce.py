"""A published configuration: what it is trained on, and its one test evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.datasets import cache
from search.datasets.batches import Labelled
from search.datasets.cache import Dataset
from search.datasets.tokenizer import preparation
from search.training.reproduce import divide, reproduce
from spaces.plan import Split
from spaces.studies import STUDIES
from tracking.records import EpochRecord

PLAN = STUDIES["tutorials"].with_max_epochs(2)
PARAMS = {**PLAN.initial_trials()["feedforward-dropout"], "text.maxlen": 20}
TEXT = preparation(PARAMS)


@pytest.fixture(scope="module")
def parted(tiny_csv_with_test: Path, cache_folder: Path) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQSEARCH_CACHE", str(cache_folder))
        data = cache.load(str(tiny_csv_with_test), lambda line: None)
        return data.open_test("a test of reproductions")


def texts(data: Dataset, *parts: str) -> int:
    return sum(data.n_texts[part] for part in parts)


def rows(*sides: Labelled) -> list[tuple[int, ...]]:
    return sorted(tuple(side.rows[row]) for side in sides for row in range(len(side.rows)))


@pytest.mark.parametrize(
    ("by", "share"), [("official", 1.0), ("part-15000", 0.6)], ids=["official", "part"]
)
def test_training_takes_all_training_texts_or_its_part_and_no_test_text(
    parted: Dataset, by: Split, share: float
) -> None:
    training, test = divide(parted, by, **TEXT)
    assert len(training.labels) == round(share * texts(parted, "train", "validation"))
    assert len(test.labels) == parted.n_texts["test"]
    np.testing.assert_array_equal(test.labels, parted.labels("test"))


def test_the_pooled_split_keeps_every_text_once(parted: Dataset) -> None:
    training, test = divide(parted, "pooled-67-33", **TEXT)
    n = texts(parted, "train", "validation", "test")
    assert (len(training.labels), len(test.labels)) == (round(0.67 * n), n - round(0.67 * n))
    assert rows(training, test) == rows(*divide(parted, "official", **TEXT))


def test_a_division_is_the_same_each_time(parted: Dataset) -> None:
    one, two = (divide(parted, "part-15000", **TEXT)[0] for _ in range(2))
    np.testing.assert_array_equal(one.rows.tokens, two.rows.tokens)
    np.testing.assert_array_equal(one.labels, two.labels)


def test_a_reproduction_holds_nothing_out_trains_to_its_end_and_is_evaluated_once(
    parted: Dataset,
) -> None:
    epochs: list[EpochRecord] = []
    evaluation = reproduce(PARAMS, "feedforward", parted, 1, epochs.append, by="official")
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    assert [(e.val_loss, e.val_accuracy, e.gap) for e in epochs] == [(None, None, None)] * 2
    assert evaluation.n_train == texts(parted, "train", "validation")
    assert evaluation.n_test == parted.n_texts["test"]
    assert evaluation.low < evaluation.accuracy < evaluation.high
    assert not evaluation.official  # a table of one's own is not the official test set
    again = reproduce(PARAMS, "feedforward", parted, 1, lambda epoch: None, by="official")
    assert (again.accuracy, again.loss) == (evaluation.accuracy, evaluation.loss)
