"""Take a search to a sentence that can be published: `python -m search.evaluate --study NAME`.

The best trials are trained again on fresh seeds, beside the study's first reference configuration
and the best simple baseline. The first on validation is then scored on the test set, once.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.cli.arguments import add_trust
from tracking.commandline.console import note, notes_on, open_console
from tracking.commandline.errors import Stopped, UserError
from tracking.commandline.parser import Once, Parser
from tracking.commandline.paths import home
from tracking.commandline.program import run
from tracking.commandline.signals import StopFlag

if TYPE_CHECKING:
    from rich.console import Console

    from search.coordinator.lock import Hold
    from search.datasets.cache import Dataset
    from tracking.records import StudyRecord

_LEAST_SEEDS = 5
_REPORTS = (".md", ".html")
_EPILOG = """\
The same command again trains no seed twice and never evaluates on the test set again; it goes on
where it was stopped. A test evaluation is recorded before it is made, with who makes it, when, and
what it scores: from then on it counts. --again takes another one.
"""


@dataclass(frozen=True)
class EvaluateOptions:
    """What the person typed, checked."""

    study: str
    data: str | None
    top: int
    seeds: int
    workers: int | None
    smoke: bool
    again: bool
    report: Path | None
    trust_code: bool
    json: bool
    audit_pruning: int | None = None


def main() -> int:
    """Parse, find the study and its data, run its final evaluation, say what came out."""
    chosen = options(parser().parse_args())
    _refuse_early(chosen)

    console = open_console(stderr=chosen.json)
    study = _evaluate(console, chosen)

    from search.cli.study_page import build_page
    from search.evaluation import evaluation_text

    page = build_page(study.plan.study)
    if chosen.audit_pruning:
        if chosen.json:
            print(json.dumps(evaluation_text.audit_summary(study, page)))
        evaluation_text.print_audit(console, study, page)
        return 0
    if chosen.report is not None:
        _write_report(chosen.report, study)
    if chosen.json:
        print(json.dumps(evaluation_text.summary(study, page, chosen.report)))
    evaluation_text.print_summary(console, study, page, chosen.report)
    return 0


def parser() -> Parser:
    """Describe the command line."""
    parser = Parser("search.evaluate", __doc__, _EPILOG)
    add = parser.add_argument
    add("--study", action=Once, required=True, metavar="NAME", help="a study that has been run")
    add("--top", type=_positive, metavar="K", help="how many of the best trials, default 5")
    add("--seeds", type=_positive, metavar="N", help="fresh seeds of each, default 5, the least")
    add("--workers", type=_positive, metavar="N", help="trainings at a time, default cores / 2")
    add("--again", action="store_true", help="look at the test set once more")
    add("--report", type=Path, metavar="FILE", help="a reproducibility checklist: .md or .html")
    add(
        "--audit-pruning",
        type=_positive,
        metavar="K",
        help="instead: was pruning right? Train K pruned trials to their end, on validation alone",
    )
    add("--data", metavar="PATH", help="where the study's table lies now, if it was moved")
    add("--smoke", action="store_true", help="the study's smoke run: 2 trials, 2 seeds")
    add_trust(parser)
    add("--json", action="store_true", help="one JSON object on stdout, all else on stderr")
    return parser


def options(arguments: argparse.Namespace) -> EvaluateOptions:
    """Check what was typed.

    Raises:
        UserError: if there are too few seeds, or the report has an ending that is not known.
    """
    _refuse_with_audit(arguments)
    smoke = arguments.smoke or arguments.study.endswith("-smoke")
    seeds = arguments.seeds or (2 if smoke else _LEAST_SEEDS)
    if seeds < _LEAST_SEEDS and not smoke:
        raise UserError(
            f"a final evaluation needs at least {_LEAST_SEEDS} seeds, but got {seeds}: fewer say "
            "little about the spread. A smoke run may have fewer."
        )
    report: Path | None = arguments.report
    if report is not None and report.suffix not in _REPORTS:
        raise UserError(f"a report must end in {' or '.join(_REPORTS)}, but got {str(report)!r}.")
    return EvaluateOptions(
        study=arguments.study,
        data=arguments.data,
        top=arguments.top or (2 if smoke else 5),
        seeds=seeds,
        workers=arguments.workers,
        smoke=smoke,
        again=arguments.again,
        report=report,
        trust_code=arguments.trust_code,
        json=arguments.json,
        audit_pruning=arguments.audit_pruning,
    )


def _refuse_with_audit(arguments: argparse.Namespace) -> None:
    """Refuse what means nothing where no finalist is trained and no test part is used."""
    for name in ("seeds", "again", "report"):
        if arguments.audit_pruning and getattr(arguments, name):
            raise UserError(
                f"--audit-pruning trains pruned trials on their own seeds and uses no test part, "
                f"so --{name} means nothing to it."
            )


def _refuse_early(chosen: EvaluateOptions) -> None:
    """Refuse places that cannot be read or written, before anything is trained for them."""
    from search.datasets import NAMES
    from search.datasets.sources import locate
    from tracking.connection.disk import refuse_unwritable

    if chosen.report is not None:
        refuse_unwritable(chosen.report)
    if chosen.data is not None and chosen.data not in NAMES:
        locate(chosen.data, Path(), note)
    refuse_unwritable(home() / "mlflow.db")


def _evaluate(console: Console, chosen: EvaluateOptions) -> StudyRecord:
    """Run the final evaluation while nobody else works on the study; return its record."""
    from search.coordinator.lock import alone
    from search.evaluation.evaluation_text import without_test
    from search.evaluation.finalists import finalists
    from search.evaluation.pruning_audit import to_audit
    from search.system.own_code import refuse_untrusted
    from search.system.temporary import temporary_folder
    from search.workers.trial_process import server
    from tracking import store

    root = home()
    study = store.read_study(root, _recorded_name(chosen, list(store.studies(root))))
    for source in study.plan.sources:
        refuse_untrusted(source, f"study {study.plan.study}", chosen.trust_code)
    # Whatever speaks against it is said before anything is loaded.
    if chosen.audit_pruning:
        to_audit(study, chosen.audit_pruning)
    else:
        finalists(study, chosen.top)
    data = _load(console, chosen, study)
    name = study.plan.study
    if not chosen.audit_pruning and "test" not in data.n_texts:
        notes_on(console)(without_test(study))
    root.mkdir(parents=True, exist_ok=True)  # with the records on a server it may not be there
    with temporary_folder(), alone(root, name) as hold, server():
        study = store.read_study(root, name)
        (_audit if chosen.audit_pruning else _run)(console, chosen, study, data, root, hold)
        study = store.read_study(root, name)
        store.open_evaluation(root, name).write_note(study)
    return study


def _recorded_name(chosen: EvaluateOptions, known: list[str]) -> str:
    """Name the records: with --smoke those of the smoke run."""
    smoke = f"{chosen.study}-smoke"
    return smoke if chosen.smoke and smoke in known else chosen.study


def _run(
    console: Console,
    chosen: EvaluateOptions,
    study: StudyRecord,
    data: Dataset,
    root: Path,
    hold: Hold,
) -> None:
    from search.evaluation.final_evaluation import FinalEvaluation
    from search.evaluation.finalists import finalists
    from tracking import store
    from tracking.connection.retry import RetryPolicy
    from tracking.schema.environment import machine, threads_each

    n_cores = int(machine()["n_cores"])
    n_workers = chosen.workers or max(1, n_cores // 2)
    with StopFlag() as stop:
        retry = RetryPolicy(notes_on(console), stop.check, hold.keep)
        final_ranking = FinalEvaluation(
            study=study,
            store=store.open_evaluation(root, study.plan.study, retry),
            data=data,
            chosen=finalists(study, chosen.top),
            top=chosen.top,
            n_seeds=chosen.seeds,
            n_workers=n_workers,
            n_threads=threads_each(n_workers),
            again=chosen.again,
            console=console,
            check_stop=stop.check,
            work_dir=root / f"{study.plan.study}.evaluation",
        )
        try:
            final_ranking.run()
        except Stopped:
            console.print("Nothing finished is lost: the same command goes on from here.")
            raise


def _audit(
    console: Console,
    chosen: EvaluateOptions,
    study: StudyRecord,
    data: Dataset,
    root: Path,
    hold: Hold,
) -> None:
    """Train pruned trials to their end, as many at a time as the search does."""
    from search.evaluation.pruning_audit import PruningAudit
    from tracking import store
    from tracking.connection.retry import RetryPolicy
    from tracking.schema.environment import default_workers, threads_each

    name, n_workers = study.plan.study, chosen.workers or default_workers()
    with StopFlag() as stop:
        retry = RetryPolicy(notes_on(console), stop.check, hold.keep)
        audit = PruningAudit(
            study=study,
            store=store.open_evaluation(root, name, retry),
            data=data,
            n=chosen.audit_pruning or 0,
            top=chosen.top,
            n_workers=n_workers,
            n_threads=threads_each(n_workers),
            console=console,
            check_stop=stop.check,
            work_dir=root / f"{name}.audit",
            trials=root / f"{name}.trials",
        )
        try:
            audit.run()
        except Stopped:
            console.print("Nothing finished is lost: the same command goes on from here.")
            raise


def _load(console: Console, chosen: EvaluateOptions, study: StudyRecord) -> Dataset:
    """Load the data that the study was run on.

    Raises:
        UserError: if they are not there, or not the same.
    """
    from search.arrays import attach_recorded
    from search.datasets import NAMES
    from search.datasets.cache import load
    from search.datasets.columns import as_recorded

    was, name = study.plan.data, study.plan.study
    where = chosen.data or was.path or (was.name if was.name in NAMES else "")
    if not where:
        raise UserError(
            f"study {name} was run on {was.name}, and its records do not say where that lies. "
            "Say it with --data PATH."
        )
    data = load(
        where,
        notes_on(console),
        smoke=chosen.smoke or name.endswith("-smoke"),
        options=as_recorded(was),
    )
    for what, before, now in (
        ("data", was.digest, data.digest),
        ("validation split", was.split_digest, data.split_digest),
        (
            "unlabelled texts",
            was.unlabelled_digest,
            data.unlabelled_digest if was.unlabelled_digest else "",
        ),
    ):
        if before != now:
            raise UserError(
                f"a final evaluation needs the study's own {what}, but {name} was run on {before} "
                f"({was.name}) and {where} has {now}."
            )
    return attach_recorded(data, was.arrays, notes_on(console))


def _write_report(file: Path, study: StudyRecord) -> None:
    from search.evaluation import checklist
    from tracking import store

    environments = store.environments(home(), study)
    text = checklist.write(study, environments, html=file.suffix == ".html")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.") from error


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, but got {text!r}")
    return int(text)


if __name__ == "__main__":
    run(main)
