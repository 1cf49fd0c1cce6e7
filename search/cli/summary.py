"""What `search.run` says at the end: where the study stands, and what to type next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from tracking.commandline.console import notes_on
from tracking.commandline.formatting import duration, percent, plain, printable
from tracking.reporting.comparison import (
    HEAD,
    against_simple_baselines,
    by_class,
    compare,
    evaluations_as_text,
)
from tracking.reporting.verdict import NOT_OFFICIAL, unofficial

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from tracking.records import StudyRecord, TrialRecord
    from tracking.reporting.comparison import Comparison

_SHOWN = 5
_CLASSES_SHOWN = 20


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
        "best": _best(study, candidates[0]) if candidates else None,
        "front": [_best(study, trial) for trial in study.front]
        if len(study.plan.goals) > 1
        else None,
        "simple_baselines": {c.name: c.score.val_accuracy for c in study.simple_baselines},
        "reproduced": [_row(row) for row in compare(study)] if study.reproduces else None,
        "queued": study.waiting,
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
    say = notes_on(console)
    for line in (
        f"{study.count('complete')} complete, {study.count('pruned')} pruned, "
        f"{study.count('failed')} failed.",
        *_waiting(study),
        *_classes(study),
        *_against(study),
        f"page: {page}",
        "next:",
        *(f"  {command}" for command in next_commands(study)),
    ):
        say(line)


def _comparison_table(study: StudyRecord) -> Table:
    table = Table(*HEAD, box=None)
    for row in compare(study):
        table.add_row(*map(printable, row.cells()))
    return table


def _print_best(console: Console, study: StudyRecord) -> None:
    several = len(study.plan.data.classes) > 2
    f1 = ["macro F1"] if several else []
    table = Table(
        "trial", "tried as", "validation", "95 % interval", *f1, "gap", "epoch", "time", box=None
    )
    for trial in study.candidates[:_SHOWN]:
        assert trial.score is not None
        score = trial.score
        table.add_row(
            str(trial.number),
            plain(trial.proposed_by),
            percent(score.val_accuracy),
            f"{100 * score.low:.2f} to {100 * score.high:.2f}",
            *([_known(score.val_macro_f1, percent)] if several else []),
            _known(score.gap, lambda gap: f"{100 * gap:+.2f}"),
            f"{score.best_epoch} of {len(trial.epochs)}",
            duration(trial.seconds),
        )
    for simple_baseline in study.simple_baselines:
        score = simple_baseline.score
        table.add_row(
            "simple baseline",
            plain(simple_baseline.name),
            percent(score.val_accuracy),
            f"{100 * score.low:.2f} to {100 * score.high:.2f}",
            *([_known(score.val_macro_f1, percent)] if several else []),
            _known(score.gap, lambda gap: f"{100 * gap:+.2f}"),
            "",
            duration(simple_baseline.seconds),
        )
    if not study.candidates:
        console.print("No trial has finished yet: raise --trials or --timeout.")
    if study.candidates or study.simple_baselines:
        console.print(table)


def _waiting(study: StudyRecord) -> list[str]:
    """Say what a person has queued and the budget had no room for."""
    if not study.waiting:
        return []
    names = ", ".join(map(plain, study.waiting))
    return [f"Queued and not tried yet: {names}. A larger --trials or --timeout lets it begin."]


def _known(value: float | None, write: Callable[[float], str]) -> str:
    """Write a number; nothing where it was not told."""
    return "" if value is None else write(value)


def _classes(study: StudyRecord) -> list[str]:
    """Say how the best does in each class, where there are more than two."""
    if len(study.plan.data.classes) <= 2 or not study.candidates or not by_class(study):
        return []
    said = "; ".join(
        f"{name}: {accuracy}" for name, _, accuracy, _ in by_class(study)[:_CLASSES_SHOWN]
    )
    return [f"Accuracy of the best in each class: {said}."]


def _against(study: StudyRecord) -> list[str]:
    """Say what the accuracies are, and what they may be held against."""
    plan = study.plan
    lines = [evaluations_as_text(study) if study.reproduces else against_simple_baselines(study)]
    if plan.baselines and not study.reproduces:
        line = plan.baselines[0]
        test = " on the official test set" if line.is_published else ""
        lines.append(
            "Validation accuracies, to be held against "
            f"{percent(line.accuracy)}{test} ({plain(line.whose)})."
        )
    if unofficial(study):
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
    trust = " --trust-code" if study.plan.sources else ""
    return [
        "python -m tracking.ui",
        f"python -m search.evaluate --study {name}{trust}",
        f"python -m search.export --study {name} --out {name}-model{trust}",
        f'python -m search.predict {name}-model "{study.plan.data.example}"{trust}',
    ]


def _best(study: StudyRecord, trial: TrialRecord) -> dict[str, Any]:
    assert trial.score is not None
    classes = study.plan.data.classes
    return {
        "trial": trial.number,
        "proposed_by": trial.proposed_by,
        "val_accuracy": trial.score.val_accuracy,
        "val_macro_f1": trial.score.val_macro_f1,
        "class_accuracies": dict(zip(classes, trial.score.class_accuracies, strict=False)),
        "n_parameters": trial.score.n_parameters,
        "interval": [trial.score.low, trial.score.high],
        "best_epoch": trial.score.best_epoch,
        "params": dict(trial.params),
    }
