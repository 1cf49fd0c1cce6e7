"""Names of libraries that are not public still do what we use them for."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

from tests.programs import ROOT

END = """
import os
from multiprocessing import forkserver
from search.private_names import end_forkserver
forkserver.ensure_running()
pid = forkserver._forkserver._forkserver_pid
end_forkserver()
try:
    os.kill(pid, 0)
except ProcessLookupError:
    print("gone")
forkserver.ensure_running()  # another can be started
end_forkserver()
"""


def test_the_server_that_trial_processes_are_forked_from_can_be_ended() -> None:
    done = subprocess.run(
        [sys.executable, "-c", END],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "gone\n"


def test_ray_prints_what_lost_nodes_said_with_the_function_that_is_silenced() -> None:
    worker = pytest.importorskip("ray._private.worker")
    assert "target=listen_error_messages" in inspect.getsource(worker.connect)
