"""What a reader of data takes in memory before it refuses a hostile file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_READ = """
import resource, sys
from pathlib import Path
import numpy, pyarrow.parquet
from search.datasets import archive, table
from tracking.commandline.errors import UserError

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
try:
    {"archive": archive, "table": table}[sys.argv[1]].read(Path(sys.argv[2]))
except UserError as error:
    print(round(peak() - before), error)
"""


def refusal(path: Path, reader: str) -> tuple[str, int]:
    """Read a file in a process of its own.

    Args:
        reader: "archive" or "table".

    Returns:
        the line that refuses it, and the megabytes that were taken.
    """
    done = subprocess.run(
        [sys.executable, "-c", _READ, reader, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        cwd=Path(__file__).parents[1],  # the packages of this checkout, wherever the test stands
    )
    n_megabytes, _, message = done.stdout.partition(" ")
    assert message.count("\n") == 1, done.stderr
    return message, int(n_megabytes)
