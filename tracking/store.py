"""Write records to MLflow and read them back: the one door to MLflow.

In MLflow a study is one experiment. It holds one parent run, however often the study is resumed,
a child run for each trial and each simple baseline, and runs of what was published, so that the
UI's own charts show those lines.

    complete -> FINISHED    pruned -> KILLED    failed -> FAILED, each with the tag trial.state

It loads MLflow: import it after the arguments are parsed.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import ViewType
from sqlalchemy.exc import SQLAlchemyError

from tracking.commandline.errors import UserError, unknown
from tracking.connection import address, disk, files
from tracking.connection.client import STORE
from tracking.connection.damage import Unreadable
from tracking.connection.files import has, read_json
from tracking.connection.initialise import initialising
from tracking.connection.lease import Lease
from tracking.connection.relocate import elsewhere
from tracking.connection.retry import RetryPolicy
from tracking.connection.runs import connect, experiment_of, parent_of
from tracking.models import kept_models
from tracking.reader import StudyReader
from tracking.records import (
    CommandRecord,
    EarlierPlanRecord,
    PlanRecord,
    StudyRecord,
    TrialRecord,
)
from tracking.reporting import plan_history
from tracking.schema import plan_layout, trial_layout
from tracking.schema.condition import ConditionRecord, read_condition
from tracking.schema.plan_layout import check_schema
from tracking.writing import setup
from tracking.writing.evaluation_writer import EvaluationWriter
from tracking.writing.study_writer import StudyStore

# Of a study: a file's name can begin with it, wherever the name came from.
_NAME = re.compile(r"\w[\w. -]{0,119}")


def open_study(
    root: Path,
    plan: PlanRecord,
    *,
    fresh: bool,
    retry: RetryPolicy | None = None,
    say: Callable[[str], None] = lambda line: None,
    is_inside: Callable[[TrialRecord], bool] = lambda trial: True,
) -> StudyStore:
    """Open a study for writing, and make it if it is new.

    Args:
        fresh: put the study's earlier records aside, under a name with the time, and start anew.
        retry: how long each write waits for records that do not answer.
        say: called with what the person should know: that the ranges are not those of before.
        is_inside: whether a recorded trial lies inside the ranges of the plan.

    Raises:
        UserError: if the records are of other data, another seed or another engine.
    """

    if not address.named():
        disk.refuse_network(root)
    root.mkdir(parents=True, exist_ok=True)
    with initialising(address.database(root)):
        disk.set_aside(root)
        setup.create_database(root)
        client = _connect(root, retry)
        experiment = setup.open_experiment(client, root, plan.study, fresh=fresh)
        parent = parent_of(client, experiment) or setup.create_parent(client, experiment, plan)
    records = StudyStore(client, experiment, parent.info.run_id, root)
    recorded = plan_layout.read_plan(client, parent)
    _refuse_other(recorded, plan)
    plan = _continued(recorded, plan, records.history, is_inside, say)
    if recorded != plan:  # other limits of the search: the latest are those on record
        plan_layout.write_plan(client, parent.info.run_id, plan)
    setup.create_lines(client, experiment, plan)
    return records


def reopen_study(root: Path, study: str) -> StudyStore:
    """Open a recorded study for writing, with the plan it has."""

    client = _connect(root)
    return StudyStore(client, *_writable(client, study), root)


def condition(root: Path, study: str) -> ConditionRecord:
    """Tell in what condition the records of a study are."""

    client = _connect(root)
    experiment, parent = ids(root, study)
    return read_condition(client, experiment, client.get_run(parent))


def open_evaluation(root: Path, study: str, retry: RetryPolicy | None = None) -> EvaluationWriter:
    """Open the final evaluation of a recorded study for writing."""

    client = _connect(root, retry)
    return EvaluationWriter(client, *_writable(client, study))


def read_study(root: Path, name: str) -> StudyRecord:
    """Read all that is recorded of a study.

    The name of a plan does for its only study: `lstm` for `lstm-smoke`, if that is all there is.

    Raises:
        UserError: if there is no such study.
    """
    return follow(root, name).read()


def follow(root: Path, name: str) -> StudyReader:
    """Open a study for reading it again and again, as `read_study` once.

    Raises:
        UserError: if there is no such study.
    """

    known, lost = _plans(root)
    if name in lost:
        raise UserError(lost[name])
    if name not in known:
        # What --fresh put aside has another name than its plan says, and is not meant here.
        of_plan = [s for s, plan in known.items() if plan.plan == name and plan.study == s]
        if len(of_plan) != 1:
            raise unknown("study", name, known)
        name = of_plan[0]
    client = _connect(root)
    return StudyReader(client, experiment_of(client, name), name)


def studies(root: Path) -> dict[str, PlanRecord]:
    """Return the plan of each recorded study that can be read, by the study's name."""
    return _plans(root)[0]


def unreadable_studies(root: Path) -> list[str]:
    """Say of each study that cannot be read why, in a sentence."""
    return list(_plans(root)[1].values())


def _plans(root: Path) -> tuple[dict[str, PlanRecord], dict[str, str]]:
    """Read the plan of each study; say of the others why it cannot be read. Both by name."""

    if not address.exists(root):
        return {}, {}
    client = _connect(root)
    found, lost = {}, {}
    for experiment in client.search_experiments(view_type=ViewType.ACTIVE_ONLY):
        name, parent = experiment.name, parent_of(client, experiment.experiment_id)
        if parent is None:
            continue
        if not _NAME.fullmatch(name):
            lost[name] = (
                f"experiment {experiment.experiment_id} cannot be read: it is named "
                f"{name[:60]!r}, which is not the name of a study. Rename it in the MLflow UI: "
                "letters, digits, spaces and . _ - are allowed"
            )
            continue
        try:
            found[name] = plan_layout.read_plan(client, parent)
        except Unreadable as error:
            lost[name] = f"study {name}: {error}"
        except plan_layout.OtherSchema as error:
            lost[name] = str(error)
    return found, lost


def model_file(root: Path, trial: TrialRecord) -> Path:
    """The model of a trial that keeps one: raw text in, probabilities out."""

    client = _connect(root)
    return kept_models.fetch(client, client.get_run(trial.run_id))


def command_of(root: Path, trial: TrialRecord) -> CommandRecord:
    """What was typed to run a trial, and which code ran."""

    return trial_layout.read_command(_connect(root).get_run(trial.run_id))


def add_artifact(root: Path, run_id: str, text: str, name: str) -> None:
    """Put a file of text with a run."""
    _connect(root).log_text(run_id, text, name)


def has_artifact(root: Path, run_id: str, name: str) -> bool:
    """Return whether a run has a file of this name."""

    client = _connect(root)
    return files.has(client, client.get_run(run_id), name)


def environments(root: Path, study: StudyRecord) -> dict[str, dict[str, Any]]:
    """Give, by run, the machine and the code of each training that counts."""

    client = _connect(root)
    runs = [trial.run_id for trial in study.trials]
    runs += [rerun.run_id for rerun in study.reruns]
    found = {}
    for run_id in runs:
        run = client.get_run(run_id)
        known = has(client, run, "environment.json")
        found[run_id] = {
            **(read_json(client, run, "environment.json") if known else {}),
            "commit": run.data.tags.get("mlflow.source.git.commit", ""),
            "dirty": run.data.tags.get("code.dirty") == "True",
        }
    return found


def ids(root: Path, study: str) -> tuple[str, str]:
    """Return the ids of a study's experiment and of its parent run, for links."""

    client = _connect(root)
    experiment = experiment_of(client, study)
    parent = parent_of(client, experiment)
    assert parent is not None
    return experiment, parent.info.run_id


def lease(root: Path, study: str, name: str) -> Lease:
    """Make the lease on a study whose records an MLflow server keeps.

    Args:
        name: of its holder, for people.
    """

    client = _connect(root, RetryPolicy(say=lambda line: None, limit=0.0))
    own = root / f"{study}.lease"
    if not own.is_file():
        own.write_text(uuid.uuid4().hex, "utf-8")

    def find() -> str | None:
        experiment = client.get_experiment_by_name(study)
        parent = experiment and parent_of(client, experiment.experiment_id)
        return parent.info.run_id if parent else None

    return Lease(client, find, own.read_text("utf-8"), name)


def _writable(client: MlflowClient, study: str) -> tuple[str, str]:
    """Return the ids of a study's experiment and of its parent run, if this version may write.

    Raises:
        UserError: if the records are of another version.
    """

    experiment = experiment_of(client, study)
    parent = parent_of(client, experiment)
    assert parent is not None
    check_schema(parent)
    return experiment, parent.info.run_id


def _connect(root: Path, retry: RetryPolicy | None = None) -> MlflowClient:
    """Connect, unless the files that the database names are not those beside it."""

    retry = retry or RetryPolicy()
    try:
        others = set() if address.on_server() else retry.call(STORE, lambda: elsewhere(root))
    except SQLAlchemyError as error:
        raise address.unusable(root, error) from error
    for other in sorted(others):
        raise UserError(
            f"the records in {root} were moved or copied, and name their files in {other}. "
            "python -m search.doctor --relocate lets them name those that lie here."
        )
    return connect(root, retry)


def _continued(
    recorded: PlanRecord,
    plan: PlanRecord,
    history: Sequence[TrialRecord],
    is_inside: Callable[[TrialRecord], bool],
    say: Callable[[str], None],
) -> PlanRecord:
    """Return a plan with what is on record of the study that it goes on with."""
    plan = replace(
        plan,
        baselines=plan.baselines or recorded.baselines,  # what was given once stays
        enqueued={**recorded.enqueued, **plan.enqueued},
        earlier=recorded.earlier,
    )
    # Records of before 2026-11-28 do not say what was fixed, and reproductions have no space.
    changed = plan_history.changes(recorded, plan) if recorded.fixed else []
    n_inside = sum(map(is_inside, history))
    if changed and history:
        say(
            f"study {plan.study} goes on with another space: {plan_history.line(changed)}. Its "
            "trials stay as they are; --fresh puts them aside and starts anew."
        )
        plan = replace(plan, earlier=_earlier(recorded, plan, history, n_inside))
    if plan.earlier:
        say(f"{plan_history.inside(n_inside, len(history))}.")
    return plan


def _earlier(
    recorded: PlanRecord, plan: PlanRecord, history: Sequence[TrialRecord], n_inside: int
) -> tuple[EarlierPlanRecord, ...]:
    """Add the space on record to those of before, unless no trial was begun with it."""
    until = history[-1].number + 1
    known = recorded.earlier
    if known and known[-1].until == until:
        last = replace(known[-1], n_inside=n_inside)
        return (*known[:-1], last) if plan_history.changes(last, plan) else known[:-1]
    one = EarlierPlanRecord(
        until=until,
        n_trials=len(history),
        n_inside=n_inside,
        families=recorded.families,
        space=recorded.space,
        fixed=recorded.fixed,
        file=recorded.file,
    )
    return (*known, one)


def _sources(plan: PlanRecord) -> str:
    named = [f"{source.name} of SHA-256 {source.sha256[:16]}" for source in plan.sources]
    return ", ".join(named) or "no file"


def _is_same_code(recorded: PlanRecord, plan: PlanRecord) -> bool:
    """Return whether a person's own files build the same models; their ranges may be others."""
    if len(recorded.sources) != len(plan.sources):
        return False
    return all(
        before.sha256 == now.sha256
        or (before.name == now.name and not now.module and before.code == now.code)
        for before, now in zip(recorded.sources, plan.sources, strict=True)
    )


def _refuse_other(recorded: PlanRecord, plan: PlanRecord) -> None:
    """Numbers from other data or other seeds must not meet in one study."""
    is_known = bool(recorded.data.unlabelled_digest)
    arrays, others = recorded.data.arrays, plan.data.arrays
    is_same = _is_same_code(recorded, plan)
    for what, before, now in (
        ("data", recorded.data.digest, plan.data.digest),
        ("validation split", recorded.data.split_digest, plan.data.split_digest),
        (
            "unlabelled texts",
            recorded.data.unlabelled_digest,
            plan.data.unlabelled_digest if is_known else "",
        ),
        ("seed", recorded.seed, plan.seed),
        ("engine", recorded.engine, plan.engine),
        ("goals", ", ".join(recorded.goals), ", ".join(plan.goals)),
        *(
            (key, array.digest, others[key].digest if key in others else "none")
            for key, array in arrays.items()
        ),
        ("source", _sources(recorded), _sources(recorded if is_same else plan)),
    ):
        if before != now:
            raise UserError(
                f"a study keeps its {what}, but {plan.study} has {before} (data "
                f"{recorded.data.name}) and was asked to go on with {now} (data "
                f"{plan.data.name}). Add --fresh to put the old records aside and start anew."
            )
