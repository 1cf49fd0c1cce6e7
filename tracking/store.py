"""Write records to MLflow and read them back: the one door to MLflow.

In MLflow a study is one experiment. It holds one parent run, however often the study is resumed,
a child run for each trial, and a run for the baseline, so that the UI's own charts show its line.

    complete -> FINISHED    pruned -> KILLED    failed -> FAILED, each with the tag trial.state
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from filelock import FileLock
from mlflow.entities import ViewType

from tracking import layout, models, plan_layout, setup
from tracking.cli import UserError, unknown
from tracking.files import artifacts
from tracking.records import PlanRecord, StudyRecord, TrialRecord
from tracking.runs import connect, database, experiment_of, of_kind, parent_of
from tracking.writer import StudyStore


def home() -> Path:
    """The folder of all records: SEQSEARCH_MLRUNS, or `mlruns` where the program was started."""
    return Path(os.environ.get("SEQSEARCH_MLRUNS") or "mlruns").absolute()


def open_study(root: Path, plan: PlanRecord, *, fresh: bool) -> StudyStore:
    """Open a study for writing, and make it if it is new.

    Args:
        fresh: put the study's earlier records aside, under a name with the time, and start anew.

    Raises:
        UserError: if the records are of other data or another seed.
    """
    root.mkdir(parents=True, exist_ok=True)
    # Four processes that make one SQLite file at once corrupt it.
    with FileLock(root / "mlflow.lock"):
        setup.create_database(database(root))
        client = connect(root)
        experiment = setup.open_experiment(client, root, plan.study, fresh=fresh)
        parent = parent_of(client, experiment) or setup.create_parent(client, experiment, plan)
    recorded = plan_layout.read_plan(parent)
    _refuse_other(recorded, plan)
    if recorded != plan:  # other limits of the search: the latest are those on record
        plan_layout.write_plan(client, parent.info.run_id, plan)
    setup.create_lines(client, experiment, plan)
    return StudyStore(client, experiment, parent.info.run_id)


def read_study(root: Path, name: str) -> StudyRecord:
    """Read all that is recorded of a study.

    The name of a plan does for its only study: `lstm` for `lstm-smoke`, if that is all there is.

    Raises:
        UserError: if there is no such study.
    """
    known = studies(root)
    if name not in known:
        # What --fresh put aside has another name than its plan says, and is not meant here.
        of_plan = [s for s, plan in known.items() if plan.plan == name and plan.study == s]
        if len(of_plan) != 1:
            raise unknown("study", name, known)
        name = of_plan[0]
    client = connect(root)
    experiment = experiment_of(client, name)
    trials = [layout.read_trial(client, run) for run in of_kind(client, experiment, "trial")]
    controls = [layout.read_control(run) for run in of_kind(client, experiment, "control")]
    return StudyRecord(
        plan=replace(known[name], study=name),
        trials=tuple(sorted(trials, key=lambda trial: trial.number)),
        controls=tuple(sorted(controls, key=lambda control: control.name)),
    )


def studies(root: Path) -> dict[str, PlanRecord]:
    """Give the plan of each recorded study, by the study's name."""
    if not database(root).is_file():
        return {}
    client = connect(root)
    found = {}
    for experiment in client.search_experiments(view_type=ViewType.ACTIVE_ONLY):
        parent = parent_of(client, experiment.experiment_id)
        if parent is not None:
            found[experiment.name] = plan_layout.read_plan(parent)
    return found


def model_file(root: Path, trial: TrialRecord) -> Path:
    """The model of a trial that keeps one: raw text in, probabilities out."""
    return models.file(connect(root).get_run(trial.run_id))


def add_artifact(root: Path, run_id: str, text: str, name: str) -> None:
    """Put a file of text with a run."""
    connect(root).log_text(run_id, text, name)


def has_artifact(root: Path, run_id: str, name: str) -> bool:
    """Tell whether a run has a file of this name."""
    return (artifacts(connect(root).get_run(run_id)) / name).is_file()


def ids(root: Path, study: str) -> tuple[str, str]:
    """Give the ids of a study's experiment and of its parent run, for links."""
    client = connect(root)
    experiment = experiment_of(client, study)
    parent = parent_of(client, experiment)
    assert parent is not None
    return experiment, parent.info.run_id


def _refuse_other(recorded: PlanRecord, plan: PlanRecord) -> None:
    """Numbers from other data or other seeds must not meet in one study."""
    for what, before, now in (
        ("data", recorded.data.digest, plan.data.digest),
        ("validation split", recorded.data.split_digest, plan.data.split_digest),
        ("seed", recorded.seed, plan.seed),
        ("families", ", ".join(recorded.families), ", ".join(plan.families)),
    ):
        if before != now:
            raise UserError(
                f"a study keeps its {what}, but {plan.study} has {before} (data "
                f"{recorded.data.name}) and was asked to go on with {now} (data "
                f"{plan.data.name}). Add --fresh to put the old records aside and start anew."
            )
