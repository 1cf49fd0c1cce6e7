"""Every family and the simple baselines in one study, and a reproduction, on a tiny table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spaces.studies import STUDIES
from tests.builders import place_database
from tests.programs import Story, call, snapshot


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Story:
    """Each family once, and the simple baselines; the same command again."""
    story = Story(tmp_path_factory.mktemp("wide"))
    place_database(story.home / "mlruns")
    n_points = len(STUDIES["architecture"].initial_trials())
    command = ["--study", "architecture", "--data", str(tiny_csv), "--smoke"]
    for _ in range(2):
        words = [*command, "--trials", str(n_points), "--json"]
        story.ends.append(call(story.home, "search.run", *words))
        assert story.ends[-1].returncode == 0, story.ends[-1].stderr
        story.stores.append(snapshot(story.home, "architecture-tiny-smoke"))
    return story


def test_every_family_is_tried_and_has_no_parameter_of_another(wide: Story) -> None:
    wide.stores[0].assert_whole()
    families = set()
    for run in wide.stores[0].trials.values():
        family = run.data.tags["trial.family"]
        families.add(family)
        assert run.data.tags["trial.state"] == "complete"
        assert run.data.params["model.family"] == family
        prefixes = {name.partition(".")[0] for name in run.data.params}
        assert prefixes == {"model", "text", "train", family}
    assert families == set(STUDIES["architecture"].families)


def test_simple_baselines_are_recorded_once_beside_the_trials_and_are_on_the_page(
    wide: Story,
) -> None:
    said = [json.loads(end.stdout) for end in wide.ends]
    assert set(said[0]["simple_baselines"]) == {"majority", "tfidf_logistic"}
    assert said[0]["simple_baselines"] == said[1]["simple_baselines"]
    for store in wide.stores:
        assert [store.statuses[name] for name in said[0]["simple_baselines"]] == ["FINISHED"] * 2
        assert len(store.trials) == len(wide.stores[0].trials)
    assert "points against tfidf_logistic" in Path(said[0]["page"]).read_text("utf-8")


def test_a_reproduction_looks_at_the_test_set_once_a_training(
    tmp_path: Path, tiny_csv_with_test: Path
) -> None:
    command = ["--study", "tutorials", "--data", str(tiny_csv_with_test), "--smoke", "--json"]
    place_database(tmp_path / "mlruns")
    said = []
    for more in ([], [], ["--repeats", "2"]):
        end = call(tmp_path, "search.run", *command, "--only", "feedforward-dropout", *more)
        assert end.returncode == 0, end.stderr
        said.append(json.loads(end.stdout))
    assert [one["complete"] for one in said] == [1, 1, 2]
    rows = {row["configuration"]: row for row in said[2]["reproduced"]}
    assert len(rows) == 16
    assert len(rows["feedforward-dropout"]["ours"]) == 2
    row = rows["feedforward-dropout"]
    assert (row["published"], row["difference"], row["official"]) == (None, None, False)
    assert [row["ours"] for name, row in rows.items() if name != "feedforward-dropout"] == [
        []
    ] * 15
    page = Path(said[2]["page"]).read_text("utf-8")
    assert "2 test evaluations" in page
