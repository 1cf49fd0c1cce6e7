"""Was pruning right? What came of pruned trials that were trained to their end on demand."""

from __future__ import annotations

from tracking.commandline.formatting import percent
from tracking.records import StudyRecord, TrialRecord

HEAD = ("trial", "pruned", "at its end", "would be among the best")


def sentence(study: StudyRecord) -> str:
    """Say how many pruned trials would be among the best, and how much that is worth."""
    audit = study.pruning_audit
    if audit is None:
        return ""
    n, best = len(audit.tried), "the best" if audit.top == 1 else f"the best {audit.top}"
    if not n:
        return "None of the pruned trials could be trained to its end."
    entered = audit.entered
    are = "was" if n == 1 else "were"
    said = f"{n} of {audit.n_pruned} pruned trials {are} trained to the end: "
    named = [f"trial {number}, {percent(audit.tried[number])}" for number in entered]
    shown = f" ({'; '.join(named)})" if named else ""
    said += f"{len(entered) or 'none'}{shown} would be among {best}, which go down to "
    said += f"{percent(audit.least)}."
    if n == audit.n_pruned:
        return said + _cautions(study)
    return (
        f"{said} They are spread over the accuracies at which trials were pruned. A share of "
        f"{100 * len(entered) / n:.0f} %, but of {n} only: its 95 % interval goes from "
        f"{100 * audit.low:.0f} to {100 * audit.high:.0f} %.{_cautions(study)}"
    )


def rows(study: StudyRecord) -> list[tuple[str, ...]]:
    """Return a row under HEAD for each pruned trial that was trained to its end."""
    audit = study.pruning_audit
    trials = {trial.number: trial for trial in study.trials}
    if audit is None:
        return []
    return [
        (
            f"{number}{study.family_of(trials[number])}",
            trials[number].reason,
            percent(accuracy),
            "yes" if number in audit.entered else "no",
        )
        for number, accuracy in audit.tried.items()
        if number in trials
    ]


def seen(trial: TrialRecord) -> float:
    """Return the best validation accuracy that a pruned trial had; 0 if it had none."""
    rung = [] if trial.rung is None else [trial.rung.val_accuracy]
    return max([*rung, *(epoch.val_accuracy or 0.0 for epoch in trial.epochs)], default=0.0)


def _cautions(study: StudyRecord) -> str:
    audit = study.pruning_audit
    assert audit is not None
    said = f" {audit.n_failed} could not be trained." if audit.n_failed else ""
    if audit.n_other:
        said += (
            f" Up to where it was pruned, {audit.n_other} had other numbers than on record, as "
            "threads, machine or packages are not those of then."
        )
    return said
