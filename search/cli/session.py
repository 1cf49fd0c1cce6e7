"""One session of a study: prepare its data, run it or only make its records, draw its page.

The command `search.run` and the Python functions of `search.api` both go this way.
"""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.cli import plan_file
from search.cli.options import Options
from tracking.commandline.console import notes_on
from tracking.commandline.errors import Stopped, UserError
from tracking.commandline.paths import home
from tracking.commandline.signals import StopFlag

if TYPE_CHECKING:
    from rich.console import Console

    from search.cli.progress import Progress
    from search.coordinator.lock import Hold
    from search.datasets.cache import Dataset
    from search.workers.executor import ExecutorConfig
    from tracking.records import StudyRecord


def prepare(console: Console, chosen: Options) -> tuple[Options, Dataset]:
    """Prepare the data; return them, and the options with a plan that fits to them."""
    data = _load(console, chosen)
    chosen = _with_what_data_have(console, chosen.for_data(data), data)
    if chosen.save_plan is not None:
        plan_file.save(chosen.plan, chosen.sources, chosen.save_plan)
        notes_on(console)(f"plan: {chosen.save_plan}, which --study reads")
    return chosen, data


def run_study(console: Console, chosen: Options) -> StudyRecord:
    """Run a study, or resume it, until its budget is met; return what is recorded of it.

    Raises:
        Stopped: if the user asked to end; the same again resumes the study.
    """
    from search.coordinator.lock import alone
    from search.system.temporary import temporary_folder
    from search.workers.open_executor import open_executor

    root = home()
    chosen, data = _prepared(console, chosen, root)
    with (
        temporary_folder(),
        open_executor(
            chosen.cluster,
            data,
            notes_on(console),
            n_workers=chosen.n_workers,
            time_limit=chosen.time_limit,
        ) as executor,
    ):
        _make_folder(root)
        _check_own_families(chosen, data, executor)
        with alone(root, chosen.study) as hold:
            _coordinate(console, chosen, data, root, executor, hold)
    from tracking import store  # it loads MLflow: not before the data are there

    study = store.read_study(root, chosen.study)
    _refresh_copy(console, root, study)
    return study


def make_records(console: Console, chosen: Options) -> str:
    """Make the records of a study, or open them, and train nothing; return their name."""
    from search.coordinator.lock import alone
    from tracking import store

    root = home()
    chosen, data = _prepared(console, chosen, root)
    _make_folder(root)
    with alone(root, chosen.study):
        record, say = chosen.record(data), notes_on(console)
        store.open_study(root, record, fresh=chosen.fresh, say=say, is_inside=chosen.is_inside)
    return chosen.study


def _prepared(console: Console, chosen: Options, root: Path) -> tuple[Options, Dataset]:
    """Prepare the data, and what trials may learn from beside them."""
    from search.system.temporary import temporary_folder
    from tracking.connection.disk import refuse_unwritable

    refuse_unwritable(root / "mlflow.db")  # before the data are prepared
    chosen, data = prepare(console, chosen)
    with temporary_folder():
        return chosen, _learn(console, chosen, data, root)


def _make_folder(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{root} cannot be written: {error.strerror}.") from error


def _check_own_families(chosen: Options, data: Dataset, executor: ExecutorConfig) -> None:
    """Build each family of a person's own once, so that its mistakes show before any trial."""
    by_family = {family: source for source in chosen.sources for family in source.families}
    if not by_family:
        return
    from search.workers.checking import check_families
    from search.workers.tasks import CheckTask

    with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder, StopFlag() as stop:
        tasks: dict[str, CheckTask] = {}
        for params in chosen.plan.initial_trials().values():
            family = chosen.plan.family(params)
            if family in by_family and family not in tasks:
                place = Path(folder) / family
                place.mkdir()
                tasks[family] = CheckTask(params, family, data, place, by_family[family])
        check_families(list(tasks.values()), executor.open_pool, stop.check)


def _with_what_data_have(console: Console, chosen: Options, data: Dataset) -> Options:
    """Leave out what only texts without a label allow, where there are none."""
    from search.arrays import refuse_teacher, without_teacher
    from search.cli.queue import with_queue
    from search.coordinator.lock import alone
    from tracking.connection import address

    refuse_teacher(data, chosen.teacher)
    root = home()
    # Another process that runs the study is named before its records are read.
    is_recorded = not chosen.dry_run and address.exists(root)
    with alone(root, chosen.study) if is_recorded else nullcontext():
        chosen = with_queue(chosen, data, root, notes_on(console))
    return replace(chosen, plan=without_teacher(chosen.plan, data, notes_on(console)))


def _learn(console: Console, chosen: Options, data: Dataset, root: Path) -> Dataset:
    """Make word vectors and a teacher's labels, where trials may read them."""
    from search.arrays import STUDY, attach, needed
    from tracking import store

    keys = needed(chosen.plan)
    recorded = {}
    if any(key.startswith(STUDY) for key in keys) and not chosen.fresh:
        known = store.studies(root).get(chosen.study)
        recorded = dict(known.data.arrays) if known else {}
    return attach(
        data,
        keys,
        notes_on(console),
        vectors_file=chosen.vectors_file,
        recorded=recorded,
        trusted=frozenset(source.sha256 for source in chosen.sources),
    )


def _coordinate(
    console: Console,
    chosen: Options,
    data: Dataset,
    root: Path,
    executor: ExecutorConfig,
    hold: Hold,
) -> None:
    from search.coordinator.loop import Coordinator
    from search.engines.choose_engine import choose_engine
    from tracking import store
    from tracking.connection.retry import RetryPolicy

    stop = StopFlag()

    def check() -> None:
        stop.check()
        hold.renew()

    retry = RetryPolicy(notes_on(console), stop.check, hold.keep)
    record, say = chosen.record(data), notes_on(console)
    records = store.open_study(
        root, record, fresh=chosen.fresh, retry=retry, say=say, is_inside=chosen.is_inside
    )
    engine = choose_engine(
        chosen.plan,
        chosen.engine,
        chosen.sampler,
        chosen.pruner,
        seed=chosen.seed,
        n_texts=data.n_texts["train"],
    )
    with _progress(console, chosen, data, records.study(), executor) as progress, stop:
        coordinator = Coordinator(
            chosen.plan,
            engine,
            records,
            data,
            progress,
            check,
            executor,
            root / f"{chosen.study}.trials",
            keep_models=chosen.keep_models,
            n_continued=chosen.n_continued,
            n_per_round=executor.n_workers if chosen.deterministic else None,
            source_of=record.source_of,
        )
        try:
            coordinator.run()
        except Stopped:
            console.print("Nothing is lost: the same command goes on from here.")
            raise


def _refresh_copy(console: Console, root: Path, study: StudyRecord) -> None:
    """Refresh the copy for Optuna's own tools, without which a session is as good."""
    from search.engines.optuna.storage_copy import COPY, refresh_copy

    try:
        refresh_copy(root, study)
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        notes_on(console)(f"{root / COPY}, for Optuna's own tools, was not refreshed: {reason}")


def _progress(
    console: Console, chosen: Options, data: Dataset, study: StudyRecord, executor: ExecutorConfig
) -> Progress:
    """Open the display, which begins where the study stands."""
    from search.cli.progress import Progress, tally
    from search.coordinator.estimate import seconds_per_trial, slowed
    from tracking.schema.environment import n_cores

    per_trial = seconds_per_trial(chosen.plan, data)
    if executor.is_here:
        per_trial *= slowed(executor.n_workers, n_cores())
    for one in study.unreadable:
        notes_on(console)(one.sentence)
    counts, lines = tally(study, chosen.plan), study.plan.baselines
    return Progress(console, chosen.plan, lines, counts, per_trial, executor.n_workers)


def _load(console: Console, chosen: Options) -> Dataset:
    from search.datasets.cache import load
    from tracking.reporting import data_summary

    say = notes_on(console)
    data = load(chosen.data, say, smoke=chosen.smoke, options=chosen.table)
    for line in data_summary.lines(data):
        say(f"  {line}")
    if chosen.plan.reproduces and "test" not in data.n_texts:
        raise UserError(
            f"study {chosen.study} is scored on a test part, but {data.name} has none. "
            "A table gives one by the value test in its column split, or by --test-share 0.2."
        )
    return data
