"""Run a study, or resume it: `python -m search.run --study lstm_dropout`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.options import Options, options, parser
from tracking.cli import StopFlag, Stopped, UserError, run

if TYPE_CHECKING:
    from rich.console import Console

    from search.datasets.cache import Dataset
    from search.engines import Engine


def main() -> int:
    """Parse, then do one of: list, dry run, run."""
    command = parser()
    arguments = command.parse_args()
    if not arguments.study and not arguments.list:
        command.error("--study NAME is needed; --list names the studies")
    chosen = options(arguments) if arguments.study else None

    from rich.console import Console

    console = Console(stderr=arguments.json, width=None if sys.stdout.isatty() else 120)
    if arguments.list or chosen is None:
        return _list(console, arguments.json)
    return _dry_run(console, chosen) if chosen.dry_run else _run(console, chosen)


def _list(console: Console, as_json: bool) -> int:
    from search import report

    if as_json:
        print(json.dumps(report.studies()))
    else:
        report.print_studies(console)
    return 0


def _dry_run(console: Console, chosen: Options) -> int:
    from search import report

    data = _load(console, chosen)
    if chosen.json:
        print(json.dumps(report.dry_run(chosen, data)))
    else:
        report.print_dry_run(console, chosen, data)
    return 0


def _run(console: Console, chosen: Options) -> int:
    from filelock import FileLock, Timeout

    from search import pool, report
    from search.page import build_page
    from tracking import store

    data = _load(console, chosen)
    root = store.home()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{root} cannot be written: {error.strerror}.") from error
    try:
        # While Keras loads in the server, the stores are opened here.
        with FileLock(root / f"{chosen.study}.lock", timeout=0), pool.server():
            _coordinate(console, chosen, data, root)
    except Timeout:
        raise UserError(f"study {chosen.study} is being run by another process.") from None
    page = build_page(chosen.study)
    study = store.read_study(root, chosen.study)
    if chosen.json:
        print(json.dumps(report.summary(study, page)))
    report.print_summary(console, study, page)
    return 0


def _coordinate(console: Console, chosen: Options, data: Dataset, root: Path) -> None:
    from search.estimate import seconds_per_trial
    from search.progress import Progress, tally
    from search.study import Coordinator
    from tracking import store

    plan, record = chosen.plan, chosen.record(data)
    records = store.open_study(root, record, fresh=chosen.fresh)
    engine = _engine(chosen, root, records.parent)
    counts = tally(store.read_study(root, chosen.study), plan)
    watcher = Progress(console, plan, record.baselines, counts, seconds_per_trial(plan, data))
    with watcher as progress, StopFlag() as stop:
        coordinator = Coordinator(
            plan, engine, records, data, progress, stop.check, chosen.keep_models
        )
        try:
            coordinator.run()
        except Stopped:
            console.print("Nothing finished is lost: the same command goes on from here.")
            raise


def _engine(chosen: Options, root: Path, owner: str) -> Engine:
    if chosen.plan.reproduces:
        from search.engines.listed import ListedEngine

        return ListedEngine(chosen.plan, seed=chosen.seed)

    limits: Any = {"seed": chosen.seed, "sampler": chosen.sampler}
    if chosen.engine == "keras-tuner":
        from search.engines.journal import folder_of
        from search.engines.keras_tuner import KerasTunerEngine

        file = folder_of(root) / f"{chosen.study}.jsonl"
        return KerasTunerEngine(file, owner, chosen.plan, **limits)

    from search.engines.optuna import OptunaEngine

    return OptunaEngine(
        root / "optuna.db", chosen.study, owner, chosen.plan, pruner=chosen.pruner, **limits
    )


def _load(console: Console, chosen: Options) -> Dataset:
    from search.datasets.cache import load

    def say(line: str) -> None:
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    data = load(chosen.data, say, smoke=chosen.smoke)
    if chosen.plan.reproduces and "test" not in data.n_texts:
        raise UserError(
            f"study {chosen.study} is scored on a test part, but {data.name} has none. "
            "A table gives one by the value test in its column split."
        )
    return data


if __name__ == "__main__":
    run(main)
