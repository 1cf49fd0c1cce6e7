"""Where trials are evaluated: what every kind of worker can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from search.workers.trial_process import POLL_SECONDS

if TYPE_CHECKING:
    from search.workers.tasks import AnyTask, PoolTask
    from search.workers.trial_process import Event


class Executor(Protocol):
    """Evaluate tasks, some at a time. `ProcessPool` says what each of these does."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    @property
    def n_free(self) -> int: ...

    def start(self, task: PoolTask, seconds: float = 0.0) -> None: ...

    def events(self, seconds: float = POLL_SECONDS) -> list[tuple[AnyTask, Event]]: ...

    def go_on(self, task: AnyTask) -> None: ...

    def stop(self, task: AnyTask) -> None: ...


OpenPool = Callable[[Callable[[], None]], Executor]


@dataclass(frozen=True)
class ExecutorConfig:
    """Where trials are evaluated.

    Attributes:
        open_pool: gives who evaluates them; it is handed what to call several times a second.
        n_workers: how many trials are evaluated side by side.
        n_threads: of TensorFlow for each of them; None leaves it to it.
        is_here: whether that is this machine.
    """

    open_pool: OpenPool
    n_workers: int
    n_threads: int | None
    is_here: bool
