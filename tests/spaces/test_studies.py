"""The studies that are shipped, and what a StudyPlan promises."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

import spaces.studies
from spaces.families import FAMILIES, FAMILY, space_of
from spaces.plan import Reference, StudyPlan
from spaces.ranges import Choice, Float, Int, Space, check, defaults
from spaces.references import BASELINE, LABELLED_ONLY, NBSVM, NGRAM
from spaces.studies import STUDIES
from spaces.text import VECTORS
from spaces.training import TEACHER
from spaces.tutorials import TUTORIALS

PLANS = pytest.mark.parametrize("plan", STUDIES.values(), ids=STUDIES)
SEARCHES = pytest.mark.parametrize(
    "plan", [pytest.param(p, id=name) for name, p in STUDIES.items() if not p.reproduces]
)
FOLDER = Path(spaces.studies.__file__).parent

SPACE: Space = {
    "train.epochs": Int(low=1, high=15, default=6, note="epochs"),
    "lstm.units": Int(low=8, high=256, default=64, note="units"),
    "lstm.dropout": Float(low=0.0, high=0.6, default=0.0, note="dropout"),
    "lstm.pooling": Choice(options=("last", "max"), default="max", note="pooling"),
}


def reference(name: str, **params: bool | int | float | str) -> Reference:
    named = {key.replace("__", "."): value for key, value in params.items()}
    return Reference(name=name, family="lstm", params=named, published=0.87, source="a test")


def plan_with(*references: Reference, searched: tuple[str, ...] = ("lstm.units",)) -> StudyPlan:
    return StudyPlan(
        name="stand_in",
        question="Is it?",
        space=SPACE,
        searched=searched,
        references=references,
        n_trials=20,
        timeout=60.0,
        seconds_per_million_tokens=8.0,
    )


def test_the_registry_lists_exactly_the_files_in_the_folder() -> None:
    assert set(STUDIES) == {file.stem for file in FOLDER.glob("*.py")} - {"__init__"}


@PLANS
def test_a_study_is_called_as_its_file_and_registry_entry(plan: StudyPlan) -> None:
    assert STUDIES[plan.name] is plan
    assert (FOLDER / f"{plan.name}.py").is_file()


@PLANS
def test_the_docstring_of_a_study_is_a_lab_note(plan: StudyPlan) -> None:
    note = ast.get_docstring(ast.parse((FOLDER / f"{plan.name}.py").read_text("utf-8")))
    assert note is not None
    assert plan.question in " ".join(note.split())
    lines = [line.partition(" ")[0] for line in note.splitlines()]
    assert f"Command: python -m search.run --study {plan.name}" in note.splitlines()
    assert lines.index("Command:") < lines.index("Cost:") < lines.index("Result")
    assert plan.question.endswith("?")


@PLANS
def test_a_study_offers_the_text_the_training_and_its_families(plan: StudyPlan) -> None:
    check(plan.space, defaults(plan.space), of="default")
    for family in plan.families:
        assert set(FAMILIES[family]) <= set(plan.space)
        prefixes = {name.partition(".")[0] for name in plan.space_for(family)}
        assert prefixes - {"model"} == {"text", "train", family}


@SEARCHES
def test_a_study_searches_each_range_once(plan: StudyPlan) -> None:
    assert len(plan.searched) == len(set(plan.searched)) > 0


@SEARCHES
def test_a_study_ends_within_twenty_minutes_unless_asked_otherwise(plan: StudyPlan) -> None:
    assert plan.timeout is not None
    if plan.name == "best":  # that is asked otherwise
        assert plan.timeout == 3 * 3600
        return
    assert plan.n_trials is not None
    assert plan.timeout < 20 * 60
    assert plan.n_trials > len(plan.initial_trials())


@PLANS
def test_every_reference_is_complete_sourced_and_inside_the_ranges(plan: StudyPlan) -> None:
    for published in plan.references:
        check(plan.space, published.params, of=published.name)
        assert published.source
        assert published.published is None or 0.5 < published.published < 1


def test_every_tutorial_is_said_in_full_so_that_no_default_can_change_it() -> None:
    for published in TUTORIALS:
        assert set(published.params) == set(space_of(published.family)), published.name


@SEARCHES
def test_initial_trials_begin_with_the_queued_and_the_defaults_and_hold_nothing_twice(
    plan: StudyPlan,
) -> None:
    points = dict(plan.initial_trials())
    queued = {name: points.pop(name) for name in list(points)[: len(plan.enqueued)]}
    assert list(queued) == list(plan.enqueued)
    assert not [name for name, params in queued.items() if params in points.values()]
    several = len(plan.families) > 1
    names = [f"defaults-{family}" if several else "defaults" for family in plan.families]
    assert list(points)[: len(names)] == names
    for name, family in zip(names, plan.families, strict=True):
        chosen = {FAMILY: family} if several else {}
        assert points[name] == {**defaults(plan.space_for(family)), **chosen}
    values = list(points.values())
    assert all(point not in values[:i] for i, point in enumerate(values))
    for published in plan.references:
        assert plan.trained_as(published) in points


def test_the_table_of_the_tutorials_has_its_sixteen_rows_and_two_are_trained_once() -> None:
    plan = STUDIES["tutorials"]
    assert len(plan.references) == len({r.name for r in plan.references}) == 16
    shared = {r.name: plan.trained_as(r) for r in plan.references if plan.trained_as(r) != r.name}
    assert shared == {"lstm-2017": "lstm-2016", "lstm-dropout-2021": "lstm-dropout-2017"}
    assert len(plan.initial_trials()) == 14


def test_a_reproduction_can_be_held_to_some_of_its_configurations() -> None:
    plan = replace(STUDIES["tutorials"], only=("lstm-2017", "feedforward-dropout"))
    assert list(plan.initial_trials()) == ["lstm-2016", "feedforward-dropout"]


def test_every_family_has_a_study_of_its_own_name() -> None:
    for family in FAMILIES:
        assert STUDIES[family].families == (family,)


def test_the_study_of_architectures_has_every_family() -> None:
    assert set(STUDIES["architecture"].families) == set(FAMILIES)


def test_published_accuracies_are_those_of_the_paper() -> None:
    assert (BASELINE.name, BASELINE.accuracy) == ("baseline-maas-2011", 0.8889)
    assert (LABELLED_ONLY.name, LABELLED_ONLY.accuracy) == ("maas-2011-labelled-only", 0.8833)


def test_a_reference_outside_a_range_is_refused_with_file_reference_and_parameter() -> None:
    law = r"spaces/studies/stand_in\.py, huge: lstm\.units must be in 8 to 256, but got 512"
    with pytest.raises(ValueError, match=law):
        plan_with(reference("huge", lstm__units=512))


def test_a_reference_with_an_unknown_parameter_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"stand_in\.py, odd: lstm\.unit is not a hyperparameter"):
        plan_with(reference("odd", lstm__unit=64))


def test_a_reference_with_a_parameter_of_another_family_is_refused() -> None:
    foreign = Reference(
        name="mixed", family="cnn", params={"lstm.units": 8}, published=None, source="a test"
    )
    with pytest.raises(ValueError, match=r"architecture\.py, mixed: lstm\.units is not a hyper"):
        replace(STUDIES["architecture"], references=(foreign,))


def test_searching_an_unknown_range_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"studies/stand_in\.py: lstm\.depth is not one of"):
        plan_with(searched=("lstm.depth",))


def test_the_family_is_searched_before_what_depends_on_it() -> None:
    plan = STUDIES["architecture"]
    with pytest.raises(ValueError, match=r"model\.family must be searched first"):
        replace(plan, searched=("text.maxlen", FAMILY))


def test_a_trial_of_one_family_has_no_parameter_of_another() -> None:
    plan = STUDIES["architecture"]
    for family in plan.families:
        names = {*plan.complete({FAMILY: family}), *plan.searched_for({FAMILY: family})}
        others = {name for other in FAMILIES if other != family for name in FAMILIES[other]}
        assert not names & others
        assert set(FAMILIES[family]) <= names


def test_published_accuracies_outside_the_tutorials_are_those_of_their_papers() -> None:
    assert [(r.name, r.published) for r in (*NGRAM, *NBSVM)] == [
        ("fasttext-unigram", 0.8813),
        ("nbsvm-trigram-2015", 0.9187),
    ]


def test_complete_fills_in_the_defaults_and_keeps_what_is_said() -> None:
    assert plan_with().complete({"lstm.units": 32}) == {**defaults(SPACE), "lstm.units": 32}


def test_two_references_of_equal_values_make_one_starting_point() -> None:
    plan = plan_with(
        reference("first", lstm__units=100),
        reference("again", lstm__units=100),
        reference("as-default", lstm__units=64),
        reference("other", lstm__units=100, lstm__dropout=0.2),
    )
    assert list(plan.initial_trials()) == ["defaults", "first", "other"]


def test_max_epochs_caps_the_range_the_default_and_the_references() -> None:
    plan = plan_with(
        reference("long", train__epochs=10, lstm__units=50),
        reference("short", train__epochs=1),
        reference("silent", lstm__units=100),
    ).with_max_epochs(2)
    epochs = plan.space["train.epochs"]
    assert isinstance(epochs, Int)
    assert (epochs.low, epochs.high, epochs.default) == (1, 2, 2)
    points = plan.initial_trials()
    assert {name: point["train.epochs"] for name, point in points.items()} == {
        "defaults": 2,
        "long": 2,
        "short": 1,
        "silent": 2,
    }


@PLANS
def test_every_study_can_be_capped_at_one_epoch(plan: StudyPlan) -> None:
    capped = plan.with_max_epochs(1)
    assert {point["train.epochs"] for point in capped.initial_trials().values()} == {1}


def test_max_epochs_never_raises_the_plan() -> None:
    plan = plan_with(reference("long", train__epochs=10))
    assert plan.with_max_epochs(1_000) == plan


def test_a_reference_without_epochs_keeps_the_default_under_a_wide_cap() -> None:
    plan = plan_with(reference("silent", lstm__units=100)).with_max_epochs(12)
    assert plan.initial_trials()["silent"]["train.epochs"] == 6


def test_a_budget_is_replaced_as_a_whole() -> None:
    plan = plan_with().with_budget(n_trials=None, timeout=90.0)
    assert (plan.n_trials, plan.timeout) == (None, 90.0)
    assert replace(plan, n_trials=20, timeout=60.0) == plan_with()


def test_only_families_that_embed_words_have_vectors() -> None:
    plan = STUDIES["architecture"]
    having = {family for family in plan.families if VECTORS in plan.space_for(family)}
    assert having == {"bilstm", "cnn", "cnn_lstm", "feedforward", "gru", "lstm"}
    assert VECTORS not in space_of("nbsvm", "ngram")
    params = plan.complete({FAMILY: "nbsvm"})
    assert VECTORS not in params
    assert params[TEACHER] == "none"


@PLANS
def test_what_was_published_has_neither_vectors_nor_a_teacher(plan: StudyPlan) -> None:
    for published in plan.references:
        assert published.params.get(TEACHER) == "none", published.name
        if VECTORS in plan.space_for(published.family):
            assert published.params.get(VECTORS) == "random", published.name


def test_a_fixed_value_is_that_of_all_trials_but_the_references() -> None:
    plan = plan_with(
        reference("published", lstm__units=100), searched=("lstm.units", "lstm.dropout")
    )
    fixed = plan.always("lstm.units", 300).always("lstm.pooling", "mean")
    assert fixed.searched == ("lstm.dropout",)
    assert fixed.complete({})["lstm.units"] == 300
    assert fixed.complete({})["lstm.pooling"] == "mean"
    assert fixed.initial_trials()["published"]["lstm.units"] == 100
    check(fixed.space, {"lstm.units": 8, "lstm.pooling": "last"}, of="what it had before")
    with pytest.raises(ValueError, match=r"lstm\.units must be in 8 to 256, but got 'many'"):
        plan.always("lstm.units", "many")


def test_a_hyperparameter_that_is_new_has_no_reproduction_made_again() -> None:
    plan = STUDIES["tutorials"]
    points = plan.initial_trials()
    recorded = [
        (name, {n: value for n, value in point.items() if n not in (VECTORS, TEACHER)})
        for name, point in points.items()
    ]
    assert plan.n_counted(recorded) == len(points)
    name, params = recorded[0]
    assert plan.n_counted([(name, {**params, "train.batch_size": 17})]) == 0  # it was corrected


LSTM = STUDIES["lstm"]
OLD = {**LSTM.complete({}), "lstm.units": 100}


def test_values_lie_inside_of_ranges_that_are_as_wide_or_wider() -> None:
    assert LSTM.values_of("lstm", OLD) == OLD
    wider = LSTM.with_ranges({"lstm.units": Int(8, 900, default=100)})
    assert wider.values_of("lstm", OLD) == OLD
    narrower = LSTM.with_ranges({"lstm.units": Int(101, 128, default=128)})
    assert narrower.values_of("lstm", OLD) is None
    assert LSTM.with_values({"lstm.units": 101}).values_of("lstm", OLD) is None
    assert LSTM.with_values({"lstm.units": 100}).values_of("lstm", OLD) == OLD


def test_what_is_searched_no_more_leaves_a_trial_inside() -> None:
    fewer = replace(LSTM, searched=tuple(n for n in LSTM.searched if n != "lstm.units"))
    assert fewer.values_of("lstm", OLD) == OLD
    assert LSTM.values_of("lstm", {**OLD, "lstm.given_up": 3}) == OLD  # it is not there any more


def test_a_hyperparameter_that_is_new_has_what_a_trial_without_it_did() -> None:
    old = {n: v for n, v in OLD.items() if n not in ("lstm.pooling", "train.schedule")}
    values = LSTM.values_of("lstm", old)
    assert values is not None
    assert values["lstm.pooling"] == LSTM.space["lstm.pooling"].default
    assert values["train.schedule"] == "constant"  # all were, before it could be said
    assert LSTM.with_values({"train.schedule": "cosine"}).values_of("lstm", old) is None


def test_trials_of_a_family_stay_inside_when_another_is_added_until_it_is_taken_away() -> None:
    both = LSTM.with_families(("cnn", "lstm"))
    assert both.values_of("lstm", OLD) == {FAMILY: "lstm", **OLD}
    assert LSTM.values_of("lstm", {FAMILY: "lstm", **OLD}) == OLD
    assert both.with_families(("cnn",)).values_of("lstm", OLD) is None
