"""Where a result came from: code version, packages, machine."""

from __future__ import annotations

import functools
import getpass
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from tracking.commandline.redaction import redact

# All others may hold secrets, and are never read.
_VARIABLES = (
    "CUDA_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "MALLOC_ARENA_MAX",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "SEQSEARCH_CACHE",
    "SEQSEARCH_IMDB",
    "SEQSEARCH_MLRUNS",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "XLA_FLAGS",
)
_MOST_WORKERS, _GB_EACH = 4, 2.0  # trials of 25,000 reviews took 0.5 to 1.4 GB
_MOST_EACH = 8  # trials on a core: more only wait for one another
_MEMORY_LIMIT = Path("/sys/fs/cgroup/memory.max")
_call: ContextVar[str] = ContextVar("call", default="")
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class CodeRecord:
    """The commit that ran, and what was changed since.

    Attributes:
        commit: empty outside a git checkout.
        diff: uncommitted changes to tracked files; empty when there are none.
    """

    commit: str
    diff: str


@functools.cache
def code() -> CodeRecord:
    """Read the version of this project's own code, once: it does not change while we run."""
    if _git("rev-parse", "--show-toplevel").strip() != str(_ROOT):
        return CodeRecord("", "")  # installed, perhaps within another project's checkout
    diff = redact(_git("diff", "--no-ext-diff", "--no-color", "HEAD"))
    return CodeRecord(_git("rev-parse", "HEAD").strip(), diff)


def user() -> str:
    """Return the name of the user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in some containers
        return str(os.getuid())


def command() -> str:
    """Return the command that was typed, or what was called in Python, without secrets."""
    return redact(_call.get()) or shlex.join(["python", *map(redact, sys.orig_argv[1:])])


@contextmanager
def called(call: str) -> Iterator[None]:
    """Let `command` return a call in Python, whose own command line says nothing of it."""
    before = _call.set(call)
    try:
        yield
    finally:
        _call.reset(before)


def who() -> str:
    """Name the user and the machine."""
    return f"{user()}@{platform.node()}"


@functools.cache
def machine() -> dict[str, Any]:
    """Describe the machine, the packages, and the variables that steer them."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "n_cores": n_cores(),
        "memory_gb": round(_memory_gb()),
        "n_threads": _n_threads(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "TensorFlow's default"),
        "variables": {name: redact(os.environ[name]) for name in _VARIABLES if name in os.environ},
        "packages": dict(sorted(_packages())),
    }


def n_cores() -> int:
    """Count the cores that we may use, which a container can limit."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads_each(n_workers: int) -> int | None:
    """Return each of several workers its share of the cores; one alone is left to TensorFlow."""
    return None if n_workers == 1 else max(1, n_cores() // n_workers)


def default_workers() -> int:
    """Return how many trials are evaluated side by side where nobody said.

    A second thread speeds an LSTM up by a fifth, a second trial beside it by two thirds. More than
    a few, and an engine proposes too much before it knows how the last proposals did.
    """
    return max(1, min(n_cores(), _MOST_WORKERS, int(_memory_gb() / _GB_EACH)))


def most_workers() -> int:
    """Return how many trials may be evaluated side by side on this machine."""
    return _MOST_EACH * n_cores()


def resources() -> str:
    """Say what this machine has: "2 cores and 24 GB of memory"."""
    n = n_cores()
    return f"{n} {'core' if n == 1 else 'cores'} and {_memory_gb():.0f} GB of memory"


def _memory_gb() -> float:
    """Return the memory that we may use, which a container can limit."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no cgroup, or no limit ("max")
        memory = min(memory, int(_MEMORY_LIMIT.read_text("ascii")))
    return memory / 2**30


def _n_threads() -> int:
    """Count the threads that TensorFlow gives to one operation."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS") or 0) or n_cores()


def _packages() -> Iterator[tuple[str, str]]:
    for package in metadata.distributions():
        yield package.metadata["Name"], package.version


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(_ROOT), *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
