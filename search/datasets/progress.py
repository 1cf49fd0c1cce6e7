"""How far the preparation of a data set has come: a bar at a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Self

from tracking.commandline.console import on_terminal
from tracking.commandline.formatting import duration

if TYPE_CHECKING:
    from rich.progress import Progress

_SECONDS_TO_LINE, _SECONDS_TO_BAR = 5.0, 0.2


class PreparationProgress:
    """Counts texts over all passes, and estimates the time that is left.

    Args:
        n_texts: of all passes together.
        say: takes a line, where stderr is no terminal.
    """

    def __init__(self, n_texts: int, say: Callable[[str], None]) -> None:
        self._n_texts, self.say, self._n_done = n_texts, say, 0
        self._bar = _bar() if on_terminal(sys.stderr) else None
        if self._bar is not None:
            self._task = self._bar.add_task("preparing", total=n_texts)

    def __enter__(self) -> Self:
        self._began = self._shown = time.monotonic()
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def each(self, texts: Sequence[str]) -> Iterator[str]:
        """Pass the texts on, and count them."""
        for text in texts:
            yield text
            self._n_done += 1
            if not self._n_done % 100:
                self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._shown < (_SECONDS_TO_LINE if self._bar is None else _SECONDS_TO_BAR):
            return
        self._shown = now
        if self._bar is not None:
            self._bar.update(self._task, completed=self._n_done)
            return
        left = (now - self._began) * (self._n_texts / self._n_done - 1)
        share = 100 * self._n_done / self._n_texts
        self.say(f"  {share:.0f} % prepared, about {duration(max(0.0, left))} left")


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("  {task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
