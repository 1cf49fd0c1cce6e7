"""What `search.evaluate` says at its end: the ranking, the test evaluation, the verdict."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from rich.table import Table

from tracking.commandline.console import notes_on
from tracking.commandline.formatting import duration, percent, printable
from tracking.reporting import pruning
from tracking.reporting.verdict import count_of_evaluations, named, ranking, reruns_of, verdict

if TYPE_CHECKING:
    from rich.console import Console

    from tracking.records import SealedEvaluationRecord, StudyRecord

HEAD = ("finalist", "validation", "seeds", "failed", "a training", "test", "95 % interval")


def without_test(study: StudyRecord) -> str:
    """Say what final evaluations can tell and what not, before anything is trained for them."""
    data, plan = study.plan.data, study.plan
    return (
        f"{data.name} has no test part. Fresh seeds tell which finalist is best on validation and "
        "how much of its lead was luck of the seed; how good it is on texts that chose nothing "
        f"they cannot tell. For that: python -m search.run --study {plan.plan} --data "
        f"{data.path or data.name} --test-share 0.2 --fresh"
    )


def rows(study: StudyRecord) -> list[tuple[str, ...]]:
    """Return a row under HEAD for each finalist, the best first."""
    return [_row(study, of) for of in ranking(study)]


def _row(study: StudyRecord, of: int | str) -> tuple[str, ...]:
    scored = reruns_of(study, of)
    accuracies = [rerun.score.val_accuracy for rerun in scored if rerun.score]
    deviation = f" ± {100 * stdev(accuracies):.2f}" if len(accuracies) > 1 else ""
    failed = [r for r in study.reruns if r.of == of and r.state == "failed"]
    evaluations = [evaluation for evaluation in study.sealed_evaluations if evaluation.of == of]
    return (
        named(study, of),
        f"{percent(mean(accuracies))}{deviation}",
        " ".join(f"{100 * accuracy:.2f}" for accuracy in accuracies),
        str(len(failed)) if failed else "",
        duration(mean(rerun.seconds for rerun in scored)),
        percent(evaluations[-1].result.accuracy) if evaluations else "",
        "{:.2f} to {:.2f}".format(*(100 * end for end in evaluations[-1].interval))
        if evaluations
        else "",
    )


def print_summary(console: Console, study: StudyRecord, page: str, report: Path | None) -> None:
    """Show what came out and where it lies."""
    table = Table(*HEAD, box=None)
    for row in rows(study):
        table.add_row(*map(printable, row))
    console.print(table)
    lines = [
        verdict(study),
        *(_evaluation(study, evaluation) for evaluation in study.sealed_evaluations),
        f"page: {page}",
        *([f"report: {report}"] if report is not None else []),
    ]
    for line in lines:
        notes_on(console)(line)


def print_audit(console: Console, study: StudyRecord, page: str) -> None:
    """Show what came of the pruned trials that were trained to their end."""
    table = Table(*pruning.HEAD, box=None)
    for row in pruning.rows(study):
        table.add_row(*map(printable, row))
    console.print(table)
    for line in (pruning.sentence(study), f"page: {page}"):
        notes_on(console)(line)


def audit_summary(study: StudyRecord, page: str) -> dict[str, Any]:
    """Describe the same, for programs."""
    audit = study.pruning_audit
    assert audit is not None
    return {
        "study": study.plan.study,
        "data": study.plan.data.name,
        "pruning_audit": {**asdict(audit), "entered": audit.entered},
        "reasons": {one.number: one.reason for one in study.trials if one.number in audit.tried},
        "text": pruning.sentence(study),
        "page": page,
    }


def _evaluation(study: StudyRecord, evaluation: SealedEvaluationRecord) -> str:
    model = f", model {evaluation.model_sha256[:12]}" if evaluation.model_sha256 else ""
    return (
        f"test evaluation {evaluation.n}: {named(study, evaluation.of)}, "
        f"{percent(evaluation.result.accuracy)}, calibration error "
        f"{100 * (evaluation.calibration_error or 0):.2f} points, by {evaluation.who} at "
        f"{evaluation.result.evaluated_at}, commit {evaluation.commit[:12] or 'unknown'}{model}"
    )


def summary(study: StudyRecord, page: str, report: Path | None) -> dict[str, Any]:
    """Describe the final evaluation, for programs."""
    final_ranking = study.final_ranking
    return {
        "study": study.plan.study,
        "data": study.plan.data.name,
        "official_test_set": study.plan.data.official,
        "verdict": verdict(study),
        "looks_at_test": study.n_sealed,
        "count_of_looks": count_of_evaluations(study),
        "ranking": [_place(study, of) for of in ranking(study)],
        "evaluations": [asdict(evaluation) for evaluation in study.sealed_evaluations],
        "optimism": final_ranking.optimism if final_ranking else None,
        "expected_validation": [
            asdict(p) for p in (final_ranking.expected if final_ranking else ())
        ],
        "differences": [asdict(d) for d in (final_ranking.differences if final_ranking else ())],
        "page": page,
        "report": None if report is None else str(report),
    }


def _place(study: StudyRecord, of: int | str) -> dict[str, Any]:
    scored = reruns_of(study, of)
    accuracies = [rerun.score.val_accuracy for rerun in scored if rerun.score]
    return {
        "of": of,
        "role": scored[0].role,
        "val_accuracies": accuracies,
        "mean": mean(accuracies),
        "deviation": stdev(accuracies) if len(accuracies) > 1 else None,
        "seconds": mean(rerun.seconds for rerun in scored),
        "failed": sum(r.of == of and r.state == "failed" for r in study.reruns),
    }
