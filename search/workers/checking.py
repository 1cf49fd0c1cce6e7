"""A family of a person's own is built once before its study begins, so that its mistakes show.

It must build, score texts of any length that it will get, and be saved and loaded again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from search.system.own_code import told, what
from search.training.failures import TrialFailed
from search.workers.tasks import CheckTask, FamilyWorks
from tracking.commandline.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from search.workers.executor import OpenPool

_N_TEXTS = 4
_LONGEST = 60  # tokens of a text that is tried, where a model takes any length
_SAME = 1e-5  # two outputs that are equal but for rounding


def check_families(tasks: list[CheckTask], open_pool: OpenPool, tick: Callable[[], None]) -> None:
    """Try families, one after the other, where trials run.

    Raises:
        UserError: with what is wrong with one.
        RuntimeError: with the traceback of a bug of ours.
    """
    with open_pool(tick) as pool:
        for task in tasks:
            pool.start(task)
            while not (events := pool.events()):
                pass  # it has waited a moment
            pool.stop(task)
            ((_, event),) = events
            if isinstance(event, TrialFailed):
                raise UserError(str(event))
            if isinstance(event, RuntimeError):
                raise event


def check(task: CheckTask) -> FamilyWorks:
    """Try a family.

    Raises:
        TrialFailed: with the law that it breaks.
    """
    from search.datasets.tokenizer import preparation
    from search.models.text_layer import with_text
    from search.training.trial import set_seed, untrained

    text = preparation(task.params)
    set_seed(0)
    model = untrained(task.params, task.family, len(task.data.classes))
    _check_form(task, model)
    ids = _ids(text)
    scores = _scores(task, model, ids)
    _check_scores(task, scores)
    if text["padding"] == "bucket":
        padded = np.pad(ids, ((0, 0), (0, 5)))
        _check_padding(task, scores, _scores(task, model, padded))
    with _law(task, "must be saved and loaded by Keras (own layers need get_config, no Lambda)"):
        from search.models import keras_loading

        file = task.folder / "model.keras"
        with_text(model, ["word"], **text).save(file)
        loaded = keras_loading.load(file, task.source).layers[-1]
        again = np.asarray(loaded(ids, training=False))
    if np.abs(again - scores).max() > _SAME:
        raise TrialFailed(
            f"{_of(task)} must give the same probabilities when it was saved and loaded, but "
            f"they differ by {np.abs(again - scores).max():.1e}."
        )
    return FamilyWorks()


def _check_form(task: CheckTask, model: Any) -> None:
    from search.system.keras_backend import keras
    from spaces.families import find

    if not isinstance(model, keras.Model):
        raise TrialFailed(f"{_of(task)} must return a keras.Model, but returns {_type(model)}.")
    if model.compiled and not find(task.family).takes_params:
        raise TrialFailed(
            f"{_of(task)} must return a model that is not compiled: optimizer, loss and metrics "
            "are those of train.*."
        )
    if not getattr(model, "inputs", None) or len(model.inputs) != 1 or len(model.outputs) != 1:
        raise TrialFailed(
            f"{_of(task)} must return a functional or Sequential model with one input and one "
            f"output, but returns {_type(model)}."
        )
    n_classes, shape = len(task.data.classes), tuple(model.output_shape)
    allowed = ["(batch, 1)"] if n_classes == 2 else []
    allowed += [f"(batch, {n_classes})"]
    if f"(batch, {shape[-1]})" not in allowed or len(shape) != 2:
        raise TrialFailed(
            f"{_of(task)} must return probabilities of shape {' or '.join(allowed)} for "
            f"{n_classes} classes, but its output has {_shape(shape)}."
        )


def _ids(text: dict[str, Any]) -> NDArray[np.int32]:
    """Make texts that have the ends of the vocabulary, as long as a model may get them."""
    length = text["maxlen"] if text["padding"] == "full" else min(text["maxlen"], _LONGEST)
    random = np.random.default_rng(0)
    ids = random.integers(1, text["vocab_size"], (_N_TEXTS, length), dtype=np.int32)
    ids[:, -1] = text["vocab_size"] - 1
    return ids


def _scores(task: CheckTask, model: Any, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    with _law(task, f"must take int32 token ids from 0 to {ids.max()} of shape {ids.shape}"):
        return np.asarray(model(ids, training=False))


def _check_scores(task: CheckTask, scores: NDArray[np.float32]) -> None:
    sums = scores.sum(axis=1)
    is_share = bool(((scores >= 0) & (scores <= 1)).all())  # not so of NaN
    if not is_share or (scores.shape[1] > 1 and np.abs(sums - 1).max() > 1e-3):
        last = "sigmoid" if scores.shape[1] == 1 else "softmax"
        raise TrialFailed(
            f"{_of(task)} must return probabilities (activation {last} at its end), but returns "
            f"{', '.join(f'{score:.3g}' for score in scores[0][:5])} for a text."
        )


def _check_padding(
    task: CheckTask, scores: NDArray[np.float32], padded: NDArray[np.float32]
) -> None:
    """A text is padded to the longest of its batch, which must not change what it is."""
    change = float(np.abs(scores - padded).max())
    if change > _SAME:
        raise TrialFailed(
            f"{_of(task)} must give a text the same probability whatever its padding, but it "
            f"changes by {change:.1e}: mask it, such as Embedding(..., mask_zero=masked), or add "
            "--set text.padding=full."
        )


@contextmanager
def _law(task: CheckTask, law: str) -> Iterator[None]:
    """Say which law was broken where Keras says only how."""
    try:
        yield
    except Exception as error:
        if told(error, task.source) is not None:
            raise  # the line in the file says more
        raise TrialFailed(f"{_of(task)} {law}, but {what(error)}") from error


def _of(task: CheckTask) -> str:
    return f"{task.source.name}, family {task.family}: its model"


def _type(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _shape(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join(['batch', *('any' if n is None else str(n) for n in shape[1:])])})"
