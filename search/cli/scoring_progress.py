"""How far a long scoring has come, for a person at a terminal; nothing where stderr is none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class ScoringProgress:
    """Counts texts, and tells the time left where the size of the input is known.

    Args:
        n_bytes: of the input; None where nobody knows.
        shown: whether there is somebody to see it.
    """

    def __init__(self, n_bytes: int | None = None, *, shown: bool | None = None) -> None:
        self._n_texts = 0
        self._progress: Progress | None = None
        # Where the answers go to the same terminal, they are progress enough.
        on_terminal = sys.stderr.isatty() and not sys.stdout.isatty()
        if on_terminal if shown is None else shown:
            self._progress = _progress()
            self._task = self._progress.add_task("", total=n_bytes)

    def __enter__(self) -> ScoringProgress:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def advance(self, n_texts: int, at_byte: int = 0) -> None:
        """Count texts that were scored.

        Args:
            at_byte: how far the input is read.
        """
        self._n_texts += n_texts
        if self._progress is not None:
            said = f"{self._n_texts:,} texts"
            self._progress.update(self._task, completed=at_byte, description=said)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.progress import TimeRemainingColumn as Left

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), Left())
    return Progress(*columns, console=Console(stderr=True, force_terminal=True), transient=True)
