"""Evaluate tasks on a cluster: an Executor, as process_pool.py is on this machine."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import ray
from ray.exceptions import (
    OutOfMemoryError,
    RayActorError,
    RayError,
    RayTaskError,
    RuntimeEnvSetupError,
)

from search.training.failures import Died
from search.workers.trial_process import POLL_SECONDS
from tracking.commandline.errors import UserError

if TYPE_CHECKING:
    from search.workers.ray_cluster.ray_worker import Answer
    from search.workers.ray_cluster.slot import Slot
    from search.workers.tasks import AnyTask, PoolTask
    from search.workers.trial_process import Event

_PATIENCE_SECONDS = 60


class ClusterPool:
    """Evaluates tasks in the slots of a cluster.

    A slot whose node or process was lost ends its trial as Died, and another is asked for in its
    place. Ray gives one as soon as some node has room for it, which may be never.

    Args:
        slots: those that there are, shared by the pools of a search; all of them are idle, or
            about to be.
        new_slot: asks for one more.
        say: called with what the user should know.
        tick: called several times a second while waiting; what it raises is passed on.
    """

    def __init__(
        self,
        slots: list[Slot],
        new_slot: Callable[[], Slot],
        say: Callable[[str], None],
        tick: Callable[[], None],
    ) -> None:
        self._slots = slots
        self._new_slot = new_slot
        self._say = say
        self._tick = tick
        self._last_used = time.monotonic()
        self._waiting: deque[tuple[PoolTask, float]] = deque()  # for the first slot that is idle

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for slot in [one for one in self._slots if one.task]:
            if slot.has_ended:
                slot.stop()
            else:
                slot.end()
                self._slots.remove(slot)

    @property
    def n_free(self) -> int:
        """How many tasks can be started; one at least when none is under way.

        Only slots that are there count, so that no trial is begun for a node that was lost.
        """
        n_idle = sum(slot.is_idle for slot in self._slots)
        is_busy = self._waiting or any(slot.task for slot in self._slots)
        return max(0, n_idle - len(self._waiting)) if is_busy else max(1, n_idle)

    def start(self, task: PoolTask, seconds: float = 0.0) -> None:
        """Start a task, as soon as a slot is idle.

        Args:
            seconds: that it has been under way before.
        """
        self._waiting.append((task, seconds))
        self._hand_out()

    def events(self, seconds: float = POLL_SECONDS) -> list[tuple[AnyTask, Event]]:
        """Wait a moment, and give what has come, as search.workers.process_pool.Pool does.

        Raises:
            UserError: if a node cannot be used, or the cluster is gone.
        """
        self._tick()
        self._hand_out()
        self._note_use()
        asked: dict[Any, Slot] = {slot.asked: slot for slot in self._slots if slot.asked}
        if not asked:
            return []
        try:
            ray.wait(list(asked), timeout=seconds)
            answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=0)
        except (OSError, RayError) as error:
            raise UserError(
                f"the Ray cluster is gone ({error}). Nothing finished is lost: the same command "
                "goes on from here when there is one."
            ) from error
        return self._take_each([asked[ref] for ref in answered])

    def go_on(self, task: AnyTask) -> None:
        """Let a task train on."""
        self._of(task).go_on()

    def stop(self, task: AnyTask) -> None:
        """End a task, or give its place up if it has ended."""
        for slot in self._slots:
            if slot.task is task:  # it may have been lost, and another taken its place
                slot.stop()

    def _note_use(self) -> None:
        """Say so, once, when there has been no slot for a task for long."""
        if any(slot.task for slot in self._slots):
            self._last_used = time.monotonic()
        elif time.monotonic() - self._last_used > _PATIENCE_SECONDS:
            self._last_used = float("inf")
            self._say("cluster: no node has room for a trial; waiting for one")

    def _hand_out(self) -> None:
        for slot in self._slots:
            if self._waiting and slot.is_idle:
                slot.start(*self._waiting.popleft())

    def _take_each(self, slots: list[Slot]) -> list[tuple[AnyTask, Event]]:
        found: list[tuple[AnyTask, Event]] = []
        for slot in slots:
            answer = slot.asked
            try:
                found += self._take(slot)
            except Exception:
                if not found:
                    raise
                slot.asked = answer  # it comes again, when nothing is lost by it
                break
            if slot not in self._slots:
                break  # it was lost; if the cluster is gone, none of the others has died
        return found

    def _take(self, slot: Slot) -> list[tuple[AnyTask, Event]]:
        """Return the event that a slot has answered with, if its answer is one."""
        task = slot.task
        try:
            event = self._answer(slot)
        except RayTaskError as error:
            if isinstance(error.cause, UserError):
                raise error.cause from None
            event = RuntimeError(f"an evaluator on the cluster failed:\n{error}")
        except RayError as error:
            if _never_began(error):
                event = RuntimeError(f"an evaluator on the cluster did not start:\n{error}")
            else:
                event = Died(f"its place on the cluster was lost: {_cause(error)}")
                self._renew(slot)
        if task is not None and event is not None:
            return [(task, event)]
        if isinstance(event, RuntimeError):  # not the fault of any trial
            raise event
        return []

    def _answer(self, slot: Slot) -> Event | None:
        """Take what a slot has answered, and the files that came with it."""
        asked, slot.asked, slot.has_ended = slot.asked, None, True  # or so it is, if this fails
        assert asked is not None
        answer: Answer | None = ray.get(asked)
        if answer is None:
            return None
        assert slot.task is not None
        for name, content in answer.files.items():
            _write(slot.task.folder / name, content)
        slot.has_ended = answer.is_end
        return answer.event

    def _renew(self, slot: Slot) -> None:
        """End a slot, and ask for another in its place."""
        slot.end()
        self._slots[self._slots.index(slot)] = self._new_slot()

    def _of(self, task: AnyTask) -> Slot:
        (slot,) = (one for one in self._slots if one.task is task)
        return slot


def _write(file: Path, content: bytes) -> None:
    """Write a file that came, whole or not at all: a checkpoint may take the place of another."""
    part = file.with_name(f"{file.name}.part")
    with part.open("wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    part.replace(file)


def _never_began(error: RayError) -> bool:
    """Return whether an evaluator could not be made, so that another could not either."""
    if isinstance(error, RayActorError):
        return error.actor_init_failed
    return isinstance(error, RuntimeEnvSetupError)


def _cause(error: RayError) -> str:
    if isinstance(error, OutOfMemoryError):  # Ray has a page of advice
        return "Ray ended it because the node's memory ran out"
    return str(error).strip().splitlines()[-1].strip()
