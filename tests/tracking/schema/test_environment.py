"""Where a result came from is read from git and from the machine, or is empty."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracking.schema import environment
from tracking.schema.environment import CodeRecord


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the project lie in `tmp_path`, and no git checkout lie around that."""
    monkeypatch.setattr(environment, "_ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    environment.code.cache_clear()
    yield
    environment.code.cache_clear()


def _git(folder: Path, *arguments: str) -> str:
    person = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    command = ["git", "-C", str(folder), *person, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("units = 32\n", "utf-8")
    _git(tmp_path, "add", "code.py")
    _git(tmp_path, "commit", "--quiet", "-m", "Begin")
    return tmp_path


def test_outside_git_the_code_version_is_empty() -> None:
    assert environment.code() == CodeRecord(commit="", diff="")


def test_without_git_the_code_version_is_empty(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(checkout))

    assert environment.code() == CodeRecord(commit="", diff="")


def test_a_clean_checkout_has_a_commit_and_no_diff(checkout: Path) -> None:
    assert environment.code() == CodeRecord(commit=_git(checkout, "rev-parse", "HEAD"), diff="")


def test_an_uncommitted_change_is_in_the_diff(checkout: Path) -> None:
    (checkout / "code.py").write_text("units = 64\n", "utf-8")

    code = environment.code()

    assert code.commit == _git(checkout, "rev-parse", "HEAD")
    assert "-units = 32\n+units = 64\n" in code.diff


def test_a_change_that_is_not_utf_8_does_not_stop_a_study(checkout: Path) -> None:
    (checkout / "code.py").write_bytes("note = 'für'\n".encode("latin-1"))

    assert "-units = 32" in environment.code().diff


def test_the_code_version_is_that_of_the_start(checkout: Path) -> None:
    before = environment.code()
    (checkout / "code.py").write_text("units = 64\n", "utf-8")

    assert environment.code() == before


def test_the_machine_and_its_packages_are_described() -> None:
    machine = environment.machine()

    assert machine["n_cores"] >= 1
    assert machine["memory_gb"] >= 0
    for package in ("tensorflow", "keras", "optuna", "mlflow", "numpy", "pandas", "plotly"):
        assert machine["packages"][package][0].isdigit(), package
    assert machine["packages"]["seqsearch"]
    assert machine["n_threads"] >= 1


def test_only_variables_on_the_list_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    environment.machine.cache_clear()

    machine = environment.machine()

    environment.machine.cache_clear()
    assert machine["onednn"] == machine["variables"]["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert "hush" not in str(machine)


def test_the_command_is_recorded_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["/bin/python", "-m", "x", "--to", "http://a:b@h/a b"])
    assert environment.command() == "python -m x --to 'http://***@h/a b'"
