"""Open the MLflow UI on the project's records: `python -m tracking.ui`.

It listens on this machine only, and answers to its own address only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from tracking.cli import HOST, Parser, UserError, choose_port, port_number, run

_FIRST_PORT = 5000


def main() -> int:
    """Parse, find a free port, become the MLflow server."""
    parser = Parser("tracking.ui", __doc__)
    parser.add_argument(
        "--port", type=port_number, metavar="N", help="default: a free one from 5000"
    )
    arguments = parser.parse_args()

    from tracking import address, store

    root = store.home()
    studies = store.studies(root)
    if not studies:
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    if address.on_server():  # it shows them itself
        _print_links(root, studies, address.named().rstrip("/"))
        return 0
    port = choose_port(arguments.port, _FIRST_PORT)
    _print_links(root, studies, f"http://{HOST}:{port}")
    print(f"also, if it is installed: optuna-dashboard sqlite:///{root / 'optuna.db'}")
    print("Ctrl-C ends it; the server needs some seconds to start.", flush=True)
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # ten processes less
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    # Not as an option: all users of a machine can read the commands that run on it.
    os.environ["MLFLOW_BACKEND_STORE_URI"] = address.tracking_uri(root)
    # MLflow's default list is matched as patterns, and lets 10.evil.example pass.
    hosts = f"{HOST}:{port},localhost:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--default-artifact-root", (root / "artifacts").as_uri()]
    command += ["--allowed-hosts", hosts]
    os.execv(sys.executable, command)


def _print_links(root: Path, studies: Iterable[str], server: str) -> None:
    from tracking import store

    for study in sorted(studies):
        experiment, _ = store.ids(root, study)
        print(f"{study}: {server}/#/experiments/{experiment}/runs")


if __name__ == "__main__":
    run(main)
