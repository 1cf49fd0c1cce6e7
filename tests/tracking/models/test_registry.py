"""The registry: what a version holds, and when an alias moves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.builders import (
    build_data,
    build_study,
    build_trial,
    client_of,
    place_database,
    write_study,
)
from tracking import store
from tracking.commandline.errors import UserError
from tracking.models import registry
from tracking.models.registry import Registration
from tracking.records import StudyRecord


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


@pytest.fixture
def study(root: Path) -> StudyRecord:
    write_study(root, build_study(build_trial(0, 0.80), build_trial(1, 0.90)))
    return store.read_study(root, "lstm")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A few files stand in for a bundle: the registry does not look into it."""
    folder = tmp_path / "best"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("content", "utf-8")
    return folder


def wanted(
    study: StudyRecord, number: int, alias: str = "", *, force: bool = False
) -> Registration:
    trial = study.trials[number]
    return Registration("reviews", alias, force, study, trial, "c0ffee", False, "trial 1")


def register(root: Path, bundle: Path, one: Registration, card: str = "# A card") -> str:
    return registry.register(root, one, bundle, card, "search.served", ["numpy"])


def test_a_version_leads_back_to_study_trial_and_commit(
    root: Path, bundle: Path, study: StudyRecord
) -> None:
    number = register(root, bundle, wanted(study, 1, "champion"))

    version = client_of(root).get_model_version_by_alias("reviews", "champion")
    assert str(version.version) == number == "1"
    assert version.description == "# A card"
    assert version.run_id == study.trials[1].run_id
    assert version.tags["study"] == "lstm"
    assert version.tags["trial"] == "1"
    assert version.tags["commit"] == "c0ffee"
    assert float(version.tags["val_accuracy"]) == 0.90


def test_what_was_registered_is_found_by_alias_number_and_id(
    root: Path, bundle: Path, study: StudyRecord
) -> None:
    register(root, bundle, wanted(study, 1, "champion"))
    experiment = client_of(root).get_experiment_by_name("lstm")
    assert experiment is not None
    (logged,) = client_of(root).search_logged_models([experiment.experiment_id])

    for name in ("reviews@champion", "reviews/1", logged.model_id):
        folder = registry.fetch(root, f"models:/{name}")
        assert (folder / "deep" / "file").read_text("utf-8") == "content"
    whole = folder.parents[1]
    described = (whole / "MLmodel").read_text("utf-8")
    for said in ('"name": "text"', "p_pos", "loader_module: search.served", "input_example"):
        assert said in described
    assert not list(whole.rglob("*.pkl"))


def test_an_alias_moves_to_a_better_one_only(root: Path, bundle: Path, study: StudyRecord) -> None:
    register(root, bundle, wanted(study, 0, "champion"))
    register(root, bundle, wanted(study, 1, "champion"))

    for number in (0, 1):  # a worse one, and one that is no better
        with pytest.raises(UserError, match=r"stays on version 2 of reviews: it has 90\.00 %"):
            register(root, bundle, wanted(study, number, "champion"))
    assert len(client_of(root).search_model_versions("name='reviews'")) == 2

    register(root, bundle, wanted(study, 0))  # without an alias, a version is a version
    assert client_of(root).get_model_version_by_alias("reviews", "champion").version == 2
    register(root, bundle, wanted(study, 0, "champion", force=True))
    assert client_of(root).get_model_version_by_alias("reviews", "champion").version == 4


def test_an_alias_does_not_move_to_what_was_measured_on_other_texts(
    root: Path, bundle: Path, study: StudyRecord
) -> None:
    register(root, bundle, wanted(study, 0, "champion"))
    data = build_data(split_digest="another")
    other = replace(study, plan=replace(study.plan, data=data))

    with pytest.raises(UserError, match="other validation texts"):
        registry.check(root, wanted(other, 1, "champion"))
    registry.check(root, wanted(other, 1, "champion", force=True))
    registry.check(root, wanted(other, 1))


def test_a_card_that_is_too_long_for_the_registry_is_cut_at_a_line(
    root: Path, bundle: Path, study: StudyRecord
) -> None:
    register(root, bundle, wanted(study, 1), "a line of the card\n" * 1_000)

    description = client_of(root).get_model_version("reviews", "1").description
    assert len(description) <= 5_000
    assert "card.md" in description
    assert description.startswith("a line of the card\n")


@pytest.mark.parametrize("uri", ["models:/none@x", "models:/none/1", "models:/m-0", "models:/"])
def test_a_model_that_is_not_there_is_refused_with_those_that_are(
    root: Path, bundle: Path, study: StudyRecord, uri: str
) -> None:
    register(root, bundle, wanted(study, 1))
    with pytest.raises(UserError, match=r"there is no model .* Registered: reviews\."):
        registry.fetch(root, uri)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "a/b"}, "no slash"),
        ({"model": "it's"}, "no slash"),
        ({"alias": "a b"}, "an alias is made of letters"),
        ({"alias": "latest"}, "an alias is made of letters"),
        ({"alias": "v1"}, "an alias is made of letters"),
    ],
)
def test_a_name_that_mlflow_does_not_take_is_refused_before_anything_is_written(
    root: Path, study: StudyRecord, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        registry.check(root, replace(wanted(study, 1), **changes))
