"""The page of a study, drawn by the program that draws; we only share the records with it."""

from __future__ import annotations

import subprocess
import sys

from tracking.commandline.errors import UserError


def build_page(study: str) -> str:
    """Have the page of a study drawn, and give where it lies.

    Raises:
        UserError: if it was refused, as when the records do not answer any more.
    """
    command = [sys.executable, "-m", "dashboards.build", "--study", study]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode == 2:  # it has said why
        raise UserError(
            f"study {study} is recorded, but its page could not be drawn. "
            f"python -m dashboards.build --study {study} draws it."
        )
    done.check_returncode()
    return done.stdout.strip()
