"""Find a Ray cluster, or start one on this machine, and refuse what cannot work there."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.system.private_names import silence_lost_nodes
from search.system.quiet import silenced
from search.workers.executor import ExecutorConfig
from search.workers.ray_cluster import nodes
from search.workers.ray_cluster.cluster_options import LOCAL, NO_RAY, ClusterPlan
from tracking.commandline.errors import Stopped, UserError

if TYPE_CHECKING:
    from search.datasets.cache import Dataset

_SECONDS = 10  # for a node, or an address, to answer
_CODE = ("search", "spaces", "tracking")  # what an evaluator imports of ours
_ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def connect(
    plan: ClusterPlan, data: Dataset, say: Callable[[str], None]
) -> Iterator[ExecutorConfig]:
    """Be connected to a cluster, whose evaluators load Keras meanwhile.

    Raises:
        UserError: if there is no such cluster, a node differs from us, or a trial has no room.
    """
    with tempfile.TemporaryDirectory(
        prefix="seqsearch-ray-",
        dir="/tmp",  # the path of a socket, which Ray makes in it, may have 107 bytes
        ignore_cleanup_errors=True,
    ) as folder:
        ray = _ray(plan.address)
        try:
            _init(ray, plan.address, folder)
            yield _place(ray, plan, data, say, Path(folder))
        finally:
            ray.shutdown()


def _ray(address: str) -> Any:
    """Import Ray, which reads these variables then."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address == LOCAL:
        # Ray's switch to keep to loopback, which is its default on macOS.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # A secret for this cluster alone; Ray would write one to the home folder.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
        # Ray starts its workers as nice as can be, so that whatever else the machine does comes
        # first: trials would take longer than with --workers, or not end.
        os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  the name is Ray's
    else:
        # Ray asks an address for minutes whether it is a cluster, deaf to signals.
        os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "1")
        os.environ.setdefault("RAY_py_gcs_connect_timeout_s", str(_SECONDS))
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UserError(NO_RAY) from error
    silence_lost_nodes()
    return ray


def _init(ray: Any, address: str, folder: str) -> None:
    if address == LOCAL:
        start: dict[str, Any] = {"include_dashboard": False, "_temp_dir": folder}
    else:
        _knock(address)
        # Ray brings our code to the nodes: what is recorded as the commit is what runs there.
        start = {"runtime_env": {"working_dir": _copy_of_code(folder)}}
    before = signal.getsignal(signal.SIGTERM)
    try:
        with silenced():
            ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL, **start)
    except SystemExit:  # Ray's own answer to SIGTERM
        raise Stopped(signal.SIGTERM) from None
    except (ValueError, OSError, RuntimeError, ray.exceptions.RayError) as error:
        raise UserError(_refusal(address, error)) from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _copy_of_code(folder: str) -> str:
    code = Path(folder) / "code"
    for name in _CODE:
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_ROOT / name, code / name, ignore=without)
    return str(code)


def _knock(address: str) -> None:
    """Refuse an address at which nobody listens."""
    host, _, port = address.rpartition(":")
    if not host:  # auto
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except OSError as error:
        raise UserError(
            f"no Ray cluster answers at {address}: {error.strerror or error}."
        ) from error


def _refusal(address: str, error: Exception) -> str:
    said = f"{error} {error.__cause__ or ''}"
    if "InvalidAuthToken" in said or "no authentication token was found" in said:
        return (
            f"the Ray cluster at {address} takes another token than ours. "
            "Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to the file of its token."
        )
    if address == LOCAL:
        return f"Ray does not start on this machine: {_line(error)}"
    return f"no Ray cluster can be used at {address}: {_line(error)}"


def _line(error: Exception) -> str:
    """Return the last cause of an error in one line."""
    cause = str(error.__cause__ or error).strip()
    if "Traceback" in cause:
        cause = cause.splitlines()[-1]
    return " ".join(cause.split())


def _place(
    ray: Any, plan: ClusterPlan, data: Dataset, say: Callable[[str], None], folder: Path
) -> ExecutorConfig:
    from search.workers.ray_cluster.ray_pool import ClusterPool
    from search.workers.ray_cluster.ray_worker import Evaluator
    from search.workers.ray_cluster.slot import Slot

    is_local = plan.address == LOCAL
    alive = [node for node in ray.nodes() if node["Alive"]]
    n_workers = _n_workers(plan, [node["Resources"] for node in alive])
    if not is_local:
        _compare(ray, alive)
    counted = "1 node" if len(alive) == 1 else f"{len(alive)} nodes"
    side_by_side = "1 trial at a time" if n_workers == 1 else f"{n_workers} trials side by side"
    say(f"cluster: {plan.address}, {counted}; {side_by_side}")
    hire = partial(
        ray.remote(Evaluator).options(num_cpus=plan.n_cpus, num_gpus=plan.n_gpus).remote,
        plan,
        folder if is_local else None,
    )
    placed = nodes.prepared(data, is_shared=is_local)
    new_slot = partial(Slot, hire, nodes.versions(), placed)
    slots = [new_slot() for _ in range(n_workers)]
    open_pool = partial(ClusterPool, slots, new_slot, say)
    return ExecutorConfig(open_pool, n_workers, plan.n_cpus, is_here=is_local)


def _n_workers(plan: ClusterPlan, resources: list[dict[str, float]]) -> int:
    """Return how many trials are evaluated side by side.

    Raises:
        UserError: if there is no room for so many, or for one.
    """
    room = sum(_room(plan, own) for own in resources)
    if room < (plan.n_workers or 1):
        each = f"{plan.n_cpus} CPU" + (f" and {plan.n_gpus} GPU" if plan.n_gpus else "")
        has = ", ".join(
            f"{own.get('CPU', 0):g} CPU and {own.get('GPU', 0):g} GPU" for own in resources
        )
        raise UserError(
            f"cluster {plan.address} has room for {room} trials of {each} side by side, "
            f"but {plan.n_workers or 1} must fit. Its nodes have {has}."
        )
    return plan.n_workers or room


def _room(plan: ClusterPlan, own: dict[str, float]) -> int:
    """Return how many trials a node has room for."""
    by_cpus = own.get("CPU", 0) // plan.n_cpus
    return int(min(by_cpus, own.get("GPU", 0) // plan.n_gpus) if plan.n_gpus else by_cpus)


def _compare(ray: Any, alive: list[dict[str, Any]]) -> None:
    """Refuse a node whose packages are not ours: its numbers would not be comparable."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(nodes.versions)
    for node in alive:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked = ask.options(num_cpus=0, scheduling_strategy=there).remote()
        name = node["NodeManagerHostname"]
        try:
            different = nodes.differences(ray.get(asked, timeout=6 * _SECONDS))
        except ray.exceptions.RayError as error:
            raise UserError(f"node {name} cannot be used: {_line(error)}") from error
        if different:
            raise UserError(
                f"all nodes must have our packages, but {name} has {different}. "
                "Install the same requirements.lock there."
            )
