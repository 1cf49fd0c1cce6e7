"""Where records are: a folder on this machine, and the address of a tracking server."""

from __future__ import annotations

import os
from pathlib import Path

TRACKING_URI = "SEQSEARCH_TRACKING_URI"  # the variable that --tracking-uri sets


def home() -> Path:
    """The folder of all records: SEQSEARCH_MLRUNS, or `mlruns` where the program was started."""
    return Path(os.environ.get("SEQSEARCH_MLRUNS") or "mlruns").absolute()
