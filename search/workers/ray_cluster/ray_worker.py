"""What runs on a node: a ProcessPool of one, whose events travel to the coordinator.

It lives as long as the search and has Keras loaded in the server that its trials are forked from,
so that a trial costs there what it costs here. Each call but the first answers with the next
event, so a trial that waits for the word to go on is an evaluator that waits for a call.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.system.temporary import temporary_folder
from search.workers.process_pool import ProcessPool
from search.workers.ray_cluster import nodes
from search.workers.tasks import STEPS, PoolTask, Task
from search.workers.trial_process import Event, server
from tracking.commandline.errors import UserError
from tracking.schema import environment

if TYPE_CHECKING:
    from search.workers.ray_cluster.cluster_options import ClusterPlan
    from search.workers.ray_cluster.nodes import Prepared


_LARGE, _LARGE_SECONDS = 10 * 2**20, 60  # bytes of a file, and how seldom it is sent again


@dataclass(frozen=True)
class Answer:
    """What a trial has sent.

    Attributes:
        files: those of its folder that are new or have grown, by name.
        is_end: whether it has ended; if not, it waits for the word to go on.
    """

    event: Event
    files: dict[str, bytes]
    is_end: bool


class Evaluator:
    """Evaluates one task at a time on the node where it is.

    Args:
        work_dir: where the folders of its tasks are made; None is the system's place.
    """

    def __init__(self, plan: ClusterPlan, work_dir: Path | None) -> None:
        self._plan = plan
        self._work_dir = work_dir
        self._pool = ProcessPool(1, _wait, plan.time_limit)
        self._holds = ExitStack()  # the server; it ends with this process

    def prepare(self, theirs: dict[str, str], prepared: Prepared) -> None:
        """Have Keras loaded and the data at hand.

        Args:
            theirs: the coordinator's versions of packages.

        Raises:
            UserError: if this node has others, or no place for the data.
        """
        # A node that joined later was not there to be compared.
        different = nodes.differences(theirs)
        if different:
            raise UserError(f"the coordinator has {different}, on node {platform.node()}.")
        # Each trial's process would import its parent's main program, which is Ray's.
        vars(sys.modules["__main__"]).pop("__file__", None)
        self._holds.enter_context(temporary_folder())
        self._holds.enter_context(server())
        try:
            self._data = prepared.place()
        except OSError as error:
            raise UserError(
                f"the data cannot be placed on node {platform.node()}: {error}."
            ) from error

    def start(
        self,
        task: PoolTask,
        seconds: float = 0.0,
        checkpoint: bytes | None = None,
    ) -> Answer:
        """Begin a task, and give its first event.

        Args:
            seconds: that it has been under way before.
            checkpoint: from which it is continued.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="seqsearch-", dir=self._work_dir)
        self._sent: dict[str, tuple[int, int]] = {}
        data = replace(task.data, folder=self._data)
        self._task = replace(task, data=data, folder=Path(self._folder.name))
        if isinstance(self._task, Task):
            self._task.environment.write_text(json.dumps(self._environment(), indent=2), "utf-8")
        if isinstance(self._task, Task) and checkpoint is not None:
            self._task.checkpoint.write_bytes(checkpoint)
        self._pool.start(self._task, seconds)
        return self._next()

    def go_on(self) -> Answer:
        """Let the task train on, and give the event after that."""
        self._pool.go_on(self._task)
        return self._next()

    def stop(self) -> None:
        """End the task, whose process is then gone."""
        self._pool.stop(self._task)
        self._folder.cleanup()

    def _next(self) -> Answer:
        while not (events := self._pool.events()):
            pass  # it has waited a moment
        ((_, event),) = events
        is_end = not isinstance(event, STEPS)
        if is_end:
            self._pool.stop(self._task)  # from now on nobody writes to its folder
        answer = Answer(event, self._new_files(), is_end)
        if is_end:
            self._folder.cleanup()
        return answer

    def _new_files(self) -> dict[str, bytes]:
        found = {}
        for file in self._task.folder.iterdir():
            if not file.is_file():  # what Keras leaves that is killed while it saves a model
                continue
            stat = file.stat()
            state = (stat.st_size, stat.st_mtime_ns)
            before = self._sent.get(file.name)
            if before is not None and stat.st_size > _LARGE and _is_soon(before[1], state[1]):
                continue  # a large checkpoint travels at most once a minute
            if before != state:
                self._sent[file.name] = state
                found[file.name] = file.read_bytes()
        return found

    def _environment(self) -> dict[str, object]:
        machine = environment.machine()
        return {**machine, "n_threads": self._plan.n_cpus, "n_gpus": self._plan.n_gpus}


def _is_soon(before: int, now: int) -> bool:
    """Return whether two times of a file, in nanoseconds, are less than a minute apart."""
    return 0 < now - before < _LARGE_SECONDS * 1e9


def _wait() -> None:
    """A tick that has nothing to do: the coordinator ends us by ending this process."""
