"""All trials as a table; assets/board.js sorts it, filters it and gives it out as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.page.ranges import number
from dashboards.page.text import plain
from tracking.records import StudyRecord, TrialRecord, Value

Cell = str | float | int | None
_LONGEST, _LONGEST_REASON = 80, 200


@dataclass(frozen=True)
class Board:
    """The table.

    Attributes:
        columns: names, with the digits behind the point that numbers are shown with; None shows
            them as they are.
        rows: candidates first, the best first; then the others.
        links: the page of each row's MLflow run; None where it is not known.
    """

    columns: tuple[tuple[str, int | None], ...]
    rows: tuple[tuple[Cell, ...], ...]
    links: tuple[str | None, ...]
    keys: tuple[tuple[str, int], ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as assets/board.js takes it."""
        return {
            "columns": [{"name": name, "digits": digits} for name, digits in self.columns],
            "rows": self.rows,
            "links": self.links,
            "keys": self.keys,
        }


def board(*studies: StudyRecord, addresses: Mapping[str, str] | None = None) -> Board:
    """List every trial that counts.

    Args:
        addresses: where MLflow shows the runs of each study, to put a run's id behind.
    """
    pairs = [(s, t) for s in studies for t in s.trials]
    places = {id(t): n for s in studies for n, t in enumerate(s.candidates)}
    pairs.sort(key=lambda pair: _order(pair[1], places))
    names = _varied([trial for _, trial in pairs])
    several = len(studies) > 1
    families = len({trial.family for _, trial in pairs}) > 1
    columns = _columns(several, families, any(trial.evaluation for _, trial in pairs))
    if any(trial.reason for _, trial in pairs):
        columns.append(("reason", None))
    if any(len(study.plan.data.classes) > 2 for study in studies):
        place = 1 + [name for name, _ in columns].index("high")
        columns.insert(place, ("macro F1 %", 2))
    ranks = iter(range(1, len(pairs) + 1))
    rows = []
    for study, trial in pairs:
        facts = _facts(study, trial, next(ranks) if id(trial) in places else None)
        known = [facts[name] for name, _ in columns]
        rows.append((*known, *(_cell(trial.params.get(name)) for name in names)))
    prefix = addresses or {}
    return Board(
        columns=(*columns, *((plain(name), None) for name in names)),
        rows=tuple(rows),
        links=tuple(
            f"{prefix[study.plan.study]}{trial.run_id}" if study.plan.study in prefix else None
            for study, trial in pairs
        ),
        keys=tuple((study.plan.study, trial.number) for study, trial in pairs),
    )


def _columns(several: bool, families: bool, looked: bool) -> list[tuple[str, int | None]]:
    return [
        ("rank", 0),
        *([("study", None)] if several else []),
        ("trial", 0),
        *([("family", None)] if families else []),
        ("tried as", None),
        ("accuracy %", 2),
        ("low", 2),
        ("high", 2),
        *([("test %", 2)] if looked else []),
        ("gap", 1),
        ("best epoch", 0),
        ("epochs", 0),
        ("minutes", 1),
        ("parameters", 0),
        ("state", None),
    ]


def _facts(study: StudyRecord, trial: TrialRecord, rank: int | None) -> dict[str, Cell]:
    score = trial.score
    seen = [e for e in trial.epochs if number(e.val_accuracy) is not None]
    best = max(seen, key=lambda epoch: epoch.val_accuracy or 0.0, default=None)
    epoch = score.best_epoch if score else best.epoch if best else None
    accuracy = score.val_accuracy if score else best.val_accuracy if best else None
    gap = score.gap if score else best.gap if best else None
    return {
        "rank": rank,
        "study": plain(study.plan.study),
        "trial": trial.number,
        "family": plain(trial.family),
        "tried as": plain(trial.proposed_by),
        "accuracy %": _percent(accuracy),
        "low": _percent(score.low if score else None),
        "high": _percent(score.high if score else None),
        "macro F1 %": _percent(score.val_macro_f1 if score else None),
        "test %": _percent(trial.evaluation.accuracy if trial.evaluation else None),
        "gap": _percent(gap),
        "best epoch": epoch,
        "epochs": len(trial.epochs),
        "minutes": round(trial.seconds / 60, 2),
        "parameters": score.n_parameters if score else None,
        "state": trial.state,
        "reason": plain(trial.reason, _LONGEST_REASON) if trial.reason else None,
    }


def _order(trial: TrialRecord, places: Mapping[int, int]) -> tuple[float, float, int]:
    if id(trial) in places:
        assert trial.score is not None
        return 0, -trial.score.val_accuracy, trial.number
    return 1, 0, trial.number


def _varied(trials: list[TrialRecord]) -> list[str]:
    """Name the hyperparameters that are not in all trials, or not the same in all."""
    found: dict[str, set[str]] = {}
    for trial in trials:
        for name, value in trial.params.items():
            found.setdefault(name, set()).add(repr(value))
    n_trials = {name: sum(name in trial.params for trial in trials) for name in found}
    return [name for name in found if len(found[name]) > 1 or n_trials[name] < len(trials)]


def _cell(value: Value | None) -> Cell:
    if value is None:
        return None
    known = number(value)
    if known is None or abs(known) > 1e15:
        return plain(value, _LONGEST)
    return value if isinstance(value, int) else float(f"{known:.6g}")


def _percent(share: float | None) -> float | None:
    known = number(share)
    return None if known is None else round(100 * known, 3)
