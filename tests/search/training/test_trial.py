"""One trial on a handful of real texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from search.datasets import cache
from search.datasets.batches import Labelled, chain, pack, with_teacher
from search.datasets.cache import Dataset
from search.datasets.tokenizer import decode, preparation
from search.models.layers import PoolSteps, classify
from search.system.keras_backend import keras, tf
from search.training.failures import TrialFailed
from search.training.fit import mixed_batches, predict, sorted_batches, spread, train
from search.training.trial import Evaluation, build, encoded, evaluate, mistakes, taught
from spaces.families import EMBEDS_WORDS, FAMILIES, space_of
from spaces.family import Family
from spaces.ranges import Value, defaults
from tests.learned import any_labels, any_vectors, with_array, with_unlabelled
from tracking.records import EpochRecord, RungRecord

TINY: dict[str, Value] = {
    **defaults(space_of("lstm")),
    "text.vocab_size": 500,
    "text.maxlen": 20,
    "train.epochs": 3,
    "train.batch_size": 16,
    "train.learning_rate": 0.01,
    "train.patience": 3,
    "train.schedule": "constant",
    "lstm.embedding_dim": 8,
    "lstm.units": 8,
    "lstm.embedding_dropout": 0.1,
    "lstm.dropout": 0.1,
    "lstm.recurrent_dropout": 0.1,
}


def build_bag_of_words(
    n_tokens: int, maxlen: int, n_classes: int, masked: bool, **params: object
) -> keras.Model:
    """Stand in where the architecture does not matter: it is ready in a fraction of the time."""
    ids = keras.Input((None,), dtype="int32")
    pooled = PoolSteps("mean")(keras.layers.Embedding(n_tokens, 8, mask_zero=masked)(ids))
    return keras.Model(ids, classify(pooled, n_classes))


@pytest.fixture
def bag_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "lstm", Family("lstm", build_bag_of_words))


def run(data: Dataset, seed: int = 1, **changes: Value) -> tuple[Evaluation, list[EpochRecord]]:
    epochs: list[EpochRecord] = []
    params = {**TINY, **{name.replace("__", "."): value for name, value in changes.items()}}
    return evaluate(params, "lstm", data, seed, epochs.append), epochs


def numbers(epochs: list[EpochRecord]) -> list[tuple[float, ...]]:
    """Everything but seconds and memory, which are the machine's."""
    return [
        (e.epoch, e.train_loss, e.train_accuracy, e.val_loss, e.val_accuracy, e.learning_rate)
        for e in epochs
    ]


@pytest.fixture(scope="module")
def once(tiny_dataset: Dataset) -> tuple[Evaluation, list[EpochRecord]]:
    return run(tiny_dataset)


def test_equal_values_and_seed_give_equal_numbers_to_the_last_bit(
    tiny_dataset: Dataset, once: tuple[Evaluation, list[EpochRecord]]
) -> None:
    again = run(tiny_dataset)
    assert again[0].score == once[0].score
    assert numbers(again[1]) == numbers(once[1])
    for first, second in zip(
        once[0].model.get_weights(), again[0].model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(first, second)


def test_a_look_within_the_first_epoch_changes_nothing(
    tiny_dataset: Dataset, once: tuple[Evaluation, list[EpochRecord]]
) -> None:
    rungs: list[RungRecord] = []
    epochs: list[EpochRecord] = []
    looked = evaluate(
        TINY, "lstm", tiny_dataset, 1, epochs.append, on_rung=rungs.append, first_rung=0.25
    )
    (rung,) = rungs
    assert rung.share == 0.25
    assert 0 < rung.val_accuracy < 1
    assert 0 < rung.seconds < epochs[0].seconds
    assert numbers(epochs) == numbers(once[1])
    assert looked.score == once[0].score


@pytest.mark.usefixtures("bag_of_words")
def test_a_test_evaluation_judges_averaged_weights_and_changes_nothing(
    tiny_dataset: Dataset,
) -> None:
    params, rungs, epochs = {**TINY, "train.ema_momentum": 0.9}, list[RungRecord](), []
    looked = evaluate(
        params, "lstm", tiny_dataset, 1, epochs.append, on_rung=rungs.append, first_rung=0.25
    )
    plain, expected = run(tiny_dataset, train__ema_momentum=0.9)
    assert len(rungs) == 1
    assert numbers(epochs) == numbers(expected)
    assert looked.score == plain.score


@pytest.mark.usefixtures("bag_of_words")
def test_another_seed_gives_other_numbers(tiny_dataset: Dataset) -> None:
    (_, (one,)), (_, (other,)) = (run(tiny_dataset, seed, train__epochs=1) for seed in (1, 2))
    assert one.train_loss != other.train_loss
    assert one.val_loss != other.val_loss


def test_each_epoch_is_reported_as_it_ends(once: tuple[Evaluation, list[EpochRecord]]) -> None:
    _, epochs = once
    assert [epoch.epoch for epoch in epochs] == [1, 2, 3]
    for epoch in epochs:
        assert 0 < epoch.seconds < 120
        assert 50 < epoch.memory_mb < 50_000
        assert epoch.learning_rate == pytest.approx(0.01)
        assert epoch.gap == epoch.train_accuracy - epoch.val_accuracy


def test_the_numbers_of_a_trial_are_those_of_its_best_epoch(
    tiny_dataset: Dataset, once: tuple[Evaluation, list[EpochRecord]]
) -> None:
    score, epochs = once[0].score, once[1]
    accuracies = [epoch.val_accuracy for epoch in epochs]
    best = epochs[score.best_epoch - 1]
    assert score.best_epoch == accuracies.index(max(accuracies)) + 1
    assert score.val_accuracy == pytest.approx(best.val_accuracy, abs=1e-6)
    assert score.val_loss == pytest.approx(best.val_loss, abs=1e-5)
    assert score.train_accuracy == best.train_accuracy
    assert score.low < score.val_accuracy < score.high
    assert sum(map(sum, score.confusion)) == tiny_dataset.n_texts["validation"]
    hits = sum(row[i] for i, row in enumerate(score.confusion))
    assert score.val_accuracy == hits / tiny_dataset.n_texts["validation"]


def test_the_model_that_is_given_back_has_the_weights_of_the_best_epoch(
    tiny_dataset: Dataset, once: tuple[Evaluation, list[EpochRecord]]
) -> None:
    validation = encoded(
        tiny_dataset, "validation", vocab_size=500, maxlen=20, truncating="pre", padding="bucket"
    )
    probabilities = predict(once[0].model, validation)
    assert np.mean(probabilities.argmax(axis=1) == validation.labels) == once[0].score.val_accuracy
    assert once[0].score.n_parameters == once[0].model.count_params()


def test_predictions_come_in_the_order_of_the_rows(
    tiny_dataset: Dataset, once: tuple[Evaluation, list[EpochRecord]]
) -> None:
    rows = encoded(
        tiny_dataset, "validation", vocab_size=500, maxlen=20, truncating="pre", padding="bucket"
    )
    probabilities = predict(once[0].model, rows)
    assert probabilities.shape == (len(rows.rows), 2)
    for i in range(0, len(rows.rows), 5):
        alone = spread(once[0].model(rows.rows[i][None]).numpy())
        np.testing.assert_allclose(probabilities[i], alone[0], rtol=0, atol=1e-6)


def test_spread_writes_one_probability_as_two() -> None:
    one = np.array([[0.25], [1.0]], dtype=np.float32)
    assert spread(one).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    three = np.array([[0.2, 0.3, 0.5]], dtype=np.float32)
    assert spread(three) is three


@pytest.mark.usefixtures("bag_of_words")
def test_training_stops_when_patience_runs_out_and_the_first_of_equal_epochs_is_best(
    tiny_dataset: Dataset,
) -> None:
    """A model that learns nothing never gets better than in its first epoch."""
    result, epochs = run(
        tiny_dataset, train__epochs=8, train__patience=2, train__learning_rate=1e-12
    )
    assert len(epochs) == 3
    assert result.score.best_epoch == 1


@pytest.mark.usefixtures("bag_of_words")
@pytest.mark.parametrize("learning_rate", [float("nan"), 1e38])
def test_a_loss_that_is_no_number_fails_the_trial_with_its_reason(
    tiny_dataset: Dataset, learning_rate: float
) -> None:
    with pytest.raises(TrialFailed, match=r"loss became (nan|inf) in epoch [12]"):
        run(tiny_dataset, train__learning_rate=learning_rate)


def test_running_out_of_memory_fails_the_trial_with_its_values(
    tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*args: object, **params: object) -> keras.Model:
        raise tf.errors.ResourceExhaustedError(None, None, "no memory left")

    monkeypatch.setitem(FAMILIES, "lstm", Family("lstm", greedy))
    with pytest.raises(TrialFailed, match=r"out of memory with .*'lstm\.units': 8"):
        run(tiny_dataset)


def test_a_bug_in_a_builder_is_not_taken_for_a_failed_trial(
    tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **params: object) -> keras.Model:
        raise KeyError("unit")

    monkeypatch.setitem(FAMILIES, "lstm", Family("lstm", broken))
    with pytest.raises(KeyError, match="unit"):
        run(tiny_dataset)


@pytest.mark.usefixtures("bag_of_words")
def test_an_exception_of_on_epoch_ends_the_training(tiny_dataset: Dataset) -> None:
    class Pruned(Exception):
        pass

    seen: list[int] = []

    def prune(epoch: EpochRecord) -> None:
        seen.append(epoch.epoch)
        raise Pruned

    with pytest.raises(Pruned):
        evaluate(TINY, "lstm", tiny_dataset, 1, prune)
    assert seen == [1]


@pytest.mark.usefixtures("bag_of_words")
def test_full_padding_trains_without_a_mask(tiny_dataset: Dataset) -> None:
    result, epochs = run(tiny_dataset, text__padding="full", train__epochs=1)
    assert len(epochs) == 1
    embedding = next(
        layer for layer in result.model.layers if isinstance(layer, keras.layers.Embedding)
    )
    assert embedding.mask_zero is False


@pytest.mark.usefixtures("bag_of_words")
def test_three_classes_are_trained_and_scored(tmp_path: Path) -> None:
    word = {"sports": "goal", "politics": "vote", "science": "atom"}
    rows = [(f"{word[label]} {i} {word[label]}", label) for label in word for i in range(20)]
    pd.DataFrame(rows, columns=["text", "label"]).to_csv(tmp_path / "topics.csv", index=False)
    data = cache.load(str(tmp_path / "topics.csv"), lambda line: None)
    result, _ = run(data, train__learning_rate=0.05, train__epochs=4, train__patience=4)
    assert result.model.output_shape == (None, 3)
    assert np.array(result.score.confusion).shape == (3, 3)
    assert result.score.val_accuracy > 0.9


@pytest.mark.parametrize("batches", [lambda d: mixed_batches(d, 16, 0), sorted_batches])
def test_no_batches_are_autotuned_for_an_epoch_would_wait_for_it_to_wake(
    tiny_dataset: Dataset, batches: Callable[[Labelled], tf.data.Dataset]
) -> None:
    data = encoded(tiny_dataset, "train", **preparation(TINY))
    assert batches(data).options().autotune.enabled is False


def test_the_mistakes_are_the_most_confident_ones_in_the_words_of_the_text(
    tiny_dataset: Dataset,
) -> None:
    labels = tiny_dataset.labels("validation")
    n = len(labels)
    of_label = np.full(n, 0.9)
    of_label[:12] = np.linspace(0.01, 0.12, 12)  # twelve mistakes, the first the worst
    probabilities = np.empty((n, 2))
    probabilities[np.arange(n), labels] = of_label
    probabilities[np.arange(n), 1 - labels] = 1 - of_label

    found = mistakes(probabilities, tiny_dataset)

    assert [round(mistake.probability, 2) for mistake in found] == [
        round(0.99 - i / 100, 2) for i in range(10)
    ]
    for row, mistake in enumerate(found):
        assert mistake.label == tiny_dataset.classes[labels[row]]
        assert mistake.predicted == tiny_dataset.classes[1 - labels[row]]
        words = decode(tiny_dataset.tokens("validation")[row], tiny_dataset.vocabulary())
        assert mistake.text == " ".join(words[: len(mistake.text.split(" "))])


def test_an_epoch_tells_when_its_first_batch_was_through(
    once: tuple[Evaluation, list[EpochRecord]],
) -> None:
    seconds = [epoch.first_batch_seconds for epoch in once[1]]
    assert None not in seconds
    assert all(0 < s < epoch.seconds for s, epoch in zip(seconds, once[1], strict=True))
    assert seconds[0] == max(seconds)  # it traces the graph


@pytest.mark.usefixtures("bag_of_words")
def test_a_step_of_training_is_traced_once(
    tiny_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    traced, original = [], keras.Model.train_step

    def train_step(model: keras.Model, batch: object) -> object:
        traced.append(batch)
        return original(model, batch)

    monkeypatch.setattr(keras.Model, "train_step", train_step)
    run(tiny_dataset, train__epochs=2)
    assert len(traced) == 1


def embedding_of(model: keras.Model) -> np.ndarray:
    (layer,) = [one for one in model.layers if isinstance(one, keras.layers.Embedding)]
    return np.asarray(layer.get_weights()[0])


@pytest.mark.parametrize("family", EMBEDS_WORDS)
def test_an_embedding_begins_with_the_vectors_of_its_words(
    family: str, tiny_dataset: Dataset
) -> None:
    params = {**defaults(space_of(family)), "text.vocab_size": 500, f"{family}.embedding_dim": 8}
    training = encoded(tiny_dataset, "train", **preparation(params))
    vectors = any_vectors(tiny_dataset)
    vectors[3] = 0  # a word that has none
    keras.utils.set_random_seed(0)
    table = embedding_of(build(params, family, 2, training, vectors))
    keras.utils.set_random_seed(0)
    untouched = embedding_of(build(params, family, 2, training))
    words = np.r_[4:7, 8:500]
    expected = vectors[words - 4, :8]
    np.testing.assert_allclose(table[words], expected * (0.3 / expected.std()), rtol=1e-5)
    for row in (0, 1, 2, 3, 7):  # the reserved ids, and that word
        np.testing.assert_array_equal(table[row], untouched[row])


def test_what_the_vectors_lack_begins_at_random(tiny_dataset: Dataset) -> None:
    params = {**TINY, "lstm.embedding_dim": 20}
    training = encoded(tiny_dataset, "train", **preparation(params))
    table = embedding_of(build(params, "lstm", 2, training, any_vectors(tiny_dataset)[:100]))
    assert np.abs(table[104:]).max() <= 0.05  # fewer words than the vocabulary
    assert np.abs(table[:, 16:]).max() <= 0.05  # and fewer numbers than the embedding
    assert table[4:104, :16].std() == pytest.approx(0.3, rel=1e-3)


def test_a_family_without_an_embedding_of_words_cannot_begin_with_vectors(
    tiny_dataset: Dataset,
) -> None:
    params = {**defaults(space_of("nbsvm")), "text.vocab_size": 500, "nbsvm.max_ngrams": 5_000}
    training = encoded(tiny_dataset, "train", **preparation(params))
    with pytest.raises(TrialFailed, match="needs an embedding of 500 words, but there is none"):
        build(params, "nbsvm", 2, training, any_vectors(tiny_dataset))


def test_a_trial_learns_from_the_vectors_that_its_values_name(
    tiny_dataset: Dataset, bag_of_words: None
) -> None:
    data = with_array(tiny_dataset, "text.vectors=counted", any_vectors(tiny_dataset))
    random, counted = (run(data, text__vectors=value)[1] for value in ("random", "counted"))
    assert numbers(random) != numbers(counted)
    with pytest.raises(RuntimeError, match=r"text\.vectors=counted was to be made"):
        run(tiny_dataset, text__vectors="counted")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_of_a_taught_training_the_loss_is_over_all_texts_and_the_accuracy_over_labelled_ones(
    n_classes: int,
) -> None:
    """With a step size of zero, both are those of the model as it was."""
    chance = np.random.default_rng(0)
    rows = [pack([chance.integers(4, 50, 9).astype(np.int32) for _ in range(n)]) for n in (40, 30)]
    own = Labelled(rows[0], chance.integers(0, n_classes, 40).astype(np.int32))
    labels = chance.dirichlet(np.ones(n_classes), 30).astype(np.float32)
    both = with_teacher(own, rows[1], labels, 30)
    epochs: list[EpochRecord] = []
    model = build_bag_of_words(50, 9, n_classes, True)
    values = {"epochs": 1, "batch_size": 7, "learning_rate": 0.0, "patience": 1}
    train(model, both, own, seed=0, on_epoch=epochs.append, **values)
    probabilities = predict(model, Labelled(chain(*rows), np.zeros(70, np.int32)))
    wanted = np.concatenate([np.eye(n_classes)[own.labels], labels])
    assert epochs[0].train_loss == pytest.approx(-(wanted * np.log(probabilities)).sum(1).mean())
    accuracy = float((probabilities[:40].argmax(1) == own.labels).mean())
    assert epochs[0].train_accuracy == pytest.approx(accuracy)
    assert epochs[0].val_accuracy == pytest.approx(accuracy)


def test_a_trial_learns_from_its_teacher(
    tiny_dataset: Dataset, tmp_path: Path, bag_of_words: None
) -> None:
    """A teacher that knows better than our few labels: it knows those of validation."""
    data = with_unlabelled(tiny_dataset, tmp_path / "data")
    knows = np.eye(2, dtype=np.float32)[data.labels("validation")] * 0.9 + 0.05
    data = with_array(data, "train.teacher=nbsvm", knows)
    changes: dict[str, Value] = {"train__epochs": 10, "train__patience": 10}
    alone = run(data, **changes)[0].score.val_accuracy
    with_it = run(data, train__teacher="nbsvm", **changes)[0].score.val_accuracy
    assert with_it == 1.0 > alone


def test_the_strength_says_how_many_of_the_teachers_texts_an_epoch_has(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    data = with_unlabelled(tiny_dataset, tmp_path / "data")
    data = with_array(data, "train.teacher=nbsvm", any_labels(data))
    training = encoded(data, "train", **preparation(TINY))
    assert taught(training, TINY, data) is training
    for strength, n_drawn in ((0.125, 12), (0.25, 24), (4.0, 24)):
        values = {**TINY, "train.teacher": "nbsvm", "train.teacher_strength": strength}
        assert taught(training, values, data).n_per_epoch == 96 + n_drawn
