"""Every name of a library that is not public and that we use all the same, each with its reason.

Tried with Python 3.11 to 3.13 and Ray 2.60. A test for each fails if a release changes it.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing import forkserver
from typing import Any


def end_forkserver() -> None:
    """End the server that trial processes are forked from.

    It ends by itself when we do, but not before Keras is loaded, and who reads our output through
    a pipe would wait for that. multiprocessing has no public way to end it.
    """
    server: Any = forkserver._forkserver
    with suppress(ProcessLookupError):
        os.kill(server._forkserver_pid, signal.SIGKILL)
    server._stop()


def silence_lost_nodes() -> None:
    """Let Ray not print pages of a lost node's log to stdout, which is for our results.

    `log_to_driver=False` leaves these in, and there is no other public way.
    """
    import ray._private.worker as worker

    setattr(worker, "listen_error_messages", lambda *arguments: None)  # noqa: B010
