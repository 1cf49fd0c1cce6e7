"""Servers that tests start on loopback, and end."""

from __future__ import annotations

import contextlib
import getpass
import itertools
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import requests
from mlflow import MlflowClient

_POSTGRESQL = Path("/usr/lib/postgresql")  # Debian's place; elsewhere it is in PATH


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def skip(why: str) -> None:
    """Skip a test for want of a program, but not in CI, which installs it."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must have it: {why}")
    pytest.skip(why)


@dataclass
class Database:
    """A PostgreSQL server with a password of its own.

    Attributes:
        program: runs one of PostgreSQL's programs as its user.
    """

    folder: Path
    bin: Path
    port: int
    password: str
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _template: str = ""  # the database that holds MLflow's tables and nothing else

    def program(self, name: str, *words: str) -> str:
        command = [str(self.bin / name), *words]
        if getpass.getuser() == "root":  # which PostgreSQL refuses to be
            command = ["runuser", "-u", "postgres", "--", *command]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, "PGPASSWORD": self.password},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -F"
        log = str(self.folder / "log")
        self.program(
            "pg_ctl", "-D", str(self.folder / "data"), "-w", "-l", log, "-o", options, "start"
        )

    def stop(self) -> None:
        self.program("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def sql(self, statement: str) -> str:
        return self.program("psql", *self.client, "-d", "postgres", "-At", "-c", statement)

    def cut(self) -> int:
        """Cut all connections to its databases of records; tell how many there were."""
        uri = f"postgresql://tester:{self.password}@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(uri, autocommit=True) as connection:
            found = connection.execute(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity "
                "WHERE datname LIKE 'records%'"
            )
            return len(found.fetchall())

    def dump(self, address: str) -> str:
        """Return all that a database holds."""
        dump = self.program("pg_dump", *self.client, address.rpartition("/")[2])
        # Newer ones put a random word before and after it.
        return "\n".join(line for line in dump.splitlines() if "restrict " not in line)

    @property
    def client(self) -> tuple[str, ...]:
        return ("-h", "127.0.0.1", "-p", str(self.port), "-U", "tester")

    def create(self, template: str = "template1") -> str:
        """Make an empty database, and give its address."""
        name = f"records_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql+psycopg://tester:{self.password}@127.0.0.1:{self.port}/{name}"

    def create_for_mlflow(self) -> str:
        """Make a database with MLflow's tables, which take it seconds: once."""
        if not self._template:
            address = self.create()
            MlflowClient(address).search_experiments()
            self._template = address.rpartition("/")[2]
            self.cut()  # nobody may be connected to what is copied
        return self.create(self._template)


@contextmanager
def start_postgresql() -> Iterator[Database]:
    found = [*_POSTGRESQL.glob("*/bin/initdb"), *filter(None, [shutil.which("initdb")])]
    if not found:
        skip("there is no PostgreSQL (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="seqsearch-pg-"))
    database = Database(folder, Path(found[0]).resolve().parent, free_port(), secrets.token_hex(8))
    password = folder / "password"
    password.write_text(database.password)
    if getpass.getuser() == "root":
        for path in (folder, password):
            shutil.chown(path, "postgres")
    data = str(folder / "data")
    database.program(
        "initdb", "-D", data, "-U", "tester", "-A", "scram-sha-256", f"--pwfile={password}"
    )
    database.start()
    try:
        yield database
    finally:
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def start_mlflow(folder: Path, port: int | None = None) -> Iterator[str]:
    """Start an MLflow server that keeps files itself, and give its address."""
    port = port or free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri", f"sqlite:///{folder / 'server.db'}"]
    command += ["--artifacts-destination", str(folder / "files")]
    server = subprocess.Popen(
        command,
        cwd=folder,
        env={
            **os.environ,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server)
        yield address
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=60)


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while True:
        assert server.poll() is None, "the server ended by itself"
        assert time.monotonic() < deadline, "the server did not answer"
        try:
            if requests.get(f"{address}/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)


@dataclass
class Node:
    """A Ray node on this machine, in a session of its own."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End all of it at once, as when a machine loses its power."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Nodes:
    """A Ray cluster of nodes on this machine.

    Attributes:
        variables: what whoever connects to it must have in its environment.
    """

    address: str
    variables: dict[str, str]
    head: Node
    other: Node


@contextmanager
def start_ray(folder: Path) -> Iterator[Nodes]:
    """Start a Ray cluster of two nodes, each with one processor and a cache of its own."""
    variables = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    address = f"127.0.0.1:{free_port()}"
    port = address.rpartition(":")[2]
    # A socket's path may have 107 bytes, which a test's own folder may exceed.
    with tempfile.TemporaryDirectory(
        prefix="seqsearch-ray-", dir="/tmp", ignore_cleanup_errors=True
    ) as short:
        words = ["--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={short}"]
        head = _start_node(folder / "head", variables, *words)
        words = [f"--address={address}", "--node-ip-address=127.0.0.2"]
        other = _start_node(folder / "other", variables, *words)
        try:
            yield Nodes(address, variables, head, other)
        finally:
            other.kill()
            head.kill()


def _start_node(home: Path, variables: dict[str, str], *words: str) -> Node:
    home.mkdir()
    ray = str(Path(sys.executable).with_name("ray"))
    log = home / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [ray, "start", *words, "--num-cpus=1", "--block"],
            cwd=home,
            env={**os.environ, **variables, "SEQSEARCH_CACHE": str(home / "cache")},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while "Ray runtime started" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    return Node(process)
