"""Values, ranges and families that are typed, and plans that are saved and read back."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.cli import plan_file
from search.cli.arguments import parser
from search.cli.options import options
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.ranges import Choice, Float, Int
from spaces.studies import STUDIES
from tracking.commandline.errors import UserError

SEARCHES = [name for name, plan in STUDIES.items() if not plan.reproduces]


def plan_of(*words: str, study: str = "lstm") -> StudyPlan:
    return options(parser().parse_args(["--study", study, *words])).plan


def test_a_value_that_is_set_is_that_of_every_trial() -> None:
    plan = plan_of("--set", "lstm.units=1024", "--set", "train.batch_size=100")
    assert "lstm.units" not in plan.searched
    assert "train.batch_size" not in plan.searched
    for params in plan.initial_trials().values():
        assert (params["lstm.units"], params["train.batch_size"]) == (1024, 100)
    assert plan.fixed["lstm.units"] == 1024


def test_a_reference_with_another_value_than_was_set_is_not_tried() -> None:
    before = list(plan_of().initial_trials())
    known = STUDIES["lstm"].references[0].params["lstm.units"]
    assert list(plan_of("--set", f"lstm.units={known}").initial_trials()) == before
    assert list(plan_of("--set", "lstm.units=77").initial_trials()) == ["defaults"]


def test_a_value_is_read_as_its_range_has_it() -> None:
    plan = plan_of("--set", "train.learning_rate=1", "--set", "lstm.pooling=max")
    assert repr(plan.fixed["train.learning_rate"]) == "1.0"
    assert plan.fixed["lstm.pooling"] == "max"
    assert repr(plan_of("--set", "bilstm.taper=1", study="bilstm").fixed["bilstm.taper"]) == "1.0"


def test_a_range_frees_a_name_and_may_be_wider_than_ours() -> None:
    plan = plan_of("--range", "train.patience=1..4", "--range", "lstm.units=16..512:log")
    assert {"train.patience", "lstm.units"} <= set(plan.searched)
    units = plan.space["lstm.units"]
    assert units == Int(16, 512, default=64, log=True, note=units.note)
    assert units.note == STUDIES["lstm"].space["lstm.units"].note


def test_a_default_outside_of_the_new_range_moves_to_its_nearest_end() -> None:
    assert plan_of("--range", "lstm.units=100..200").space["lstm.units"].default == 100
    assert plan_of("--range", "lstm.units=8..16").space["lstm.units"].default == 16


def test_a_list_is_a_choice_between_its_values() -> None:
    units = plan_of("--range", "lstm.units=32,64,128").space["lstm.units"]
    assert isinstance(units, Choice)
    assert (units.options, units.default) == ((32, 64, 128), 64)
    rate = plan_of("--range", "train.learning_rate=1e-3,1").space["train.learning_rate"]
    assert isinstance(rate, Choice)
    assert repr(rate.options) == "(0.001, 1.0)"


def test_whole_numbers_are_no_law_for_a_real_range() -> None:
    dropout = plan_of("--range", "lstm.dropout=0..0.5").space["lstm.dropout"]
    assert isinstance(dropout, Float)
    assert repr((dropout.low, dropout.high)) == "(0.0, 0.5)"


def test_families_are_tried_side_by_side() -> None:
    plan = plan_of("--families", "cnn,lstm")
    assert plan.families == ("cnn", "lstm")
    assert plan.searched[0] == FAMILY
    assert {"lstm.units", "cnn.filters", "text.maxlen"} <= set(plan.searched)
    assert "lstm.recurrent_dropout" not in plan.searched  # nor is it in the study itself
    assert {reference.family for reference in plan.references} == {"lstm"}


def test_one_family_of_several_is_searched_alone() -> None:
    plan = plan_of("--families", "gru", study="architecture")
    assert plan.families == ("gru",)
    assert FAMILY not in plan.space
    assert list(plan.initial_trials()) == ["defaults"]


@pytest.mark.parametrize("study", SEARCHES)
def test_a_plan_is_read_as_it_was_saved(study: str, tmp_path: Path) -> None:
    plan = STUDIES[study]
    file = tmp_path / "plan.toml"
    file.write_text(plan_file.write(plan), "utf-8")
    assert plan_file.read(file) == plan
    assert plan_of(study=str(file)) == plan_of(study=study)


def test_what_was_typed_is_in_the_saved_plan(tmp_path: Path) -> None:
    words = [
        *("--families", "cnn,lstm", "--set", "text.maxlen=100", "--trials", "7"),
        *("--range", "cnn.filters=4,8", "--range", "lstm.units=16..512:log"),
    ]
    file = tmp_path / "plan.toml"
    file.write_text(plan_file.write(plan_of(*words)), "utf-8")
    assert plan_file.read(file) == plan_of(*words)


def test_a_length_that_was_chosen_stays_on_own_texts() -> None:
    given = {"maxlen": 30, "longest": 60, "vocab_size": 700, "n_ids": 900}
    for words in (["--set", "text.maxlen=400"], ["--range", "text.maxlen=100..400"]):
        plan = plan_of(*words)
        fitted = plan.with_texts(**given)
        assert fitted.space["text.maxlen"] == plan.space["text.maxlen"]
        assert fitted.space["text.vocab_size"].default == 700


def test_a_short_file_is_a_plan(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        'name = "mine"\nfamilies = ["cnn"]\nsearch = ["cnn.*"]\ntrials = 3\n'
        '[ranges]\n"train.learning_rate" = {low = 1e-4, high = 0.1, log = true}\n'
        '[values]\n"train.batch_size" = 64\n'
    )
    plan = plan_file.read(file)
    assert (plan.name, plan.n_trials, plan.timeout) == ("mine", 3, None)
    assert {"cnn.filters", "train.learning_rate"} <= set(plan.searched)
    assert plan.fixed["train.batch_size"] == 64


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "lstm.untis=64"], "'lstm.untis'. Did you mean lstm.units? Known: lstm.dro"),
        (["--set", "lstm.units"], "--set takes NAME=VALUE, but got 'lstm.units'"),
        (["--set", "lstm.units=many"], "lstm.units must be a whole number from 1, but got 'many'"),
        (["--set", "lstm.units=6.5"], "must be a whole number from 1, but got 6.5"),
        (["--set", "lstm.dropout=1.5"], "a number from 0 to 0.95, but got 1.5"),
        (["--set", "text.vocab_size=999999"], "from 5 to 131071, but got 999999"),
        (["--set", "lstm.pooling=sum"], "must be one of last, mean, max, max_mean, but got 'sum'"),
        (["--set", "lstm.units=8", "--set", "lstm.units=9"], "--set lstm.units is given twice"),
        (["--set", "lstm.units=8", "--range", "lstm.units=8..9"], "give one of them"),
        (["--set", "model.family=cnn"], "name the families"),
        (["--range", "lstm.unit=1..2"], "'lstm.unit'. Did you mean lstm.units?"),
        (["--range", "lstm.units=64..16"], "needs a range that rises, but got 64 to 16"),
        (["--range", "lstm.units=16..512:lgo"], "LOW..HIGH or LOW..HIGH:log, but got '16..512:l"),
        (["--range", "lstm.units=16.."], "LOW..HIGH or LOW..HIGH:log, but got '16..'"),
        (["--range", "lstm.units=64"], "--set lstm.units=64 fixes one value"),
        (["--range", "lstm.units=64,64"], "lstm.units needs values, each once, but got 64, 64"),
        (["--range", "lstm.dropout=0..0.5:log"], "spread by ratio (log) above 0 only"),
        (["--range", "lstm.pooling=max..mean"], "LOW..HIGH"),
        (["--range", "lstm.pooling=1..2"], "one of last, mean, max, max_mean, but got 1 to 2"),
        (["--range", "train.epochs=2,4"], "train.epochs must be a range LOW..HIGH"),
        (["--families", "lstm,cnm"], "unknown family 'cnm'. Did you mean cnn?"),
        (["--families", "lstm,lstm"], "each family once, but got lstm twice"),
    ],
)
def test_a_mistyped_value_or_range_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(UserError) as refusal:
        plan_of(*words)
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name = ", "Invalid value"),
        ('name = "s"\n', "a plan needs the field families"),
        ('name = "s"\nfamilies = ["lstn"]\n', "unknown family 'lstn'. Did you mean lstm?"),
        ('name = "s"\nfamilies = "lstm"\n', "families must be a list, but got 'lstm'"),
        ('name = "s"\nfamilis = ["lstm"]\n', "unknown field 'familis'. Did you mean families?"),
        ('name = "a/b"\nfamilies = ["lstm"]\n', "letters, digits, _, - and ., but got 'a/b'"),
        ('name = "s"\nfamilies = ["lstm"]\nsearch = ["lstm.uni"]\n', "Did you mean lstm.units?"),
        ('name = "s"\nfamilies = ["lstm"]\ntimeout = "soon"\n', "\"2h\", but got 'soon'"),
        ('name = "s"\nfamilies = ["lstm"]\n[ranges]\n"lstm.units" = [1, 2]\n', "range of lstm.un"),
        ('name = "s"\nfamilies = ["lstm"]\n[values]\n"lstm.units" = -3\n', "but got -3"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(content: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(content)
    with pytest.raises(UserError) as refusal:
        plan_of(study=str(file))
    assert says in str(refusal.value)
    assert "plan.toml: " in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_reproduction_has_no_ranges() -> None:
    for words in (["--set", "a=1"], ["--range", "a=1..2"], ["--families", "cnn"]):
        with pytest.raises(UserError, match="means nothing to study tutorials"):
            plan_of(*words, study="tutorials")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--save-plan", "nowhere/p.toml"], "there is no folder nowhere"),
        (["--save-plan", "p.toml", "--vectors", "v.txt"], "cannot name --vectors FILE"),
        (["--save-plan", "p.toml", "--teacher", "study:a"], "or --teacher study:NAME"),
    ],
)
def test_a_plan_that_could_not_be_read_back_is_refused_before_the_data_are_read(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v.txt").write_text("film 0.5 0.5\n")
    with pytest.raises(UserError, match=said):
        options(parser().parse_args(["--study", "lstm", *words]))
    assert not (tmp_path / "p.toml").exists()
