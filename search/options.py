"""The options of `search.run`, and the plan that they make of a study."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.cluster.options import ClusterPlan, add_cluster, cluster_plan
from search.engines.names import DEFAULT_ENGINE, ENGINES, GOALS, methods
from search.engines.storage import add_storage
from spaces.plan import StudyPlan
from spaces.references import BASELINES
from spaces.studies import STUDIES
from tracking.cli import Parser, UserError, unknown
from tracking.records import BaselineRecord, PlanRecord, ReferenceRecord

if TYPE_CHECKING:
    from search.datasets.cache import Dataset

SMOKE_TRIALS = 2

_EPILOG = """\
A study without options uses its plan's own budget, a number of trials and a time (--list).
--trials and --timeout replace it: with one of them, the other no longer limits. Both count the
whole study, over all its sessions: the same command again resumes a study, and does nothing when
its budget is met. Ctrl-C ends it within seconds; nothing finished is lost.

Ways to search, the first of each the default:

"""


@dataclass(frozen=True)
class Options:
    """What the person typed, checked."""

    plan: StudyPlan
    study: str
    data: str
    seed: int
    engine: str
    sampler: str
    pruner: str
    smoke: bool
    keep_models: int
    n_workers: int
    time_limit: float | None
    cluster: ClusterPlan | None
    deterministic: bool
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
            families=plan.families,
            space={name: str(plan.space[name]) for name in plan.searched},
            references=tuple(
                ReferenceRecord(
                    name=r.name,
                    published=r.published if data.is_movie_reviews else None,
                    source=r.source,
                    note=r.note,
                    trained_as=plan.trained_as(r),
                    family=r.family,
                    params=dict(r.params),
                )
                for r in plan.references
            ),
            seed=self.seed,
            max_epochs=plan.max_epochs,
            baselines=tuple(BaselineRecord(b.name, b.accuracy, b.source) for b in baselines),
            data=data.record,
            engine="" if plan.reproduces else self.engine,
            sampler="" if plan.reproduces else self.sampler,
            pruner="" if plan.reproduces else self.pruner,
            goals=GOALS.get(self.sampler, ("val_accuracy",)),
        )


def parser() -> Parser:
    """Describe the command line."""
    parser = Parser(
        "search.run", "Search the hyperparameters of a sequence classifier.", _EPILOG + methods()
    )
    add = parser.add_argument
    add("--study", metavar="NAME", help="the study to run or to resume (see --list)")
    add("--list", action="store_true", help="list the studies and end")
    add("--trials", type=_positive, metavar="N", help="finished trials of the study in total")
    add("--timeout", type=seconds, metavar="TIME", help="time of its trials: 90s, 30m, 2h")
    add("--max-epochs", type=_positive, metavar="N", help="epochs of a trial at most")
    add("--data", default="imdb", metavar="DATA", help="imdb, imdb-train, PATH.csv, PATH.parquet")
    add(
        "--patience",
        type=_positive,
        metavar="N",
        help="end the study when N proposals in a row have brought nothing better",
    )
    add("--engine", choices=ENGINES, help=f"who proposes values, default {DEFAULT_ENGINE}")
    add("--sampler", metavar="NAME", help="how values are proposed (below)")
    add("--pruner", metavar="NAME", help="how poor trials are ended (below)")
    add(
        "--workers",
        type=_positive,
        metavar="N",
        help="trials side by side, each with its share of the cores, default 1",
    )
    add(
        "--deterministic",
        action="store_true",
        help="what is proposed depends on --seed and --workers alone, not on who is fast",
    )
    add("--trial-timeout", type=seconds, metavar="TIME", help="end a trial that takes longer")
    add_cluster(parser, _positive, _not_negative)
    add(
        "--only",
        action="append",
        metavar="NAME",
        help="tutorials: only this one (see --dry-run)",
    )
    add("--repeats", type=_positive, metavar="N", help="tutorials: train each on N seeds")
    add("--seed", type=_not_negative, default=0, metavar="N", help="seed of the study, default 0")
    add(
        "--keep-models",
        type=_positive,
        default=3,
        metavar="K",
        help="keep the models of the best K trials, default 3",
    )
    add_storage(parser)
    add("--smoke", action="store_true", help="the real thing small: 400 texts, 2 trials, 1 epoch")
    add("--fresh", action="store_true", help="put the study's records aside and start anew")
    add("--dry-run", action="store_true", help="print what would be done, train nothing")
    add("--json", action="store_true", help="one JSON object on stdout, all else on stderr")
    return parser


def options(arguments: argparse.Namespace) -> Options:
    """Make the plan of what was typed.

    Raises:
        UserError: if the study is not known, or the engine has no such sampler or pruner.
    """
    if arguments.study not in STUDIES:
        raise unknown("study", arguments.study, STUDIES)
    plan = STUDIES[arguments.study]
    plan = (_reproduction if plan.reproduces else _search)(plan, arguments)
    max_epochs = arguments.max_epochs or (1 if arguments.smoke else None)
    if max_epochs:
        plan = plan.with_max_epochs(max_epochs)
    engine, sampler, pruner = _methods(arguments)
    return Options(
        plan=plan,
        study=_record_name(arguments.study, arguments.data, arguments.smoke),
        data=arguments.data,
        seed=arguments.seed,
        engine=engine,
        sampler=sampler,
        pruner=pruner,
        smoke=arguments.smoke,
        keep_models=arguments.keep_models,
        n_workers=arguments.workers or 1,
        time_limit=arguments.trial_timeout,
        cluster=cluster_plan(arguments),
        deterministic=arguments.deterministic,
        fresh=arguments.fresh,
        dry_run=arguments.dry_run,
        json=arguments.json,
    )


def _search(plan: StudyPlan, arguments: argparse.Namespace) -> StudyPlan:
    _refuse(plan, arguments, "only", "repeats", why="it searches")
    plan = replace(plan, patience=arguments.patience)
    if arguments.smoke:
        return plan.with_budget(arguments.trials or SMOKE_TRIALS, arguments.timeout)
    if arguments.trials or arguments.timeout:
        return plan.with_budget(arguments.trials, arguments.timeout)
    return plan


def _methods(arguments: argparse.Namespace) -> tuple[str, str, str]:
    """Give engine, sampler and pruner, each the default where nothing was typed."""
    engine = arguments.engine or DEFAULT_ENGINE
    offer = ENGINES[engine]
    sampler = arguments.sampler or next(iter(offer.samplers))
    unpruned = sampler in GOALS or arguments.deterministic
    pruner = arguments.pruner or ("none" if unpruned else next(iter(offer.pruners)))
    for noun, name, known in (
        ("sampler", sampler, offer.samplers),
        ("pruner", pruner, offer.pruners),
    ):
        if name not in known:
            others = [other for other, o in ENGINES.items() if name in getattr(o, f"{noun}s")]
            hint = "".join(f" --engine {other} has it." for other in others)
            raise UserError(
                f"a {noun} of engine {engine} must be one of {', '.join(known)}, "
                f"but got {name!r}.{hint}"
            )
    if sampler in GOALS and pruner != "none":
        raise UserError(
            f"sampler {sampler} has two goals, and pruner {pruner} compares trials by one. "
            "Use --pruner none."
        )
    if arguments.deterministic and pruner != "none":
        raise UserError(
            f"--deterministic cannot prune, but got --pruner {pruner}: which epoch is poor "
            "depends on who was first. Use --pruner none."
        )
    return engine, sampler, pruner


def _reproduction(plan: StudyPlan, arguments: argparse.Namespace) -> StudyPlan:
    """Its size is its list: every configuration, or those named, as often as asked for."""
    searching = ("trials", "patience", "engine", "sampler", "pruner")
    _refuse(plan, arguments, *searching, why="it has a list of configurations")
    if not arguments.smoke:
        _refuse(plan, arguments, "max-epochs", why="each is trained as long as it was published")
    names = tuple(reference.name for reference in plan.references)
    for name in arguments.only or ():
        if name not in names:
            raise unknown("configuration", name, names)
    few = list(plan.starting_points())[:SMOKE_TRIALS] if arguments.smoke else []
    only = tuple(arguments.only or few)
    plan = replace(plan, only=only, repeats=arguments.repeats or 1)
    return plan.with_budget(len(plan.starting_points()) * plan.repeats, arguments.timeout)


def _refuse(plan: StudyPlan, arguments: argparse.Namespace, *names: str, why: str) -> None:
    for name in names:
        if getattr(arguments, name.replace("-", "_")) is not None:
            raise UserError(f"--{name} means nothing to study {plan.name}: {why}.")


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
