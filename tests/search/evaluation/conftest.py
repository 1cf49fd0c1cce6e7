"""A finished study with a prepared data set, and trainings that take no time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from search.datasets import cache
from search.datasets.cache import Dataset
from search.evaluation import reruns
from search.evaluation.final_evaluation import FinalEvaluation
from search.evaluation.finalists import finalists
from search.training.failures import TrialFailed
from search.training.test_part import evaluation_record
from search.workers.tasks import EvaluationTask, SimpleBaselineTask, Task
from tests.builders import (
    build_epochs,
    build_plan,
    build_reference,
    build_score,
    build_trial,
    place_database,
    write_study,
)
from tracking import store
from tracking.records import StudyRecord, TrialRecord


@pytest.fixture(scope="session")
def parted(tiny_csv_with_test: Path, cache_folder: Path) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQSEARCH_CACHE", str(cache_folder))
        own = cache.load(str(tiny_csv_with_test), lambda line: None)
        return replace(own, name="imdb")  # final evaluations on own data have no reference


@dataclass
class Script:
    """Stands in for search.workers.process_pool.run_all: what each training gives is known beforehand.

    A model is right on as many texts as its parameter "skill" says, and a little more or less by
    its seed; its file holds both. Everything else about final evaluations is the real thing.

    Attributes:
        diverge: numbers of the trials that fail on every seed.
        trained: (skill, seed) of each training that was begun, in their order.
        scored: how often a model was scored on the test part.
        stop_after: trainings that finish before somebody presses Ctrl-C.
    """

    diverge: set[int] = field(default_factory=set)
    trained: list[tuple[float, int]] = field(default_factory=list)
    scored: int = 0
    stop_after: int | None = None
    stop: Callable[[], None] = lambda: None

    def __call__(
        self, tasks: Iterable[Any], n_workers: int, tick: Callable[[], None], n_starts: int = 1
    ) -> Iterator[tuple[Any, Any]]:
        for task in tasks:
            tick()
            match task:
                case Task():
                    yield from self._train(task)
                case SimpleBaselineTask(part="validation"):
                    probabilities = _predict(0.6, 0, task.data.labels("validation"))
                    np.save(task.predictions, probabilities)
                    yield task, build_score(build_epochs(0.6))
                case SimpleBaselineTask():
                    yield task, self._evaluation(task, 0.6, 0)
                case EvaluationTask():
                    skill, seed = task.file.read_text().split()
                    yield task, self._evaluation(task, float(skill), int(seed))

    def _train(self, task: Task) -> Iterator[tuple[Task, Any]]:
        skill = float(task.params.get("skill", 0.7))
        self.trained.append((skill, task.seed))
        if self.stop_after is not None and len(self.trained) > self.stop_after:
            self.stop()
        if task.params.get("number") in self.diverge:
            yield task, TrialFailed("loss became nan in epoch 1")
            return
        labels = task.data.labels("validation")
        probabilities = _predict(skill, task.seed, labels)
        accuracy = float((probabilities.argmax(axis=1) == labels).mean())
        epochs = build_epochs(accuracy)
        yield task, epochs[0]
        task.output.write_text("trained\n")
        task.model.write_text(f"{skill} {task.seed}")
        np.save(task.predictions, probabilities)
        yield task, build_score(epochs)

    def _evaluation(self, task: Any, skill: float, seed: int) -> Any:
        self.scored += 1
        labels = task.data.labels("test")  # raises if it was not opened
        probabilities = _predict(skill, seed, labels)
        np.save(task.predictions, probabilities)
        n_train = task.data.n_texts["train"]
        return evaluation_record(probabilities, labels, n_train=n_train, official=False)


def _predict(skill: float, seed: int, labels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Be right on a share `skill` of the texts, the same ones for all, and on some by chance."""
    n_classes = 2
    digest = hashlib.sha256(str(seed).encode()).digest()
    luck = np.random.default_rng(int.from_bytes(digest[:4], "big")).random(len(labels)) < 0.05
    right = (np.arange(len(labels)) < skill * len(labels)) ^ luck
    of_label = np.where(right, 0.9, 0.1)
    probabilities = np.empty((len(labels), n_classes))
    probabilities[np.arange(len(labels)), labels] = of_label
    probabilities[np.arange(len(labels)), 1 - labels] = 1 - of_label
    return probabilities


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    written = Script()
    for module in (reruns, test_evaluation):
        monkeypatch.setattr(module, "run_all", written)
    return written


def candidate(number: int, skill: float, **changes: Any) -> TrialRecord:
    """A trial of the search with this validation accuracy, and this skill when trained again."""
    params = {"skill": skill, "number": number, "train.epochs": 1}
    return build_trial(number, skill, params=params, **changes)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


@dataclass
class Story:
    """Finals of a study in a store of its own, run as often as a test likes."""

    root: Path
    data: Dataset

    def write(self, *trials: TrialRecord, **changes: Any) -> None:
        tried = any(trial.proposed_by == "lstm-2016" for trial in trials)
        references = (build_reference("lstm-2016", 0.8679),) if tried else ()
        plan = build_plan(data=self.data.record, references=references, baselines=())
        write_study(self.root, StudyRecord(replace(plan, **changes), trials))

    def run(
        self,
        *,
        top: int = 2,
        n_seeds: int = 2,
        again: bool = False,
        check_stop: Callable[[], None] = lambda: None,
    ) -> str:
        """Run the final evaluation; give what was said."""
        study = self.study
        console = Console(record=True, width=200, file=(self.root / "said.txt").open("w"))
        final_ranking = FinalEvaluation(
            study=study,
            store=store.open_evaluation(self.root, study.plan.study),
            data=self.data,
            chosen=finalists(study, top),
            top=top,
            n_seeds=n_seeds,
            n_workers=1,
            n_threads=None,
            again=again,
            console=console,
            check_stop=check_stop,
            work_dir=self.root / "lstm.evaluation",
        )
        try:
            final_ranking.run()
        finally:
            console.file.close()
        return console.export_text()

    @property
    def study(self) -> StudyRecord:
        return store.read_study(self.root, "lstm")


@pytest.fixture
def story(root: Path, parted: Dataset) -> Story:
    return Story(root, parted)
