"""The options of `search.run`, and the plan that they make of a study."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from search.engines.names import PRUNERS, SAMPLERS
from spaces.plan import DEFAULTS, StudyPlan
from spaces.references import BASELINES
from spaces.studies import STUDIES
from tracking.cli import Parser, unknown
from tracking.records import BaselineRecord, PlanRecord

if TYPE_CHECKING:
    from search.datasets.cache import Dataset

SMOKE_TRIALS = 2

_EPILOG = """\
A study without options uses its plan's own budget, a number of trials and a time (--list).
--trials and --timeout replace it: with one of them, the other no longer limits. Both count the
whole study, over all its sessions: the same command again resumes a study, and does nothing when
its budget is met. Ctrl-C ends it within seconds; nothing finished is lost.
"""


@dataclass(frozen=True)
class Options:
    """What the person typed, checked."""

    plan: StudyPlan
    study: str
    data: str
    seed: int
    sampler: str
    pruner: str
    smoke: bool
    fresh: bool
    dry_run: bool
    json: bool

    def record(self, data: Dataset) -> PlanRecord:
        """What is recorded of the plan, and of the data it runs on."""
        plan = self.plan
        baselines = BASELINES if data.is_movie_reviews else ()
        return PlanRecord(
            study=self.study,
            plan=plan.name,
            question=plan.question,
            family=plan.family,
            space={name: str(plan.space[name]) for name in plan.searched},
            references=tuple(name for name in plan.starting_points() if name != DEFAULTS),
            seed=self.seed,
            max_epochs=plan.max_epochs,
            baselines=tuple(BaselineRecord(b.name, b.accuracy, b.source) for b in baselines),
            data=data.record,
        )


def parser() -> Parser:
    """Describe the command line."""
    parser = Parser("search.run", "Search the hyperparameters of a sequence classifier.", _EPILOG)
    add = parser.add_argument
    add("--study", metavar="NAME", help="the study to run or to resume (see --list)")
    add("--list", action="store_true", help="list the studies and end")
    add("--trials", type=_positive, metavar="N", help="finished trials of the study in total")
    add("--timeout", type=seconds, metavar="TIME", help="time of its trials: 90s, 30m, 2h")
    add("--max-epochs", type=_positive, metavar="N", help="epochs of a trial at most")
    add("--data", default="imdb", metavar="DATA", help="imdb, imdb-train, PATH.csv, PATH.parquet")
    add("--sampler", choices=SAMPLERS, default=SAMPLERS[0], help="how values are proposed")
    add("--pruner", choices=PRUNERS, default=PRUNERS[0], help="how poor trials are ended early")
    add("--seed", type=_not_negative, default=0, metavar="N", help="seed of the study, default 0")
    add("--smoke", action="store_true", help="the real thing small: 400 texts, 2 trials, 1 epoch")
    add("--fresh", action="store_true", help="put the study's records aside and start anew")
    add("--dry-run", action="store_true", help="print what would be done, train nothing")
    add("--json", action="store_true", help="one JSON object on stdout, all else on stderr")
    return parser


def options(arguments: argparse.Namespace) -> Options:
    """Make the plan of what was typed.

    Raises:
        UserError: if the study is not known.
    """
    if arguments.study not in STUDIES:
        raise unknown("study", arguments.study, STUDIES)
    plan = STUDIES[arguments.study]
    if arguments.smoke:
        trials = arguments.trials or SMOKE_TRIALS
        plan = plan.with_budget(trials, arguments.timeout)
        plan = plan.with_max_epochs(arguments.max_epochs or 1)
    else:
        if arguments.trials or arguments.timeout:
            plan = plan.with_budget(arguments.trials, arguments.timeout)
        if arguments.max_epochs:
            plan = plan.with_max_epochs(arguments.max_epochs)
    return Options(
        plan=plan,
        study=_record_name(arguments.study, arguments.data, arguments.smoke),
        data=arguments.data,
        seed=arguments.seed,
        sampler=arguments.sampler,
        pruner=arguments.pruner,
        smoke=arguments.smoke,
        fresh=arguments.fresh,
        dry_run=arguments.dry_run,
        json=arguments.json,
    )


def seconds(text: str) -> float:
    """Read a time such as 90s, 30m, 1.5h; a bare number is seconds.

    >>> seconds("30m")
    1800.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    n = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if n <= 0:
        raise argparse.ArgumentTypeError(
            f"a time is a positive number with s, m or h, such as 90s, 30m or 2h, but got {text!r}"
        )
    return n


def _record_name(study: str, data: str, smoke: bool) -> str:
    """Name the records: numbers of other data, or of a smoke run, never join a study's own."""
    other = "" if data == "imdb" else "-" + re.sub(r"[^A-Za-z0-9_.-]", "-", Path(data).stem)
    return study + other + ("-smoke" if smoke else "")


def _positive(text: str) -> int:
    return _whole(text, 1)


def _not_negative(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least}, but got {text!r}")
    return int(text)
