"""What the coordinator reads for a trial is the same however many came before."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.builders import place_database
from tests.coordinator import Script, run_search
from tracking.models import kept_models
from tracking.schema import trial_layout
from tracking.store import read_study


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, counts: Counter[str]) -> None:
    whole = getattr(owner, name)

    def count(*args: Any, **kwargs: Any) -> Any:
        counts[name] += 1
        return whole(*args, **kwargs)

    monkeypatch.setattr(owner, name, count)


def test_a_trial_is_read_by_the_next_session_alone_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = place_database(tmp_path / "records")
    counts: Counter[str] = Counter()
    counted(monkeypatch, trial_layout, "read_trial", counts)
    counted(monkeypatch, kept_models, "keep", counts)
    script = Script(accuracies=[0.9 - number / 100 for number in range(14)])
    run_search(root, 12, script, n_workers=4, keep_models=2, sampler="tpe", pruner="median")
    assert counts["read_trial"] == 0
    run_search(root, 14, script, keep_models=2, sampler="tpe", pruner="median")
    assert counts["read_trial"] == 12
    monkeypatch.undo()
    trials = read_study(root, "s").trials
    assert [trial.number for trial in trials] == list(range(14))
    assert [trial.number for trial in trials if trial.model] == [0, 1]
    assert counts["keep"] <= 4  # those that ended before two better ones had
