"""What a saved model gives on the test part is what it gave when it was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.datasets.cache import Dataset
from search.datasets.tokenizer import preparation
from search.models.text_layer import with_text
from search.training.fit import predict
from search.training.test_part import evaluate_model_on_test, evaluate_simple_baseline_on_test
from search.training.trial import encoded, evaluate
from spaces.families import space_of
from spaces.ranges import defaults

SMALL = {"text.vocab_size": 500, "text.maxlen": 20, "train.epochs": 1, "train.batch_size": 32}
PARAMS = {
    "feedforward": {**SMALL, "feedforward.embedding_dim": 8, "text.padding": "full"},
    "nbsvm": {**SMALL, "nbsvm.max_ngrams": 5_000, "text.truncating": "post"},
}


@pytest.mark.parametrize("family", PARAMS)
def test_a_saved_model_gives_the_probabilities_of_the_one_that_was_trained(
    family: str, parted: Dataset, tmp_path: Path
) -> None:
    params = {**defaults(space_of(family)), **PARAMS[family]}
    text = preparation(params)
    done = evaluate(params, family, parted, 1, lambda epoch: None)
    with_text(done.model, parted.vocabulary(), **text).save(tmp_path / "model.keras")
    opened = parted.open_test("a test of scoring")
    expected = predict(done.model, encoded(opened, "test", **text))

    evaluation = evaluate_model_on_test(
        tmp_path / "model.keras", params, opened, tmp_path / "test.npy"
    )

    np.testing.assert_array_equal(np.load(tmp_path / "test.npy"), expected)
    assert evaluation.accuracy == np.mean(expected.argmax(axis=1) == opened.labels("test"))
    assert (evaluation.n_train, evaluation.n_test) == (
        parted.n_texts["train"],
        parted.n_texts["test"],
    )
    assert done.probabilities.shape == (parted.n_texts["validation"], 2)


def test_a_simple_baseline_is_fitted_on_the_training_part_alone(
    parted: Dataset, tmp_path: Path
) -> None:
    opened = parted.open_test("a test of scoring")
    evaluation = evaluate_simple_baseline_on_test("majority", opened, tmp_path / "test.npy")
    assert np.load(tmp_path / "test.npy").shape == (parted.n_texts["test"], 2)
    share = np.bincount(parted.labels("train")).max() / parted.n_texts["train"]
    assert np.load(tmp_path / "test.npy").max() == pytest.approx(share)
    assert not evaluation.official
    with pytest.raises(RuntimeError, match="sealed"):
        evaluate_simple_baseline_on_test("majority", parted, tmp_path / "test.npy")
