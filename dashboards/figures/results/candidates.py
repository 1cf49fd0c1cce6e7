"""The candidates of one study or of several, as rows that figures draw points of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.page.text import ink, plain
from tracking.commandline.formatting import percent
from tracking.records import StudyRecord, TrialRecord

DRAWN = 1_000  # points of a figure; with more, a browser is no longer quick
_T = TypeVar("_T")


@dataclass(frozen=True)
class Candidate:
    """A candidate's numbers.

    Attributes:
        label: "trial 3", with its family or study where there are several.
        group: what is told apart by colour: study, or family, or what it was tried as.
        kind: "reference", "defaults" or "search".
        gap: train minus validation accuracy at the kept epoch; None where it is not known.
        minutes: of the whole trial.
    """

    study: str
    number: int
    label: str
    group: str
    kind: str
    proposed_by: str
    accuracy: float
    low: float
    high: float
    gap: float | None
    minutes: float
    n_parameters: int | None


def candidates(*studies: StudyRecord) -> list[Candidate]:
    """List the candidates, study by study, each in the order they were tried.

    Raises:
        Absent: if there is none.
    """
    rows = [
        _row(study, trial, several=len(studies) > 1)
        for study in studies
        for trial in sorted(study.candidates, key=lambda trial: trial.number)
    ]
    if not rows:
        raise no_candidates(*studies)
    return rows


def no_candidates(*studies: StudyRecord) -> Absent:
    """Say why there are none."""
    if all(study.reproduces for study in studies):
        return Absent("A study that trains configurations as published has no candidates.")
    return Absent("No trial has finished with a score yet.")


def _row(study: StudyRecord, trial: TrialRecord, *, several: bool) -> Candidate:
    score = trial.score
    assert score is not None
    kind = kind_of(study, trial)
    families = trial.family if len(study.families) > 1 else kind
    return Candidate(
        study=study.plan.study,
        number=trial.number,
        label=label_of(study, trial, several=several),
        group=study.plan.study if several else families,
        kind=kind,
        proposed_by=trial.proposed_by,
        accuracy=score.val_accuracy,
        low=score.low,
        high=score.high,
        gap=score.gap,
        minutes=trial.seconds / 60,
        n_parameters=score.n_parameters,
    )


def label_of(study: StudyRecord, trial: TrialRecord, *, several: bool = False) -> str:
    """Name a trial: with its family where the study has several, its study among several."""
    family = f" {plain(trial.family)}" if study.family_of(trial) else ""
    label = f"trial {trial.number}{family}"
    return f"{plain(study.plan.study)} {label}" if several else label


def kind_of(study: StudyRecord, trial: TrialRecord) -> str:
    """Say where a trial's values came from."""
    if trial.proposed_by.startswith("defaults"):
        return "defaults"
    names = {reference.name for reference in study.plan.references}
    return "reference" if trial.proposed_by in names else "search"


def marks_of(*studies: StudyRecord) -> dict[str, tuple[str, str]]:
    """Return each group of these studies its colour and symbol, the same in every figure."""
    if len(studies) > 1:
        return style.marks(study.plan.study for study in studies)
    families = studies[0].families
    return style.marks(families) if len(families) > 1 else style.KINDS


def best_of(rows: Sequence[Candidate]) -> Candidate:
    """Return the best; the earlier of equals."""
    return max(rows, key=lambda row: row.accuracy)


def hover(row: Candidate) -> str:
    """What a point says."""
    gap = "" if row.gap is None else f"gap {100 * row.gap:+.1f} points, "
    size = "" if row.n_parameters is None else f", {row.n_parameters:,} parameters"
    return (
        f"<b>{ink(row.label)}</b>, {ink(row.proposed_by)}<br>"
        f"{percent(row.accuracy)} on validation, 95 % {100 * row.low:.2f} "
        f"to {100 * row.high:.2f}<br>{gap}{row.minutes:.1f} min{size}"
    )


def address(row: Candidate) -> list[str | int]:
    """What a click on a point opens: study and number."""
    return [row.study, row.number]


def thin(ranked: Sequence[_T], n: int = DRAWN) -> list[_T]:
    """Keep n of them, the best first: the best half of n, and a regular sample of the others."""
    if len(ranked) <= n:
        return list(ranked)
    best, rest = ranked[: n // 2], ranked[n // 2 :]
    return [*best, *(rest[round(place * len(rest) / (n - n // 2))] for place in range(n - n // 2))]


def thinned(rows: Sequence[Candidate], n: int = DRAWN) -> tuple[list[Candidate], str]:
    """Keep n candidates, and say it in words; nothing is said where all are drawn."""
    kept = thin(sorted(rows, key=lambda row: -row.accuracy), n)
    if len(kept) == len(rows):
        return list(rows), ""
    said = f" Drawn are {len(kept):,} of {len(rows):,}: the best half of them and a sample."
    order = {id(row) for row in kept}
    return [row for row in rows if id(row) in order], said
