"""With several workers and --deterministic, what is proposed depends on seed and workers alone.

Training is a stand-in; who of those under way ends first, who dies, and when the coordinator is
stopped or killed, is a matter of luck.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from search.engines import Asked, Engine
from search.engines.in_order import Order
from search.engines.keras_tuner import KerasTunerEngine
from search.engines.names import ENGINES
from search.engines.optuna import OptunaEngine
from spaces.plan import StudyPlan
from spaces.ranges import Choice
from spaces.studies import STUDIES
from tests.builders import build_score, build_trial
from tracking.records import TrialRecord

PLAN = replace(STUDIES["lstm_dropout"], searched=("lstm.units", "lstm.dropout"))
METHODS = [(engine, sampler) for engine, offer in ENGINES.items() for sampler in offer.samplers]


def opened(
    root: Path, engine: str, sampler: str, plan: StudyPlan, n_workers: int | None
) -> Engine:
    """Open an engine on the files in a folder, as a start of `search.run` does."""
    if engine == "keras-tuner":
        file = root / f"{plan.name}.jsonl"
        return KerasTunerEngine(file, "o", plan, seed=3, sampler=sampler, n_workers=n_workers)
    return OptunaEngine(
        root / "optuna.db",
        plan.name,
        "o",
        plan,
        seed=3,
        sampler=sampler,
        pruner="none",
        n_workers=n_workers,
    )


def accuracy_of(asked: Asked) -> float | None:
    """Stands in for training: what the values alone decide. None fails: they cannot be trained."""
    luck = random.Random(str(sorted(asked.params.items())) + str(asked.seed)).random()
    return None if luck < 0.1 else round(luck, 2)  # so that some are equal


@dataclass
class Search:
    """A coordinator and its workers, as far as an engine knows of them.

    Attributes:
        calm: nothing is interrupted, and those under way end in their order.
    """

    root: Path
    method: tuple[str, str]
    n_workers: int
    plan: StudyPlan = PLAN
    luck: int = 0
    calm: bool = False
    n_interruptions: int = 0
    asked: list[Asked] = field(default_factory=list)
    _records: dict[int, TrialRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.luck)
        self.root.mkdir(exist_ok=True)

    def run(self, n: int) -> list[tuple[object, ...]]:
        """Search until so many trials have finished; give values and seeds in their order."""
        while self._session(n):
            self.n_interruptions += 1
        return [*self.proposals()]

    def proposals(self) -> Iterator[tuple[object, ...]]:
        """Give each proposal once: an attempt that is made again is no other."""
        seen: list[tuple[object, ...]] = []
        for asked in self.asked:
            proposal = (dict(asked.params), asked.seed)
            if proposal not in seen:
                seen.append(proposal)
                yield proposal

    def _session(self, n: int) -> bool:
        """Work until the budget is met, or something interrupts; tell whether it did."""
        engine = opened(self.root, *self.method, self.plan, self.n_workers)
        engine.reconcile(self._records)
        under_way: list[Asked] = []
        while True:
            while (
                len(under_way) < self.n_workers
                and engine.n_finished() + len(under_way) < n
                and (asked := engine.ask()) is not None
            ):
                self.asked.append(asked)
                under_way.append(asked)
            if not under_way:
                return False
            if not self.calm and self._random.random() < 0.2:
                self._interrupt(engine, under_way)
                return True
            which = 0 if self.calm else self._random.randrange(len(under_way))
            self._end(engine, under_way.pop(which))

    def _end(self, engine: Engine, asked: Asked) -> None:
        accuracy = accuracy_of(asked)
        if not self.calm and self._random.random() < 0.1:  # its process dies
            engine.tell(asked.number, "failed", None, void=True, reason="it died")
        elif accuracy is None:
            engine.tell(asked.number, "failed", None, void=False, reason="out of memory")
        else:
            engine.tell(asked.number, "complete", accuracy, void=False, n_parameters=100)

    def _interrupt(self, engine: Engine, under_way: list[Asked]) -> None:
        """Stop, which tells of each as cut short; or kill, perhaps after some were recorded."""
        if self._random.random() < 0.4:
            for asked in under_way:
                engine.tell(asked.number, "failed", None, void=True, reason="stopped")
            return
        for asked in under_way:
            accuracy = accuracy_of(asked)
            if accuracy is not None and self._random.random() < 0.3:
                score = replace(
                    build_score(build_trial(0).epochs), val_accuracy=accuracy, n_parameters=100
                )
                self._records[asked.number] = build_trial(asked.number, score=score)


@pytest.mark.parametrize("n_workers", [1, 2, 3, 4])
@pytest.mark.parametrize("method", [m for m in METHODS if m[1] != "bayesian"], ids="-".join)
def test_neither_haste_nor_stops_nor_kills_change_what_is_proposed(
    tmp_path: Path, method: tuple[str, str], n_workers: int
) -> None:
    assert compare(tmp_path, method, n_workers, 16, luck=n_workers) > 0


def test_nor_do_they_with_a_gaussian_process(tmp_path: Path) -> None:
    """It takes seconds a proposal, so less of it."""
    assert compare(tmp_path, ("keras-tuner", "bayesian"), 3, 13, luck=1) > 0


def compare(root: Path, method: tuple[str, str], n_workers: int, n: int, *, luck: int) -> int:
    """Compare a search that is interrupted with one that is not; give how often it was."""
    expected = Search(root / "calm", method, n_workers, calm=True).run(n)
    assert len(expected) == n
    search = Search(root / "torn", method, n_workers, luck=luck)
    assert search.run(n) == expected
    return search.n_interruptions


@pytest.mark.parametrize("method", [("optuna", "tpe"), ("keras-tuner", "hyperband")], ids="-".join)
def test_a_study_in_parts_proposes_what_it_would_have_in_one(
    tmp_path: Path, method: tuple[str, str]
) -> None:
    whole = Search(tmp_path / "whole", method, 3, calm=True).run(15)
    parts = Search(tmp_path / "parts", method, 3, luck=1)
    for n in (4, 5, 11, 15):
        parts.run(n)
    assert [*parts.proposals()] == whole


def test_more_workers_propose_otherwise(tmp_path: Path) -> None:
    """So the test above does not hold because nothing is learnt."""
    runs = [Search(tmp_path / str(n), ("optuna", "tpe"), n, calm=True).run(12) for n in (1, 2, 4)]
    assert all(a != b for a in runs for b in runs if a is not b)


@pytest.mark.parametrize("n_workers", [2, 4])
def test_a_grid_with_several_workers_tries_every_combination_once(
    tmp_path: Path, n_workers: int
) -> None:
    """It waits for ends when it has nothing to propose, and is not over then."""
    only = Choice(options=("pre", "post"), default="pre", note="")
    plan = replace(STUDIES["cnn"], references=(), searched=("text.truncating", "cnn.n_kernels"))
    plan = replace(plan, space={**plan.space, "text.truncating": only})
    runs = [
        Search(tmp_path / str(luck), ("keras-tuner", "grid"), n_workers, plan, luck).run(99)
        for luck in range(3)
    ]
    assert runs[0] == runs[1] == runs[2]
    assert len(runs[0]) == 1 + 2 * 4  # the defaults, and the whole grid, in which they are again


@pytest.mark.parametrize("method", [("optuna", "tpe"), ("keras-tuner", "random")], ids="-".join)
def test_a_proposal_waits_for_the_trial_it_must_know_of_and_for_no_other(
    tmp_path: Path, method: tuple[str, str]
) -> None:
    engine = opened(tmp_path, *method, PLAN, 2)
    first, second = engine.ask(), engine.ask()
    assert first is not None
    assert second is not None
    engine.tell(second.number, "complete", 0.8, void=False)
    assert engine.ask() is None
    assert engine.known() == []
    assert engine.n_finished() == 1
    engine.tell(first.number, "complete", 0.7, void=False)
    assert engine.known() == [(first.origin, 0.7)]  # not of the second, which was fast
    third = engine.ask()
    assert third is not None
    assert engine.known() == [(first.origin, 0.7), (second.origin, 0.8)]
    assert engine.ask() is not None
    assert engine.ask() is None


@pytest.mark.parametrize("method", [("optuna", "tpe"), ("keras-tuner", "random")], ids="-".join)
def test_the_values_of_a_trial_that_is_not_known_yet_are_no_repeat(
    tmp_path: Path, method: tuple[str, str]
) -> None:
    only = Choice(options=("pre", "post"), default="pre", note="two values, so that they repeat")
    space = {**PLAN.space, "text.truncating": only}
    plan = replace(PLAN, space=space, searched=("text.truncating",), references=())
    origins = []
    for calm in (True, False):
        search = Search(tmp_path / str(calm), method, 3, plan, luck=5, calm=calm)
        search.run(8)
        first = {asked.seed: asked for asked in reversed(search.asked)}
        origins.append([first[seed].origin.partition("-of-")[0] for _, seed in search.proposals()])  # type: ignore[index]
    assert origins[0] == origins[1]


def test_the_place_of_an_attempt_is_that_of_the_first_at_its_values() -> None:
    order = Order(2)
    for number in (0, 1):
        order.begin(number)
    order.end(0, void=True)
    assert (order.next, order.n_known(order.next)) == (0, 0)
    order.begin(2, first=0)
    order.end(1, void=False)
    assert (order.place(2), order.number(0), len(order), order.n_ended) == (0, 2, 2, 0)
    assert (order.next, order.n_known(order.next)) == (2, None)
    order.end(2, void=False)
    assert (order.n_ended, order.n_known(2), order.n_known(3)) == (2, 1, 2)
