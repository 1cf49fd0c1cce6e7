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
from pathlib import Path

import pytest

from tests.builders import build_study, build_trial, place_database, write_study
from tests.servers import free_port
from tracking import store, ui
from tracking.cli import UserError

_PROJECT = Path(__file__).resolve().parents[2]


class Replaced(Exception):
    """Raised where the process would have become another."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = place_database(tmp_path / "mlruns")
    write_study(root, build_study(build_trial(0)))
    return root


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that the program wanted to become."""
    seen = []

    def execv(path: str, command: list[str]) -> None:
        seen.append([path, *command[1:]])
        raise Replaced

    monkeypatch.setattr(os, "execv", execv)
    for name in ("SERVER_ENABLE_JOB_EXECUTION", "DISABLE_TELEMETRY", "BACKEND_STORE_URI"):
        monkeypatch.setenv(f"MLFLOW_{name}", "unset")
    return seen


@pytest.fixture
def used_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _type(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["tracking.ui", *arguments])


def test_there_is_nothing_to_see_before_the_first_study(monkeypatch, tmp_path, commands) -> None:
    _type(monkeypatch)

    with pytest.raises(UserError, match=r"holds no study yet: python -m search\.run"):
        ui.main()

    assert commands == []
    assert not (tmp_path / "mlruns").exists()


def test_a_port_in_use_is_refused(monkeypatch, root, commands, used_port) -> None:
    _type(monkeypatch, "--port", str(used_port))

    with pytest.raises(UserError, match=f"port {used_port} is in use"):
        ui.main()

    assert commands == []


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "5000.0", ""])
def test_what_is_no_port_is_refused(monkeypatch, port: str, capsys, commands) -> None:
    _type(monkeypatch, f"--port={port}")

    with pytest.raises(SystemExit) as exit_:
        ui.main()

    assert exit_.value.code == 2
    assert f"must be from 1 to 65535, but got {port!r}" in capsys.readouterr().err


def test_the_server_listens_to_this_machine_and_answers_to_its_own_name_only(
    monkeypatch, root, commands, capsys
) -> None:
    port = str(free_port())
    _type(monkeypatch, "--port", port)

    with pytest.raises(Replaced):
        ui.main()

    ((python, *command),) = commands
    assert python == sys.executable
    assert command[:3] == ["-m", "mlflow", "server"]
    options = dict(zip(command[3::2], command[4::2], strict=True))
    assert options["--host"] == "127.0.0.1"
    assert options["--port"] == port
    assert options["--allowed-hosts"] == f"127.0.0.1:{port},localhost:{port}"
    assert os.environ["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{root / 'mlflow.db'}"
    assert os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    experiment, _ = store.ids(root, "lstm")
    shown = f"lstm: http://127.0.0.1:{port}/#/experiments/{experiment}/runs"
    assert shown in capsys.readouterr().out.splitlines()


def test_a_free_port_is_found_when_none_is_named(monkeypatch, root, commands, used_port) -> None:
    monkeypatch.setattr(ui, "_FIRST_PORT", used_port)
    _type(monkeypatch)

    with pytest.raises(Replaced):
        ui.main()

    command = commands[0]
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
