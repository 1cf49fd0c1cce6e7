"""A place for one trial at a time on a node of the cluster, as the coordinator sees it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError

from search.workers.tasks import PoolTask, Task

if TYPE_CHECKING:
    from search.workers.ray_cluster.nodes import Prepared


class Slot:
    """Asks an evaluator one thing at a time.

    Args:
        hire: asks Ray for an evaluator, which it places on a node that has room for a trial, now
            or later.
        versions: of our packages, which the node must have.
        data: what its trials are trained on.

    Attributes:
        asked: what will hold the evaluator's answer; None when it was asked nothing.
        task: what it evaluates.
        has_ended: whether that has ended; the task is there until it is stopped.
    """

    def __init__(self, hire: Callable[[], Any], versions: dict[str, str], data: Prepared) -> None:
        self._evaluator = hire()
        self.task: PoolTask | None = None
        self.has_ended = False
        self.asked: ray.ObjectRef[Any] | None = self._evaluator.prepare.remote(versions, data)

    @property
    def is_idle(self) -> bool:
        """Whether it can be given a task."""
        return self.asked is None and self.task is None

    def start(self, task: PoolTask, seconds: float) -> None:
        """Start a task; its checkpoint, if it has one, travels with it."""
        self.task, self.has_ended = task, False
        found = task.checkpoint if isinstance(task, Task) else None
        checkpoint = found.read_bytes() if found is not None and found.is_file() else None
        self.asked = self._evaluator.start.remote(task, seconds, checkpoint)

    def go_on(self) -> None:
        self.asked = self._evaluator.go_on.remote()

    def stop(self) -> None:
        """End the task if it has not ended. The slot is idle when the evaluator has answered."""
        self.task = None
        if not self.has_ended:
            self.asked = self._evaluator.stop.remote()

    def end(self) -> None:
        """End the evaluator, and with it the task."""
        with suppress(RayError, OSError):  # where the cluster is gone, so is the evaluator
            ray.kill(self._evaluator)
