"""Where a result came from: code version, packages, machine."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

_PACKAGES = ("seqsearch", "tensorflow", "keras", "optuna", "mlflow", "numpy", "pandas", "plotly")
_ROOT = Path(__file__).resolve().parents[1]


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
    diff = _git("diff", "--no-ext-diff", "--no-color", "HEAD")
    return CodeRecord(_git("rev-parse", "HEAD").strip(), diff)


@functools.cache
def machine() -> dict[str, str | int]:
    """Describe the machine and the packages."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "n_cores": _n_cores(),
        "memory_gb": round(memory / 2**30),
        **{f"package.{name}": _version(name) for name in _PACKAGES},
    }


def _n_cores() -> int:
    """Count the cores that we may use, which a container can limit."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


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
