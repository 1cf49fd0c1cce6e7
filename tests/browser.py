"""Debian's Chromium for tests: where it is, and how it is started without a network of its own."""

from __future__ import annotations

import os
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or ""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
]


def require() -> None:
    """Skip where there is no Chromium; in CI that is a failure, for CI installs it."""
    if not CHROMIUM:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("there is no Chromium here: apt-get install chromium")
