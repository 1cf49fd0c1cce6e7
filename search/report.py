"""What `search.run` says besides progress: the studies, the dry run, and the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from search.engines.names import ENGINES
from spaces.plan import SPLITS
from spaces.studies import STUDIES
from tracking.comparison import HEAD, against_controls, compare, looks_in_words
from tracking.environment import n_cores
from tracking.words import duration, percent

if TYPE_CHECKING:
    from rich.console import Console

    from search.datasets.cache import Dataset
    from search.options import Options
    from spaces.plan import StudyPlan
    from tracking.comparison import Comparison
    from tracking.records import StudyRecord, TrialRecord

_SHOWN = 5


def studies() -> list[dict[str, Any]]:
    """Describe each study: its question, family and size."""
    return [
        {
            "study": plan.name,
            "question": plan.question,
            "families": list(plan.families),
            "searched": list(plan.searched),
            "starting_points": list(plan.starting_points()),
            "trials": plan.n_trials,
            "timeout_seconds": plan.timeout,
        }
        for plan in STUDIES.values()
    ]


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
    console.print(table)


def budget(plan: StudyPlan) -> str:
    """Say what ends a study."""
    limits = []
    if plan.reproduces and plan.n_trials is None:
        return f"{len(plan.starting_points())} trainings"
    if plan.n_trials is not None:
        limits.append(f"{plan.n_trials:,} {'trial' if plan.n_trials == 1 else 'trials'}")
    if plan.timeout is not None:
        limits.append(duration(plan.timeout))
    if plan.patience is not None:
        limits.append(f"{plan.patience:,} proposals in a row without a gain")
    return " or ".join(limits)


def dry_run(options: Options, data: Dataset) -> dict[str, Any]:
    """Describe what a run would do."""
    from search.estimate import seconds_of_study, seconds_per_trial, slowed

    plan = options.plan
    per_trial = seconds_per_trial(plan, data)
    if not options.cluster:
        per_trial *= slowed(options.n_workers, n_cores()) / options.n_workers
    return {
        "study": options.study,
        "question": plan.question,
        "searched": {name: str(plan.space[name]) for name in plan.searched},
        "fixed": {
            name: value
            for name, value in plan.complete({}).items()
            if name not in plan.searched and not plan.reproduces
        },
        "starting_points": list(plan.starting_points()),
        "trials": plan.n_trials,
        "timeout_seconds": plan.timeout,
        "patience": plan.patience,
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
            "digest": data.digest,
            "split_digest": data.split_digest,
        },
        "estimated_seconds": round(seconds_of_study(plan, per_trial, n_finished=0, spent=0.0)),
    }


def print_dry_run(console: Console, options: Options, data: Dataset) -> None:
    plan, facts = options.plan, dry_run(options, data)
    console.print(f"study {options.study}: {plan.question}", highlight=False)
    console.print(_configurations(plan, data) if plan.reproduces else _ranges(plan))
    texts = ", ".join(f"{n:,} {part}" for part, n in data.n_texts.items())
    for line in (
        *_fixed(facts),
        f"data: {data.name}, {texts}; classes {', '.join(data.classes)}; digest {data.digest}",
        f"budget: {budget(plan)}",
        *_search(options),
        f"estimated time: {duration(facts['estimated_seconds'])} {_where(facts['workers'])}",
        "nothing was trained.",
    ):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _where(n_workers: int | None) -> str:
    """Say on what the estimated time is."""
    if n_workers is None:  # a cluster, of which nothing is known yet
        return "on 2 cores, one trial after the other"
    cores, trials = n_cores(), f"{n_workers} {'trial' if n_workers == 1 else 'trials'}"
    return f"on {cores} {'core' if cores == 1 else 'cores'}, {trials} at a time"


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
        if same in plan.starting_points():
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
    return [f"fixed: {values}", f"tried first: {', '.join(facts['starting_points'])}"]


def summary(study: StudyRecord, page: str) -> dict[str, Any]:
    """Describe where a study stands, for programs."""
    candidates = study.candidates
    return {
        "study": study.plan.study,
        "data": study.plan.data.name,
        "official_test_set": study.plan.data.official,
        "baseline": study.plan.baselines[0].accuracy if study.plan.baselines else None,
        "complete": study.count("complete"),
        "pruned": study.count("pruned"),
        "failed": study.count("failed"),
        "seconds": round(sum(trial.seconds for trial in study.trials), 1),
        "best": _best(candidates[0]) if candidates else None,
        "front": [_best(trial) for trial in study.front] if len(study.plan.goals) > 1 else None,
        "controls": {c.name: c.score.val_accuracy for c in study.controls},
        "reproduced": [_row(row) for row in compare(study)] if study.reproduces else None,
        "page": page,
        "next": next_commands(study),
    }


def _row(row: Comparison) -> dict[str, Any]:
    return {
        "configuration": row.reference.name,
        "published": row.reference.published,
        "ours": list(row.ours),
        "difference": row.difference,
        "interval": [row.low, row.high] if row.ours else None,
        "seconds_per_epoch": row.seconds_per_epoch if row.ours else None,
        "official": row.official if row.ours else None,
        "remark": row.remark,
    }


def print_summary(console: Console, study: StudyRecord, page: str) -> None:
    """Show what came out and what to type next."""
    if study.reproduces:
        console.print(_comparison_table(study))
    else:
        _print_best(console, study)
    for line in (
        f"{study.count('complete')} complete, {study.count('pruned')} pruned, "
        f"{study.count('failed')} failed.",
        *_against(study),
        f"page: {page}",
        "next:",
        *(f"  {command}" for command in next_commands(study)),
    ):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _comparison_table(study: StudyRecord) -> Table:
    table = Table(*HEAD, box=None)
    for row in compare(study):
        table.add_row(*row.cells())
    return table


def _print_best(console: Console, study: StudyRecord) -> None:
    table = Table(
        "trial", "tried as", "validation", "95 % interval", "gap", "epoch", "time", box=None
    )
    for trial in study.candidates[:_SHOWN]:
        assert trial.score is not None
        score = trial.score
        table.add_row(
            str(trial.number),
            trial.origin,
            percent(score.val_accuracy),
            f"{100 * score.low:.2f} to {100 * score.high:.2f}",
            f"{100 * (score.train_accuracy - score.val_accuracy):+.2f}",
            f"{score.best_epoch} of {len(trial.epochs)}",
            duration(trial.seconds),
        )
    for control in study.controls:
        score = control.score
        table.add_row(
            "control",
            control.name,
            percent(score.val_accuracy),
            f"{100 * score.low:.2f} to {100 * score.high:.2f}",
            f"{100 * (score.train_accuracy - score.val_accuracy):+.2f}",
            "",
            duration(control.seconds),
        )
    if not study.candidates:
        console.print("No trial has finished yet: raise --trials or --timeout.")
    if study.candidates or study.controls:
        console.print(table)


def _against(study: StudyRecord) -> list[str]:
    """Say what the accuracies are, and what they may be held against."""
    from search.datasets.sources import NOT_OFFICIAL

    plan = study.plan
    lines = [looks_in_words(study) if study.reproduces else against_controls(study)]
    if plan.baselines and not study.reproduces:
        lines.append(
            "Validation accuracies, to be held against "
            f"{percent(plan.baselines[0].accuracy)} on the official test set (Maas et al. 2011)."
        )
    if (plan.baselines or study.reproduces) and not plan.data.official:
        n_texts = sum(plan.data.n_texts.values())
        lines.append(f"Data {plan.data.name}, {n_texts:,} texts: {NOT_OFFICIAL}.")
    return [line for line in lines if line]


def next_commands(study: StudyRecord) -> list[str]:
    """Say what to type next."""
    name = study.plan.study
    if study.reproduces:
        return [
            "python -m tracking.ui",
            f"python -m dashboards.build --study {name}",
            "python -m search.run --study architecture",
        ]
    return [
        "python -m tracking.ui",
        f"python -m search.evaluate --study {name}",
        f"python -m search.export --study {name} --out {name}-model",
        f'python -m search.predict {name}-model "A wonderful film."',
    ]


def _best(trial: TrialRecord) -> dict[str, Any]:
    assert trial.score is not None
    return {
        "trial": trial.number,
        "origin": trial.origin,
        "val_accuracy": trial.score.val_accuracy,
        "n_parameters": trial.score.n_parameters,
        "interval": [trial.score.low, trial.score.high],
        "best_epoch": trial.score.best_epoch,
        "params": dict(trial.params),
    }
