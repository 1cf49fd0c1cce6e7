"""A Keras Tuner function is read as a study, and builds the models of its trials."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from search.engines.keras_tuner.model_function import read
from search.system.keras_backend import keras
from search.system.own_code import load
from search.training.own_families import model_function
from search.training.trial import untrained
from spaces.families import FAMILIES, OURS
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int, take
from tests.programs import printed
from tracking.commandline.errors import UserError
from tracking.records import SourceRecord

# Keras Tuner's "Getting started with KerasTuner", but for its first layers, which take texts.
GETTING_STARTED = printed("def build_model")
SCOPES = """
import keras


def build_model(hp):
    ids = keras.Input((hp.Choice("text.maxlen", [8, 16]),), dtype="int32")
    words = hp.Int("text.vocab_size", 500, 4000, step=2, sampling="log", default=1000)
    features = keras.layers.Embedding(words, hp.Fixed("size", 8))(ids)
    kind = hp.Choice("kind", ["mean", "cnn"])
    with hp.conditional_scope("kind", ["cnn"]):
        filters = hp.Int("filters", 4, 8)
        with hp.conditional_scope("filters", [4]):
            rate = hp.Float("rate", 0.0, 0.2, step=0.1)
        if kind == "cnn":
            features = keras.layers.Conv1D(filters, 3)(features)
            if hp.Boolean("twice"):
                features = keras.layers.Conv1D(filters, 3)(features)
    with hp.name_scope("end"):
        hidden = hp.Int("hidden", 2, 4)
    hp.Float("train.learning_rate", 1e-3, 1e-2, sampling="log")
    features = keras.layers.GlobalMaxPooling1D()(features)
    features = keras.layers.Dense(hidden)(features)
    return keras.Model(ids, keras.layers.Dense(1, activation="sigmoid")(features))
"""


@pytest.fixture(autouse=True)
def _forget_families() -> Iterator[None]:
    yield
    for name in set(FAMILIES) - OURS:
        del FAMILIES[name]


def plan_of(text: str, name: str = "my_model.py") -> StudyPlan:
    source = SourceRecord(name, text, "build_model")
    module: ModuleType = load(source)
    function = model_function(module, source)
    assert function is not None
    return read(function, source)


def test_the_space_is_all_that_any_build_asks_for() -> None:
    plan = plan_of(GETTING_STARTED)
    steps = tuple(range(32, 513, 32))
    found = {name: plan.space[name] for name in plan.searched}
    for range_ in found.values():
        object.__setattr__(range_, "note", "")
    assert found == {
        "my_model.num_layers": Int(1, 3, default=1),
        **{f"my_model.units_{i}": Choice(steps, default=32) for i in range(3)},
        "my_model.activation": Choice(("relu", "tanh"), default="relu"),
        "my_model.dropout": Choice((False, True), default=False),
        "my_model.lr": Float(1e-4, 1e-2, default=1e-4, log=True),
    }
    assert plan.fixed["text.vocab_size"] == 2000  # that of its Embedding
    assert plan.fixed["text.padding"] == "full"  # what Flatten needs


def test_a_function_that_compiles_keeps_its_optimizer_and_ours_has_no_hyperparameters() -> None:
    plan = plan_of(GETTING_STARTED)
    shared = set(take(plan.complete({}), "train"))
    assert shared == {
        *("epochs", "batch_size", "patience", "label_smoothing", "teacher", "teacher_strength")
    }
    params = plan.complete({"my_model.lr": 5e-3, "my_model.units_0": 64, "text.maxlen": 20})
    model = untrained(params, "my_model", 2)
    assert float(model.optimizer.learning_rate) == pytest.approx(5e-3)
    assert model.input_shape == (None, 20)
    assert [layer.units for layer in model.layers if hasattr(layer, "units")] == [64, 2]


def test_names_of_ours_are_ours_and_scopes_are_conditions() -> None:
    plan = plan_of(SCOPES)
    own = {name: range_ for name, range_ in plan.space.items() if name.startswith("my_model.")}
    cnn = (("my_model.kind", ("cnn",)),)
    assert {name: range_.when for name, range_ in own.items()} == {
        "my_model.size": (),
        "my_model.kind": (),
        "my_model.filters": cnn,
        "my_model.rate": (*cnn, ("my_model.filters", (4,))),
        "my_model.twice": cnn,
        "my_model.end/hidden": (),
    }
    rate = plan.space["my_model.rate"]
    assert isinstance(rate, Choice)
    assert rate.options == (0.0, 0.1, 0.2)
    assert plan.fixed["my_model.size"] == 8
    maxlen, words = plan.space["text.maxlen"], plan.space["text.vocab_size"]
    assert isinstance(maxlen, Choice)
    assert maxlen.options == (8, 16)
    assert isinstance(words, Choice)
    assert words.options == (500, 1000, 2000, 4000)
    assert plan.space["train.learning_rate"] == Float(
        1e-3, 1e-2, default=1e-3, log=True, note="hp.Float of the function"
    )
    assert "train.schedule" in plan.space  # it compiles no optimizer of its own
    assert "my_model.rate" not in plan.complete({})
    assert "my_model.rate" in plan.complete({"my_model.kind": "cnn", "my_model.filters": 4})


def test_a_trial_builds_the_model_of_its_values() -> None:
    plan = plan_of(SCOPES)
    values = {"my_model.kind": "cnn", "my_model.twice": True, "text.maxlen": 16}
    model = untrained(plan.complete(values), "my_model", 2)
    assert model.input_shape == (None, 16)
    assert sum(isinstance(layer, keras.layers.Conv1D) for layer in model.layers) == 2
    assert not model.compiled


def test_what_no_dry_build_has_met_fails_a_trial_and_is_never_a_silent_default() -> None:
    text = SCOPES.replace(
        "    hp.Float(",
        '    if kind == "cnn" and hidden == 3:\n        hp.Int("x", 1, 2)\n    hp.Float(',
    )
    values = {"my_model.kind": "cnn", "my_model.end/hidden": 3}
    with pytest.raises(UserError, match="asks for x with these values only"):
        untrained(plan_of(text).complete(values), "my_model", 2)


def test_a_name_in_two_scopes_of_one_parent_is_there_with_either_value() -> None:
    text = SCOPES.replace(
        "    with hp.name_scope",
        '    with hp.conditional_scope("kind", ["mean"]):\n'
        '        hp.Int("filters", 4, 8)\n    with hp.name_scope',
    )
    assert plan_of(text).space["my_model.filters"].when == (("my_model.kind", ("cnn", "mean")),)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("layers.Flatten()", "layers.Flaten()", "my_model.py, line 8: AttributeError: "),
        ("build_model(hp)", "build_model(hp, size)", "TypeError: build_model() missing"),
        ('sampling="log"', 'sampling="reverse_log"', "lr must be spread linear or log"),
        (
            '"lr"',
            '"text.maxlne"',
            "hyperparameter 'text.maxlne'. Did you mean text.maxlen?",
        ),
        ('"lr"', '"train.batch_size"', "train.batch_size must be a whole number from 1, but got"),
        ('"lr"', '"l=r"', "name has up to 100 letters, digits, _, -, /, . and blanks, but got"),
        (
            "Embedding(2000",
            'Embedding(hp.Int("words", 9, 99)',
            "size of 9 or 99: ask hp for it",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(before: str, after: str, says: str) -> None:
    assert before in GETTING_STARTED
    with pytest.raises(UserError) as refusal:
        plan_of(GETTING_STARTED.replace(before, after))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_name_with_another_range_in_another_scope_is_refused() -> None:
    text = SCOPES.replace(
        "    with hp.name_scope",
        '    with hp.conditional_scope("kind", ["mean"]):\n'
        '        hp.Int("filters", 4, 9)\n    with hp.name_scope',
    )
    with pytest.raises(UserError, match="filters must have one range, but has 4 to 8 and 4 to 9"):
        plan_of(text)


def test_a_function_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="asks hp for nothing"):
        plan_of("import keras\ndef build_model(hp):\n    return keras.Sequential()\n")


@pytest.mark.parametrize("name", ["model.py", "lstm.py", "3.py", "my-Model.py"])
def test_study_and_family_have_the_files_name_unless_it_is_taken(name: str) -> None:
    found: Any = plan_of(GETTING_STARTED, name)
    expected = "my_model" if name == "my-Model.py" else "build_model"
    assert (found.name, found.families) == (expected, (expected,))
