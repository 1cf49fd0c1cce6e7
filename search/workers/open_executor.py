"""Open the place where trials are evaluated: processes on this machine, or a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from search.workers.executor import ExecutorConfig
from search.workers.process_pool import ProcessPool
from search.workers.trial_process import server
from tracking.schema.environment import threads_each

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.workers.ray_cluster.cluster_options import ClusterPlan


@contextmanager
def open_executor(
    cluster: ClusterPlan | None,
    data: Dataset,
    say: Callable[[str], None],
    *,
    n_workers: int,
    time_limit: float | None = None,
) -> Iterator[ExecutorConfig]:
    """Open what evaluates the trials of a study.

    Args:
        cluster: None evaluates on this machine.
        n_workers: trials side by side on this machine; a cluster has its own number.
        time_limit: seconds that a trial may take on this machine; None is as long as it likes.

    Raises:
        UserError: if there is no such cluster, or it has no room for a trial.
    """
    if cluster is not None:
        from search.workers.ray_cluster.connect import connect

        with connect(cluster, data, say) as executor:
            yield executor
        return

    with server():  # Keras loads in it while the stores are opened here
        open_pool = partial(ProcessPool, n_workers, time_limit=time_limit)
        yield ExecutorConfig(open_pool, n_workers, threads_each(n_workers), is_here=True)
