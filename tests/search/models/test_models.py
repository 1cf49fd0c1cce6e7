"""What every family keeps, and the layers they share."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from search.datasets.batches import Labelled, pack
from search.models import builder
from search.models.fused import loops_only
from search.models.gru import TailMaskedGRU
from search.models.layers import (
    FlattenSteps,
    MaskedConv1D,
    MaxPoolSteps,
    PoolSteps,
    ReverseSteps,
    TailMaskedLSTM,
)
from search.models.ngrams import NaiveBayesNgrams
from search.models.text_layer import with_text
from search.system.keras_backend import keras, tf
from search.training.trial import build
from spaces.families import FAMILIES
from spaces.ranges import Choice, Float, Int, Range, Value, defaults, take
from spaces.text import TEXT

FAMILY = pytest.mark.parametrize("family", FAMILIES)
N_TOKENS, MAXLEN = 30, 40


def small(name: str, range_: Range) -> Value:
    """Take the smallest numbers, so that a model is built in a moment, but some dropout."""
    match range_:
        case Int():
            return range_.low
        case Float():
            return min(0.3, range_.high) if name.endswith("dropout") else range_.low
        case Choice():
            return range_.default


def variants() -> list[Any]:
    """Each family small, with each option of each choice, and once with two layers."""
    found = []
    for family, space in FAMILIES.items():
        base = {name: small(name, range_) for name, range_ in space.items()}
        changes = [
            {name: option}
            for name, range_ in space.items()
            if isinstance(range_, Choice)
            for option in range_.options
        ]
        base = {name: 1 if name.endswith(".layers") else base[name] for name in base}
        changes += [{name: 2} for name in space if name.endswith(".layers")]
        for change in changes or [{}]:
            label = "-".join(f"{name.rpartition('.')[2]}={change[name]}" for name in change)
            params = take({**base, **change}, family)
            found.append(pytest.param(family, params, id=f"{family}-{label}"))
    return found


VARIANTS = pytest.mark.parametrize(("family", "params"), variants())


def make(
    family: str,
    params: dict[str, Value],
    n_classes: int = 2,
    *,
    masked: bool = True,
    maxlen: int = MAXLEN,
) -> keras.Model:
    """Build a model as a trial does, on thirty random texts, from the same weights each time."""
    keras.utils.set_random_seed(0)  # by chance all of a few rectified units answer nothing
    values = {f"{family}.{name}": value for name, value in params.items()}
    text = {**defaults(TEXT), "text.vocab_size": N_TOKENS, "text.maxlen": maxlen}
    padding = {"text.padding": "bucket" if masked else "full"}
    rows = pack([batch(length, seed=length)[0] for length in range(1, 31)])
    labels = np.arange(30, dtype=np.int32) % n_classes
    model = build({**values, **text, **padding}, family, n_classes, Labelled(rows, labels))
    for layer in model.layers:
        if isinstance(layer, NaiveBayesNgrams):  # they begin at zero: it would know one answer
            layer.scales.assign(np.full(layer.scales.shape, 0.1))
    return model


@functools.cache
def _to_read(family: str, params: tuple[tuple[str, Value], ...]) -> keras.Model:
    model = make(family, dict(params))
    eager = model.call
    shape = tf.TensorSpec((None, None), tf.int32)
    traced = tf.function(lambda ids: eager(ids, training=False), input_signature=[shape])
    model.call = lambda ids, training=None, mask=None: (
        eager(ids, training=True) if training else traced(ids)
    )
    return model


def to_read(family: str, params: dict[str, Value]) -> keras.Model:
    """Return a model that nobody may train, one for all tests.

    It predicts in a graph, as a trial does. Outside of one a recurrent model takes a second for a
    few texts.
    """
    return _to_read(family, tuple(params.items()))


def batch(*lengths: int, seed: int = 0) -> NDArray[np.int32]:
    """Rows of these lengths, padded behind to the longest."""
    generator = np.random.default_rng(seed)
    ids = np.zeros((len(lengths), max(lengths)), dtype=np.int32)
    for row, length in zip(ids, lengths, strict=True):
        row[:length] = generator.integers(1, N_TOKENS, length)
    return ids


@FAMILY
def test_every_family_has_a_builder(family: str) -> None:
    assert callable(builder(family))


@FAMILY
def test_a_builder_takes_exactly_what_its_space_offers(family: str) -> None:
    parameters = inspect.signature(builder(family)).parameters.values()
    keywords = {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert keywords == set(take(defaults(FAMILIES[family]), family))
    assert all(p.default is inspect.Parameter.empty for p in parameters)


@FAMILY
@pytest.mark.parametrize(("n_classes", "n_outputs"), [(2, 1), (5, 5)])
@pytest.mark.parametrize("masked", [True, False])
def test_the_defaults_build_a_classifier_of_any_number_of_classes(
    family: str, n_classes: int, n_outputs: int, masked: bool
) -> None:
    params = take(defaults(FAMILIES[family]), family)
    model = make(family, params, n_classes, masked=masked)
    assert model.output_shape == (None, n_outputs)
    probabilities = model(batch(9, 4, 1)).numpy()
    assert probabilities.shape == (3, n_outputs)
    assert ((probabilities > 0) & (probabilities < 1)).all()
    if n_outputs > 1:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)


@VARIANTS
def test_a_model_is_saved_and_loaded_in_safe_mode(
    family: str, params: dict[str, Value], tmp_path: Path
) -> None:
    model = make(family, params)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    ids = batch(9, 4, 1)
    np.testing.assert_array_equal(loaded(ids), model(ids))


@VARIANTS
def test_a_prediction_does_not_depend_on_its_neighbours(
    family: str, params: dict[str, Value]
) -> None:
    model = to_read(family, params)
    together = batch(25, 7, 1, 12)
    expected = model(together).numpy()
    for row, length in ((1, 7), (2, 1), (3, 12)):
        alone = model(together[row : row + 1, :length]).numpy()
        np.testing.assert_allclose(alone[0], expected[row], rtol=0, atol=1e-6)
    swapped = np.concatenate([batch(40, seed=1), np.pad(together[1:], ((0, 0), (0, 15)))])
    np.testing.assert_allclose(model(swapped)[1:], expected[1:], rtol=0, atol=1e-6)


@VARIANTS
def test_a_prediction_depends_on_the_words(family: str, params: dict[str, Value]) -> None:
    model = to_read(family, params)
    predictions = model(np.concatenate([batch(9, seed=seed) for seed in range(4)])).numpy()
    assert len(np.unique(predictions)) == 4


@VARIANTS
def test_dropout_acts_in_training_only(family: str, params: dict[str, Value]) -> None:
    model = to_read(family, params)
    ids = batch(9, 4)
    np.testing.assert_array_equal(model(ids, training=False), model(ids, training=False))
    first, second = (model(ids, training=True).numpy() for _ in range(2))
    drops = any(name.endswith("dropout") for name in params)
    assert (first != second).any() == drops


@VARIANTS
def test_a_step_of_training_moves_every_weight_that_is_trained(
    family: str, params: dict[str, Value]
) -> None:
    no_dropout = {name: 0.0 for name in params if name.endswith("dropout")}
    model = make(family, {**params, **no_dropout}, 3)
    # Each model's graph would be traced for one step.
    model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy", run_eagerly=True)
    before = [weights.numpy() for weights in model.trainable_weights]
    loss = model.train_on_batch(batch(9, 4, 9), np.array([0, 1, 2]))
    assert np.isfinite(loss)
    for weights, earlier in zip(model.trainable_weights, before, strict=True):
        assert (weights.numpy() != earlier).any(), weights.path


VOCABULARY = [f"word{number}" for number in range(N_TOKENS - 4)]
EXTREME = {
    "empty": "",
    "one word": "word1",
    "unknown words only": "never seen before",
    "a hundred thousand words": "word1 word2 word3 word4 " * 25_000,
}


@VARIANTS
@pytest.mark.parametrize(("padding", "maxlen"), [("bucket", MAXLEN), ("full", 1)])
def test_texts_of_any_length_go_through_every_family(
    family: str, params: dict[str, Value], padding: str, maxlen: int
) -> None:
    model = (
        to_read(family, params)
        if padding == "bucket"
        else make(family, params, masked=False, maxlen=maxlen)
    )
    text = {"vocab_size": N_TOKENS, "maxlen": maxlen, "truncating": "post", "padding": padding}
    whole = with_text(model, VOCABULARY, **text)
    probabilities = whole(tf.constant(list(EXTREME.values()))).numpy()
    assert ((probabilities > 0) & (probabilities < 1)).all()
    for one, expected in zip(EXTREME.values(), probabilities, strict=True):
        alone = whole(tf.constant([one])).numpy()[0]
        np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-6)


PAIRS = {
    "lstm": (keras.layers.LSTM, TailMaskedLSTM),
    "lstm in a loop": (keras.layers.LSTM, TailMaskedLSTM),
    "gru": (keras.layers.GRU, TailMaskedGRU),
}


@pytest.fixture(params=PAIRS)
def kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """A recurrent layer of ours; inside the test, layers run as it says."""
    with loops_only() if "loop" in request.param else contextlib.nullcontext():
        yield request.param


def pair(kind: str, **options: Any) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Keras' layer and ours with the same weights."""
    plain, ours = (layer(6, **options) for layer in PAIRS[kind])
    for layer in (plain, ours):
        layer.build((None, None, 3))
    ours.set_weights(plain.get_weights())
    return plain, ours


def steps_and_mask(*lengths: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    shape = (len(lengths), max(lengths), 3)
    steps = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return steps, np.arange(max(lengths)) < np.array(lengths)[:, None]


LENGTHS = pytest.mark.parametrize("lengths", [(8, 5, 1), (6, 6, 6), (1,), (1, 1), (9, 8)], ids=str)


@LENGTHS
@pytest.mark.parametrize("return_sequences", [True, False])
def test_a_tail_masked_layer_gives_what_the_layer_of_keras_gives(
    kind: str, lengths: tuple[int, ...], return_sequences: bool
) -> None:
    plain, ours = pair(kind, return_sequences=return_sequences)
    steps, mask = steps_and_mask(*lengths)
    expected, given = plain(steps, mask=mask).numpy(), ours(steps, mask=mask).numpy()
    assert given.shape == expected.shape
    if return_sequences:  # behind the end of a row the outputs are left undefined
        expected, given = expected[mask], given[mask]
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-6)


def test_a_tail_masked_layer_without_a_mask_is_the_layer_of_keras(kind: str) -> None:
    plain, ours = pair(kind, return_sequences=True)
    steps, _ = steps_and_mask(8, 8)
    np.testing.assert_allclose(ours(steps), plain(steps), rtol=0, atol=1e-6)


@LENGTHS
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_a_tail_masked_layer_learns_as_the_layer_of_keras(
    kind: str, lengths: tuple[int, ...], pooling: str
) -> None:
    plain, ours = pair(kind, return_sequences=pooling != "last")
    steps, mask = steps_and_mask(*lengths)
    before = plain.get_weights()
    for layer in (plain, ours):
        with tf.GradientTape() as tape:
            states = layer(steps, mask=mask)
            pooled = states if pooling == "last" else PoolSteps(pooling)(states, mask=mask)
            loss = tf.reduce_sum(tf.square(pooled - 0.5))
        optimizer = keras.optimizers.SGD(0.1)
        weights = layer.trainable_weights
        optimizer.apply(tape.gradient(loss, weights), weights)
    assert (plain.get_weights()[0] != before[0]).any()
    for expected, given in zip(plain.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(given, expected, rtol=0, atol=1e-6)


def operations(function: Any) -> set[str]:
    """The kinds of operations in a traced function."""
    graph = function.graph.as_graph_def()
    functions = (one.node_def for one in graph.library.function)
    return {node.op for nodes in (graph.node, *functions) for node in nodes}


def traced(layer: keras.layers.Layer, *, training: bool = False) -> Any:
    """A layer over (batch, length, 3) as a graph."""
    signature = [tf.TensorSpec((None, None, 3)), tf.TensorSpec((None, None), tf.bool)]
    called = tf.function(
        lambda steps, mask: layer(steps, mask=mask, training=training), input_signature=signature
    )
    return called.get_concrete_function()


@pytest.mark.parametrize(
    ("options", "training", "fused"),
    [
        ({}, True, True),
        ({"dropout": 0.3}, True, True),
        ({"recurrent_dropout": 0.3}, False, True),
        ({"recurrent_dropout": 0.3}, True, False),
        ({"activation": "relu"}, False, False),
        ({"recurrent_activation": "hard_sigmoid"}, False, False),
        ({"use_bias": False}, False, False),
        ({"dtype": "mixed_bfloat16"}, False, False),
        ({"go_backwards": True}, False, False),
    ],
    ids=str,
)
def test_an_lstm_is_one_operation_where_that_computes_the_same(
    options: dict[str, Any], training: bool, fused: bool
) -> None:
    layer = TailMaskedLSTM(6, **options)
    layer.build((None, None, 3))
    found = operations(traced(layer, training=training))
    assert ("BlockLSTM" in found, "While" in found) == (fused, not fused)
    with loops_only():
        assert "BlockLSTM" not in operations(traced(layer, training=training))


def learnt(layer: keras.layers.Layer, steps: Any, mask: Any, state: Any) -> list[Any]:
    """Outputs at the real steps, final states, and the gradients of all that goes in."""
    keras.utils.set_random_seed(0)  # equal masks of dropout
    steps = tf.constant(steps)
    with tf.GradientTape() as tape:
        tape.watch((steps, *state))
        outputs, *final = layer(steps, mask=mask, initial_state=list(state), training=True)
        real = tf.where(mask[:, :, None], outputs, 0.0) if layer.return_sequences else outputs
        loss = sum(tf.reduce_sum(tf.square(one - 0.3)) for one in (real, *final))
    return [real, *final, *tape.gradient(loss, [steps, *state, *layer.trainable_weights])]


@hypothesis.settings(deadline=None, max_examples=15)
@hypothesis.given(
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    n_features=st.integers(1, 7),
    units=st.integers(1, 9),
    dropout=st.sampled_from([0.0, 0.4]),
    return_sequences=st.booleans(),
    seed=st.integers(0, 99),
)
def test_an_lstm_learns_as_that_of_keras_whatever_its_shapes(
    lengths: list[int],
    n_features: int,
    units: int,
    dropout: float,
    return_sequences: bool,
    seed: int,
) -> None:
    chance = np.random.default_rng(seed)
    length = max(lengths)
    steps = chance.normal(size=(len(lengths), length, n_features)).astype(np.float32)
    mask = tf.constant(np.arange(length) < np.array(lengths)[:, None])
    state = [tf.constant(chance.normal(size=(len(lengths), units)), tf.float32) for _ in range(2)]
    options = {"dropout": dropout, "return_sequences": return_sequences, "return_state": True}
    results = []
    for kind in (keras.layers.LSTM, TailMaskedLSTM):
        keras.utils.set_random_seed(seed)
        results.append(learnt(kind(units, **options, seed=seed), steps, mask, state))
    for expected, given in zip(*results, strict=True):
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(given, expected, rtol=0, atol=1e-6 * scale)


def test_an_lstm_has_seen_nothing_in_a_row_without_steps() -> None:
    plain, ours = pair("lstm", return_sequences=False)
    steps, mask = steps_and_mask(3, 0)
    np.testing.assert_allclose(ours(steps, mask=mask), plain(steps, mask=mask), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(ours(steps, mask=mask)[1], np.zeros(6))


def test_a_state_of_another_batch_is_refused_and_the_process_lives() -> None:
    layer = TailMaskedLSTM(6)
    steps, mask = steps_and_mask(3, 2)
    with pytest.raises(tf.errors.InvalidArgumentError):
        layer(steps, mask=mask, initial_state=[np.zeros((3, 6), np.float32)] * 2)


def test_the_tail_masked_lstm_trains_in_a_graph_as_in_a_model() -> None:
    """Compiled `fit` over batches of different lengths is what a trial runs."""
    batches = tf.data.Dataset.from_generator(
        lambda: ((batch(*n), np.array([1, 0, 1])) for n in ((9, 4, 2), (5, 5, 5), (3, 1, 2))),
        output_signature=(tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)),
    ).apply(tf.data.experimental.assert_cardinality(3))
    results = []
    for layer in (keras.layers.LSTM, TailMaskedLSTM):
        keras.utils.set_random_seed(0)
        ids = keras.Input((None,), dtype="int32")
        states = keras.layers.Embedding(N_TOKENS, 3, mask_zero=True)(ids)
        states = layer(4, return_sequences=True)(states)
        states = layer(4)(states)
        model = keras.Model(ids, keras.layers.Dense(1, activation="sigmoid")(states))
        model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", jit_compile=False)
        model.fit(batches, shuffle=False, verbose=0)
        results.append(model.get_weights())
    for expected, given in zip(*results, strict=True):
        np.testing.assert_allclose(given, expected, rtol=0, atol=1e-5)


@LENGTHS
@pytest.mark.parametrize("how", ["mean", "max"])
def test_pooling_is_that_of_numpy_over_the_real_steps(lengths: tuple[int, ...], how: str) -> None:
    steps, mask = steps_and_mask(*lengths)
    pooled = PoolSteps(how)(steps, mask=mask).numpy()
    pool = {"mean": np.mean, "max": np.max}[how]
    expected = [pool(row[:length], axis=0) for row, length in zip(steps, lengths, strict=True)]
    np.testing.assert_allclose(pooled, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("how", ["mean", "max"])
def test_pooling_without_a_mask_takes_every_step(how: str) -> None:
    steps, _ = steps_and_mask(7, 7)
    expected = {"mean": np.mean, "max": np.max}[how](steps, axis=1)
    np.testing.assert_allclose(PoolSteps(how)(steps), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("how", ["mean", "max"])
def test_what_stands_behind_the_end_of_a_row_does_not_matter_to_pooling(how: str) -> None:
    steps, mask = steps_and_mask(8, 3)
    changed = np.where(mask[..., None], steps, np.float32(1e6))
    np.testing.assert_array_equal(
        PoolSteps(how)(changed, mask=mask), PoolSteps(how)(steps, mask=mask)
    )


def test_steps_are_turned_around_in_front_of_their_padding() -> None:
    steps, mask = steps_and_mask(5, 3, 1)
    turned = ReverseSteps()(steps, mask=mask).numpy()
    for row, length in enumerate((5, 3, 1)):
        np.testing.assert_array_equal(turned[row, :length], steps[row, :length][::-1])
        np.testing.assert_array_equal(turned[row, length:], steps[row, length:])
    np.testing.assert_array_equal(ReverseSteps()(steps), steps[:, ::-1])


@LENGTHS
def test_an_lstm_between_two_reversals_is_the_backward_half_of_keras(
    lengths: tuple[int, ...],
) -> None:
    both = keras.layers.Bidirectional(keras.layers.LSTM(6, return_sequences=True))
    steps, mask = steps_and_mask(*lengths)
    expected = both(steps, mask=mask).numpy()[..., 6:]
    ours = TailMaskedLSTM(6, return_sequences=True)
    ours.build(steps.shape)
    ours.set_weights(both.backward_layer.get_weights())
    reverse = ReverseSteps()
    given = reverse(ours(reverse(steps, mask=mask), mask=mask), mask=mask).numpy()
    np.testing.assert_allclose(given[mask], expected[mask], rtol=0, atol=1e-6)


@pytest.mark.parametrize("pool_size", [1, 2, 3, 8])
def test_pooled_steps_are_those_of_each_row_alone(pool_size: int) -> None:
    steps, mask = steps_and_mask(8, 5, 3, 1)
    layer = MaxPoolSteps(pool_size)
    pooled = layer(steps, mask=mask).numpy()
    left = layer.compute_mask(steps, tf.constant(mask)).numpy()
    for row, length in enumerate((8, 5, 3, 1)):
        expected = [
            steps[row, start : min(start + pool_size, length)].max(axis=0)
            for start in range(0, length, pool_size)
        ]
        assert left[row].sum() == len(expected)
        np.testing.assert_array_equal(pooled[row, : len(expected)], expected)
    if 8 % pool_size == 0:
        plain = keras.layers.MaxPooling1D(pool_size)(steps)
        np.testing.assert_array_equal(layer(steps), plain)


def test_a_masked_convolution_sees_nothing_behind_the_end_of_a_row() -> None:
    layer = MaskedConv1D(4, 3, padding="same")
    steps, mask = steps_and_mask(8, 5)
    together = layer(steps, mask=mask).numpy()
    np.testing.assert_allclose(layer(steps[1:, :5]).numpy()[0], together[1, :5], atol=1e-6)
    plain = keras.layers.Conv1D(4, 3, padding="same")
    plain.build(steps.shape)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(steps), plain(steps), atol=1e-6)


def test_flattened_steps_stand_at_their_place_with_zeros_behind() -> None:
    steps, mask = steps_and_mask(4, 2)
    flat = FlattenSteps(6)(steps, mask=mask).numpy().reshape(2, 6, 3)
    np.testing.assert_array_equal(flat[0, :4], steps[0])
    np.testing.assert_array_equal(flat[1, :2], steps[1, :2])
    assert not flat[0, 4:].any()
    assert not flat[1, 2:].any()
