"""Simple baselines: what they know, and that they see no more than a candidate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from search.datasets.cache import Dataset
from search.training.baselines import SIMPLE_BASELINES, evaluate_simple_baseline
from spaces.studies import STUDIES


def test_every_simple_baseline_that_a_study_names_exists() -> None:
    for plan in STUDIES.values():
        assert set(plan.simple_baselines) <= set(SIMPLE_BASELINES)
    assert STUDIES["architecture"].simple_baselines == tuple(SIMPLE_BASELINES)


@pytest.mark.parametrize("name", SIMPLE_BASELINES)
def test_a_simple_baseline_is_scored_on_validation_and_has_no_epochs(
    tiny_dataset: Dataset, name: str
) -> None:
    score = evaluate_simple_baseline(name, tiny_dataset)
    n = tiny_dataset.n_texts["validation"]
    assert score.best_epoch == 0
    assert sum(map(sum, score.confusion)) == n
    hits = sum(row[i] for i, row in enumerate(score.confusion))
    assert score.val_accuracy == hits / n
    assert score.low < score.val_accuracy < score.high
    assert score == evaluate_simple_baseline(name, tiny_dataset)


def test_the_majority_is_the_most_frequent_class_of_the_training_texts(
    tiny_dataset: Dataset,
) -> None:
    score = evaluate_simple_baseline("majority", tiny_dataset)
    labels = tiny_dataset.labels("train")
    assert score.train_accuracy == pytest.approx(max(np.bincount(labels)) / len(labels))
    assert sum(sum(column) > 0 for column in zip(*score.confusion, strict=True)) == 1


def test_tfidf_is_that_of_the_texts_themselves(tiny_dataset: Dataset) -> None:
    """The same from words instead of ids, with scikit-learn's own vectorizer."""
    words = tiny_dataset.vocabulary()
    texts = {
        part: [
            [words[i - 4] if i >= 4 else f"<{i}>" for i in tiny_dataset.tokens(part)[row]]
            for row in range(tiny_dataset.n_texts[part])
        ]
        for part in ("train", "validation")
    }
    vectorizer = TfidfVectorizer(analyzer=lambda text: text, sublinear_tf=True)
    model = LogisticRegression(max_iter=1_000)
    model.fit(vectorizer.fit_transform(texts["train"]), tiny_dataset.labels("train"))
    held_out = vectorizer.transform(texts["validation"])
    # An id that no training text has is a column of zeros for one and no column for the other.
    expected = model.score(held_out, tiny_dataset.labels("validation"))
    assert evaluate_simple_baseline("tfidf_logistic", tiny_dataset).val_accuracy == pytest.approx(
        expected
    )


def test_a_simple_baseline_takes_more_than_two_classes(tiny_dataset: Dataset) -> None:
    class Three(Dataset):
        def labels(self, part: str) -> np.ndarray:
            return (np.arange(self.n_texts[part]) % 3).astype(np.int32)

    three = Three(**vars(replace(tiny_dataset, classes=("a", "b", "c"))))
    for name in SIMPLE_BASELINES:
        assert len(evaluate_simple_baseline(name, three).confusion) == 3
