"""The page of a study, drawn by the program that draws; we only share the records with it."""

from __future__ import annotations

import subprocess
import sys


def build_page(study: str) -> str:
    """Have the page of a study drawn, and give where it lies."""
    command = [sys.executable, "-m", "dashboards.build", "--study", study]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
