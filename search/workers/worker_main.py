"""A trial's process: evaluate a task, leave its files, send up what comes of it."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from search.system.own_code import told, what
from search.training.failures import TrialFailed
from search.workers.tasks import (
    AnyTask,
    CheckTask,
    EvaluationTask,
    Refitted,
    Result,
    SimpleBaselineTask,
    Step,
    Task,
    TeacherTask,
)
from tracking.commandline.errors import UserError
from tracking.records import ScoreRecord

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# M_TRIM_THRESHOLD, M_MMAP_THRESHOLD and M_TOP_PAD of malloc.h, each with a number of bytes.
_MALLOC = ((-1, 2**31 - 1), (-3, 32 << 20), (-2, 64 << 20))


def run(pipe: Connection, task: AnyTask) -> None:
    """The trial's process: evaluate, save the model, send the result."""
    for signum in STOPS:
        signal.signal(signum, signal.SIG_IGN)  # for the coordinator, which ends us
    os.setpgid(0, 0)  # whatever we start is ended with us
    _die_with_the_server()
    keep_freed_memory()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if not task.folder.is_dir():
        return  # whoever asked for this was stopped while the process was born
    with task.output.open("w") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())

    def say_step(step: Step) -> None:
        pipe.send(step)
        pipe.recv()

    pipe.send(_outcome(task, say_step))


def _outcome(task: AnyTask, on_step: Callable[[Step], None]) -> Result | TrialFailed | str:
    """Evaluate; give the result, or why there is none: of a bug its traceback."""
    tempfile.tempdir = str(task.folder)  # whoever deletes it deletes what is left if we are killed
    try:
        return _evaluate(task, on_step)
    except TrialFailed as failure:
        return failure
    except MemoryError:
        return TrialFailed("out of memory")
    except Exception as error:
        return _mistake_in_own_code(task, error) or traceback.format_exc()


def _mistake_in_own_code(task: AnyTask, error: Exception) -> TrialFailed | None:
    """Return what a person's own code did wrong; None where the fault is ours."""
    source = None if isinstance(task, SimpleBaselineTask) else task.source
    if source is None:
        return None
    if isinstance(error, UserError):  # the code is not to be had here, or does not run
        return TrialFailed(str(error))
    line = told(error, source)
    if line is None:
        from search.system.keras_backend import tf

        # What an operation refuses is found when the model's graph runs, far from the file.
        if isinstance(error, tf.errors.InvalidArgumentError):
            line = f"the model of {source.name} cannot be trained: {what(error)}"
    return None if line is None else TrialFailed(line)


def _evaluate(task: AnyTask, on_step: Callable[[Step], None]) -> Result:
    if isinstance(task, SimpleBaselineTask):
        from search.training.baselines import evaluate_simple_baseline

        if task.part == "test":
            from search.training.test_part import evaluate_simple_baseline_on_test

            return evaluate_simple_baseline_on_test(task.name, task.data, task.predictions)
        return evaluate_simple_baseline(task.name, task.data, task.predictions)

    import search.system.keras_backend  # noqa: F401  first: it silences TensorFlow's start

    if isinstance(task, EvaluationTask):
        from search.training.test_part import evaluate_model_on_test

        inputs = (task.file, task.params, task.data)
        return evaluate_model_on_test(*inputs, task.predictions, task.source)
    if task.source is not None:
        from search.training.own_families import define

        define(task.source)
    if isinstance(task, TeacherTask):
        from search.workers.teaching import teach

        return teach(task, on_step)
    if isinstance(task, CheckTask):
        from search.workers.checking import check

        return check(task)
    return _train(task, on_step)


def _train(task: Task, on_step: Callable[[Step], None]) -> Result:
    """Train as a trial, a reproduction or a refit."""
    from search.models import ONE_THREAD
    from search.system.keras_backend import tf

    n_threads = 1 if task.family in ONE_THREAD else task.n_threads
    if n_threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)

    if task.split is not None:
        from search.training.reproduce import reproduce

        values = (task.params, task.family, task.data, task.seed)
        return reproduce(
            *values,
            on_step,
            partial(_summarise, task),
            by=task.split,
            checkpoint=task.checkpoint,
        )
    if task.refit_epochs is not None:
        return _refit(task, task.refit_epochs, on_step)
    return _trial(task, on_step)


def _summarise(task: Task, model: Any) -> None:
    """Leave the model's layers in the task's folder."""
    lines: list[str] = []
    model.summary(line_length=100, print_fn=lines.append)
    task.summary.write_text("\n".join(lines) + "\n", "utf-8")


def _trial(task: Task, on_step: Callable[[Step], None]) -> ScoreRecord:
    from search.training.trial import evaluate

    values = (task.params, task.family, task.data, task.seed)
    done = evaluate(
        *values,
        on_step,
        partial(_summarise, task),
        on_rung=on_step,
        first_rung=task.first_rung,
        checkpoint=task.checkpoint,
    )
    _save(task, done.model)
    np.save(task.predictions, done.probabilities)
    return done.score


def _refit(task: Task, epochs: int, on_step: Callable[[Step], None]) -> Refitted:
    from search.training.refit import refit

    values = (task.params, task.family, task.data, task.seed)
    model = refit(
        *values, on_step, partial(_summarise, task), epochs=epochs, checkpoint=task.checkpoint
    )
    _save(task, model)
    return Refitted(task.data.n_texts["train"] + task.data.n_texts["validation"])


def _save(task: Task, model: Any) -> None:
    """Leave the model in the task's folder, with its text preparation in front."""
    from search.datasets.tokenizer import preparation
    from search.models.text_layer import with_text

    with_text(model, task.data.vocabulary(), **preparation(task.params)).save(task.model)


def _end_with_parent() -> None:
    """Do not outlive a coordinator that was killed, with all that was started here."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.killpg(0, signal.SIGKILL)


def keep_freed_memory() -> None:
    """Have glibc keep the memory of a step for the next one.

    It gives blocks of this size back to the kernel, which clears every page of them anew in each
    step: that was up to half the time of an LSTM's epoch (docs/explanation/benchmarks.md).
    """
    with suppress(AttributeError):  # other C libraries have no mallopt
        for parameter, n_bytes in _MALLOC:
            ctypes.CDLL(None).mallopt(parameter, n_bytes)


def _die_with_the_server() -> None:
    """Let the kernel kill us if we are stopped, or hang, when the coordinator is killed.

    The server that we were forked from ends with the coordinator; no thread of ours is needed.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
