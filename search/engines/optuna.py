"""Optuna as the engine: ask and tell, never `study.optimize`.

Every proposal is seeded by (study seed, how many trials count so far), so a study that was
stopped and resumed proposes what it would have proposed without the stop, and does not replay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.engines import Asked, derive
from search.engines.journal import Ended
from search.engines.names import GOALS
from search.engines.optuna_methods import first_rung, make_pruner, make_sampler
from search.engines.settling import settle_study, tell
from search.engines.storage import open_storage
from search.engines.tally import Tally
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, Range, Value
from tracking.cli import UserError
from tracking.environment import redact
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
        known: Callable[[str], bool] = lambda owner: True,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._plan = plan
        self._seed = seed
        self._sampler = sampler
        self._two_goals = sampler in GOALS
        storage: optuna.storages.BaseStorage = optuna.storages.InMemoryStorage()
        if database:
            storage = open_storage(database, patience, sole=True)
        self._study = self._create(storage, study)
        before = self._study.user_attrs.get("owner", owner)
        if before != owner:
            if not (known(before) or isinstance(database, Path)):
                raise UserError(
                    f"the search of {study} in {redact(str(database))} belongs to other records, "
                    f"run {before} of another MLflow. Name those (--tracking-uri), or another "
                    "--storage."
                )
            _put_aside(storage, self._study)
            self._study = self._create(storage, study)
        rung = None if self._two_goals else first_rung(pruner, n_texts)
        if self._study.get_trials(deepcopy=False):  # a study keeps its steps
            rung = self._study.user_attrs.get("first_rung")
        self._study.set_user_attr("first_rung", rung)
        self.first_rung = rung
        self._study.pruner = make_pruner(pruner, plan, self.first_rung)
        self._study.set_user_attr("owner", owner)
        self._asked: dict[int, optuna.Trial] = {}  # those under way
        self._reported: dict[int, set[int]] = {}  # steps of those that were adopted
        self._tally = self._count()
        self._may_be_known = True  # whether values may be known that are to be asked next

    def _create(self, storage: optuna.storages.BaseStorage, name: str) -> optuna.Study:
        directions: Any = ["maximize", "minimize"] if self._two_goals else ["maximize"]
        return optuna.create_study(
            storage=storage, study_name=name, directions=directions, load_if_exists=True
        )

    def ask(self) -> Asked:
        counted = self._tally.n_begun
        self._may_be_known = self._may_be_known and self._await_known()
        seed = derive(self._seed, counted, "sampler")
        self._study.sampler = make_sampler(self._sampler, self._seed, seed)
        trial = self._study.ask()
        if self._two_goals:
            _ = trial.relative_params  # only now does it belong to a generation, known or not
        given: dict[str, Any] = trial.user_attrs
        searched = _suggest(trial, self._plan)
        params = self._plan.complete({**given.get("fixed", {}), **searched})
        asked = Asked(
            number=trial.number,
            params=params,
            seed=given.get("seed", derive(self._seed, counted, "train")),
            origin=given.get("origin") or self._origin(params),
        )
        trial.set_user_attr("origin", asked.origin)
        trial.set_user_attr("seed", asked.seed)
        trial.set_user_attr("asked", True)  # last: from now on the trial can be asked again
        self._asked[trial.number] = trial
        self._tally.begin(trial.number)
        return asked

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
        if void:
            self._tally.cancel(number)
            self._may_be_known = True
        end = Ended(number, state, value, void, reason)
        self._tally.end(tell(self._study, end, n_parameters=n_parameters))
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
        self._tally = self._count()

    def n_finished(self) -> int:
        return self._tally.n_finished

    def seconds_spent(self) -> float:
        # Not the sum of the trials' durations: one that was killed "lasts" until the next start.
        seconds: float = self._study.user_attrs.get("seconds", 0.0)
        return seconds

    def spend(self, seconds: float) -> None:
        self._study.set_user_attr("seconds", seconds)

    def close(self) -> None:
        """Nothing is held back."""

    def _count(self) -> Tally:
        void: list[int] = self._study.user_attrs.get("void", [])
        return Tally(self._plan, self._study.get_trials(deepcopy=False), void)

    def _origin(self, params: Mapping[str, Value]) -> str:
        """Name the sampler, or the finished trial whose values it proposes once more."""
        first = self._tally.first_with(params)
        return self._sampler if first is None else f"repeat-of-{first}"

    def _await_known(self) -> bool:
        """Have the next known values in Optuna's queue; tell whether there are any."""
        trials = self._study.get_trials(deepcopy=False)
        waiting = any(trial.state is TrialState.WAITING for trial in trials)
        return waiting or self._enqueue_known(trials)

    def _enqueue_known(self, trials: list[FrozenTrial]) -> bool:
        """Queue the next known values: those of an attempt cut short, or a starting point."""
        void = self._tally.void
        # Cut short before it had all its values, it is as if it had not been asked.
        asked = [t for t in trials if t.number not in void or "asked" in t.user_attrs]
        again = {trial.user_attrs.get("again_of") for trial in asked}
        for trial in asked:
            if trial.number in void and trial.number not in again:
                attributes = {**trial.user_attrs, "again_of": trial.number}
                del attributes["asked"]
                attributes.pop("reason", None)  # of the attempt that was cut short
                self._study.enqueue_trial(trial.params, user_attrs=attributes)
                return True
        tried = {trial.user_attrs.get("origin") for trial in asked}
        for origin, params in self._plan.starting_points().items():
            if origin not in tried:
                searched = {name: params[name] for name in self._plan.searched_for(params)}
                fixed = {name: params[name] for name in params if name not in searched}
                attributes = {"origin": origin, "fixed": fixed}
                self._study.enqueue_trial(searched, user_attrs=attributes)
                return True
        return False


def _put_aside(storage: optuna.storages.BaseStorage, study: optuna.Study) -> None:
    name = study.study_name
    aside = f"{name}-of-{study.user_attrs['owner']}"
    if aside in optuna.get_all_study_names(storage):  # half a copy, if we were killed here
        optuna.delete_study(study_name=aside, storage=storage)
    optuna.copy_study(
        from_study_name=name, from_storage=storage, to_storage=storage, to_study_name=aside
    )
    optuna.delete_study(study_name=name, storage=storage)


def _suggest(trial: optuna.Trial, plan: StudyPlan) -> dict[str, Value]:
    """Propose a value for each range of the trial's family, which is itself proposed first."""
    values: dict[str, Value] = {}
    if FAMILY in plan.searched:
        values[FAMILY] = _propose(trial, FAMILY, plan.space[FAMILY])
    for name in plan.searched_for(values):
        values[name] = _propose(trial, name, plan.space[name])
    return values


def _propose(trial: optuna.Trial, name: str, range_: Range) -> Value:
    match range_:
        case Float():
            return trial.suggest_float(name, range_.low, range_.high, log=range_.log)
        case Int():
            return trial.suggest_int(name, range_.low, range_.high, log=range_.log)
        case Choice():
            choice: Any = trial.suggest_categorical(name, range_.options)
            return cast("Value", choice)
