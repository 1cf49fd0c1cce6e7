"""Histories of trials as an engine sees them, without any training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random

from search.engines.base import Engine, Proposal, derive
from spaces.families import FAMILY
from spaces.family import SHARED
from spaces.ranges import Params
from tests.builders import build_epochs, build_score
from tracking.records import State, TrialRecord


def begun(proposal: Proposal) -> TrialRecord:
    """A proposal as it is recorded and read again."""
    return TrialRecord(
        number=proposal.number,
        family=family_of(proposal.params),
        proposed_by=proposal.proposed_by,
        params=proposal.params,
        seed=proposal.seed,
        state="running",
        reason="",
        seconds=0.0,
        epochs=(),
        score=None,
        run_id=f"run-{proposal.number}",
        model=False,
        sampler_state=json.loads(json.dumps(proposal.sampler_state)),
    )


def family_of(params: Params) -> str:
    """The family of a trial with these values, all of which it has."""
    own = (name.partition(".")[0] for name in params)
    return str(params.get(FAMILY) or next(prefix for prefix in own if prefix not in SHARED))


def ended(trial: TrialRecord, accuracy: float | None, state: State = "failed") -> TrialRecord:
    """The trial, complete with this accuracy; without one it is in the state that is given."""
    if accuracy is None:
        return replace(trial, state=state, ended=1_000 * trial.number)
    epochs = build_epochs(accuracy)
    score = build_score(epochs, n_parameters=100 + int(1_000 * accuracy) % 7)
    return replace(trial, state="complete", epochs=epochs, score=score, ended=1_000)


def accuracy_of(params: Params) -> float:
    """Stands in for training: any number that the values alone decide."""
    return derive(0, 0, str(sorted(params.items()))) / 2**31


def run(make: Callable[[], Engine], n_trials: int) -> list[TrialRecord]:
    """Run a study by an engine, one trial after the other, all of them complete."""
    engine = make()
    history: list[TrialRecord] = []
    while len(history) < n_trials and (proposal := engine.propose(history)) is not None:
        history.append(ended(begun(proposal), accuracy_of(proposal.params)))
    return history


def run_three_at_once(
    make: Callable[[], Engine], n_trials: int, *, stops: bool
) -> list[TrialRecord]:
    """Run a study with three trials under way, which end out of order, some without a score.

    Args:
        stops: whether it is stopped and started again before each proposal.
    """
    history: list[TrialRecord] = []
    random, kept = Random(1), make()
    while True:
        running = [trial.number for trial in history if not trial.has_ended]
        proposal = None
        if len(running) < 3 and len(history) < n_trials:
            shown = [t if t.has_ended else replace(t, state="interrupted") for t in history]
            proposal = make().propose(shown) if stops else kept.propose(history)
        if proposal is not None:
            history.append(begun(proposal))
        elif running:
            number = random.choice(running)
            accuracy = None if random.random() < 0.15 else random.uniform(0.6, 0.9)
            without = random.choice(("pruned", "failed"))
            history[number] = ended(history[number], accuracy, without)
        else:
            return history
