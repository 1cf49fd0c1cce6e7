"""Write records to MLflow and read them back: the one door to MLflow.

In MLflow a study is one experiment. It holds one parent run, however often the study is resumed,
a child run for each trial and each control, and runs of what was published, so that the UI's own
charts show those lines.

    complete -> FINISHED    pruned -> KILLED    failed -> FAILED, each with the tag trial.state

As a program it mends one thing: `python -m tracking.store --relocate` after the folder of the
records was moved or copied.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tracking.cli import Parser, UserError, run, unknown
from tracking.records import PlanRecord, StudyRecord, TrialRecord

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tracking.writer import StudyStore


def home() -> Path:
    """The folder of all records: SEQSEARCH_MLRUNS, or `mlruns` where the program was started."""
    return Path(os.environ.get("SEQSEARCH_MLRUNS") or "mlruns").absolute()


def open_study(root: Path, plan: PlanRecord, *, fresh: bool) -> StudyStore:
    """Open a study for writing, and make it if it is new.

    Args:
        fresh: put the study's earlier records aside, under a name with the time, and start anew.

    Raises:
        UserError: if the records are of other data, another seed or another engine.
    """
    from filelock import FileLock

    from tracking import plan_layout, setup
    from tracking.runs import database, parent_of
    from tracking.writer import StudyStore

    root.mkdir(parents=True, exist_ok=True)
    # Four processes that make one SQLite file at once corrupt it.
    with FileLock(root / "mlflow.lock"):
        setup.create_database(database(root))
        client = _connect(root)
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
    from tracking import layout
    from tracking.runs import experiment_of, of_kind

    known = studies(root)
    if name not in known:
        # What --fresh put aside has another name than its plan says, and is not meant here.
        of_plan = [s for s, plan in known.items() if plan.plan == name and plan.study == s]
        if len(of_plan) != 1:
            raise unknown("study", name, known)
        name = of_plan[0]
    client = _connect(root)
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
    from mlflow.entities import ViewType

    from tracking import plan_layout
    from tracking.runs import database, parent_of

    if not database(root).is_file():
        return {}
    client = _connect(root)
    found = {}
    for experiment in client.search_experiments(view_type=ViewType.ACTIVE_ONLY):
        parent = parent_of(client, experiment.experiment_id)
        if parent is not None:
            found[experiment.name] = plan_layout.read_plan(parent)
    return found


def model_file(root: Path, trial: TrialRecord) -> Path:
    """The model of a trial that keeps one: raw text in, probabilities out."""
    from tracking import models

    return models.file(_connect(root).get_run(trial.run_id))


def add_artifact(root: Path, run_id: str, text: str, name: str) -> None:
    """Put a file of text with a run."""
    _connect(root).log_text(run_id, text, name)


def has_artifact(root: Path, run_id: str, name: str) -> bool:
    """Tell whether a run has a file of this name."""
    from tracking.files import artifacts

    return (artifacts(_connect(root).get_run(run_id)) / name).is_file()


def ids(root: Path, study: str) -> tuple[str, str]:
    """Give the ids of a study's experiment and of its parent run, for links."""
    from tracking.runs import experiment_of, parent_of

    client = _connect(root)
    experiment = experiment_of(client, study)
    parent = parent_of(client, experiment)
    assert parent is not None
    return experiment, parent.info.run_id


def main() -> int:
    """Parse, let the addresses of the files follow them."""
    parser = Parser("tracking.store", "Keep the records whole.")
    parser.add_argument(
        "--relocate",
        action="store_true",
        required=True,
        help="find the files again after the folder of the records was moved or copied",
    )
    parser.parse_args()

    from filelock import FileLock

    from tracking.relocate import relocate
    from tracking.runs import database

    root = home()
    if not database(root).is_file():
        raise UserError(f"{root} holds no records.")
    with FileLock(root / "mlflow.lock"):
        changed = relocate(database(root))
    print(f"{root}: {changed} addresses of files were changed.")
    return 0


def _connect(root: Path) -> MlflowClient:
    """Connect, unless the files that the database names are not those beside it."""
    from tracking.relocate import elsewhere
    from tracking.runs import connect, database

    for address in sorted(elsewhere(database(root))):
        raise UserError(
            f"the records in {root} were moved or copied, and name their files in {address}. "
            "python -m tracking.store --relocate lets them name those that lie here."
        )
    return connect(root)


def _refuse_other(recorded: PlanRecord, plan: PlanRecord) -> None:
    """Numbers from other data or other seeds must not meet in one study."""
    for what, before, now in (
        ("data", recorded.data.digest, plan.data.digest),
        ("validation split", recorded.data.split_digest, plan.data.split_digest),
        ("seed", recorded.seed, plan.seed),
        ("families", ", ".join(recorded.families), ", ".join(plan.families)),
        ("engine", recorded.engine, plan.engine),
        ("goals", ", ".join(recorded.goals), ", ".join(plan.goals)),
    ):
        if before != now:
            raise UserError(
                f"a study keeps its {what}, but {plan.study} has {before} (data "
                f"{recorded.data.name}) and was asked to go on with {now} (data "
                f"{plan.data.name}). Add --fresh to put the old records aside and start anew."
            )


if __name__ == "__main__":
    run(main)
