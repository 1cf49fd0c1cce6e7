"""A study and a family from a person's own file: searched, exported, scored in a fresh process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import call, write_few_texts
from tracking import store

STUDY = '''
import keras

from spaces import Family, Float, Int, Study


class Scale(keras.layers.Layer):
    """A layer of its own, which Keras was not told of."""

    def __init__(self, by, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, features):
        return features * self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}


def build(n_tokens, maxlen, n_classes, masked, *, units, dropout):
    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(n_tokens, units, mask_zero=masked)(ids)
    features = Scale(2.0)(keras.layers.GlobalAveragePooling1D()(words))
    features = keras.layers.Dropout(dropout)(features)
    return keras.Model(ids, keras.layers.Dense(1, activation="sigmoid")(features))


OWN = Family("own", build, units=Int(4, 8, default=4), dropout=Float(0.0, 0.5, default=0.1))
STUDY = Study("mine", "Does it work?", families=[OWN], search=["own.*"], trials=2)
'''


def test_an_own_study_is_searched_exported_and_scored_elsewhere(tmp_path: Path) -> None:
    data, file = write_few_texts(tmp_path), tmp_path / "my_study.py"
    file.write_text(STUDY)
    words = ("--study", str(file), "--data", str(data), "--max-epochs", "1", "--workers", "2")
    end = call(tmp_path, "search.run", *words)
    assert end.returncode == 0, end.stderr
    study = store.read_study(tmp_path / "mlruns", "mine-few")
    assert [trial.state for trial in study.trials] == ["complete"] * 2
    (source,) = study.plan.sources
    assert (source.name, source.text, source.families) == ("my_study.py", STUDY, ("own",))
    file.write_text(STUDY + "# another file\n")
    end = call(tmp_path, "search.run", *words, "--trials", "3")
    assert end.returncode == 2
    assert "a study keeps its source, but mine-few has my_study.py" in end.stderr
    file.unlink()

    out = tmp_path / "model"
    export = ("--study", "mine-few", "--out", str(out))
    assert "--trust-code" in call(tmp_path, "search.export", *export).stderr
    end = call(tmp_path, "search.export", *export, "--trust-code")
    assert end.returncode == 0, end.stderr
    assert "onnx is left out" in end.stdout
    assert (out / "source.py").read_text() == STUDY
    refused = call(tmp_path, "search.predict", str(out), "a fine film")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "holds code of its own, my_study.py" in refused.stderr
    for format in ("keras", "saved_model"):
        trusted = ("--trust-code", "--format", format)
        end = call(tmp_path, "search.predict", str(out), "a fine film", *trusted)
        assert end.returncode == 0, end.stderr


@pytest.mark.parametrize(
    ("content", "named", "says"),
    [
        ("STUDY = ", "", "line 1: SyntaxError"),
        ("import spaces\nSTUDY = spaces.Studdy('a')", "", "line 2: AttributeError"),
        ("from spaces import Study\nSTUDY = Study('a', '?', families=['lstn'])", "", "lstm?"),
        ("STUDY = 3", "", "STUDY must be a Study or a function build_model(hp), but is a int"),
        (STUDY, ":STUDI", "Did you mean my_study.py:STUDY?"),
        (STUDY.replace('"own"', '"lstm"'), "", "family lstm is one of ours"),
        (STUDY.replace("units=Int", "unit=Int"), "", "own: build(n_tokens"),
        (STUDY.replace("default=4", "default=99"), "", "own.units must be in 4 to 8, but got 99"),
        (STUDY.replace('"own.*"', '"owm.*"'), "", "unknown hyperparameter 'owm.*'"),
        (STUDY.replace("trials=2", 'timeout="soon"'), "", "but got 'soon'"),
    ],
)
def test_a_file_that_is_no_study_is_refused_in_one_line(
    content: str, named: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from search.cli.find_plan import find_plan
    from tracking.commandline.errors import UserError

    file = tmp_path / "my_study.py"
    file.write_text(content)
    with pytest.raises(UserError) as refusal:
        find_plan(f"{file}{named}")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)
