"""The one command for all programs."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from search.cli.commands import COMMANDS, main
from tests.command_line_reference import PROGRAMS


def type_command(*words: str) -> subprocess.CompletedProcess[str]:
    call = "from search.cli.commands import main; main()"
    command = [sys.executable, "-c", call, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_program_is_a_command() -> None:
    assert sorted(module for module, _ in COMMANDS.values()) == sorted(PROGRAMS)


def test_the_help_lists_the_commands_in_under_a_second() -> None:
    seconds = []
    for _ in range(3):  # the best of three: other work on the machine only adds time
        before = time.perf_counter()
        done = type_command("--help")
        seconds.append(time.perf_counter() - before)
        assert (done.returncode, done.stderr) == (0, "")
        assert [name for name in COMMANDS if f"\n  {name} " not in done.stdout] == []
    assert min(seconds) < 1.0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "error: a command is needed: run, evaluate,"),
        (["rum"], "error: unknown command 'rum'. Did you mean run?"),
        (["run"], "error: --study NAME is needed"),
        (["page", "--study", "a", "--study", "a"], "error: a study is compared with others"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str) -> None:
    done = type_command(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(says)
    assert done.stderr.count("\n") == 1


def test_a_program_is_called_as_it_was_typed() -> None:
    assert type_command("run", "--help").stdout.startswith("usage: seqsearch run --study NAME")


def test_the_package_has_the_command() -> None:
    from importlib.metadata import entry_points

    (found,) = entry_points(group="console_scripts", name="seqsearch")
    assert found.load() is main
