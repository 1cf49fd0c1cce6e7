"""A family of a person's own is built once before its study; each mistake is one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.datasets.cache import Dataset
from search.system.own_code import load
from search.training.failures import TrialFailed
from search.workers.tasks import CheckTask, FamilyWorks
from search.workers.worker_main import _outcome
from spaces.families import FAMILIES, space_of
from spaces.ranges import defaults
from tests.own_family import OWN_FAMILY
from tracking.records import SourceRecord


def outcome(text: str, data: Dataset, folder: Path, **values: object) -> object:
    """Return what a trial's process would say of a family."""
    source = SourceRecord("mine.py", text, families=("own",))
    load(source)
    params = {**defaults(space_of("own")), "text.vocab_size": 500, **values}
    task = CheckTask(params, "own", data, folder, source)
    try:
        return _outcome(task, lambda step: None)
    finally:
        del FAMILIES["own"]


def test_a_family_that_works_is_let_through(tiny_dataset: Dataset, tmp_path: Path) -> None:
    assert isinstance(outcome(OWN_FAMILY, tiny_dataset, tmp_path), FamilyWorks)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("words = keras.", "words = kera.", "mine.py, line 21: NameError: name 'kera' is not"),
        ("features * self.by", "features @ self.by", "mine.py, line 13: "),
        ("return keras.Model", "keras.Model", "must return a keras.Model, but returns nothing"),
        ("Dense(1,", "Dense(3,", "shape (batch, 1) or (batch, 2) for 2 classes, but its output"),
        ('"sigmoid"', '"linear"', "must return probabilities (activation sigmoid at its end)"),
        ("n_tokens, 8", "n_tokens - 9, 8", "must take int32 token ids from 0 to 499 of shape"),
        ("Input((None,)", "Input((9,)", "must take int32 token ids from 0 to 499 of shape (4, 60"),
        (", mask_zero=masked", "", "the same probability whatever its padding"),
        (
            "Scale(2.0)",
            "keras.layers.Lambda(lambda x: 2 * x)",
            "must be saved and loaded by Keras",
        ),
        ('{**super().get_config(), "by": self.by}', '{"name": 3, "by": 2}', "saved and loaded"),
    ],
)
def test_a_mistake_is_told_in_one_line_that_says_what_must_hold(
    before: str, after: str, says: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    assert before in OWN_FAMILY
    failure = outcome(OWN_FAMILY.replace(before, after), tiny_dataset, tmp_path)
    assert isinstance(failure, TrialFailed), failure
    assert says in str(failure)
    assert "\n" not in str(failure)


def test_a_model_that_comes_compiled_is_refused(tiny_dataset: Dataset, tmp_path: Path) -> None:
    text = OWN_FAMILY.replace("    return keras.Model(", "    model = keras.Model(")
    text = text.replace("\n\nOWN", '\n    model.compile("adam")\n    return model\n\n\nOWN')
    assert "not compiled" in str(outcome(text, tiny_dataset, tmp_path))


def test_without_a_mask_a_model_works_where_every_text_has_one_length(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    text = OWN_FAMILY.replace(", mask_zero=masked", "")
    padding = {"text.padding": "full", "text.maxlen": 30}
    assert isinstance(outcome(text, tiny_dataset, tmp_path, **padding), FamilyWorks)


def test_a_fault_of_ours_keeps_its_traceback(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.workers.checking._check_form", lambda task, model: 1 / 0)
    assert "Traceback" in str(outcome(OWN_FAMILY, tiny_dataset, tmp_path))
