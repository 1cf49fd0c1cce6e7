"""The MLflow UI is opened for this machine alone, and only when there is something to see."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from tests.builders import build_study, build_trial, place_database, write_study
from tests.servers import free_port
from tracking import store, ui
from tracking.commandline.errors import UserError

_PROJECT = Path(__file__).resolve().parents[2]


class Started:
    """In the place of MLflow's server: what was to be started, and a server of health.

    Attributes:
        said: what had been printed when each question came.
    """

    answers: ClassVar[list[int]] = [503, 200]
    said: ClassVar[list[str]] = []
    code: ClassVar[int | None] = None  # with which it ends before it answers

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.command, self.environment, self.ended = command, env, False
        answers, said = iter(self.answers), self.said

        class Health(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                said.append(sys.stdout.getvalue() if isinstance(sys.stdout, StringIO) else "")
                self.send_response(next(answers) if self.path == "/health" else 404)
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        port = int(command[command.index("--port") + 1])
        self.server = HTTPServer(("127.0.0.1", port), Health)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def poll(self) -> int | None:
        return self.code

    def wait(self) -> int:
        return self.code or 0

    def terminate(self) -> None:
        if not self.ended:
            self.server.shutdown()
            self.server.server_close()
        self.ended = True


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = place_database(tmp_path / "mlruns")
    write_study(root, build_study(build_trial(0)))
    return root


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """The servers that the program started."""
    seen: list[Started] = []

    def start(command: list[str], env: dict[str, str]) -> Started:
        seen.append(Started(command, env))
        return seen[-1]

    monkeypatch.setattr(ui.subprocess, "Popen", start)
    monkeypatch.setattr(Started, "said", [])
    return seen


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _type(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["tracking.ui", *arguments])


def test_there_is_nothing_to_see_before_the_first_study(monkeypatch, tmp_path, started) -> None:
    _type(monkeypatch)

    with pytest.raises(UserError, match=r"holds no study yet: python -m search\.run"):
        ui.main()

    assert started == []
    assert not (tmp_path / "mlruns").exists()


def test_a_port_in_use_is_refused(monkeypatch, root, started, used_port) -> None:
    _type(monkeypatch, "--port", str(used_port))

    with pytest.raises(UserError, match=f"port {used_port} is in use"):
        ui.main()

    assert started == []


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "5000.0", ""])
def test_what_is_no_port_is_refused(monkeypatch, port: str, started) -> None:
    _type(monkeypatch, f"--port={port}")

    with pytest.raises(UserError, match=f"must be from 1 to 65535, but got {port!r}"):
        ui.main()


def test_the_server_listens_to_this_machine_and_answers_to_its_own_name_only(
    monkeypatch, root, started, capsys
) -> None:
    port = str(free_port())
    _type(monkeypatch, "--port", port)

    assert ui.main() == 0

    (server,) = started
    assert server.ended
    python, *command = server.command
    assert python == sys.executable
    assert command[:3] == ["-m", "mlflow", "server"]
    options = dict(zip(command[3::2], command[4::2], strict=True))
    assert options["--host"] == "127.0.0.1"
    assert options["--port"] == port
    assert options["--allowed-hosts"] == f"127.0.0.1:{port},localhost:{port}"
    assert server.environment["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{root / 'mlflow.db'}"
    assert server.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert server.environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    experiment, _ = store.ids(root, "lstm")
    shown = f"lstm: http://127.0.0.1:{port}/#/experiments/{experiment}/runs"
    assert shown in capsys.readouterr().out.splitlines()


def test_the_address_is_printed_once_the_server_answers(monkeypatch, root, started) -> None:
    output = StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    _type(monkeypatch)

    ui.main()

    assert Started.said == ["", ""]  # a refusal, then the answer
    assert "lstm: http://127.0.0.1:" in output.getvalue()


def test_of_a_server_that_ends_at_once_no_address_is_printed(
    monkeypatch, root, started, capsys
) -> None:
    monkeypatch.setattr(Started, "code", 3)
    _type(monkeypatch)

    assert ui.main() == 1
    assert capsys.readouterr().out == ""


def test_a_link_to_a_server_of_the_records_has_no_password(monkeypatch, root, capsys) -> None:
    monkeypatch.setattr("tracking.connection.address.exists", lambda root: True)
    monkeypatch.setattr("tracking.connection.address.on_server", lambda: True)
    monkeypatch.setattr(
        "tracking.connection.address.named", lambda: "http://me:se/cr'et@127.0.0.1:1"
    )
    monkeypatch.setattr(
        "tracking.connection.address.tracking_uri", lambda root: f"sqlite:///{root}/mlflow.db"
    )
    _type(monkeypatch)

    assert ui.main() == 0
    assert "lstm: http://127.0.0.1:1/#/experiments/" in capsys.readouterr().out


def test_a_free_port_is_found_when_none_is_named(monkeypatch, root, started, used_port) -> None:
    monkeypatch.setattr(ui, "_FIRST_PORT", used_port)
    _type(monkeypatch)

    ui.main()

    command = started[0].command
    assert int(command[command.index("--port") + 1]) > used_port


@pytest.mark.slow  # MLflow's server needs most of a minute to start on two cores
def test_the_real_server_refuses_a_foreign_host_and_leaves_no_process(root: Path) -> None:
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "tracking.ui", "--port", str(port)],
        cwd=_PROJECT,
        env={**os.environ, "SEQSEARCH_MLRUNS": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(lambda: _status(port, f"127.0.0.1:{port}") == 200, server, seconds=180)
        assert _status(port, f"localhost:{port}") == 200
        for host in ("evil.example", f"evil.example:{port}", "10.evil.example", "127.0.0.1:1"):
            assert _status(port, host, "/ajax-api/2.0/mlflow/experiments/list") == 403, host
        server.terminate()
        server.wait(timeout=60)
        _wait_for(lambda: not _group_lives(server.pid), None, seconds=30)
    finally:
        if _group_lives(server.pid):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait(timeout=60)


def _status(port: int, host: str, path: str = "/health") -> int | None:
    """Ask the server, and give the status of its answer; None if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def _wait_for(condition, server: subprocess.Popen[bytes] | None, *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert server is None or server.poll() is None, "the server ended by itself"
        assert time.monotonic() < deadline, f"waited for {seconds} s"
        time.sleep(0.2)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
