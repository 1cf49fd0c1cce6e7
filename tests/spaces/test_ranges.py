"""Ranges and spaces: membership, defaults, notes."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from spaces.families import FAMILIES
from spaces.ranges import Choice, Float, Int, Range, check, declare, defaults, join, take
from spaces.text import TEXT
from spaces.training import TRAIN

SHIPPED = {"text": TEXT, "train": TRAIN, **FAMILIES}
RANGES = [(name, range_) for space in SHIPPED.values() for name, range_ in space.items()]

UNITS = Int(low=8, high=256, default=64, note="units")
RATE = Float(low=1e-4, high=1e-2, default=1e-3, log=True, note="rate")
POOLING = Choice(options=("last", "max"), default="max", note="pooling")


@pytest.mark.parametrize(("name", "range_"), RANGES)
def test_every_default_lies_inside_its_range(name: str, range_: Range) -> None:
    assert range_.default in range_
    if not isinstance(range_, Choice):
        assert range_.low < range_.high


@pytest.mark.parametrize(("name", "range_"), RANGES)
def test_every_range_has_a_note_that_says_what_it_means(name: str, range_: Range) -> None:
    assert len(range_.note.split()) >= 3
    assert range_.note.strip() == range_.note


@pytest.mark.parametrize(("name", "range_"), RANGES)
def test_a_logarithmic_range_begins_above_zero(name: str, range_: Range) -> None:
    if not isinstance(range_, Choice) and range_.log:
        assert range_.low > 0


@pytest.mark.parametrize("consumer", SHIPPED)
def test_a_name_begins_with_its_consumer(consumer: str) -> None:
    for name in SHIPPED[consumer]:
        prefix, _, bare = name.partition(".")
        assert prefix == consumer
        assert bare.isidentifier()


def test_family_names_differ_within_their_first_ten_characters() -> None:
    assert len({family[:10] for family in FAMILIES}) == len(FAMILIES)


@pytest.mark.parametrize("value", [8, 256, 64])
def test_an_int_includes_both_ends(value: int) -> None:
    assert value in UNITS


@pytest.mark.parametrize("value", [7, 257, 64.0, True, "64", None])
def test_an_int_holds_whole_numbers_within_its_ends_only(value: object) -> None:
    assert value not in UNITS


@pytest.mark.parametrize("value", [1e-4, 1e-2, 0.005])
def test_a_float_includes_both_ends(value: float) -> None:
    assert value in RATE


@pytest.mark.parametrize("value", [9e-5, 0.011, float("nan"), float("inf"), True, "0.001"])
def test_a_float_holds_numbers_within_its_ends_only(value: object) -> None:
    assert value not in RATE


def test_a_whole_number_is_a_float_too() -> None:
    assert 1 in Float(low=0.0, high=1.0, default=0.5, note="share")
    assert True not in Float(low=0.0, high=1.0, default=0.5, note="share")


def test_a_choice_tells_options_of_different_types_apart() -> None:
    flag = Choice(options=(True, False), default=True, note="flag")
    assert True in flag
    assert 1 not in flag
    assert "mean" not in POOLING


def test_a_range_is_written_with_its_ends_or_options() -> None:
    assert str(UNITS) == "8 to 256"
    assert str(RATE) == "0.0001 to 0.01 (log)"
    assert str(POOLING) == "last | max"


def test_join_keeps_every_range_in_order() -> None:
    assert join({"a.units": UNITS}, {"b.rate": RATE}) == {"a.units": UNITS, "b.rate": RATE}
    assert list(join(TEXT, TRAIN)) == [*TEXT, *TRAIN]


def test_join_refuses_a_name_declared_twice() -> None:
    with pytest.raises(ValueError, match=r"lstm\.units is declared twice"):
        join({"lstm.units": UNITS}, {"lstm.units": UNITS})


def test_a_default_outside_its_range_is_refused_with_file_and_parameter() -> None:
    outside = Int(low=8, high=16, default=17, note="units")
    law = r"families/lstm\.py, default: lstm\.units must be in 8 to 16, but got 17"
    with pytest.raises(ValueError, match=law):
        declare("/home/me/spaces/families/lstm.py", "lstm", units=outside)


def test_two_ranges_of_one_name_in_a_file_are_refused_with_file_and_parameter(
    tmp_path: Path,
) -> None:
    """Python does it, because ranges are keywords: in a dict the last would win in silence."""
    file = tmp_path / "twice.py"
    file.write_text("TWICE = declare(__file__, 'twice', units=1, units=2)")
    with pytest.raises(SyntaxError, match=r"keyword argument repeated: units \(twice\.py, line 1"):
        runpy.run_path(str(file))


def test_check_names_an_unknown_hyperparameter_and_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unit is not a hyperparameter of \['lstm\.units'\]"):
        check({"lstm.units": UNITS}, {"unit": 64}, of="reference lstm-2016")


def test_defaults_maps_each_name_to_its_default() -> None:
    assert defaults({"a.units": UNITS, "a.pooling": POOLING}) == {
        "a.units": 64,
        "a.pooling": "max",
    }


def test_take_gives_one_consumer_its_values_under_bare_names() -> None:
    params = {"text.maxlen": 400, "lstm.units": 64, "lstm_two.units": 8}
    assert take(params, "lstm") == {"units": 64}
    assert take(params, "text") == {"maxlen": 400}
    assert take(params, "train") == {}
