"""What `search.run` says besides progress: the studies, the dry run, and the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from spaces.studies import STUDIES
from tracking.words import duration, percent

if TYPE_CHECKING:
    from rich.console import Console

    from search.datasets.cache import Dataset
    from search.options import Options
    from spaces.plan import StudyPlan
    from tracking.records import StudyRecord, TrialRecord

_SHOWN = 5


def studies() -> list[dict[str, Any]]:
    """Describe each study: its question, family and size."""
    return [
        {
            "study": plan.name,
            "question": plan.question,
            "family": plan.family,
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
            plan.name, plan.question, plan.family, f"{len(plan.searched)} ranges", budget(plan)
        )
    console.print(table)


def budget(plan: StudyPlan) -> str:
    """Say what ends a study."""
    limits = []
    if plan.n_trials is not None:
        limits.append(f"{plan.n_trials} trials")
    if plan.timeout is not None:
        limits.append(duration(plan.timeout))
    return " or ".join(limits)


def dry_run(options: Options, data: Dataset) -> dict[str, Any]:
    """Describe what a run would do."""
    from search.estimate import seconds_of_study, seconds_per_trial

    plan = options.plan
    per_trial = seconds_per_trial(plan, data)
    return {
        "study": options.study,
        "question": plan.question,
        "searched": {name: str(plan.space[name]) for name in plan.searched},
        "fixed": {
            name: value for name, value in plan.complete({}).items() if name not in plan.searched
        },
        "starting_points": list(plan.starting_points()),
        "trials": plan.n_trials,
        "timeout_seconds": plan.timeout,
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
    table = Table("hyperparameter", "range", "default", "what it is", box=None)
    for name in plan.searched:
        range_ = plan.space[name]
        table.add_row(name, str(range_), str(range_.default), range_.note)
    console.print(table)
    texts = ", ".join(f"{n:,} {part}" for part, n in data.n_texts.items())
    for line in (
        "fixed: " + ", ".join(f"{name} {value}" for name, value in facts["fixed"].items()),
        f"tried first: {', '.join(facts['starting_points'])}",
        f"data: {data.name}, {texts}; classes {', '.join(data.classes)}; digest {data.digest}",
        f"budget: {budget(plan)}",
        f"estimated time: {duration(facts['estimated_seconds'])} on 2 cores",
        "nothing was trained.",
    ):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


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
        "page": page,
        "next": next_commands(study.plan.study),
    }


def print_summary(console: Console, study: StudyRecord, page: str) -> None:
    """Show the best trials and what to type next."""
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
    if study.candidates:
        console.print(table)
    else:
        console.print("No trial has finished yet: raise --trials or --timeout.")
    for line in (
        f"{study.count('complete')} complete, {study.count('pruned')} pruned, "
        f"{study.count('failed')} failed.",
        *_comparison(study),
        f"page: {page}",
        "next:",
        *(f"  {command}" for command in next_commands(study.plan.study)),
    ):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _comparison(study: StudyRecord) -> list[str]:
    """Say what the accuracies may be held against."""
    from search.datasets.sources import NOT_OFFICIAL

    plan = study.plan
    if not plan.baselines:
        return []
    line = (
        "Validation accuracies, to be held against "
        f"{percent(plan.baselines[0].accuracy)} on the official test set (Maas et al. 2011)."
    )
    return [line] if plan.data.official else [line, f"Data {plan.data.name}: {NOT_OFFICIAL}."]


def next_commands(study: str) -> list[str]:
    """Three things to type next."""
    return [
        "python -m tracking.ui",
        f"python -m search.export --study {study} --out {study}-model",
        f'python -m search.predict {study}-model "A wonderful film."',
    ]


def _best(trial: TrialRecord) -> dict[str, Any]:
    assert trial.score is not None
    return {
        "trial": trial.number,
        "origin": trial.origin,
        "val_accuracy": trial.score.val_accuracy,
        "interval": [trial.score.low, trial.score.high],
        "best_epoch": trial.score.best_epoch,
        "params": dict(trial.params),
    }
