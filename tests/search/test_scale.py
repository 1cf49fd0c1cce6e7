"""What the coordinator reads for a trial is the same however many came before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import RDBStorage

from search.engines.optuna import OptunaEngine
from search.study import Coordinator
from tests.builders import place_database
from tests.coordinator import DATASET, PLAN, RECORD, Script, Watching, place
from tracking import layout, models, store
from tracking.store import read_study


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, counts: Counter[str]) -> None:
    whole = getattr(owner, name)

    def count(*args: Any, **kwargs: Any) -> Any:
        counts[name] += 1
        return whole(*args, **kwargs)

    monkeypatch.setattr(owner, name, count)


def test_each_trial_is_read_once_and_all_of_them_only_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = place_database(tmp_path / "records")
    plan = PLAN.with_budget(12, None)
    records = store.open_study(root, RECORD, fresh=False)
    counts: Counter[str] = Counter()
    counted(monkeypatch, layout, "read_trial", counts)
    counted(monkeypatch, RDBStorage, "get_all_trials", counts)
    counted(monkeypatch, models, "keep", counts)
    engine = OptunaEngine(
        root / "optuna.db", "s", records.parent, plan, seed=7, sampler="tpe", pruner="median"
    )
    worse = [0.9 - number / 100 for number in range(12)]
    script = Script(accuracies=worse)
    whole = (plan, engine, records, DATASET, Watching(), script.check_stop)
    Coordinator(*whole, place(script, 4), keep_models=2).run()

    assert counts["read_trial"] <= 12 + counts["keep"]  # once more where a model was dropped
    assert counts["get_all_trials"] == 1
    monkeypatch.undo()
    trials = read_study(root, "s").trials
    assert sorted(t.number for t in trials if t.model) == [0, 1]
    assert counts["keep"] <= 4  # those that ended before two better ones had
    told = optuna.load_study(study_name="s", storage=f"sqlite:///{root / 'optuna.db'}").trials
    assert [t.number for t in told] == [t.number for t in trials]
