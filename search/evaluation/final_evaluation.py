"""The final evaluation of a study: train what is missing, rank, look once, say what came out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.evaluation import evaluate_on_test
from search.evaluation.evaluation_progress import EvaluationProgress
from search.evaluation.finalists import Finalist, Seed
from search.evaluation.ranking import RankedFinalist, examine, rank
from search.evaluation.reruns import Trainer, missing
from tracking.commandline.console import notes_on

if TYPE_CHECKING:
    from rich.console import Console

    from search.datasets.cache import Dataset
    from tracking.records import SealRecord, StudyRecord
    from tracking.writing.evaluation_writer import EvaluationWriter


@dataclass(frozen=True)
class FinalEvaluation:
    """One study's final evaluations and all that works on them.

    Attributes:
        n_seeds: on how many fresh seeds each finalist is trained.
        n_threads: of TensorFlow in each process; None leaves it to it.
        again: whether another test evaluation may be taken where there was one.
        check_stop: raises Stopped when the user asked to end.
        work_dir: where trainings leave their checkpoints for the next start.
    """

    study: StudyRecord
    store: EvaluationWriter
    data: Dataset
    chosen: list[Finalist]
    top: int
    n_seeds: int
    n_workers: int
    n_threads: int | None
    again: bool
    console: Console
    check_stop: Callable[[], None]
    work_dir: Path

    def run(self) -> None:
        """Train what is missing, rank, and look at the test set if nobody has.

        Raises:
            Stopped: if the user asked to end; the same command goes on from there.
        """
        self.store.begin()
        finished = self._finish_evaluation()
        self._train(missing(self.chosen, self.store.reruns(), self.n_seeds))
        ranking = self._rank()
        if not finished:
            self._evaluation(ranking)

    def _finish_evaluation(self) -> bool:
        """Finish a test evaluation that was cut short, for what was sealed then."""
        record = self.store.unopened()
        if record is None:
            return False
        if self.again and evaluate_on_test.changed(self.store, record) is not None:
            self.store.abandon(record)
            return False
        self._say(f"test evaluation {record.n} was cut short: finishing it")
        self._take(record)
        return True

    def _take(self, record: SealRecord) -> None:
        evaluate_on_test.take(
            self.store, record, self.data, self.study, self.n_workers, self.check_stop
        )
        self.store.drop_models([run_id for item in record.items for run_id in item.models])

    def _rank(self) -> list[RankedFinalist]:
        ranking = rank(self.chosen, self.store.reruns())
        self.store.write_ranking(examine(self.study, ranking, self.store, self.data, self.top))
        return ranking

    def _train(self, seeds: list[Seed]) -> None:
        with EvaluationProgress(self.console, list(seeds), self.n_workers) as progress:
            if seeds:
                n = len(seeds)
                self._say(f"{n} {'training' if n == 1 else 'trainings'}, {progress.left()}")
            trainer = Trainer(
                self.store,
                self.data,
                self.study.plan.seed,
                self.n_workers,
                self.n_threads,
                progress,
                self.check_stop,
                self.work_dir,
                self.study.plan.source_of,
            )
            trainer.run(seeds)

    def _evaluation(self, ranking: list[RankedFinalist]) -> None:
        """Take the test evaluation, unless there is nothing to look at or somebody has looked."""
        if "test" not in self.data.n_texts:
            self._say(
                f"{self.data.name} has no test part, so nothing is looked at. The numbers are of "
                "validation, which chose the finalists."
            )
            return
        seals = self.store.seals()
        if seals and not self.again:
            self._say(
                f"no second test evaluation: the test set was used for this study by "
                f"{seals[-1].who} at {seals[-1].sealed_at}. --again makes another, "
                "which is counted."
            )
            return
        chosen = evaluate_on_test.to_evaluate(ranking, self.study)
        if not chosen:
            self._say("no finalist could be trained again, so nothing is looked at.")
            return
        chosen = self._with_models(chosen)
        names = ", ".join(ranked.finalist.name for ranked in chosen)
        record = evaluate_on_test.seal(self.store, chosen)
        self._say(f"test evaluation {record.n}, sealed for {names}")
        self._take(record)

    def _with_models(self, chosen: list[RankedFinalist]) -> list[RankedFinalist]:
        """Train again, on the same seeds, what an earlier test evaluation deleted."""
        gone = [
            (ranked.finalist, rerun)
            for ranked in chosen
            for rerun in ranked.scored
            if ranked.finalist.role != "simple baseline" and not rerun.model
        ]
        if not gone:
            return chosen
        for _, rerun in gone:
            self.store.delete_rerun(rerun.run_id)
        self._train([Seed(finalist, rerun.index) for finalist, rerun in gone])
        return evaluate_on_test.to_evaluate(self._rank(), self.study)

    def _say(self, line: str) -> None:
        notes_on(self.console)(line)
