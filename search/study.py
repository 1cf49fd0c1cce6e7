"""The coordinator: ask -> evaluate -> record -> tell, until the budget is met.

It owns every write. What it leaves behind when it is killed, its next start puts right. Trials
are evaluated by others (search/places.py), several at a time where there is room; what happens to
one of them is in search/course.py.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search import scratch
from search.adopt import AdoptedTrial, adopt, end_all
from search.budget import Budget
from search.failures import TrialFailed
from search.pool import score_control
from search.session import Session
from search.tasks import ControlTask
from tracking.cli import disk_is_full
from tracking.records import ControlRecord

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.engines import Engine
    from search.places import Place
    from search.scratch import Scratch
    from search.watcher import Watcher
    from spaces.plan import StudyPlan
    from tracking.writer import StudyStore


@dataclass(frozen=True)
class Coordinator:
    """One study and all that works on it.

    Attributes:
        check_stop: raises Stopped when the user asked to end.
        place: where trials are evaluated.
        keep_models: how many models are kept, those of the best candidates.
        scratch: where trials leave their files while they are under way, and the next coordinator
            looks for them; None is where nobody does.
    """

    plan: StudyPlan
    engine: Engine
    store: StudyStore
    data: Dataset
    watcher: Watcher
    check_stop: Callable[[], None]
    place: Place
    keep_models: int = 3
    scratch: Path | None = None

    def run(self) -> None:
        """Evaluate the controls, then trials until the budget is met.

        Raises:
            Stopped: if the user asked to end; the study can be resumed.
            RuntimeError: if a trial hit a bug of ours, after it was recorded.
        """
        # Before anything is touched: the records may be another machine's.
        self.engine.refuse_unknown(self.store.numbers())
        finished = False
        try:
            with scratch.opened(self.scratch) as place:
                adopted = self._adopt(place.folder)
                place.left.update(one.asked.number for one in adopted)  # until a session has them
                self._begin(place, adopted).run(adopted)
            if self.plan.n_trials is not None and self.engine.n_finished() >= self.plan.n_trials:
                self.store.meet()
            finished = True
        except Exception as error:
            if disk_is_full(error):
                self.store.release_reserve()
            raise
        finally:
            self.store.end(finished=finished)

    def _adopt(self, folder: Path) -> list[AdoptedTrial]:
        """Adopt what an earlier coordinator left under way; a cluster cannot, and ends it."""
        if self.place.outlives:
            return adopt(folder, self.store, self.engine)
        end_all(folder)
        scratch.clear(folder, set())
        return []

    def _begin(self, place: Scratch, adopted: Sequence[AdoptedTrial]) -> Session:
        """Put right what an earlier coordinator left, and give the session that goes on.

        It reads the records of all trials, and keeps none: there can be thousands.
        """
        recorded = self.store.begin([one.asked.number for one in adopted])
        self.engine.reconcile(recorded)
        self.store.allow(self._most_trials())
        self.store.take_stock(self.keep_models)
        spent = max(
            self.engine.seconds_spent(), *(one.process.hello.spent for one in adopted), 0.0
        )
        budget = Budget(self.plan, self.data, spent, recorded.values())
        deaths = Counter(trial.seed for trial in recorded.values() if trial.died)
        return Session(self, budget, deaths, place)

    def run_controls(self, budget: Budget, folder: Path) -> None:
        """Evaluate the controls that are not recorded. Their seconds count for no budget."""
        began = time.monotonic()
        for name in self.plan.controls:
            if name not in self.store.controls():
                self._run_control(name, folder / "control")
        budget.leave_out(time.monotonic() - began)

    def _most_trials(self) -> int | None:
        """How many trials may have finished in the end. A smaller budget takes nothing away."""
        n_trials = self.plan.n_trials
        return None if n_trials is None else max(n_trials, self.engine.n_finished())

    def _run_control(self, name: str, folder: Path) -> None:
        """Evaluate and record a control."""
        began = time.monotonic()
        self.watcher.control_begins(name)
        folder.mkdir()
        try:
            task = ControlTask(name, self.data, folder)
            score = score_control(task, self.place.open_pool, self.check_stop)
        except TrialFailed as failure:  # the next start tries it again
            self.watcher.control_ends(name, None, str(failure))
            return
        finally:
            shutil.rmtree(folder)
        self.store.write_control(ControlRecord(name, time.monotonic() - began, score))
        self.watcher.control_ends(name, score, "")
