"""The standing is made of a few bytes a trial, and says what all records would."""

from __future__ import annotations

import csv
import gc
import random
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import (
    build_score,
    build_study,
    build_trial,
    client_of,
    open_study,
    place_database,
    write_trial,
)
from tracking import store
from tracking.ends import SHOWN, Ends
from tracking.files import folder
from tracking.records import State, TrialRecord
from tracking.rows import HEAD

STATES: tuple[State, ...] = ("running", "complete", "pruned", "failed")
SCORE = build_score(build_trial().epochs)


def trial(number: int, luck: random.Random) -> TrialRecord:
    state = luck.choice((*STATES, "complete", "complete"))
    accuracy = luck.choice((float("nan"), 0.5, 0.8, luck.random(), luck.random()))
    return build_trial(
        number,
        state=state,
        void=state != "running" and luck.random() < 0.1,
        seconds=luck.random() * 100,
        score=replace(SCORE, val_accuracy=accuracy) if state == "complete" else None,
        model=luck.random() < 0.02,
        params={f"name-{luck.randrange(3)}": number},
    )


@pytest.mark.parametrize("seed", range(5))
def test_counts_and_the_best_are_those_of_all_records(seed: int) -> None:
    luck = random.Random(seed)
    trials = {n: trial(n, luck) for n in range(300) if n % 7}
    ends = Ends(named=[3, "baseline"])
    for number in luck.sample(sorted(trials), len(trials)):  # they end in any order
        if luck.random() < 0.3:
            ends.put(replace(trials[number], state="running", void=False, score=None))
        ends.put(trials[number])
        if luck.random() < 0.1:
            ends.put(trials[number])
    study = build_study(*trials.values())
    assert len(ends) == len(trials)
    assert [ends.count(state) for state in STATES] == [study.count(state) for state in STATES]
    assert ends.seconds == sum(one.seconds for one in study.trials)
    names, *rows = ends.rows.table()
    assert names == [*HEAD, *sorted({name for one in study.trials for name in one.params})]
    assert [row[0] for row in rows] == sorted(trials)
    assert [row[HEAD.index("seconds")] for row in rows] == [t.seconds for t in study.trials]
    kept = build_study(*ends.kept.values())
    shown = [one.number for one in study.candidates[:SHOWN]]
    assert [one.number for one in kept.candidates[:SHOWN]] == shown
    needed = {n for n, one in trials.items() if one.model or one.state == "running" or n == 3}
    assert {one.number for one in kept.trials} == needed | set(shown)


def test_a_trial_costs_less_than_150_bytes() -> None:
    """With four values of all digits, as a search proposes them."""
    luck, ends = random.Random(0), Ends()

    def held_after(numbers: range) -> int:
        for number in numbers:
            params = {f"some.name-{which}": luck.random() for which in range(4)}
            score = replace(SCORE, val_accuracy=luck.random())
            ends.put(build_trial(number, params=params, score=score, seconds=luck.random()))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = held_after(range(512))
        assert held_after(range(512, 2_560)) - before < 2_048 * 150
    finally:
        tracemalloc.stop()


def test_the_table_of_all_trials_has_those_that_are_not_kept(tmp_path: Path) -> None:
    root = place_database(tmp_path / "mlruns")
    records = open_study(root)
    records.begin()
    odd = {"a.text": 'it\'s "so", and\nmore', "a.flag": True, "a.float": 1.0, "x" * 300: 0.1 + 0.2}
    ended = [
        *(build_trial(number, 0.5 + number / 30) for number in range(SHOWN + 2)),
        build_trial(20, state="failed", void=True, params=odd),
        build_trial(19, state="pruned", params={}),
    ]
    for one in ended:
        write_trial(records, one)
    assert {one.number for one in records._known.kept.values()} == set(range(2, SHOWN + 2))
    records.end(finished=True)

    study = store.read_study(root, "lstm")
    here = folder(client_of(root).get_run(records.parent).info.artifact_uri)
    assert here is not None
    with (here / "trials.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [int(row["number"]) for row in rows] == [one.number for one in study.trials]
    for row, one in zip(rows, study.trials, strict=True):
        facts = (one.family, one.origin, one.state, str(one.void), str(one.seconds))
        columns = ("family", "origin", "state", "void", "seconds")
        assert tuple(row[name] for name in columns) == facts
        score = (one.score.val_accuracy, one.score.best_epoch) if one.score else ("", "")
        assert (row["val_accuracy"], row["best_epoch"]) == tuple(map(str, score))
        params = {name: str(one.params.get(name, "")) for name in list(rows[0])[8:]}
        assert {name: row[name] for name in params} == params
    assert list(rows[0])[8:] == sorted({name for one in study.trials for name in one.params})
