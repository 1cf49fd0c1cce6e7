"""One test evaluation: sealed before it is taken, finished whatever happens, counted."""

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
from search.evaluation.ranking import RankedFinalist, differences, winner
from search.training import statistics
from search.training.failures import TrialFailed
from search.workers.process_pool import run_all
from search.workers.tasks import EvaluationTask, SimpleBaselineTask
from tracking.commandline.errors import UserError
from tracking.records import (
    EvaluationRecord,
    SealedEvaluationRecord,
    SealItemRecord,
    SealRecord,
)

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.training.statistics import Hits
    from tracking.records import Role, StudyRecord
    from tracking.writing.evaluation_writer import EvaluationWriter


def to_evaluate(ranked: Sequence[RankedFinalist], study: StudyRecord) -> list[RankedFinalist]:
    """Choose whom to score: the winner, then its reference and the simple baseline, if any."""
    first = winner(ranked)
    if first is None:
        return []
    names = [reference.trained_as for reference in first_reference(study)]
    numbers = {trial.number for trial in study.trials if trial.proposed_by in names}
    others = [
        one
        for one in ranked
        if one is not first
        and (one.finalist.role == "simple baseline" or one.finalist.of in {*names, *numbers})
    ]
    return [first, *sorted(others, key=lambda one: one.finalist.role == "simple baseline")]


def seal(store: EvaluationWriter, ranked: Sequence[RankedFinalist]) -> SealRecord:
    """Record what is about to be scored, the winner first. From here on it counts."""
    items = []
    for number, one in enumerate(ranked):
        simple_baseline = one.finalist.role == "simple baseline"
        models = (
            {}
            if simple_baseline
            else {r.run_id: sha256(store.model(r.run_id)) for r in one.scored}
        )
        role: Role = (
            "simple baseline" if simple_baseline else ("reference" if number else "finalist")
        )
        items.append(SealItemRecord(role, one.finalist.of, models, one.best.run_id))
    return store.seal(items)


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def take(
    store: EvaluationWriter,
    record: SealRecord,
    data: Dataset,
    study: StudyRecord,
    n_workers: int,
    tick: Callable[[], None],
) -> list[SealedEvaluationRecord]:
    """Score what was sealed and write down what was seen. Taken twice, it sees the same.

    Raises:
        UserError: if a model is no longer the one that was sealed.
    """
    file = changed(store, record)
    if file is not None:
        raise UserError(
            f"test evaluation {record.n} was sealed for {file}, which has changed or is gone "
            "since. It cannot be finished, and counts. Add --again to take another."
        )
    opened = data.open_test(
        f"test evaluation {record.n} of study {study.plan.study}, by {record.who}"
    )
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
        seen = _score(_tasks(store, record, opened, Path(folder), study), n_workers, tick)
        evaluations = _judge(record, opened, seen)
    store.write_evaluations(record, evaluations)
    return evaluations


def changed(store: EvaluationWriter, record: SealRecord) -> Path | None:
    """Return a model file that is not the one that was sealed, if there is one."""
    for item in record.items:
        for run_id, digest in item.models.items():
            file = store.model(run_id)
            if not file.is_file() or sha256(file) != digest:
                return file
    return None


Tasks = dict[str, EvaluationTask | SimpleBaselineTask]  # by run


def _tasks(
    store: EvaluationWriter, record: SealRecord, opened: Dataset, folder: Path, study: StudyRecord
) -> Tasks:
    tasks: Tasks = {}
    plan = study.plan
    params = {rerun.run_id: rerun.params for rerun in store.reruns()}
    families: dict[int | str, str] = {trial.number: trial.family for trial in study.trials}
    for item in record.items:
        for run_id in item.models or [item.chosen]:
            own = folder / run_id
            own.mkdir()
            if item.role == "simple baseline":
                tasks[run_id] = SimpleBaselineTask(str(item.of), opened, own, part="test")
            else:
                values = params[run_id]
                source = plan.source_of(families.get(item.of) or plan.family_of(values))
                tasks[run_id] = EvaluationTask(
                    store.model(run_id), values, opened, own, source=source
                )
    return tasks


@dataclass(frozen=True)
class _Seen:
    """What one model gave on the test part; probabilities of shape (n_texts, n_classes)."""

    evaluation: EvaluationRecord
    probabilities: NDArray[np.floating]


def _score(tasks: Tasks, n_workers: int, tick: Callable[[], None]) -> dict[str, _Seen]:
    """Score each model in a process of its own; give what it saw, by run."""
    runs = {task.folder: run_id for run_id, task in tasks.items()}
    seen = {}
    with closing(run_all(tasks.values(), n_workers, tick)) as events:
        for task, event in events:
            match event:
                case EvaluationRecord() as evaluation:
                    seen[runs[task.folder]] = _Seen(evaluation, np.load(task.predictions))
                case TrialFailed() as failure:
                    raise UserError(
                        f"the test evaluation could not be finished: {failure}. "
                        "It is sealed and counts; the same command finishes it."
                    )
                case _:
                    raise RuntimeError(f"a test evaluation gave {event}")
    return seen


def _judge(
    record: SealRecord, opened: Dataset, seen: Mapping[str, _Seen]
) -> list[SealedEvaluationRecord]:
    """Compute all that is said of the test evaluation: the winner first, against the others."""
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
    evaluations = []
    for item in record.items:
        hits = chosen[item.of]
        interval = (None, None) if groups is None else statistics.cluster_bootstrap(hits, groups)
        evaluations.append(
            SealedEvaluationRecord(
                role=item.role,
                of=item.of,
                result=replace(seen[item.chosen].evaluation, evaluated_at=record.sealed_at),
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
    return evaluations


def _hits(seen: _Seen, labels: NDArray[np.integer]) -> Hits:
    return np.asarray(seen.probabilities.argmax(axis=1) == labels)
