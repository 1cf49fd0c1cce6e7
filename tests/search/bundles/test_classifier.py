"""Load, predict, explain: the notebook's three lines, and what odd input gets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from search.bundles import bundle
from search.bundles.classifier import Classifier, load
from search.bundles.formats import NAMES
from tests.search.formats.test_formats import ODD, exported, params_of
from tests.search.test_bundle import _manifest
from tracking.commandline.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of an nbsvm, which looks at single words and pairs."""
    out = tmp_path_factory.mktemp("exports") / "best"
    with bundle.building(out) as building:
        exported(building, "nbsvm")
        params = params_of("nbsvm")
        bundle.seal(building, replace(_manifest(), params=params, formats=("onnx", *NAMES[:2])))
    return out


@pytest.fixture(scope="module")
def model(folder: Path) -> Classifier:
    return load(folder)


def test_a_text_gets_a_label_and_a_probability_for_each_class(model: Classifier) -> None:
    said = model.predict(["The film", "wonderful"])
    for one in said:
        assert set(one.probabilities) == {"neg", "pos"}
        assert sum(one.probabilities.values()) == pytest.approx(1)
        assert one.label == max(one.probabilities, key=lambda name: one.probabilities[name])


def test_the_recommended_format_is_taken_and_another_can_be_asked_for(folder: Path) -> None:
    assert load(folder).format == "onnx"
    assert load(folder, "keras").format == "keras"


def test_a_format_that_is_not_there_is_refused_with_those_that_are(folder: Path) -> None:
    with pytest.raises(UserError, match=r"no format 'pmml'\. It has: onnx, keras, saved_model"):
        load(folder, "pmml")


def test_no_texts_give_no_predictions(model: Classifier) -> None:
    assert model.predict([]) == []
    assert model.probabilities([]).shape == (0, 2)


def test_odd_texts_get_the_same_in_every_format(folder: Path) -> None:
    odd = [*ODD, "half \ud83c of a pair"]
    answers = [load(folder, name).probabilities(odd) for name in NAMES]
    for other in answers[1:]:
        assert abs(other - answers[0]).max() < 1e-5


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([None], "number 0 is None"),
        (["a", 5], "number 1 is 5"),
        ([["a"]], r"number 0 is \['a'\]"),
        ("one text", "put it into a list"),
        ([b"bytes"], "number 0 is b'bytes'"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(model: Classifier, texts: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        model.predict(texts)  # type: ignore[arg-type]


def test_an_explanation_is_what_the_score_loses_without_a_word(model: Classifier) -> None:
    text = "The film: good, bad, unheard-of"
    explained = model.explain(text)
    (said,) = model.predict([text])
    assert explained.label == said.label
    assert explained.probability == pytest.approx(said.probabilities[said.label])
    strengths = [abs(effect.change) for effect in explained.words]
    assert strengths == sorted(strengths, reverse=True)
    assert sorted(effect.place for effect in explained.words) == list(range(6))
    for effect in explained.words:
        own = ["the", "film", "good", "bad", "unheard", "of"]
        assert own[effect.place] == effect.word
        own[effect.place] = "zebra"
        (without,) = model.predict([" ".join(own)])
        expected = said.probabilities[said.label] - without.probabilities[said.label]
        assert effect.change == pytest.approx(expected, abs=1e-6)


def test_words_that_the_model_does_not_read_are_not_tried(model: Classifier) -> None:
    explained = model.explain("film " * 100 + "the end")
    places = sorted(effect.place for effect in explained.words)
    assert places == list(range(102 - 8, 102))  # text.maxlen is 8, the beginning is dropped


def test_an_empty_text_has_a_label_and_nothing_that_explains_it(model: Classifier) -> None:
    explained = model.explain(" ")
    assert explained.words == ()
    assert explained.label in model.classes


def test_a_place_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        load(tmp_path / "nothing")
    with pytest.raises(UserError, match="is not a bundle"):
        load(tmp_path)


def test_a_damaged_bundle_is_refused_before_anything_is_loaded(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    from search.bundles import formats

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "vocabulary.txt").write_text("other words", "utf-8")

    def never(name: str, folder: Path) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(formats, "open_score", never)
    with pytest.raises(UserError, match=r"vocabulary\.txt is not the file that was exported"):
        load(copy)


def kept_model(folder: Path, classes: str) -> Path:
    """What MLflow keeps of a trial's model."""
    exported(folder, "nbsvm", ("keras",))
    (folder / "classes.json").write_text(classes, "utf-8")
    return folder


def test_the_model_that_a_trial_keeps_is_loaded(tmp_path: Path) -> None:
    assert load(kept_model(tmp_path, '["neg", "pos"]')).classes == ("neg", "pos")


@pytest.mark.parametrize(
    "classes", ["", "{", "5", "[]", '["pos"]', '["pos", "pos"]', '["neg", 5]', "[" * 100_000]
)
def test_broken_names_of_classes_are_refused_in_one_line(tmp_path: Path, classes: str) -> None:
    (tmp_path / "classes.json").write_text(classes, "utf-8")
    with pytest.raises(UserError, match=r"classes\.json must be a list of two names") as refused:
        load(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_model_of_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    folder = kept_model(tmp_path, '["neg", "pos", "so"]')
    with pytest.raises(UserError, match=r"names 3 classes, but its model \(keras\) gives"):
        load(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_that_the_manifest_promises_and_the_folder_lacks_is_refused(
    tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    with bundle.building(out) as building:
        (building / "vocabulary.txt").write_text("the", "utf-8")
        bundle.seal(building, replace(_manifest(), formats=(name,)))
    with pytest.raises(UserError, match="cannot be loaded") as refused:
        load(out)
    assert "\n" not in str(refused.value)
