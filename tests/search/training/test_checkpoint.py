"""A training that is continued from its checkpoint ends as one that was never stopped."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from search.datasets.cache import Dataset
from search.system.keras_backend import keras
from search.training import checkpoint
from search.training.checkpoint import Checkpoint, TrainingState, open_checkpoint
from search.training.refit import refit
from search.training.reproduce import reproduce
from search.training.trial import Evaluation, evaluate
from search.workers import worker_main
from search.workers.tasks import Task
from spaces.families import space_of
from spaces.ranges import Params, Value, defaults
from tests.builders import build_epochs
from tests.learned import any_labels, any_vectors, with_array, with_unlabelled
from tests.search.training.test_trial import numbers
from tracking.records import ArrayRecord, EpochRecord, RungRecord

RECURRENT = {"embedding_dim": 8, "units": 4, "dropout": 0.2, "recurrent_dropout": 0.2}
FAMILIES: dict[str, dict[str, Value]] = {
    "bilstm": RECURRENT,
    "cnn": {"embedding_dim": 8, "filters": 8},
    "lstm": RECURRENT,
    "nbsvm": {"max_ngrams": 5_000},
    "ngram": {"embedding_dim": 8, "max_ngrams": 5_000},
}
TINY: dict[str, Value] = {
    "text.vocab_size": 500,
    "text.maxlen": 12,
    "train.epochs": 4,
    "train.batch_size": 32,
    "train.learning_rate": 0.01,
    "train.patience": 4,
}
N = 4
OTHER = ArrayRecord("other.npy", "0" * 16, "a test")
OnEpoch = Callable[[EpochRecord], None]


class Killed(BaseException):
    """Ends a training as a kill does: nothing catches it."""


@pytest.fixture(autouse=True)
def _each_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)


def params_of(family: str, **changes: Value) -> dict[str, Value]:
    own = {f"{family}.{name}": value for name, value in FAMILIES[family].items()}
    changed = {name.replace("__", "."): value for name, value in changes.items()}
    return {**defaults(space_of(family)), **TINY, **own, **changed}


def run(
    data: Dataset,
    params: Params,
    file: Path | None = None,
    *,
    family: str = "cnn",
    seed: int = 1,
    until: int | None = None,
) -> tuple[Evaluation, list[EpochRecord]]:
    """Train as a process of its own does.

    Args:
        until: the epoch after which it is killed.
    """
    keras.backend.clear_session()
    epochs: list[EpochRecord] = []

    def on_epoch(epoch: EpochRecord) -> None:
        epochs.append(epoch)
        if epoch.epoch == until:
            raise Killed

    return evaluate(params, family, data, seed, on_epoch, checkpoint=file), epochs


def stop(data: Dataset, params: Params, file: Path, *, after: int, family: str = "cnn") -> None:
    with pytest.raises(Killed):
        run(data, params, file, family=family, until=after)


def variables(model: keras.Model) -> list[np.ndarray]:
    return [variable.numpy() for variable in (*model.variables, *model.optimizer.variables)]


def assert_same_model(one: keras.Model, other: keras.Model) -> None:
    """Compare all numbers, the states of the seed generators among them."""
    for first, second in zip(variables(one), variables(other), strict=True):
        np.testing.assert_array_equal(first, second)


def assert_same(
    one: tuple[Evaluation, list[EpochRecord]], other: tuple[Evaluation, list[EpochRecord]]
) -> None:
    assert_same_model(one[0].model, other[0].model)
    assert one[0].probabilities.tobytes() == other[0].probabilities.tobytes()
    assert one[0].score == other[0].score
    assert numbers(one[1]) == numbers(other[1])


@pytest.fixture(scope="module")
def whole(tiny_dataset: Dataset) -> tuple[Evaluation, list[EpochRecord]]:
    return run(tiny_dataset, params_of("cnn"))


@pytest.mark.parametrize("family", ["bilstm", "cnn", "nbsvm", "ngram"])  # lstm: below
def test_a_continued_training_is_equal_to_the_last_bit(
    family: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    params, file = params_of(family), tmp_path / "checkpoint.npz"
    stop(tiny_dataset, params, file, family=family, after=2)
    continued = run(tiny_dataset, params, file, family=family)
    assert [epoch.epoch for epoch in continued[1]] == [1, 2, 3, 4]
    assert_same(continued, run(tiny_dataset, params, family=family))


RECIPES: dict[str, dict[str, Value]] = {
    "constant": {"train__schedule": "constant", "train__global_clipnorm": 0.0},
    "averaged": {"train__ema_momentum": 0.9},
    "decayed": {"train__weight_decay": 0.1, "train__label_smoothing": 0.2},
    "all": {
        "train__ema_momentum": 0.5,
        "train__weight_decay": 0.1,
        "train__label_smoothing": 0.1,
        "train__global_clipnorm": 0.1,
    },
}


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("after", [1, 3])
def test_a_training_by_any_recipe_is_continued_to_the_last_bit(
    recipe: str, after: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    params, file = params_of("cnn", **RECIPES[recipe]), tmp_path / "checkpoint.npz"
    stop(tiny_dataset, params, file, after=after)
    continued = run(tiny_dataset, params, file)
    assert [epoch.epoch for epoch in continued[1]] == [1, 2, 3, 4]
    assert_same(continued, run(tiny_dataset, params))


@pytest.mark.parametrize("pooling", ["last", "max_mean"])
def test_an_lstm_in_one_operation_is_continued_to_the_last_bit(
    pooling: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    own = {"bilstm__recurrent_dropout": 0.0, "bilstm__pooling": pooling, "train__epochs": 2}
    params, file = params_of("bilstm", **own), tmp_path / "checkpoint.npz"
    stop(tiny_dataset, params, file, family="bilstm", after=1)
    continued = run(tiny_dataset, params, file, family="bilstm")
    assert_same(continued, run(tiny_dataset, params, family="bilstm"))


def test_a_schedule_over_other_epochs_is_another_training(
    tiny_dataset: Dataset, tmp_path: Path, whole: tuple[Evaluation, list[EpochRecord]]
) -> None:
    file = tmp_path / "checkpoint.npz"
    run(tiny_dataset, params_of("cnn", train__epochs=2), file)
    assert_same(run(tiny_dataset, params_of("cnn"), file), whole)
    assert len(state_of(file)["epochs"]) == N


def test_a_training_can_be_stopped_after_each_epoch(
    tiny_dataset: Dataset, tmp_path: Path, whole: tuple[Evaluation, list[EpochRecord]]
) -> None:
    params, file = params_of("cnn"), tmp_path / "checkpoint.npz"
    for epoch in range(1, N + 1):
        stop(tiny_dataset, params, file, after=epoch)
    assert_same(run(tiny_dataset, params, file), whole)


def _evaluate(pipe: Connection, task: Task) -> None:
    checkpoint.SECONDS_BETWEEN = 0.0  # this process is new
    worker_main.run(pipe, task)


def evaluated(task: Task, until: int | None = None) -> list[Any]:
    """Do a task in a process of its own; give the epochs and what it ended with.

    Args:
        until: the epoch after which the process is killed.
    """
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_evaluate, args=(theirs, task))
    process.start()
    theirs.close()
    events: list[Any] = [ours.recv()]
    while isinstance(events[-1], EpochRecord) and events[-1].epoch != until:
        ours.send(True)
        events.append(ours.recv())
    process.kill()
    process.join()
    return events


def test_a_new_process_continues_what_a_killed_one_left(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    params, whole = params_of("lstm"), tmp_path / "whole.npz"
    task = Task(params, "lstm", tiny_dataset, 1, tmp_path / "trial")
    task.folder.mkdir()
    evaluated(task, until=2)
    *epochs, score = evaluated(task)
    expected, wanted = run(tiny_dataset, params, whole, family="lstm")
    assert numbers(epochs) == numbers(wanted)
    assert score == expected.score
    assert np.load(task.predictions).tobytes() == expected.probabilities.tobytes()
    with np.load(task.checkpoint) as found, np.load(whole) as arrays:
        assert found.files == arrays.files
        for name in arrays.files[1:]:  # after the last epoch; the first holds seconds
            np.testing.assert_array_equal(found[name], arrays[name])


@pytest.mark.parametrize("after", [1, 2, 3])
def test_patience_goes_on_where_it_was(after: int, tiny_dataset: Dataset, tmp_path: Path) -> None:
    """A model that learns nothing is stopped after epoch 3, and its best epoch is the first."""
    params = params_of("cnn", train__patience=2, train__learning_rate=1e-12)
    file = tmp_path / "checkpoint.npz"
    stop(tiny_dataset, params, file, after=after)
    continued = run(tiny_dataset, params, file)
    assert [epoch.epoch for epoch in continued[1]] == [1, 2, 3]
    assert continued[0].score.best_epoch == 1
    assert_same(continued, run(tiny_dataset, params))


def test_a_training_without_a_part_held_out_is_continued(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    params, file = params_of("cnn"), tmp_path / "checkpoint.npz"
    seen: list[EpochRecord] = []

    def train(file: Path | None, on_epoch: OnEpoch) -> keras.Model:
        keras.backend.clear_session()
        return refit(params, "cnn", tiny_dataset, 1, on_epoch, epochs=3, checkpoint=file)

    with pytest.raises(Killed):
        train(file, killing(2))
    continued = train(file, seen.append)
    assert [epoch.epoch for epoch in seen] == [1, 2, 3]
    assert_same_model(continued, train(None, lambda epoch: None))


def test_a_reproduction_is_continued(
    tiny_csv_with_test: Path, cache_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.datasets import cache

    monkeypatch.setenv("SEQSEARCH_CACHE", str(cache_folder))
    data = cache.load(str(tiny_csv_with_test), lambda line: None)
    file = tmp_path / "checkpoint.npz"

    def train(file: Path | None, on_epoch: OnEpoch) -> tuple[float, float]:
        keras.backend.clear_session()
        evaluation = reproduce(
            params_of("cnn"), "cnn", data, 1, on_epoch, by="official", checkpoint=file
        )
        return evaluation.accuracy, evaluation.loss

    seen: list[EpochRecord] = []
    with pytest.raises(Killed):
        train(file, killing(2))
    assert train(file, seen.append) == train(None, lambda epoch: None)
    assert [epoch.epoch for epoch in seen] == [1, 2, 3, 4]


def killing(epoch: int) -> OnEpoch:
    def on_epoch(record: EpochRecord) -> None:
        if record.epoch == epoch:
            raise Killed

    return on_epoch


def test_a_continued_training_reports_the_epochs_that_are_done_with_their_own_seconds(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    params, file = params_of("cnn"), tmp_path / "checkpoint.npz"
    first: list[EpochRecord] = []

    def on_epoch(epoch: EpochRecord) -> None:
        first.append(epoch)
        killing(2)(epoch)

    with pytest.raises(Killed):
        evaluate(params, "cnn", tiny_dataset, 1, on_epoch, checkpoint=file)
    _, epochs = run(tiny_dataset, params, file)
    assert epochs[:2] == first


def test_an_epoch_is_in_the_checkpoint_before_it_is_reported(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoint.npz"
    counts: list[int] = []

    def on_epoch(epoch: EpochRecord) -> None:
        counts.append(len(state_of(file)["epochs"]))

    evaluate(params_of("cnn"), "cnn", tiny_dataset, 1, on_epoch, checkpoint=file)
    assert counts == [1, 2, 3, 4]


def state_of(file: Path) -> dict[str, Any]:
    with np.load(file, allow_pickle=False) as arrays:
        state: dict[str, Any] = json.loads(str(arrays["arr_0"]))
    return state


def test_nothing_is_written_in_the_first_seconds(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 1_000.0)
    run(tiny_dataset, params_of("cnn", train__epochs=2), tmp_path / "checkpoint.npz")
    assert not list(tmp_path.iterdir())


def test_a_continued_training_is_not_looked_at_within_its_first_epoch_again(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    params, file = params_of("cnn"), tmp_path / "checkpoint.npz"
    rungs: list[RungRecord] = []

    def train(on_epoch: OnEpoch) -> None:
        evaluate(
            params,
            "cnn",
            tiny_dataset,
            1,
            on_epoch,
            on_rung=rungs.append,
            first_rung=0.5,
            checkpoint=file,
        )

    with pytest.raises(Killed):
        train(killing(1))
    assert len(rungs) == 1
    train(lambda epoch: None)
    assert len(rungs) == 1


def test_more_epochs_continue_a_training_that_had_all_of_its_own(
    tiny_dataset: Dataset,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file, constant = tmp_path / "checkpoint.npz", {"train__schedule": "constant"}
    run(tiny_dataset, params_of("cnn", train__epochs=2, **constant), file)
    continued = run(tiny_dataset, params_of("cnn", **constant), file)
    assert "is ignored" not in caplog.text
    assert_same(continued, run(tiny_dataset, params_of("cnn", **constant)))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5_000])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def empty(file: Path) -> None:
    file.write_bytes(b"")


class Bomb:
    """Shows whether it was unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, ("unpickled",)


def put_object(file: Path) -> None:
    with np.load(file) as arrays:
        known = [arrays[name] for name in arrays.files]
    with file.open("wb") as written:
        np.savez(written, known[0], np.array([Bomb()], dtype=object), *known[2:])


def put_pickle(file: Path) -> None:
    file.write_bytes(pickle.dumps(Bomb()))


def put_array(file: Path) -> None:
    with file.open("wb") as written:
        np.save(written, np.zeros(3))


def put_other_shape(file: Path) -> None:
    with np.load(file) as arrays:
        known = [arrays[name] for name in arrays.files]
    with file.open("wb") as written:
        np.savez(written, *known[:-1], known[-1][..., None])


def put_version(file: Path) -> None:
    with np.load(file) as arrays:
        state, *known = (arrays[name] for name in arrays.files)
    text = str(state).replace('\\"format\\": 2', '\\"format\\": 99')
    assert text != str(state)
    with file.open("wb") as written:
        np.savez(written, np.array(text), *known)


@pytest.fixture
def model() -> keras.Model:
    """A model as it is before training."""
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(64), keras.layers.Dropout(0.1)]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("is_last", [True, False])
def test_the_best_weights_are_written_once_where_the_last_epoch_is_the_best(
    is_last: bool, model: keras.Model, tmp_path: Path
) -> None:
    stopping = keras.callbacks.EarlyStopping(restore_best_weights=True)
    stopping.on_train_begin()
    stopping.best, stopping.best_epoch = 0.6, 1 if is_last else 0
    best = [weights + (0 if is_last else 1) for weights in model.get_weights()]
    stopping.best_weights = best
    saved = Checkpoint(tmp_path / "checkpoint.npz", "a training")
    saved.save(model, stopping, list(build_epochs(0.5, 0.6)))
    with np.load(saved.file) as arrays:
        n_more = len(arrays.files) - 1 - len(variables(model))
    assert n_more == (0 if is_last else len(model.weights))
    for variable in model.variables:
        variable.assign(variable + 1)
    restored = saved.restore(model, N).stopping
    assert all(map(np.array_equal, restored["best_weights"], best))
    assert (restored["best"], restored["best_epoch"]) == (0.6, stopping.best_epoch)


@pytest.mark.parametrize(
    "damage",
    [cut, flip, empty, put_object, put_pickle, put_array, put_other_shape, put_version],
)
def test_a_damaged_or_foreign_file_is_ignored(
    damage: Callable[[Path], None],
    model: keras.Model,
    tiny_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "checkpoint.npz"
    saved = open_checkpoint(file, params_of("cnn"), "cnn", tiny_dataset, 1, "train")
    assert saved is not None
    saved.save(model, None, list(build_epochs(0.5, 0.6)))
    assert saved.restore(model, N).epochs == build_epochs(0.5, 0.6)
    damage(file)
    for variable in model.variables:
        variable.assign(variable + 1)
    before = variables(model)
    with caplog.at_level(logging.WARNING):
        assert saved.restore(model, N) == TrainingState()
    assert f"{file} is ignored" in caplog.text
    assert all(map(np.array_equal, before, variables(model)))
    assert not (tmp_path / "unpickled").exists()


def test_with_vectors_and_a_teacher_a_continued_training_is_equal_to_the_last_bit(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    data = with_unlabelled(tiny_dataset, tmp_path / "data")
    data = with_array(data, "text.vectors=counted", any_vectors(data))
    data = with_array(data, "train.teacher=nbsvm", any_labels(data))
    file = tmp_path / "checkpoint.npz"
    params = params_of(
        "cnn",
        text__vectors="counted",
        train__teacher="nbsvm",
        train__teacher_strength=0.125,  # half of the texts without a label in each epoch
    )
    whole = run(data, params)
    stop(data, params, file, after=2)
    assert_same(run(data, params, file), whole)
    for key, other in (
        ("text.vectors=counted", -any_vectors(data)),
        ("train.teacher=nbsvm", any_labels(data)[:, ::-1]),
    ):
        anew = run(with_array(data, key, np.ascontiguousarray(other)), params, file)
        assert numbers(anew[1]) != numbers(whole[1])


def test_a_training_whose_checkpoint_is_damaged_starts_anew(
    tiny_dataset: Dataset, tmp_path: Path, whole: tuple[Evaluation, list[EpochRecord]]
) -> None:
    params, file = params_of("cnn"), tmp_path / "checkpoint.npz"
    stop(tiny_dataset, params, file, after=2)
    cut(file)
    assert_same(run(tiny_dataset, params, file), whole)
    assert len(state_of(file)["epochs"]) == N  # it was replaced


@pytest.mark.parametrize(
    ("params", "family", "changes", "seed", "texts", "max_epochs"),
    [
        ({"train.learning_rate": 0.02}, "cnn", {}, 1, "train", N),
        ({}, "cnn_lstm", {}, 1, "train", N),
        ({}, "cnn", {"digest": "0" * 16}, 1, "train", N),
        ({}, "cnn", {"split_digest": "0" * 16}, 1, "train", N),
        ({}, "cnn", {"arrays": {"text.vectors=random": OTHER}}, 1, "train", N),
        ({}, "cnn", {}, 2, "train", N),
        ({}, "cnn", {}, 1, "train and validation", N),
        ({}, "cnn", {}, 1, "train", 1),
    ],
    ids=["values", "family", "texts", "split", "array", "seed", "part", "fewer epochs"],
)
def test_a_checkpoint_of_another_training_is_ignored(
    params: Params,
    family: str,
    changes: dict[str, Any],
    seed: int,
    texts: str,
    max_epochs: int,
    model: keras.Model,
    tiny_dataset: Dataset,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file, known = tmp_path / "checkpoint.npz", params_of("cnn")
    saved = open_checkpoint(file, known, "cnn", tiny_dataset, 1, "train")
    assert saved is not None
    saved.save(model, None, list(build_epochs(0.5, 0.6)))
    data = replace(tiny_dataset, **changes)
    other = open_checkpoint(file, {**known, **params}, family, data, seed, texts)
    assert other is not None
    with caplog.at_level(logging.WARNING):
        assert other.restore(model, max_epochs) == TrainingState()
    assert "is of another training" in caplog.text


@contextmanager
def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def savez(file: IO[bytes], *arrays: np.ndarray) -> None:
        file.write(b"half of it")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", savez)
        yield


def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(
    tiny_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: tuple[Evaluation, list[EpochRecord]],
) -> None:
    params, file = params_of("cnn"), tmp_path / "checkpoint.npz"
    stop(tiny_dataset, params, file, after=2)
    before = file.read_bytes()
    with failing(Killed(), monkeypatch), pytest.raises(Killed):
        run(tiny_dataset, params, file)
    assert file.read_bytes() == before
    (tmp_path / "checkpoint.npz.part").write_bytes(b"what a kill leaves")
    assert_same(run(tiny_dataset, params, file), whole)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_full_disk_costs_the_checkpoint_and_not_the_training(
    tiny_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    whole: tuple[Evaluation, list[EpochRecord]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    params, file = params_of("cnn"), tmp_path / "checkpoint.npz"
    stop(tiny_dataset, params, file, after=2)
    before = file.read_bytes()
    with failing(OSError(28, "No space left on device"), monkeypatch):
        done = run(tiny_dataset, params, file)
    assert "no checkpoint after epoch 3: [Errno 28]" in caplog.text
    assert_same(done, whole)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
