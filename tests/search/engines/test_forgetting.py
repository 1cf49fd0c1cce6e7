"""A search of thousands of trials forgets most of them, and proposes what it would with all."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from optuna.pruners import MedianPruner
from optuna.storages import RDBStorage
from optuna.trial import create_trial

from search.engines import Asked, bounded, optuna_methods
from search.engines import optuna as engine_module
from search.engines.optuna import OptunaEngine
from search.engines.tally import Tally
from spaces.ranges import Value
from spaces.studies import STUDIES
from tracking.records import State

PLAN = STUDIES["lstm_dropout"]
MOST = 30  # in the place of MOST_TRIALS


def opened(root: Path, **changes: Any) -> OptunaEngine:
    chosen: dict[str, Any] = {"seed": 7, "sampler": "tpe", "pruner": "median", **changes}
    return OptunaEngine(root / "optuna.db", "s", "owner", PLAN, **chosen)


def train(engine: OptunaEngine, asked: Asked, luck: random.Random) -> tuple[State, bool, bool]:
    """Stand in for a training: give how it ended, whether that is void, and whether it was cut.

    Values that are near 0 fail. A training is cut short by luck, which its values do not decide.
    """
    dropout = float(asked.params["lstm.dropout"])
    if luck.random() < 0.1:
        return "failed", True, False
    if dropout < 0.03:
        return "failed", False, False
    for epoch in range(1, 5):
        accuracy = 0.5 + 0.1 * epoch * (1 - dropout) + luck.uniform(-0.05, 0.05)
        if engine.should_prune(asked.number, epoch, accuracy):
            return "pruned", False, True
    return "complete", False, False


def search(root: Path, n: int, *, stop_every: int | None = None, **changes: Any) -> list[Any]:
    """Ask for so many trials, three at a time that end in any order; give what came of them."""
    luck, engine = random.Random(1), opened(root, **changes)
    under_way: list[Asked] = []
    seen: list[Any] = []
    while len(seen) < n:
        if stop_every and len(seen) % stop_every == stop_every - 1:
            engine = opened(root, **changes)
            under_way = [asked for asked in under_way if engine.adopt(asked)]
            engine.reconcile({})
        while len(under_way) < 3:
            asked = engine.ask()
            assert asked is not None
            under_way.append(asked)
        asked = under_way.pop(luck.randrange(3))
        state, void, pruned = train(engine, asked, luck)
        value = round(luck.random(), 2) if state == "complete" else None
        engine.tell(asked.number, state, value, void=void)
        seen.append((asked.number, dict(asked.params), asked.seed, asked.origin, state, pruned))
    return seen


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_what_is_forgotten_changes_no_proposal_and_no_verdict(
    sampler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST_TRIALS", MOST)
    folders = [tmp_path / name for name in ("whole", "forgetful", "stopped")]
    for folder in folders:
        folder.mkdir()
    with monkeypatch.context() as patch:  # as Optuna does it: all trials, and its own pruner
        patch.setattr(engine_module, "may_forget", lambda sampler, pruner: False)
        patch.setattr(optuna_methods, "RememberingMedianPruner", MedianPruner)
        whole = search(folders[0], 80, sampler=sampler)
    assert search(folders[1], 80, sampler=sampler) == whole
    assert search(folders[2], 80, sampler=sampler, stop_every=17) == whole
    ends = Counter((state, pruned) for *_, state, pruned in whole)
    assert ends.keys() == {("complete", False), ("pruned", True), ("failed", False)}
    assert any(str(origin) == sampler for _, _, _, origin, *_ in whole)


def test_trials_are_remembered_that_are_learnt_from_and_no_others_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST_TRIALS", MOST)
    n_reads, read = 0, RDBStorage.get_all_trials

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal n_reads
        n_reads += 1
        return read(*args, **kwargs)

    monkeypatch.setattr(RDBStorage, "get_all_trials", counted)
    engine = opened(tmp_path)
    engine.reconcile({})
    for number in range(2 * MOST):
        asked = engine.ask()
        assert asked is not None
        engine.should_prune(asked.number, 3, number / 100)
        engine.tell(asked.number, "complete", number / 100, void=False)
    assert n_reads == 1
    assert engine.n_finished() == 2 * MOST
    storage = engine._storage
    storage.reads_forgotten = False
    assert len(storage.get_all_trials(1, deepcopy=False)) == MOST
    assert len(storage._places) == MOST
    storage.reads_forgotten = True
    assert [trial.number for trial in storage.get_all_trials(1)] == list(range(2 * MOST))
    engine.reconcile({})  # counts all of them again
    assert engine.n_finished() == 2 * MOST
    assert len(storage._places) == MOST


@pytest.mark.parametrize(
    "other", [{"sampler": "qmc"}, {"pruner": "hyperband"}, {"n_workers": 1}], ids=str
)
def test_who_looks_at_all_trials_has_them_all(
    other: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "MOST_TRIALS", 5)
    monkeypatch.setattr(bounded, "_BEST", 2)
    engine = opened(tmp_path, **other)
    for number in range(12):
        asked = engine.ask()
        assert asked is not None
        engine.tell(asked.number, "complete", number / 100, void=False)
    assert len(engine._storage._places) == 12


def test_a_trial_costs_the_engine_less_than_100_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted is what our own lines hold: what SQLAlchemy's caches do is none of a trial's."""
    monkeypatch.setattr(bounded, "MOST_TRIALS", MOST)
    engine = opened(tmp_path, sampler="random")
    engine.reconcile({})
    ours = tracemalloc.Filter(True, "*/search/engines/*")

    def held_after(n: int) -> int:
        for _ in range(n):
            asked = engine.ask()
            assert asked is not None
            for epoch in (1, 2, 3):
                engine.should_prune(asked.number, epoch, 0.5)
            engine.tell(asked.number, "complete", 0.5, void=False)
        gc.collect()
        snapshot = tracemalloc.take_snapshot().filter_traces([ours])
        return sum(trace.size for trace in snapshot.traces)

    tracemalloc.start()
    try:
        before = held_after(2 * MOST)
        assert held_after(100) - before < 100 * 100
    finally:
        tracemalloc.stop()


def test_values_that_are_equal_are_known_again_and_others_are_not() -> None:
    values = (1, 2, "1", "1.0", "True", -1, -2, 0.1 + 0.2, 0.3, 0, 2**60, 2**60 + 1)
    tally = Tally(PLAN, (), (), None)
    for number, value in enumerate(values):
        trial = create_trial(value=0.5, user_attrs={"fixed": {"lstm.units": value}})
        trial.number = number
        tally.begin(number, trial.user_attrs)
        tally.end(trial, void=False)

    def first_with(value: Value) -> int | None:
        return tally.first_with(PLAN.complete({"lstm.units": value}), len(values))

    assert [first_with(value) for value in values] == list(range(len(values)))
    assert [first_with(value) for value in (1.0, True, -0.0, 2.0**60)] == [0, 0, 9, 10]
    assert first_with(7) is None
