"""Own ranges through the command line: a search, its records, its saved plan, a second session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import call, write_few_texts
from tracking import store

SMALL = (
    *("--set", "feedforward.embedding_dim=8", "--set", "train.batch_size=16"),
    *("--range", "feedforward.units=4..12", "--workers", "1", "--max-epochs", "1"),
)


def test_a_search_in_own_ranges_is_recorded_saved_and_gone_on_with(tmp_path: Path) -> None:
    data, saved = write_few_texts(tmp_path), tmp_path / "plan.toml"
    words = ("--study", "feedforward", "--data", str(data), *SMALL, "--trials", "3")
    end = call(tmp_path, "search.run", *words, "--save-plan", str(saved))
    assert end.returncode == 0, end.stderr
    study = store.read_study(tmp_path / "mlruns", "feedforward-few")
    assert [trial.state for trial in study.trials] == ["complete"] * 3
    for trial in study.trials:
        assert trial.params["train.batch_size"] == 16
        assert trial.params["feedforward.embedding_dim"] == 8
        assert 4 <= int(trial.params["feedforward.units"]) <= 12
    assert study.plan.space["feedforward.units"] == "4 to 12"
    assert study.plan.fixed["feedforward.embedding_dim"] == 8
    assert study.plan.file == saved.read_text("utf-8")
    assert saved.read_text() in [
        file.read_text() for file in (tmp_path / "mlruns").rglob("plan.toml")
    ]

    more = ("--study", str(saved), "--data", str(data), "--workers", "1", "--trials", "4")
    end = call(tmp_path, "search.run", *more)
    assert end.returncode == 0, end.stderr
    assert "another space" not in end.stdout
    other = ("--set", "feedforward.units=5", "--trials", "5")
    end = call(tmp_path, "search.run", *more[:-2], *other)
    assert end.returncode == 0, end.stderr
    assert "feedforward.units was 4 to 12, is 5. Its trials stay" in end.stdout
    study = store.read_study(tmp_path / "mlruns", "feedforward-few")
    assert len(study.trials) == 5
    assert study.trials[-1].params["feedforward.units"] == 5
    n_inside = sum(trial.params["feedforward.units"] == 5 for trial in study.trials[:4])
    inside = f"{n_inside} of 4 trials lie inside the new ranges; the search learns from"
    assert inside in end.stdout
    (earlier,) = study.plan.earlier
    assert (earlier.until, earlier.n_inside) == (4, n_inside)
    assert earlier.space["feedforward.units"] == "4 to 12"
    page = (tmp_path / "mlruns" / "dashboards" / "feedforward-few.html").read_text("utf-8")
    assert f"The space was changed before trial 4: {inside}" in page
    assert "How the space of feedforward-few was changed" in page

    two = ("--families", "feedforward,nbsvm", "--trials", "6")
    end = call(tmp_path, "search.run", *more[:-2], *two)
    assert end.returncode == 0, end.stderr
    assert "model.family was feedforward, is feedforward | nbsvm" in end.stdout
    study = store.read_study(tmp_path / "mlruns", "feedforward-few")
    assert study.trials[-1].family == "nbsvm"  # its defaults
    assert [one.until for one in study.plan.earlier] == [4, 5]
    assert call(tmp_path, "search.doctor").returncode == 0


@pytest.mark.parametrize("name", ["lstm.untis=64", "lstm.units=none"])
def test_a_mistyped_value_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    end = call(tmp_path, "search.run", "--study", "lstm", "--set", name)
    assert (end.returncode, end.stdout) == (2, "")
    assert end.stderr.startswith("error: ")
    assert end.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
