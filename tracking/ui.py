"""Open the MLflow UI on the project's records: `python -m tracking.ui`.

It listens on this machine only, and answers to its own address only.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from tracking.cli import Parser, UserError, run

_HOST = "127.0.0.1"
_FIRST_PORT = 5000


def main() -> int:
    """Parse, find a free port, become the MLflow server."""
    parser = Parser("tracking.ui", __doc__)
    parser.add_argument("--port", type=_port, metavar="N", help="default: a free one from 5000")
    arguments = parser.parse_args()

    from tracking import address, store

    root = store.home()
    studies = store.studies(root)
    if not studies:
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    if address.on_server():  # it shows them itself
        _print_links(root, studies, address.named().rstrip("/"))
        return 0
    port = arguments.port or next(port for port in range(_FIRST_PORT, 65_536) if _is_free(port))
    if not _is_free(port):
        raise UserError(f"port {port} is in use; leave --port out to have a free one chosen.")
    _print_links(root, studies, f"http://{_HOST}:{port}")
    print(f"also, if it is installed: optuna-dashboard sqlite:///{root / 'optuna.db'}")
    print("Ctrl-C ends it; the server needs some seconds to start.", flush=True)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # ten processes less
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # Not as an option: all users of a machine can read the commands that run on it.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = address.tracking_uri(root)
    # MLflow's default list is matched as patterns, and lets 10.evil.example pass.
    hosts = f"{_HOST}:{port},localhost:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", _HOST, "--port", str(port)]
    command += ["--workers", "1", "--default-artifact-root", (root / "artifacts").as_uri()]
    command += ["--allowed-hosts", hosts]
    os.execv(sys.executable, command)


def _print_links(root: Path, studies: Iterable[str], server: str) -> None:
    from tracking import store

    for study in sorted(studies):
        experiment, _ = store.ids(root, study)
        print(f"{study}: {server}/#/experiments/{experiment}/runs")


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"must be from 1 to 65535, but got {text!r}")
    return int(text)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((_HOST, port)) != 0


if __name__ == "__main__":
    run(main)
