"""With several workers, what is proposed does not depend on who is fast."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from search.engines.in_order import InOrder
from search.engines.optuna import OptunaEngine
from spaces.studies import STUDIES

PLAN = STUDIES["lstm_dropout"]


def search(file: Path, n_workers: int, luck: int) -> list[dict[str, object]]:
    """Ask for ten trials; which of those under way ends next is a matter of luck."""
    engine = OptunaEngine(file, "s", "o", PLAN, seed=3, sampler="tpe", pruner="none")
    search = InOrder(engine, n_workers)
    random_ = random.Random(luck)
    under_way: list[int] = []
    proposed = []
    while len(proposed) < 10:
        while len(under_way) < n_workers and (asked := search.ask()) is not None:
            proposed.append(dict(asked.params))
            under_way.append(asked.number)
        number = under_way.pop(random_.randrange(len(under_way)))
        search.tell(number, "complete", 0.8 + (number * 37 % 11) / 100, void=False)
    for number in under_way:
        search.tell(number, "failed", None, void=False)
    assert search.n_finished() == len(proposed)
    search.close()
    assert engine.n_finished() == len(proposed)
    return proposed[:10]


@pytest.mark.parametrize("n_workers", [1, 3])
def test_proposals_depend_on_the_seed_and_the_number_of_workers_alone(
    tmp_path: Path, n_workers: int
) -> None:
    first, *others = [search(tmp_path / f"{luck}.db", n_workers, luck) for luck in range(3)]
    assert others == [first, first]
    assert len({str(params) for params in first}) == 10
