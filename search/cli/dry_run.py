"""What `search.run` says before anything is trained: the studies, and the dry run of one."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from rich.table import Table

from search.cli.find_plan import GROUP
from search.engines.names import ENGINES
from spaces.plan import SPLITS
from spaces.studies import STUDIES
from tracking.commandline.console import notes_on
from tracking.commandline.formatting import duration, percent, plain
from tracking.schema.environment import n_cores

if TYPE_CHECKING:
    from rich.console import Console

    from search.cli.options import Options
    from search.datasets.cache import Dataset
    from spaces.plan import StudyPlan


def studies() -> list[dict[str, Any]]:
    """Describe each study: its question, family and size; of an installed package, its name.

    A package's code is not run to list it.
    """
    ours = [
        {
            "study": plan.name,
            "question": plan.question,
            "families": list(plan.families),
            "searched": list(plan.searched),
            "initial_trials": list(plan.initial_trials()),
            "trials": plan.n_trials,
            "timeout_seconds": plan.timeout,
        }
        for plan in STUDIES.values()
    ]
    return ours + [{"study": name, "package": package} for name, package in _installed()]


def _installed() -> list[tuple[str, str]]:
    """Return the studies of installed packages, each with its package."""
    found = [(e.name, e.dist.name if e.dist else e.value) for e in entry_points(group=GROUP)]
    return sorted((name, package) for name, package in found if name not in STUDIES)


def print_studies(console: Console) -> None:
    table = Table("study", "question", "family", "searched", "budget", box=None)
    for plan in STUDIES.values():
        table.add_row(
            plan.name,
            plan.question,
            ", ".join(plan.families),
            f"{len(plan.searched)} ranges" if plan.searched else "nothing",
            budget(plan),
        )
    for name, package in _installed():
        table.add_row(plain(name), f"of the package {plain(package)}; see --dry-run", "", "", "")
    console.print(table)


def budget(plan: StudyPlan) -> str:
    """Say what ends a study."""
    limits = []
    if plan.reproduces and plan.n_trials is None:
        return f"{len(plan.initial_trials())} trainings"
    if plan.n_trials is not None:
        limits.append(f"{plan.n_trials:,} {'trial' if plan.n_trials == 1 else 'trials'}")
    if plan.timeout is not None:
        limits.append(duration(plan.timeout))
    if plan.patience is not None:
        limits.append(f"{plan.patience:,} proposals in a row without a gain")
    return " or ".join(limits)


def dry_run(options: Options, data: Dataset) -> dict[str, Any]:
    """Describe what a run would do."""
    from search.coordinator.estimate import seconds_of_study, seconds_per_trial, slowed

    plan = options.plan
    per_trial = seconds_per_trial(plan, data)
    if not options.cluster:
        per_trial *= slowed(options.n_workers, n_cores()) / options.n_workers
    return {
        "study": options.study,
        "question": plan.question,
        "searched": {name: str(plan.space[name]) for name in plan.searched},
        "fixed": {n: v for n, v in plan.complete({}).items() if n in plan.fixed},
        "initial_trials": list(plan.initial_trials()),
        "trials": plan.n_trials,
        "timeout_seconds": plan.timeout,
        "patience": plan.patience,
        "continue": options.n_continued,
        "engine": options.engine,
        "sampler": options.sampler,
        "pruner": options.pruner,
        "workers": None if options.cluster else options.n_workers,
        "data": {
            "name": data.name,
            "found": data.note,
            "official": data.official,
            "classes": list(data.classes),
            "texts": data.n_texts,
            "columns": dict(data.columns),
            "digest": data.digest,
            "split_digest": data.split_digest,
        },
        "estimated_seconds": round(seconds_of_study(plan, per_trial, n_finished=0, spent=0.0)),
    }


def print_dry_run(console: Console, options: Options, data: Dataset) -> None:
    plan, facts = options.plan, dry_run(options, data)
    say = notes_on(console)
    say(f"study {options.study}: {plan.question}")
    console.print(_configurations(plan, data) if plan.reproduces else _ranges(plan))
    texts = ", ".join(f"{n:,} {part}" for part, n in data.n_texts.items())
    classes = ", ".join(map(plain, data.classes))
    for line in (
        *_fixed(facts),
        f"data: {data.name}, {texts}; classes {classes}; digest {data.digest}",
        f"budget: {budget(plan)}",
        *_continued(options),
        *_search(options),
        f"estimated time: {duration(facts['estimated_seconds'])} {_where(facts['workers'])}",
        "nothing was trained.",
    ):
        say(line)


def _where(n_workers: int | None) -> str:
    """Say on what the estimated time is."""
    if n_workers is None:  # a cluster, of which nothing is known yet
        return "on 2 cores, one trial after the other"
    cores, trials = n_cores(), f"{n_workers} {'trial' if n_workers == 1 else 'trials'}"
    return f"on {cores} {'core' if cores == 1 else 'cores'}, {trials} at a time"


def _continued(options: Options) -> list[str]:
    n = options.n_continued
    if not n:
        return []
    whose = "the best finished trial trains" if n == 1 else f"the best {n} finished trials train"
    return [f"first: {whose} on, up to {options.plan.max_epochs} epochs"]


def _search(options: Options) -> list[str]:
    if options.plan.reproduces:
        return []
    engine = ENGINES[options.engine]
    return [
        f"search: {engine.label}, sampler {options.sampler} "
        f"({engine.samplers[options.sampler]}), pruner {options.pruner}"
    ]


def _ranges(plan: StudyPlan) -> Table:
    table = Table("hyperparameter", "range", "default", "what it is", box=None)
    for name in plan.searched:
        range_ = plan.space[name]
        table.add_row(name, str(range_), str(range_.default), range_.note)
    return table


def _configurations(plan: StudyPlan, data: Dataset) -> Table:
    table = Table("configuration", "family", "published", "trained on, tested on", box=None)
    for reference in plan.references:
        same = plan.trained_as(reference)
        if same in plan.initial_trials():
            known = data.is_movie_reviews and reference.published is not None
            table.add_row(
                reference.name,
                reference.family,
                percent(reference.published or 0) if known else "none",
                SPLITS[reference.split] if same == reference.name else f"the same as {same}",
            )
    return table


def _fixed(facts: dict[str, Any]) -> list[str]:
    if not facts["fixed"]:
        return ["no validation part is held out; each training is scored on the test part, once"]
    values = ", ".join(f"{name} {value}" for name, value in facts["fixed"].items())
    return [f"fixed: {values}", f"tried first: {', '.join(facts['initial_trials'])}"]
