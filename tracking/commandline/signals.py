"""Stopping on request: Ctrl-C, SIGTERM, or a closed terminal."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self

from tracking.commandline import terminal
from tracking.commandline.errors import Stopped

ENDS = (signal.SIGTERM, signal.SIGHUP)  # whoever ignores one from the start means it: nohup


def in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


class StopFlag:
    """Remembers a wish to stop until it is asked for, so that no write is cut in the middle.

    Python takes signals in the main thread alone; in another nothing is asked for.
    """

    def __init__(self) -> None:
        self._signum: int | None = None

    def __enter__(self) -> Self:
        signals = [signal.SIGINT, *(s for s in ENDS if signal.getsignal(s) is not signal.SIG_IGN)]
        if not in_main_thread():
            signals = []
        self._before = [(signum, signal.signal(signum, self._remember)) for signum in signals]
        return self

    def __exit__(self, *exception: object) -> None:
        for signum, handler in self._before:
            signal.signal(signum, handler)

    def check(self) -> None:
        """Raise Stopped if the user asked to end."""
        if self._signum is not None:
            raise Stopped(self._signum)

    def _remember(self, signum: int, frame: FrameType | None) -> None:
        if signum == signal.SIGHUP:
            terminal.leave()
        if self._signum != signal.SIGINT:  # which asks for more than the others
            self._signum = signum


def raise_stopped(signum: int, frame: FrameType | None) -> None:
    if signum == signal.SIGHUP:
        terminal.leave()
    raise Stopped(signum)
