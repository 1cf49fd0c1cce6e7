"""What `search.evaluate` says at its end: the ranking, the look, the verdict."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tracking.commandline.console import notes_on
from tracking.commandline.formatting import duration, percent, printable
from tracking.reporting.verdict import count_of_looks, named, ranking, repeats_of, verdict

if TYPE_CHECKING:
    from rich.console import Console

    from tracking.records import FinalLookRecord, StudyRecord

HEAD = ("finalist", "validation", "seeds", "failed", "a training", "test", "95 % interval")


def rows(study: StudyRecord) -> list[tuple[str, ...]]:
    """Give a row under HEAD for each finalist, the best first."""
    return [_row(study, of) for of in ranking(study)]


def _row(study: StudyRecord, of: int | str) -> tuple[str, ...]:
    scored = repeats_of(study, of)
    accuracies = [repeat.score.val_accuracy for repeat in scored if repeat.score]
    deviation = f" ± {100 * stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
    failed = [r for r in study.repeats if r.of == of and r.state == "failed"]
    looks = [look for look in study.final_looks if look.of == of]
    return (
        named(study, of),
        f"{percent(mean(accuracies))}{deviation}",
        " ".join(f"{100 * accuracy:.2f}" for accuracy in accuracies),
        str(len(failed)) if failed else "",
        duration(mean(repeat.seconds for repeat in scored)),
        percent(looks[-1].look.accuracy) if looks else "",
        "{:.2f} to {:.2f}".format(*(100 * end for end in looks[-1].interval)) if looks else "",
    )


def print_summary(console: Console, study: StudyRecord, page: str, report: Path | None) -> None:
    """Show what came out and where it lies."""
    table = Table(*HEAD, box=None)
    for row in rows(study):
        table.add_row(*map(printable, row))
    console.print(table)
    lines = [
        verdict(study),
        *(_look(study, look) for look in study.final_looks),
        f"page: {page}",
        *([f"report: {report}"] if report is not None else []),
    ]
    for line in lines:
        notes_on(console)(line)


def _look(study: StudyRecord, look: FinalLookRecord) -> str:
    model = f", model {look.model_sha256[:12]}" if look.model_sha256 else ""
    return (
        f"look {look.n}: {named(study, look.of)}, {percent(look.look.accuracy)}, calibration "
        f"error {100 * (look.calibration_error or 0):.2f} points, by {look.who} at "
        f"{look.look.looked_at}, commit {look.commit[:12] or 'unknown'}{model}"
    )


def summary(study: StudyRecord, page: str, report: Path | None) -> dict[str, Any]:
    """Describe the finals, for programs."""
    finals = study.finals
    return {
        "study": study.plan.study,
        "data": study.plan.data.name,
        "official_test_set": study.plan.data.official,
        "verdict": verdict(study),
        "looks_at_test": study.n_sealed,
        "count_of_looks": count_of_looks(study),
        "ranking": [_place(study, of) for of in ranking(study)],
        "looks": [asdict(look) for look in study.final_looks],
        "optimism": finals.optimism if finals else None,
        "expected_validation": [asdict(p) for p in (finals.expected if finals else ())],
        "differences": [asdict(d) for d in (finals.differences if finals else ())],
        "page": page,
        "report": None if report is None else str(report),
    }


def _place(study: StudyRecord, of: int | str) -> dict[str, Any]:
    scored = repeats_of(study, of)
    accuracies = [repeat.score.val_accuracy for repeat in scored if repeat.score]
    return {
        "of": of,
        "role": scored[0].role,
        "val_accuracies": accuracies,
        "mean": mean(accuracies),
        "deviation": stdev(accuracies) if len(accuracies) > 1 else None,
        "seconds": mean(repeat.seconds for repeat in scored),
        "failed": sum(r.of == of and r.state == "failed" for r in study.repeats),
    }
