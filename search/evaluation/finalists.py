"""Whom to train again: the best trials, the study's first reference, the best simple baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.datasets import NAMES
from search.engines.base import derive
from spaces.families import FAMILIES, FAMILY, space_of
from spaces.ranges import defaults
from spaces.training import PLAIN
from tracking.commandline.errors import UserError

if TYPE_CHECKING:
    from tracking.records import (
        ReferenceRecord,
        RerunRecord,
        Role,
        StudyRecord,
        TrialRecord,
        Value,
    )

# Where a study has no simple baseline of its own. Nothing in it is searched, and it takes seconds.
_SIMPLE_BASELINE = "tfidf_logistic"


@dataclass(frozen=True, eq=False)
class Finalist:
    """What is trained again.

    Attributes:
        of: a trial's number, the name of a reference that has no trial, or of a simple baseline.
        name: how it is spoken of.
        family: empty for a simple baseline.
        seconds: that a training is expected to take; None where it is not known.
        run_id: of its trial's MLflow run; None where it has none.
        own_seed: that it is trained on, where it is to end as it had begun; None for fresh ones.
    """

    role: Role
    of: int | str
    name: str
    family: str
    params: Mapping[str, Value]
    seconds: float | None
    run_id: str | None
    own_seed: int | None = None

    def seed(self, study_seed: int, index: int) -> int:
        """Derive the seed of a rerun; none of the search's own trainings had it."""
        if self.own_seed is not None:
            return self.own_seed
        if isinstance(self.of, int):
            return derive(study_seed, self.of, f"final-{index}")
        return derive(study_seed, 0, f"final-{self.of}-{index}")

    def n_seeds(self, n_seeds: int) -> int:
        """How often it is trained: a simple baseline has no chance in it."""
        return 1 if self.role == "simple baseline" else n_seeds

    def reruns_in(self, reruns: tuple[RerunRecord, ...]) -> list[RerunRecord]:
        """Its reruns that count, by index."""
        own = [r for r in reruns if r.of == self.of and r.has_ended]
        return sorted(own, key=lambda rerun: rerun.index)


@dataclass(frozen=True)
class Seed:
    """One training to be made."""

    finalist: Finalist
    index: int


def finalists(study: StudyRecord, top: int) -> list[Finalist]:
    """Choose the best trials by validation accuracy, the first reference and a simple baseline.

    Of equals the earlier trial is chosen, and of trials with the same values the first. A
    reference that is among the best stands there.

    Raises:
        UserError: if no trial has finished, or the study searches nothing.
    """
    name = study.plan.study
    if study.reproduces:
        raise UserError(
            f"study {name} reproduces published accuracies: each of its trainings has looked at "
            "the test set already. A final evaluation is for a search, such as architecture."
        )
    if not study.candidates:
        raise UserError(f"study {name} has no finished trial, so there is nothing to train again.")
    chosen = [
        Finalist(
            role="finalist",
            of=trial.number,
            name=f"trial {trial.number}{study.family_of(trial)} ({trial.proposed_by})",
            family=trial.family,
            params=trial.params,
            seconds=trial.seconds,
            run_id=trial.run_id,
        )
        for trial in _distinct(study.candidates)[:top]
    ]
    return [*chosen, *_reference(study, {one.of for one in chosen}), _simple_baseline(study)]


def _distinct(candidates: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Keep the first trial of each configuration, where its best stands.

    Others have its values on another seed, which is what a final evaluation is for, or
    for more epochs, as what hyperband promotes.
    """
    found: list[TrialRecord] = []
    for trial in candidates:
        if not any(_values(trial) == _values(other) for other in found):
            found.append(min((t for t in candidates if t.params == trial.params), key=_number))
    return found


def _number(trial: TrialRecord) -> int:
    return trial.number


def _values(trial: TrialRecord) -> dict[str, Value]:
    return {name: value for name, value in trial.params.items() if name != "train.epochs"}


def first_reference(study: StudyRecord) -> tuple[ReferenceRecord, ...]:
    """Return the study's first reference; none on other data than the one it was published on."""
    return study.plan.references[:1] if study.plan.data.name in NAMES else ()


def _reference(study: StudyRecord, chosen: set[int | str]) -> list[Finalist]:
    """Return the study's first reference configuration, unless it is among the best already."""
    for reference in first_reference(study):
        trials = [t for t in study.trials if t.proposed_by == reference.trained_as]
        if any(trial.number in chosen for trial in trials):
            return []
        for trial in trials[:1]:
            name = f"reference {reference.name}, trial {trial.number}"
            return [
                Finalist(
                    role="reference",
                    of=trial.number,
                    name=name,
                    family=trial.family,
                    params=trial.params,
                    seconds=trial.seconds,
                    run_id=trial.run_id,
                )
            ]
        return _untried(study, reference)
    return []


def _untried(study: StudyRecord, reference: ReferenceRecord) -> list[Finalist]:
    """Return a reference that the search had no time for.

    Its values are those on record, of the study's own fixed values too, plain training, and
    defaults for the others. The study itself may have been renamed or removed since.
    """
    family = reference.family
    if family not in FAMILIES:
        return []
    space = space_of(family)
    fixed = {name: value for name, value in study.plan.fixed.items() if name in space}
    params = {**defaults(space), **PLAIN, **fixed, **reference.params}
    params["train.epochs"] = min(int(params["train.epochs"]), study.plan.max_epochs)
    if len(study.plan.families) > 1:
        params[FAMILY] = family
    return [
        Finalist(
            role="reference",
            of=reference.trained_as,
            name=f"reference {reference.name}",
            family=family,
            params=params,
            seconds=None,
            run_id=None,
        )
    ]


def _simple_baseline(study: StudyRecord) -> Finalist:
    """Return the best simple baseline of the study."""
    best = max(study.simple_baselines, key=lambda c: c.score.val_accuracy, default=None)
    name, seconds = (_SIMPLE_BASELINE, None) if best is None else (best.name, best.seconds)
    return Finalist("simple baseline", name, f"simple baseline {name}", "", {}, seconds, None)
