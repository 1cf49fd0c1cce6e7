"""Optuna as the engine: a study in memory, filled from the history for each proposal.

Every proposal has a sampler of its own, seeded by (study seed, number of the trial), so a study
that was stopped proposes what it would have proposed, and does not replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from math import inf, isfinite, isnan
from statistics import median

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial

from search.engines.base import (
    History,
    Proposal,
    derive,
    initial_proposal,
    name_proposal,
    next_number,
)
from search.engines.names import GOALS
from search.engines.optuna.methods import first_rung, make_pruner, make_sampler
from search.engines.optuna.storage_copy import distribution, make_study, to_frozen
from search.engines.optuna.successive_halving import Rungs
from search.engines.optuna.suggest import suggest
from spaces.plan import StudyPlan
from spaces.ranges import Params
from tracking.commandline.formatting import percent
from tracking.records import TrialRecord


class _EndedTrial(FrozenTrial):
    """A trial that changes no more, so that its copies can share its parts.

    Optuna copies every trial that it is given, and every study here is filled with all of them.
    """

    def __deepcopy__(self, memo: object) -> _EndedTrial:
        return copy(self)


class OptunaEngine:
    """A search by one of Optuna's samplers and pruners.

    Args:
        n_texts: how many are trained on; of few, none are enough for a verdict within an epoch.
    """

    def __init__(
        self, plan: StudyPlan, *, seed: int, sampler: str, pruner: str, n_texts: int = 0
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._plan = plan
        self._seed = seed
        self._sampler = sampler
        self._goals = GOALS.get(sampler, ("val_accuracy",))
        self._two_goals = len(self._goals) > 1
        self._distributions = {n: distribution(plan.space[n]) for n in plan.searched}
        self._initial = plan.initial_trials()
        self.first_rung = None if self._two_goals else first_rung(pruner, n_texts)
        self._ended: dict[int, tuple[TrialRecord, FrozenTrial]] = {}  # by number
        # Family and values of a trial, and what those are in this plan, by its number.
        self._known: dict[int, tuple[str, Params, Params | None]] = {}
        self._peers: tuple[list[int], optuna.Study] | None = None  # numbers, and their study
        self._pruner = make_pruner(pruner)
        most_steps = round(plan.max_epochs / (self.first_rung or 1.0))
        self._rungs = Rungs(most_steps) if pruner == "hyperband" else None

    def propose(self, history: History) -> Proposal | None:
        first = initial_proposal(self._plan, history, self._seed)
        if first is not None:
            return first
        number = next_number(history)
        place = max(0, number - len(self._initial))  # of qmc: deleted trials change none
        seed = derive(self._seed, number, "sampler")
        study = self.study(history)
        study.sampler = make_sampler(self._sampler, study, self._seed, seed, place)
        trial = study.ask()
        params = self._plan.complete(suggest(trial, self._plan))
        return Proposal(
            number,
            params,
            derive(self._seed, number, "train"),
            name_proposal(params, history, self._sampler),
            # Of one with two goals, its generation. TPE notes what it proposed, which we have.
            study.get_trials(deepcopy=False)[-1].system_attrs if self._two_goals else {},
        )

    def promote(self, history: History) -> int | None:
        if self._rungs is None:
            return None
        inside = [trial for trial in history if self._values(trial) is not None]
        paused = [trial.number for trial in inside if trial.state == "pruned"]
        return self._rungs.promoted(paused, {t.number: self._steps(t) for t in inside})

    def may_go_on(self, trial: TrialRecord) -> bool:
        is_paused = self._rungs is not None and trial.state == "pruned"
        return is_paused and self._values(trial) is not None

    def should_prune(self, trial: TrialRecord, history: History) -> str | None:
        # What is known beforehand is what the rest is held against, so it is trained to its end.
        if self._two_goals or trial.proposed_by in self._initial:
            return None
        others = [
            other
            for other in history
            if other.number != trial.number and self._values(other) is not None
        ]
        poor = self._poor_at_rung if self._rungs is not None else self._poor_by_pruner
        reason = poor(trial, others)
        return None if reason is None else f"after {_when(trial)}: {reason}"

    def _poor_at_rung(self, trial: TrialRecord, others: list[TrialRecord]) -> str | None:
        assert self._rungs is not None
        steps = {other.number: self._steps(other) for other in others}
        found = self._rungs.standing(trial.number, self._steps(trial), steps)
        if found is None or not found.is_poor:
            return None
        last = found.rivals[found.n_go_on - 1]
        best = "the best" if found.n_go_on == 1 else f"the best {found.n_go_on}"
        return (
            f"{percent(found.accuracy)}, below {best} of {len(found.rivals) + 1} trials at this "
            f"rung, which go on from {percent(last)}"
        )

    def _poor_by_pruner(self, trial: TrialRecord, others: list[TrialRecord]) -> str | None:
        peers = [other for other in others if other.state == "complete"]
        numbers = [peer.number for peer in peers]
        if self._peers is None or self._peers[0] != numbers:  # most epochs have the same
            self._peers = numbers, self.study(peers)
        own = to_frozen(trial, {}, self._goals, self._steps(trial))
        if not self._pruner.prune(self._peers[1], own):
            return None
        return self._below_median(trial, peers)

    def _below_median(self, trial: TrialRecord, peers: list[TrialRecord]) -> str:
        """Say which numbers made the median pruner end a trial: its best, and the median now."""
        now = trial.epochs[-1].epoch
        best = max(trial.epochs, key=lambda epoch: (_known(epoch.val_accuracy), epoch.epoch))
        if not isfinite(_known(best.val_accuracy)):
            return "its validation accuracy is not a number"
        seen = [(p, _known(e.val_accuracy)) for p in peers for e in p.epochs if e.epoch == now]
        seen = [(peer, accuracy) for peer, accuracy in seen if isfinite(accuracy)]
        families = {peer.family for peer, _ in seen}
        whose = f" of family {next(iter(families))}" if len(families) == 1 else " of all families"
        accuracy = percent(_known(best.val_accuracy))
        own = accuracy if best.epoch == now else f"at best {accuracy} (epoch {best.epoch})"
        return (
            f"{own}, below the median {percent(median(accuracy for _, accuracy in seen))} of "
            f"{len(seen)} trials{whose if len(self._plan.families) > 1 else ''} at epoch {now}"
        )

    def study(self, history: History) -> optuna.Study:
        """Make an Optuna study of the history, in memory."""
        storage = InMemoryStorage()
        study = make_study(self._plan.name, self._goals, storage)
        study_id = storage.get_study_id_from_name(self._plan.name)
        for trial in history:
            # As study.add_trial does, but for the checks: the trial passed them when it was made.
            storage.create_new_trial(study_id, self._of(trial))
        return study

    def _of(self, trial: TrialRecord) -> FrozenTrial:
        """Write a trial of the history as Optuna has it, once if it has ended."""
        if not trial.has_ended:
            return self._frozen(trial, {})
        known = self._ended.get(trial.number)
        if known is None or known[0] is not trial:
            known = trial, _shared(self._frozen(trial, self._steps(trial)))
            self._ended[trial.number] = known
        return known[1]

    def _frozen(self, trial: TrialRecord, steps: Mapping[int, float]) -> FrozenTrial:
        """Write a record as Optuna has it; from one outside of the ranges nothing is learned."""
        values = self._values(trial)
        if values is None:
            return to_frozen(replace(trial, state="failed"), {}, self._goals, {})
        return to_frozen(replace(trial, params=values), self._distributions, self._goals, steps)

    def _values(self, trial: TrialRecord) -> Params | None:
        """Return the values of a trial as those of this plan; None outside of its ranges."""
        known = self._known.get(trial.number)
        if known is None or known[0] != trial.family or known[1] is not trial.params:
            values = self._plan.values_of(trial.family, trial.params)
            known = self._known[trial.number] = trial.family, trial.params, values
        return known[2]

    def _steps(self, trial: TrialRecord) -> dict[int, float]:
        """Return the accuracies so far by step, which is as long as the first rung is."""
        per_epoch = round(1 / (self.first_rung or 1.0))
        steps = {1: trial.rung.val_accuracy} if trial.rung is not None else {}
        reported = ((epoch.epoch, epoch.val_accuracy) for epoch in trial.epochs)
        return steps | {n * per_epoch: value for n, value in reported if value is not None}


def _when(trial: TrialRecord) -> str:
    if trial.rung is not None and not trial.epochs:
        return f"{100 * trial.rung.share:.0f} % of the training texts"
    return f"epoch {len(trial.epochs)}"


def _known(accuracy: float | None) -> float:
    """Return an accuracy that can be compared; one that is none is below all."""
    return -inf if accuracy is None or isnan(accuracy) else accuracy


def _shared(trial: FrozenTrial) -> _EndedTrial:
    return _EndedTrial(
        number=trial.number,
        state=trial.state,
        value=None,
        values=trial.values,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=trial.user_attrs,
        system_attrs=trial.system_attrs,
        intermediate_values=trial.intermediate_values,
        trial_id=-1,  # the study gives it one
    )
