"""What is shown of a final evaluation: a live line on a terminal, plain lines when piped."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import mean
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from search.training.failures import TrialFailed
from tracking.commandline.console import notes_on, shown
from tracking.commandline.formatting import duration, percent
from tracking.records import ScoreRecord

if TYPE_CHECKING:
    from search.evaluation.finalists import Seed
    from search.workers.tasks import Result
    from tracking.records import EpochRecord


@dataclass
class EvaluationProgress:
    """Shows trainings and epochs as they come.

    Attributes:
        waiting: the trainings to come.
        n_workers: how many run at a time.
    """

    console: Console
    waiting: list[Seed]
    n_workers: int
    _begun: dict[Seed, float] = field(default_factory=dict)
    _done: list[tuple[float | None, float]] = field(default_factory=list)  # expected, taken
    _live: Live | None = None

    def __enter__(self) -> EvaluationProgress:
        self._total = len(self.waiting)
        if self.console.is_terminal and self.waiting:
            self._live = Live(console=self.console, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.stop()

    def seed_begins(self, seed: Seed) -> None:
        self.waiting.remove(seed)
        self._begun[seed] = time.monotonic()
        if self._live is None:
            number = self._total - len(self.waiting)
            self.say(f"training {number} of {self._total}: {_name(seed)}")

    def epoch_ends(self, seed: Seed, epoch: EpochRecord) -> None:
        if self._live is None and epoch.val_accuracy is not None:
            self.say(
                f"  {_name(seed)}, epoch {epoch.epoch}: train {percent(epoch.train_accuracy)}, "
                f"validation {percent(epoch.val_accuracy)}, {duration(epoch.seconds)}; "
                f"{self.left()}"
            )
        self.tick()

    def seed_ends(self, seed: Seed, result: Result | TrialFailed) -> None:
        seconds = time.monotonic() - self._begun.pop(seed)
        self._done.append((seed.finalist.seconds, seconds))
        match result:
            case ScoreRecord() as score:
                said = f"{percent(score.val_accuracy)} on validation"
            case _:
                said = f"failed: {result}"
        self.say(f"{_name(seed)}: {said}, {duration(seconds)}")

    def tick(self) -> None:
        if self._live is not None:
            now = ", ".join(
                f"{_name(seed)} {duration(time.monotonic() - began)}"
                for seed, began in self._begun.items()
            )
            done = f"{len(self._done)} of {self._total} trainings · {now} · {self.left()}"
            self._live.update(Text(shown(done), no_wrap=True, overflow="ellipsis"))
            self._live.refresh()

    def left(self) -> str:
        """Estimate the rest: by the trials that are rerun, corrected by what reruns took."""
        now = time.monotonic()
        begun = [max(0.0, self._expected(seed) - (now - at)) for seed, at in self._begun.items()]
        rest = sum(begun) + sum(self._expected(seed) for seed in self.waiting)
        return f"about {duration(rest / self.n_workers)} left"

    def _expected(self, seed: Seed) -> float:
        known = [(expected, taken) for expected, taken in self._done if expected]
        ratio = sum(t for _, t in known) / sum(e for e, _ in known) if known else 1.0
        if seed.finalist.seconds is not None:
            return ratio * seed.finalist.seconds
        return mean(taken for _, taken in self._done) if self._done else 60.0

    def say(self, line: str) -> None:
        notes_on(self.console)(line)


def _name(seed: Seed) -> str:
    one = seed.finalist
    is_once = one.role in ("simple baseline", "pruned")
    return one.name if is_once else f"{one.name}, seed {seed.index + 1}"
