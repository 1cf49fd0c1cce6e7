"""One look at the test set: sealed before it is taken, finished whatever happens, counted."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.evaluation.finalists import first_reference
from search.evaluation.ranking import Place, differences, winner
from search.training import statistics
from search.training.failures import TrialFailed
from search.workers.process_pool import run_all
from search.workers.tasks import ControlTask, LookTask
from tracking.commandline.errors import UserError
from tracking.records import (
    FinalLookRecord,
    LookRecord,
    SealItemRecord,
    SealRecord,
)

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.training.statistics import Hits
    from tracking.records import Role, StudyRecord
    from tracking.writing.evaluation_writer import FinalsStore


def looked_at(places: Sequence[Place], study: StudyRecord) -> list[Place]:
    """Choose whom to score: the winner, then its reference and the control, where there are."""
    first = winner(places)
    if first is None:
        return []
    names = [reference.trained_as for reference in first_reference(study)]
    numbers = {trial.number for trial in study.trials if trial.origin in names}
    others = [
        place
        for place in places
        if place is not first
        and (place.finalist.role == "control" or place.finalist.of in {*names, *numbers})
    ]
    return [first, *sorted(others, key=lambda place: place.finalist.role == "control")]


def seal(store: FinalsStore, places: Sequence[Place]) -> SealRecord:
    """Write down what is about to be scored, the winner first. From here on the look counts."""
    items = []
    for number, place in enumerate(places):
        control = place.finalist.role == "control"
        models = {} if control else {r.run_id: sha256(store.model(r.run_id)) for r in place.scored}
        role: Role = "control" if control else ("reference" if number else "finalist")
        items.append(SealItemRecord(role, place.finalist.of, models, place.best.run_id))
    return store.seal(items)


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def take(
    store: FinalsStore,
    record: SealRecord,
    data: Dataset,
    study: StudyRecord,
    n_workers: int,
    tick: Callable[[], None],
) -> list[FinalLookRecord]:
    """Score what was sealed and write down what was seen. Taken twice, it sees the same.

    Raises:
        UserError: if a model is no longer the one that was sealed.
    """
    file = changed(store, record)
    if file is not None:
        raise UserError(
            f"look {record.n} was sealed for {file}, which has changed or is gone since. It "
            "cannot be finished, and counts. Add --again to take another."
        )
    opened = data.open_test(f"look {record.n} of study {study.plan.study}, by {record.who}")
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
        seen = _score(_tasks(store, record, opened, Path(folder)), n_workers, tick)
        looks = _judge(record, opened, seen)
    store.write_looks(record, looks)
    return looks


def changed(store: FinalsStore, record: SealRecord) -> Path | None:
    """Give a model file that is not the one that was sealed, if there is one."""
    for item in record.items:
        for run_id, digest in item.models.items():
            file = store.model(run_id)
            if not file.is_file() or sha256(file) != digest:
                return file
    return None


Tasks = dict[str, LookTask | ControlTask]  # by run


def _tasks(store: FinalsStore, record: SealRecord, opened: Dataset, folder: Path) -> Tasks:
    tasks: Tasks = {}
    params = {repeat.run_id: repeat.params for repeat in store.repeats()}
    for item in record.items:
        for run_id in item.models or [item.chosen]:
            own = folder / run_id
            own.mkdir()
            if item.role == "control":
                tasks[run_id] = ControlTask(str(item.of), opened, own, part="test")
            else:
                tasks[run_id] = LookTask(store.model(run_id), params[run_id], opened, own)
    return tasks


@dataclass(frozen=True)
class _Seen:
    """What one model gave on the test part; probabilities of shape (n_texts, n_classes)."""

    look: LookRecord
    probabilities: NDArray[np.floating]


def _score(tasks: Tasks, n_workers: int, tick: Callable[[], None]) -> dict[str, _Seen]:
    """Score each model in a process of its own; give what it saw, by run."""
    runs = {task.folder: run_id for run_id, task in tasks.items()}
    seen = {}
    with closing(run_all(tasks.values(), n_workers, tick)) as events:
        for task, event in events:
            match event:
                case LookRecord() as look:
                    seen[runs[task.folder]] = _Seen(look, np.load(task.predictions))
                case TrialFailed() as failure:
                    raise UserError(
                        f"the look could not be finished: {failure}. It is sealed and counts; "
                        "the same command finishes it."
                    )
                case _:
                    raise RuntimeError(f"a look gave {event}")
    return seen


def _judge(
    record: SealRecord, opened: Dataset, seen: Mapping[str, _Seen]
) -> list[FinalLookRecord]:
    """Compute all that is said of the look, the winner first, which is held against the others."""
    labels, groups = opened.labels("test"), opened.groups("test")
    all_hits = {
        item.of: np.stack([_hits(seen[run], labels) for run in item.models or [item.chosen]])
        for item in record.items
    }
    chosen = {item.of: _hits(seen[item.chosen], labels) for item in record.items}
    first, *others = (item.of for item in record.items)
    pairs = [(first, other) for other in others]
    against = differences(all_hits, chosen, groups, "test", pairs) if pairs else ()
    known = np.concatenate([opened.keys("train"), opened.keys("validation")])
    unseen = ~np.isin(opened.keys("test"), known)
    looks = []
    for item in record.items:
        hits = chosen[item.of]
        interval = (None, None) if groups is None else statistics.cluster_bootstrap(hits, groups)
        looks.append(
            FinalLookRecord(
                role=item.role,
                of=item.of,
                look=replace(seen[item.chosen].look, looked_at=record.sealed_at),
                cluster_low=interval[0],
                cluster_high=interval[1],
                who=record.who,
                commit=record.commit,
                model_sha256=item.models.get(item.chosen, ""),
                n=record.n,
                by_seed=tuple(float(row.mean()) for row in all_hits[item.of]),
                calibration_error=statistics.calibration_error(
                    seen[item.chosen].probabilities, labels
                ),
                n_seen=int((~unseen).sum()),
                accuracy_unseen=float(hits[unseen].mean()) if unseen.any() else None,
                differences=against if item.of == first else (),
            )
        )
    return looks


def _hits(seen: _Seen, labels: NDArray[np.integer]) -> Hits:
    return np.asarray(seen.probabilities.argmax(axis=1) == labels)
