"""Debian's Chromium for tests: where it is, and a tab that notes what goes wrong in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

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


@contextmanager
def start() -> Iterator[Browser]:
    """Start Chromium for the tests of a module."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page, and what it did that it should not.

    Attributes:
        errors: of the console and of scripts; a dialog that opens is one.
        hosts: that were asked for anything.
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        page = self.page
        page.on("console", lambda m: self._note(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("dialog", self._refuse)
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _note(self, text: str) -> None:
        self.errors.append(text)

    def _refuse(self, dialog: Dialog) -> None:
        self._note(f"dialog {dialog.message}")
        dialog.dismiss()

    def violations(self, *, inside: bool = False) -> list[str]:
        """What axe, the accessibility checker, finds wrong by WCAG A and AA.

        Args:
            inside: look inside of figures too. Each is an image with words for what it shows, and
                its thousands of marks take axe long.
        """
        from axe_playwright_python.sync_playwright import Axe

        rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
        context = None if inside else {"exclude": [[".main-svg"]]}
        found = Axe().run(self.page, context, options=rules).response["violations"]
        return [_say(violation) for violation in found]

    def count(self, selector: str) -> int:
        return self.page.locator(selector).count()


def _say(violation: dict[str, Any]) -> str:
    nodes = [node["html"][:160] for node in violation["nodes"][:3]]
    return f"{violation['id']}: {violation['help']}: {nodes}"
