"""Open the MLflow UI on the project's records: `python -m tracking.ui`.

It listens on this machine only, and answers to its own address only.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tracking.commandline.console import note, shown
from tracking.commandline.errors import UserError
from tracking.commandline.parser import HOST, Parser, choose_port, port_number
from tracking.commandline.program import run
from tracking.commandline.redaction import without_login

_FIRST_PORT = 5000
_POLL_SECONDS, _ANSWER_SECONDS = 0.2, 5.0


def main() -> int:
    """Parse, find a free port, start MLflow's server, print its address once it answers."""
    parser = Parser("tracking.ui", __doc__)
    parser.add_argument(
        "--port", type=port_number, metavar="N", help="default: a free one from 5000"
    )
    arguments = parser.parse_args()
    if arguments.port is not None:
        choose_port(arguments.port, _FIRST_PORT)  # in use is said before MLflow is loaded

    from tracking import store
    from tracking.connection import address

    root = store.home()
    studies = store.studies(root)
    if not studies:
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    if address.on_server():  # it shows them itself
        _print_links(root, studies, without_login(address.named()).rstrip("/"))
        return 0
    port = choose_port(arguments.port, _FIRST_PORT)
    note("MLflow's server is starting, which takes some seconds. Ctrl-C ends it.")
    server = subprocess.Popen(_command(root, port), env=_environment(root))
    try:
        if _answers(server, port):
            _print_links(root, studies, f"http://{HOST}:{port}")
            database = root / "optuna.db"
            print(shown(f"also, if it is installed: optuna-dashboard sqlite:///{database}"))
            sys.stdout.flush()
        return int(server.wait() != 0)
    finally:  # Ctrl-C reaches it too, and SIGTERM only us
        server.terminate()
        server.wait()


def _command(root: Path, port: int) -> list[str]:
    # MLflow's default list is matched as patterns, and lets 10.evil.example pass.
    hosts = f"{HOST}:{port},localhost:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port)]
    command += ["--workers", "1", "--default-artifact-root", (root / "artifacts").as_uri()]
    return [*command, "--allowed-hosts", hosts]


def _environment(root: Path) -> dict[str, str]:
    from tracking.connection import address

    return {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # ten processes less
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # Not as an option: all users of a machine can read the commands that run on it.
        "MLFLOW_BACKEND_STORE_URI": address.tracking_uri(root),
    }


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers; return whether it does, or has ended instead."""
    while server.poll() is None:
        connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_SECONDS)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == http.client.OK:
                return True
        except (OSError, http.client.HTTPException):
            pass  # it does not listen yet
        finally:
            connection.close()
        time.sleep(_POLL_SECONDS)
    return False


def _print_links(root: Path, studies: Iterable[str], server: str) -> None:
    from tracking import store

    for study in sorted(studies):
        experiment, _ = store.ids(root, study)
        print(shown(f"{study}: {server}/#/experiments/{experiment}/runs"))


if __name__ == "__main__":
    run(main)
