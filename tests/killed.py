"""`search.run`, which kills itself at a step, or lets its trials wait for another while.

    python -m tests.killed OWNER METHOD N SIGNAL GRACE WORD ...

OWNER names a class, as search.course.Course; N counts the calls, and 0 kills at none. It is hit by
SIGNAL, as SIGKILL, after the call; GRACE is in seconds; the words are those of search.run.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any


def kill_after(owner: str, method: str, n: int, signum: int) -> None:
    module, _, name = owner.rpartition(".")
    holder: Any = getattr(importlib.import_module(module), name)
    original, times = getattr(holder, method), 0

    def killed(*args: Any, **kwargs: Any) -> Any:
        nonlocal times
        times += 1
        done = original(*args, **kwargs)
        if times == n:
            os.kill(os.getpid(), signum)
        return done

    setattr(holder, method, killed)


if __name__ == "__main__":
    owner_, method_, n_, signal_, grace_, *words = sys.argv[1:]

    from search import run, session
    from tracking import cli

    session.GRACE_SECONDS = float(grace_)
    if int(n_):
        kill_after(owner_, method_, int(n_), signal.Signals[signal_])
    sys.argv = ["search.run", *words]
    cli.run(run.main)
