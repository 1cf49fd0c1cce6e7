"""The options of a cluster."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from tracking.commandline.errors import UserError
from tracking.commandline.quantities import not_negative, positive

NO_RAY = "--cluster needs Ray: pip install 'seqsearch[ray]'."
LOCAL = "local"  # start a cluster on this machine
_AUTO = "auto"  # take the one that this machine is a node of


@dataclass(frozen=True)
class ClusterPlan:
    """What the person typed of a cluster.

    Attributes:
        address: as ray.init takes it: "local", "auto" or "HOST:PORT".
        n_workers: how many trials side by side; None is as many as there is room for.
        n_cpus: of each trial, which are its threads.
        n_gpus: of each trial.
        time_limit: seconds that a trial may take; None is as long as it likes.
    """

    address: str
    n_workers: int | None
    n_cpus: int
    n_gpus: int
    time_limit: float | None


def add_cluster(add: Callable[..., object]) -> None:
    """Add the options of a cluster, by the add_argument of a parser or of a group."""
    add(
        "--cluster",
        type=_address,
        metavar="ADDRESS",
        help="evaluate on a Ray cluster: HOST:PORT, auto (the one this machine is in), local "
        "(start one here); --workers is then as many as there is room for",
    )
    for kind, read, default in (("cpus", positive, 1), ("gpus", not_negative, 0)):
        add(
            f"--{kind}-per-trial",
            type=read,
            metavar="N",
            help=f"of the cluster, default {default}",
        )


def cluster_plan(arguments: argparse.Namespace) -> ClusterPlan | None:
    """Return what was typed of a cluster; None where nothing was.

    Raises:
        UserError: if trials are given processors of no cluster, or Ray is not installed.
    """
    n_cpus, n_gpus = arguments.cpus_per_trial, arguments.gpus_per_trial
    if arguments.cluster is None:
        for option, number in (("--cpus-per-trial", n_cpus), ("--gpus-per-trial", n_gpus)):
            if number is not None:
                raise UserError(f"{option} means nothing without --cluster.")
        return None
    if importlib.util.find_spec("ray") is None:
        raise UserError(NO_RAY)
    return ClusterPlan(
        arguments.cluster,
        arguments.workers or (1 if arguments.deterministic else None),
        n_cpus or 1,
        n_gpus or 0,
        arguments.trial_timeout,
    )


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    is_address = bool(host) and "/" not in host and port.isdecimal() and 0 < int(port) < 65_536
    if text not in (LOCAL, _AUTO) and not is_address:
        raise argparse.ArgumentTypeError(f"must be local, auto or HOST:PORT, but got {text!r}")
    return text
