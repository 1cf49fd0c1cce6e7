"""Optuna as the engine: ask and tell, never `study.optimize`.

Every proposal is seeded by (study seed, its place in their order), so a study that was stopped and
resumed proposes what it would have proposed without the stop, and does not replay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.engines import Asked, derive
from search.engines.bounded import BestByStates, Learnt
from search.engines.curves import RememberingMedianPruner
from search.engines.journal import Ended
from search.engines.names import GOALS
from search.engines.optuna_methods import first_rung, make_pruner, make_sampler, may_forget
from search.engines.owned import open_owned
from search.engines.settling import settle_study, tell
from search.engines.storage import open_sole
from search.engines.suggest import suggest
from search.engines.tally import Tally
from spaces.plan import StudyPlan
from spaces.ranges import Value
from tracking.cli import UserError
from tracking.durable import unsynced
from tracking.patience import Patience
from tracking.records import State, TrialRecord


class OptunaEngine:
    """An Optuna study in a SQLite file.

    Args:
        database: a SQLite file, or an address; None keeps the study in memory, for a replay.
        study: the name of the study in the file; made if it is not there.
        owner: id of the records that belong to it.
        n_texts: how many are trained on; of few, none are enough for a verdict within an epoch.
        patience: how long a call waits for a database that is away or locked.
        n_workers: how far a proposal is ahead of what it knows (search/engines/in_order.py); None
            if it knows whatever has ended.
        known: tells of another owner whether it is among these records too. If so, its study is
            what a half-finished `--fresh` left behind, and is put aside.
    """

    def __init__(
        self,
        database: Path | str | None,
        study: str,
        owner: str,
        plan: StudyPlan,
        *,
        seed: int,
        sampler: str,
        pruner: str,
        n_texts: int = 0,
        patience: Patience | None = None,
        n_workers: int | None = None,
        known: Callable[[str], bool] = lambda owner: True,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._plan = plan
        self._seed = seed
        self._sampler, self._pruner = sampler, pruner
        self._two_goals = sampler in GOALS
        self._n_workers = n_workers
        self._storage = storage = open_sole(database, patience)
        self._study = open_owned(
            storage, study, owner, database=database, known=known, two_goals=self._two_goals
        )
        rung = None if self._two_goals else first_rung(pruner, n_texts)
        if self._study.get_trials(deepcopy=False):  # a study keeps its steps
            rung = self._study.user_attrs.get("first_rung")
        self._study.set_user_attr("first_rung", rung)
        self.first_rung = rung
        self._study.set_user_attr("owner", owner)
        self._asked: dict[int, optuna.Trial] = {}  # those under way
        self._reported: dict[int, set[int]] = {}  # steps of those that were adopted
        self._forgets = n_workers is None and may_forget(sampler, pruner)
        self._best: BestByStates = {}
        self._count()
        self._may_be_known = True  # whether values may be known that are to be asked next

    def ask(self) -> Asked | None:
        place = self._tally.order.next
        n_known = self._tally.order.n_known(place)
        if n_known is None:
            return None
        with self._storage.at_once():
            self._may_be_known = self._may_be_known and self._await_known()
            with self._knowing(place):
                trial, asked = self._ask(place, n_known)
        self._asked[trial.number] = trial
        self._tally.begin(trial.number, trial.user_attrs)
        return asked

    def _ask(self, place: int, n_known: int) -> tuple[optuna.Trial, Asked]:
        seed = derive(self._seed, place, "sampler")
        self._study.sampler = make_sampler(self._sampler, self._seed, seed, self._best)
        trial = self._study.ask()
        if self._two_goals:
            _ = trial.relative_params  # only now does it belong to a generation, known or not
        given: dict[str, Any] = trial.user_attrs
        searched = suggest(trial, self._plan)
        params = self._plan.complete({**given.get("fixed", {}), **searched})
        asked = Asked(
            number=trial.number,
            params=params,
            seed=given.get("seed", derive(self._seed, place, "train")),
            origin=given.get("origin") or self._origin(params, n_known),
        )
        trial.set_user_attr("origin", asked.origin)
        trial.set_user_attr("seed", asked.seed)
        trial.set_user_attr("asked", True)  # last: from now on the trial can be asked again
        return trial, asked

    def should_prune(self, number: int, n_epochs: float, accuracy: float) -> bool:
        if self._two_goals:  # Optuna prunes by one goal only
            return False
        trial = self._asked[number]
        step = round(n_epochs / (self.first_rung or 1.0))
        if step not in self._reported.get(number, ()):
            trial.report(accuracy, step)
        # What is known beforehand is what the rest is held against, so it is trained to its end.
        known = self._plan.starting_points()
        return trial.should_prune() and trial.user_attrs["origin"] not in known

    def tell(
        self,
        number: int,
        state: State,
        value: float | None,
        *,
        void: bool,
        n_parameters: int | None = None,
        reason: str = "",
    ) -> None:
        self._may_be_known = self._may_be_known or void
        end = Ended(number, state, value, void, reason)
        trial = tell(self._study, end, n_parameters=n_parameters)
        self._tally.end(trial, void=void)
        self._forget(self._note(trial))
        self._asked.pop(number, None)

    def adopt(self, asked: Asked) -> bool:
        trials = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        trial = next((one for one in trials if one.number == asked.number), None)
        if trial is None or trial.user_attrs.get("seed") != asked.seed:
            return False
        if trial.params != {name: asked.params.get(name) for name in trial.params}:
            return False
        self._study.sampler = optuna.samplers.RandomSampler()  # others draw when it is opened
        self._asked[trial.number] = optuna.Trial(self._study, trial._trial_id)
        self._reported[trial.number] = set(trial.intermediate_values)
        return True

    def refuse_unknown(self, numbers: Collection[int]) -> None:
        known = {trial.number for trial in self._study.get_trials(deepcopy=False)}
        unknown = sorted(set(numbers) - known)
        if unknown:
            raise UserError(
                f"MLflow has trials of {self._study.study_name} that Optuna has not, "
                f"{unknown[0]} among them. If another machine searches here too, both need one "
                "--storage. --fresh puts the records aside and starts anew."
            )

    def reconcile(self, recorded: Mapping[int, TrialRecord]) -> None:
        settle_study(self._study, recorded, self._asked.keys())
        self._forget(*self._count())

    def n_finished(self) -> int:
        return self._tally.n_finished

    def seconds_spent(self) -> float:
        # Not the sum of the trials' durations: one that was killed "lasts" until the next start.
        seconds: float = self._study.user_attrs.get("seconds", 0.0)
        return seconds

    def spend(self, seconds: float) -> None:
        with unsynced():
            self._study.set_user_attr("seconds", seconds)

    def known(self) -> list[tuple[str, float | None]] | None:
        if self._n_workers is None:
            return None
        view = self._view(self._tally.order.next) or []
        ended = [trial for trial in view if trial.state.is_finished()]
        return [
            (t.user_attrs["origin"], t.values[0] if t.state is TrialState.COMPLETE else None)
            for t in ended
        ]

    @contextmanager
    def _knowing(self, place: int) -> Iterator[None]:
        """Show the sampler what a proposal for this place is to know."""
        self._storage.view = self._view(place) if self._n_workers else None
        self._storage.reads_forgotten = False
        try:
            yield
        finally:
            self._storage.view = None
            self._storage.reads_forgotten = True

    def _view(self, place: int) -> list[FrozenTrial] | None:
        return self._tally.view(self._study.get_trials(deepcopy=False), place)

    def _count(self) -> list[int | None]:
        """Note what has come of all trials; give the ids of those that are not needed."""
        void: list[int] = self._study.user_attrs.get("void", [])
        trials = self._study.get_trials(deepcopy=False)
        self._tally = Tally(self._plan, trials, void, self._n_workers)
        self._study.pruner = make_pruner(self._pruner, self._plan, self.first_rung)
        self._learnt = Learnt()
        self._best.clear()
        return [self._note(trial) for trial in trials if trial.state.is_finished()]

    def _note(self, trial: FrozenTrial) -> int | None:
        """Note a trial that has ended; give the id of one that is not needed any more."""
        if isinstance(self._study.pruner, RememberingMedianPruner):
            self._study.pruner.note(trial)
        return self._learnt.add(trial) if self._forgets else None

    def _forget(self, *trial_ids: int | None) -> None:
        for trial_id in trial_ids:
            if trial_id is not None:
                self._storage.forget(trial_id)

    def _origin(self, params: Mapping[str, Value], n_known: int) -> str:
        """Name the sampler, or the finished trial whose values it proposes once more."""
        first = self._tally.first_with(params, n_known)
        return self._sampler if first is None else f"repeat-of-{first}"

    def _await_known(self) -> bool:
        """Have the next known values in Optuna's queue; tell whether there are any."""
        waiting = self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return bool(waiting) or self._enqueue_known()

    def _enqueue_known(self) -> bool:
        """Queue the next known values: those of an attempt cut short, or a starting point."""
        order = self._tally.order
        if order.next < len(order):
            which = self._study._study_id, order.number(order.next)
            trial_id = self._storage.get_trial_id_from_study_id_trial_number(*which)
            trial = self._storage.get_trial(trial_id)
            attributes = {**trial.user_attrs, "again_of": trial.number}
            for ours in ("asked", "reason"):  # of the attempt that was cut short
                attributes.pop(ours, None)
            self._study.enqueue_trial(trial.params, user_attrs=attributes)
            return True
        for origin, params in self._plan.starting_points().items():
            if origin not in self._tally.tried:
                searched = {name: params[name] for name in self._plan.searched_for(params)}
                fixed = {name: params[name] for name in params if name not in searched}
                attributes = {"origin": origin, "fixed": fixed}
                self._study.enqueue_trial(searched, user_attrs=attributes)
                return True
        return False
