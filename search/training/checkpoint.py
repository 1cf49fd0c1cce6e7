"""Checkpoints of a training: one that is continued ends with the same bits as one never stopped.

Keras' own BackupAndRestore leaves out the seed generators, so dropout would draw other masks.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from spaces.ranges import Params
from tracking.records import DataRecord, EpochRecord

SECONDS_BETWEEN = 10.0  # at least, from one checkpoint to the next
_FORMAT = 2  # a change of what is written needs a new number
_STOPPING = ("wait", "best", "best_epoch", "stopped_epoch")  # attributes of EarlyStopping

Arrays = list[NDArray[Any]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingState:
    """How far a training has come.

    Attributes:
        epochs: those that are done, in order.
        stopping: attributes of Keras' EarlyStopping; empty without one, and before an epoch.
    """

    epochs: tuple[EpochRecord, ...] = ()
    stopping: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        """Whether early stopping has ended the training."""
        return bool(self.stopping.get("stopped_epoch"))

    def keeps_others(self, model: keras.Model) -> bool:
        """Whether early stopping keeps weights that are not the model's own: earlier, averaged."""
        if not self.stopping:
            return False
        is_earlier: bool = self.stopping["best_epoch"] + 1 < len(self.epochs)
        return is_earlier or bool(model.optimizer.use_ema)


@dataclass
class Checkpoint:
    """The checkpoint of one training.

    Attributes:
        file: its place; whatever is there of another training is ignored, then replaced.
        training: text that is equal for equal trainings.
    """

    file: Path
    training: str
    _last: float = field(default_factory=time.monotonic)

    def save(
        self,
        model: keras.Model,
        stopping: keras.callbacks.EarlyStopping | None,
        epochs: list[EpochRecord],
    ) -> None:
        """Write it, unless the last one is too young; it is whole, and on the disk.

        Where it cannot be written, on a full disk, the one before stays and training goes on.
        """
        if time.monotonic() - self._last < SECONDS_BETWEEN:
            return
        known = {name: getattr(stopping, name) for name in _STOPPING if stopping}
        state = {
            "training": self.training,
            "epochs": [asdict(epoch) for epoch in epochs],
            "stopping": known,
        }
        arrays = [variable.numpy() for variable in _variables(model)]
        if stopping is not None and TrainingState(tuple(epochs), known).keeps_others(model):
            arrays += stopping.best_weights
        try:
            self._write(json.dumps(state), arrays)
        except OSError as error:
            _log.warning("no checkpoint after epoch %d: %s", len(epochs), error)
        self._last = time.monotonic()

    def restore(self, model: keras.Model, max_epochs: int) -> TrainingState:
        """Bring a compiled model to where it was; without a checkpoint of it, leave it alone."""
        try:
            state, arrays = self._read()
            epochs = tuple(EpochRecord(**epoch) for epoch in state["epochs"])
            done = TrainingState(epochs, state["stopping"])
            keeps_others = done.keeps_others(model)
        except FileNotFoundError:
            return TrainingState()
        except Exception as error:  # NumPy, zipfile and json raise many types at a damaged file
            _log.warning("%s is ignored: %s", self.file, error)
            return TrainingState()
        variables = _variables(model)
        expected = [*variables, *(model.weights if keeps_others else [])]
        if (
            state["training"] != self.training
            or len(epochs) > max_epochs
            or [_shape(array) for array in arrays] != [_shape(one) for one in expected]
        ):
            _log.warning("%s is ignored: it is of another training", self.file)
            return TrainingState()
        for variable, value in zip(variables, arrays, strict=False):
            variable.assign(value)
        if not done.stopping:
            return done
        best = arrays[len(variables) :] if keeps_others else model.get_weights()
        return TrainingState(epochs, {**done.stopping, "best_weights": best})

    def _write(self, state: str, arrays: Arrays) -> None:
        part = self.file.with_name(f"{self.file.name}.part")
        try:
            with part.open("wb") as written:
                np.savez(written, np.array(state), *arrays)
                written.flush()
                os.fsync(written.fileno())
            part.replace(self.file)
        finally:
            part.unlink(missing_ok=True)
        folder = os.open(self.file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self) -> tuple[dict[str, Any], Arrays]:
        with np.load(self.file, allow_pickle=False) as file:
            state, *arrays = (file[f"arr_{number}"] for number in range(len(file.files)))
        return json.loads(str(state)), arrays


def open_checkpoint(
    file: Path | None, params: Params, family: str, data: DataRecord, seed: int, texts: str
) -> Checkpoint | None:
    """Make the checkpoint of a training; None keeps none.

    The number of epochs is not part of what it is of: a training can be given more of them, unless
    its step size depends on how many there are.

    Args:
        texts: names the texts that it trains on.
    """
    if file is None:
        return None
    own = {"train.epochs"} if params.get("train.schedule", "constant") == "constant" else set()
    training = {
        "format": _FORMAT,
        "keras": keras.__version__,
        "family": family,
        "params": {name: value for name, value in params.items() if name not in own},
        "data": [data.digest, data.split_digest, texts],
        "arrays": {name: array.digest for name, array in data.arrays_of(params).items()},
        "seed": seed,
    }
    return Checkpoint(file, json.dumps(training, sort_keys=True))


def _variables(model: keras.Model) -> list[Any]:
    """All that training changes. In this order: names differ when a process builds a second."""
    return [*model.variables, *model.optimizer.variables]


def _shape(array: Any) -> tuple[tuple[int, ...], str]:
    return tuple(array.shape), np.dtype(array.dtype).name
