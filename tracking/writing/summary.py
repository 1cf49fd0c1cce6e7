"""How far a study has come, written to its parent run: for people; of it only
the best trial's number is read back, by the doctor.

Counts and the best so far are metrics, one step a finished trial; trials.csv has a row for each.
"""

from __future__ import annotations

import csv
import io

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag

from tracking.commandline.formatting import percent
from tracking.connection.metrics import metrics
from tracking.records import State, StudyRecord
from tracking.reporting import pruning
from tracking.reporting.verdict import verdict
from tracking.schema.condition import BEST_TRIAL

_BEST_RUN = "best.run_id"  # a tag
_SHOWN = 10  # best candidates in the note that the UI shows
_OF_TRIAL = ("number", "family", "proposed_by", "state", "seconds")


def numbers(study: StudyRecord) -> list[Metric]:
    """Return how far a study has come, as of now. Each number of finished trials is a step."""
    states: tuple[State, ...] = ("complete", "pruned", "failed")
    counts = {f"trials_{state}": study.count(state) for state in states}
    seconds = sum(trial.seconds for trial in study.trials)
    values: dict[str, float] = {**counts, "seconds": seconds}
    if study.candidates:
        best = study.candidates[0]
        assert best.score is not None
        values["best_val_accuracy"] = best.score.val_accuracy
    return metrics(values, sum(counts.values()))


def write_summary(
    client: MlflowClient, run_id: str, study: StudyRecord, steps: list[Metric]
) -> None:
    """Write how far a study has come.

    Args:
        steps: its numbers after each trial that has finished since this was last written.
    """
    tags = {"mlflow.note.content": note(study)}
    if study.candidates:
        best = study.candidates[0]
        tags |= {BEST_TRIAL: str(best.number), _BEST_RUN: best.run_id}
    else:  # the best may have been deleted by hand
        for name in {BEST_TRIAL, _BEST_RUN} & client.get_run(run_id).data.tags.keys():
            client.delete_tag(run_id, name)
    client.log_batch(
        run_id, metrics=steps, tags=[RunTag(name, value) for name, value in tags.items()]
    )


def note(study: StudyRecord) -> str:
    """Say what the UI shows of a study: its question, the verdict, the best trials."""
    said = "" if study.reproduces else verdict(study)
    parts = (study.plan.question, said, pruning.sentence(study), _best(study))
    return "\n\n".join(part for part in parts if part)


def _best(study: StudyRecord) -> str:
    """Return the best candidates as a table in Markdown, which the UI shows."""
    lines = []
    for trial in study.candidates[:_SHOWN]:
        score = trial.score
        assert score is not None
        interval = f"{percent(score.low)} to {percent(score.high)}"
        cells = (
            trial.number,
            trial.proposed_by,
            trial.family,
            percent(score.val_accuracy),
            interval,
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    head = [
        "| trial | proposed by | family | validation accuracy | 95 % interval |",
        "|" + "---|" * 5,
    ]
    return "\n".join([*head, *lines]) if lines else ""


def write_trials(client: MlflowClient, run_id: str, study: StudyRecord) -> None:
    """Write a table with a row for each trial, for those who want one."""
    names = sorted({name for trial in study.trials for name in trial.params})
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow([*_OF_TRIAL, "val_accuracy", "best_epoch", *names])
    for trial in study.trials:
        score = trial.score
        numbers = (score.val_accuracy, score.best_epoch) if score else ("", "")
        facts = [getattr(trial, name) for name in _OF_TRIAL]
        table.writerow([*facts, *numbers, *(trial.params.get(name, "") for name in names)])
    client.log_text(run_id, written.getvalue(), "trials.csv")
