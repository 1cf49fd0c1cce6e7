"""A loop of a person's own: ask for values, train wherever and however, tell what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaces.plan import StudyPlan
from tracking.commandline.errors import UserError
from tracking.records import ScoreRecord, State, StudyRecord, TrialRecord

if TYPE_CHECKING:
    from search.coordinator.lock import Hold
    from search.engines.base import Engine
    from tracking.writing.study_writer import StudyStore
    from tracking.writing.trial_log import TrialLog


_NOT_TOLD = "it was asked for, and nobody told what came of it"


@dataclass(frozen=True)
class ProposedTrial:
    """A trial to be trained by who asked for it.

    Attributes:
        params: a value for each hyperparameter, by its full name, "lstm.units".
        seed: for the training.
        proposed_by: "defaults", the name of a reference, or the sampler's.
    """

    number: int
    family: str
    params: Mapping[str, Any]
    seed: int
    proposed_by: str


@dataclass(frozen=True)
class _Asked:
    trial: TrialRecord
    log: TrialLog
    began: float


class AskTell:
    """The trials of one study that this process asked for and did not tell yet.

    Meanwhile the study is locked, so that no other process trains the same trials.

    Attributes:
        trust_code: lets the Python file run that defines the study's families.
    """

    def __init__(self, root: Path, study: str) -> None:
        self._root = root
        self._study = study
        self.trust_code = False
        self._asked: dict[int, _Asked] = {}
        self._open: _Open | None = None

    def ask(self) -> ProposedTrial:
        """Propose a trial, and record that it is under way.

        Raises:
            UserError: if there is none, or another process works on the study.
        """
        try:
            asked = self._next(self._opened())
            self._asked[asked.trial.number] = asked
        finally:
            self._close_if_idle()
        trial = asked.trial
        return ProposedTrial(
            trial.number, trial.family, trial.params, trial.seed, trial.proposed_by
        )

    def tell(
        self,
        trial: ProposedTrial | int,
        val_accuracy: float | None,
        *,
        val_loss: float | None = None,
        train_accuracy: float | None = None,
        n_parameters: int | None = None,
        reason: str = "",
    ) -> None:
        """Record what came of a trial.

        Args:
            val_accuracy: on the study's validation part, from 0 to 1; None of a trial that failed.
            val_loss: in nats.
            n_parameters: numbers that were trained; the sampler nsga2 needs it.
            reason: why it failed.

        Raises:
            UserError: if it was not asked for, or a number makes no sense.
        """
        number = trial if isinstance(trial, int) else trial.number
        asked = self._asked.get(number)
        if asked is None or self._open is None:
            under_way = ", ".join(map(str, self._asked)) or "none"
            raise UserError(
                f"tell takes a trial that ask returned, and once, but got trial {number}. Under "
                f"way: {under_way}."
            )
        opened = self._open
        score = None
        if val_accuracy is not None:
            score = _score(opened.record, val_accuracy, val_loss, train_accuracy, n_parameters)
        opened.hold.keep()
        opened.end(asked, score, reason)
        del self._asked[number]
        self._close_if_idle()

    def give_up(self) -> None:
        """Leave what was not told to whoever asks next."""
        for asked in self._asked.values():
            seconds = time.monotonic() - asked.began + asked.trial.seconds
            asked.log.interrupt(_NOT_TOLD, seconds)
        self._asked.clear()
        self._close_if_idle()

    def _next(self, opened: _Open) -> _Asked:
        """Return a trial that was left behind, or a new one."""
        data = opened.record.plan.data
        opened.hold.keep()
        history = opened.store.history
        for trial in history:
            if not trial.has_ended and not trial.epochs and trial.number not in self._asked:
                log = opened.store.continue_trial(trial, data, is_here=False)
                return _Asked(opened.store.trial(trial.number), log, time.monotonic())
        proposal = opened.engine.propose(history)
        if proposal is None:
            raise UserError(
                f"study {self._study} has no trial to propose, or none before those under way "
                "are told."
            )
        log = opened.store.open_trial(
            proposal.number,
            opened.plan.family(proposal.params),
            dict(proposal.params),
            seed=proposal.seed,
            proposed_by=proposal.proposed_by,
            sampler_state=proposal.sampler_state,
            data=data,
            is_here=False,
        )
        return _Asked(opened.store.trial(proposal.number), log, time.monotonic())

    def _opened(self) -> _Open:
        if self._open is None:
            self._open = _Open.of(self._root, self._study, trust_code=self.trust_code)
        return self._open

    def _close_if_idle(self) -> None:
        if self._open is not None and not self._asked:
            opened, self._open = self._open, None
            opened.close()


@dataclass(frozen=True)
class _Open:
    """A study that is locked and open for writing."""

    record: StudyRecord
    plan: StudyPlan
    engine: Engine
    store: StudyStore
    hold: Hold
    locked: ExitStack

    @classmethod
    def of(cls, root: Path, study: str, *, trust_code: bool) -> _Open:
        from search.coordinator.lock import alone
        from search.engines.choose_engine import choose_engine
        from tracking import store

        with ExitStack() as stack:
            hold = stack.enter_context(alone(root, study))
            record = store.read_study(root, study)
            plan = _plan(record, trust_code=trust_code)
            asked = record.plan
            engine = choose_engine(
                plan,
                asked.engine,
                asked.sampler,
                asked.pruner,
                seed=asked.seed,
                n_texts=asked.data.n_texts["train"],
            )
            writing = store.reopen_study(root, study)
            writing.begin()
            return cls(record, plan, engine, writing, hold, stack.pop_all())

    def end(self, asked: _Asked, score: ScoreRecord | None, reason: str) -> None:
        """Record the end of a trial."""
        seconds = time.monotonic() - asked.began + asked.trial.seconds
        state: State = "failed" if score is None else "complete"
        asked.log.mark_told()
        ended = asked.log.close(state, score, reason=reason, seconds=seconds)
        trial = replace(asked.trial, state=state, score=score, reason=reason, seconds=seconds)
        self.store.put(replace(trial, ended=ended))
        self.store.update_summary()

    def close(self) -> None:
        with self.locked:
            self.store.end(finished=True)


_of_process: dict[tuple[Path, str], AskTell] = {}


def asking(root: Path, study: str, *, trust_code: bool) -> AskTell:
    """Return the one of this process for a study."""
    one = _of_process.setdefault((root, study), AskTell(root, study))
    one.trust_code = one.trust_code or trust_code
    return one


def give_up(root: Path, study: str) -> None:
    """Give up what this process asked for of a study."""
    if (root, study) in _of_process:
        _of_process[root, study].give_up()


def _plan(study: StudyRecord, *, trust_code: bool) -> StudyPlan:
    """Return the plan that is recorded; a person's own families are loaded for it."""
    from search.cli import plan_file
    from search.system import own_code

    name = study.plan.study
    if study.reproduces:
        raise UserError(f"study {name} trains published configurations, and proposes none.")
    if not study.plan.file:
        raise UserError(f"study {name} was made by a version that did not record its plan.")
    for source in study.plan.sources:
        own_code.refuse_untrusted(source, f"study {name}", trust_code)
        own_code.load(source)
    return plan_file.read_text(study.plan.file)


def _score(
    study: StudyRecord,
    val_accuracy: float,
    val_loss: float | None,
    train_accuracy: float | None,
    n_parameters: int | None,
) -> ScoreRecord:
    """Make a score of what was told."""
    from search.training.metrics import wilson

    for name, share in (("val_accuracy", val_accuracy), ("train_accuracy", train_accuracy)):
        if share is not None and not 0 <= share <= 1:
            raise UserError(f"{name} must be from 0 to 1, but got {share!r}.")
    if val_loss is not None and not val_loss >= 0:
        raise UserError(f"val_loss must be at least 0 nats, but got {val_loss!r}.")
    if n_parameters is not None and not n_parameters >= 0:
        raise UserError(f"n_parameters must be at least 0, but got {n_parameters!r}.")
    if n_parameters is None and "n_parameters" in study.plan.goals:
        raise UserError(
            f"sampler {study.plan.sampler} has two goals: tell needs n_parameters beside "
            "val_accuracy."
        )
    low, high = wilson(float(val_accuracy), study.plan.data.n_texts["validation"])
    return ScoreRecord(
        best_epoch=0,
        val_accuracy=float(val_accuracy),
        low=low,
        high=high,
        val_loss=None if val_loss is None else float(val_loss),
        train_accuracy=None if train_accuracy is None else float(train_accuracy),
        n_parameters=None if n_parameters is None else int(n_parameters),
        confusion=(),
    )
