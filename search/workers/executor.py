"""Where trials are evaluated: in processes on this machine, or on a cluster (search/workers/ray_cluster/)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self

from search.workers.process_pool import Pool
from search.workers.trial_process import POLL_SECONDS, server
from tracking.schema.environment import threads_each

if TYPE_CHECKING:
    from search.cli.options import Options
    from search.datasets.cache import Dataset
    from search.workers.tasks import AnyTask, SimpleBaselineTask, Task
    from search.workers.trial_process import Event


class Evaluators(Protocol):
    """Evaluate tasks, some at a time. `Pool` says what each of these does."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exception: object) -> None: ...

    @property
    def n_free(self) -> int: ...

    def start(self, task: Task | SimpleBaselineTask, seconds: float = 0.0) -> None: ...

    def events(self, seconds: float = POLL_SECONDS) -> list[tuple[AnyTask, Event]]: ...

    def go_on(self, task: AnyTask) -> None: ...

    def stop(self, task: AnyTask) -> None: ...


OpenPool = Callable[[Callable[[], None]], Evaluators]


@dataclass(frozen=True)
class Place:
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


@contextmanager
def open_place(chosen: Options, data: Dataset, say: Callable[[str], None]) -> Iterator[Place]:
    """Open the place that the person chose.

    Raises:
        UserError: if there is no such cluster, or it has no room for a trial.
    """
    if chosen.cluster is not None:
        from search.workers.ray_cluster.connect import connect

        with connect(chosen.cluster, data, say) as place:
            yield place
        return

    with server():  # Keras loads in it while the stores are opened here
        open_pool = partial(Pool, chosen.n_workers, time_limit=chosen.time_limit)
        n_workers = chosen.n_workers
        yield Place(open_pool, n_workers, threads_each(n_workers), is_here=True)
