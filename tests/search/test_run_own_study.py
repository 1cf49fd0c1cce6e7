"""A study and a family from a person's own file: searched, exported, scored in a fresh process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.builders import place_database
from tests.programs import (
    Running,
    Story,
    call,
    environment,
    printed,
    snapshot,
    write_few_texts,
)
from tracking import store

STUDY_NAME = "attention-few-smoke"
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


def to_onnx(model, n_classes):
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    table, kernel, bias = (weights.numpy() for weights in model.weights)
    known = {"table": table, "kernel": 2 * kernel, "bias": bias, "one": np.float32(1)}
    known |= {"last": np.array([2], np.int64), "length": np.array([1], np.int64)}
    node = helper.make_node
    graph = helper.make_graph(
        [
            node("Gather", ["table", "ids"], ["words"]),
            node("Cast", ["ids"], ["is_word"], to=TensorProto.BOOL),
            node("Cast", ["is_word"], ["mask"], to=TensorProto.FLOAT),
            node("Unsqueeze", ["mask", "last"], ["wide"]),
            node("Mul", ["words", "wide"], ["kept"]),
            node("ReduceSum", ["kept", "length"], ["total"], keepdims=0),
            node("ReduceSum", ["wide", "length"], ["count"], keepdims=0),
            node("Div", ["total", "count"], ["mean"]),
            node("MatMul", ["mean", "kernel"], ["product"]),
            node("Add", ["product", "bias"], ["sum"]),
            node("Sigmoid", ["sum"], ["second"]),
            node("Sub", ["one", "second"], ["first"]),
            node("Concat", ["first", "second"], ["probabilities"], axis=1),
        ],
        "own",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["batch", "length"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in known.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


RANGES = {"units": Int(4, 8, default=4), "dropout": Float(0.0, 0.5, default=0.1)}
OWN = Family("own", build, to_onnx, **RANGES)
STUDY = Study("mine", "Does it work?", families=[OWN], search=["own.*"], trials=2)
'''


def test_a_study_goes_on_in_a_changed_space_but_not_with_other_code(tmp_path: Path) -> None:
    data, file = write_few_texts(tmp_path), tmp_path / "my_study.py"
    named = "units=Int(4, 8, default=4), dropout=Float(0.0, 0.5, default=0.1)"
    whole = STUDY.replace("**RANGES", named)  # as a person would write it
    file.write_text(whole)
    words = ("--study", str(file), "--data", str(data), "--max-epochs", "1", "--workers", "2")
    end = call(tmp_path, "search.run", *words)
    assert end.returncode == 0, end.stderr
    study = store.read_study(tmp_path / "mlruns", "mine-few")
    assert [trial.state for trial in study.trials] == ["complete"] * 2
    file.write_text(whole.replace("Scale(2.0)", "Scale(3.0)"))
    end = call(tmp_path, "search.run", *words, "--trials", "3")
    assert end.returncode == 2
    assert "a study keeps its source, but mine-few has my_study.py" in end.stderr
    file.write_text(whole.replace("units=Int(4, 8, default=4)", "units=Int(6, 9, default=6)"))
    end = call(tmp_path, "search.run", *words, "--trials", "3")
    assert end.returncode == 0, end.stderr
    assert "another space: own.units was 4 to 8, is 6 to 9. Its trials stay" in end.stdout
    study = store.read_study(tmp_path / "mlruns", "mine-few")
    assert (len(study.trials), len(study.plan.earlier)) == (3, 1)
    assert "units=Int(6, 9, default=6)" in study.plan.sources[0].text


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The study of the how-to guide, killed in its second trial, continued, taken to its end.

    All of it happens in a folder that has nothing of ours. The file is edited once in between, and
    gone when the search is over.
    """
    story = Story(tmp_path_factory.mktemp("own"))
    home, file = story.home, story.home / "my_study.py"
    write_few_texts(home)
    file.write_text(printed("class Attention"))
    words = ["--study", "my_study.py", "--data", "few.csv", "--test-share", "0.2", "--smoke"]
    words += ["--trials", "4", "--workers", "2", "--keep-models", "4"]
    killed = Running(home, *words, cwd=home)
    killed.wait_for("trial 1 (")
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.end()
    killed.wait_until_gone()
    file.write_text(printed("class Attention") + "OTHER = 1\n")
    story.facts["edited"] = call(home, "search.run", *words, cwd=home)
    file.write_text(printed("class Attention"))
    story.ends.append(call(home, "search.run", *words, cwd=home))
    file.unlink()
    of_study = ("--study", STUDY_NAME)
    for module, typed in (
        ("search.evaluate", (*of_study, "--seeds", "1", "--top", "1", "--json")),
        ("search.export", (*of_study, "--out", "model", "--trial", "0")),
        ("search.predict", ("model", "a fine film")),
    ):
        story.facts[module] = call(home, module, *typed, cwd=home)
        story.ends.append(call(home, module, *typed, "--trust-code", cwd=home))
    return story


def test_the_example_of_the_guide_is_searched_killed_continued_evaluated_and_exported(
    story: Story,
) -> None:
    for end in story.ends:
        assert end.returncode == 0, end.stderr
    assert json.loads(story.ends[1].stdout)["looks_at_test"] == 1
    assert "onnx is left out: family attention is of my_study.py" in story.ends[2].stdout
    assert story.ends[3].stdout.startswith(("pos\t", "neg\t"))


def test_a_study_that_was_killed_has_each_trial_once_and_the_whole_file(story: Story) -> None:
    study = store.read_study(story.home / "mlruns", STUDY_NAME)
    assert [trial.state for trial in study.trials] == ["complete"] * 4
    names = [trial.proposed_by for trial in study.trials][:2]
    assert names == ["defaults-attention", "defaults-nbsvm"]
    (source,) = study.plan.sources
    text = printed("class Attention")
    assert (source.name, source.text, source.families) == ("my_study.py", text, ("attention",))
    assert (story.home / "model" / "source.py").read_text() == text


def test_a_study_does_not_go_on_with_an_edited_file(story: Story) -> None:
    end = story.facts["edited"]
    assert (end.returncode, end.stderr.count("\n")) == (2, 1)
    assert f"a study keeps its source, but {STUDY_NAME} has my_study.py of SHA-256" in end.stderr
    assert "--fresh" in end.stderr


@pytest.mark.parametrize("module", ["search.evaluate", "search.export", "search.predict"])
def test_what_runs_a_recorded_file_asks_to_be_told_that_it_is_trusted(
    module: str, story: Story
) -> None:
    end = story.facts[module]
    assert (end.returncode, end.stdout, end.stderr.count("\n")) == (2, "", 1)
    assert "holds code of its own, my_study.py" in end.stderr
    assert "--trust-code" in end.stderr


@pytest.mark.parametrize("format", ["keras", "saved_model"])
def test_each_format_is_scored_in_a_process_of_its_own(format: str, story: Story) -> None:
    words = ("model", "a fine film", "--trust-code", "--format", format)
    assert call(story.home, "search.predict", *words, cwd=story.home).returncode == 0


def test_mlflow_loads_a_kept_model_where_its_file_is_named_as_trusted(story: Story) -> None:
    study = store.read_study(story.home / "mlruns", STUDY_NAME)
    uri = f"sqlite:///{story.home / 'mlruns' / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(STUDY_NAME)
    run_id = study.trials[0].run_id
    (model,) = (
        one
        for one in client.search_logged_models([experiment.experiment_id])
        if one.source_run_id == run_id
    )
    code = (
        "import mlflow, pandas, sys\n"
        f"mlflow.set_tracking_uri({uri!r})\n"
        f"model = mlflow.pyfunc.load_model({model.model_uri!r})\n"
        "print(model.predict(pandas.DataFrame({'text': ['a fine film']})).columns[0])\n"
    )
    ends = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=story.home,
            env={**environment(story.home), "SEQSEARCH_TRUST_CODE": trusted},
            capture_output=True,
            text=True,
            check=False,
        )
        for trusted in ("", study.plan.sources[0].sha256)
    ]
    assert "holds code of its own" in ends[0].stderr
    assert ends[1].stdout == "label\n", ends[1].stderr


def test_a_mistake_in_build_ends_the_run_before_anything_is_recorded(tmp_path: Path) -> None:
    file = tmp_path / "my_study.py"
    file.write_text(STUDY.replace("layers.Embedding(n_tokens", "layers.Embeding(n_tokens"))
    words = ("--study", "my_study.py", "--data", str(write_few_texts(tmp_path)))
    end = call(tmp_path, "search.run", *words, cwd=tmp_path)
    assert (end.returncode, end.stderr.count("\n")) == (2, 1)
    assert end.stderr.startswith("error: my_study.py, line 23: AttributeError: ")
    assert not list(tmp_path.glob("mlruns/mlflow.db"))


def test_a_mistake_that_only_some_values_show_fails_their_trial(tmp_path: Path) -> None:
    place_database(tmp_path / "mlruns")
    file = tmp_path / "my_study.py"
    raises = "    if units == 8:\n        raise ValueError('eight is too many')\n    ids ="
    file.write_text(STUDY.replace("    ids =", raises))
    words = ["--study", "my_study.py", "--data", str(write_few_texts(tmp_path)), "--smoke"]
    words += ["--engine", "keras-tuner", "--sampler", "grid", "--trials", "3"]
    words += ["--range", "own.units=4,8", "--set", "own.dropout=0.1"]
    end = call(tmp_path, "search.run", *words, cwd=tmp_path)
    assert end.returncode == 0, end.stderr
    trials = store.read_study(tmp_path / "mlruns", "mine-few-smoke").trials
    assert [trial.state for trial in trials] == ["complete", "complete", "failed"]
    assert trials[2].reason == "my_study.py, line 23: ValueError: eight is too many"


def test_an_own_study_runs_on_a_cluster_and_its_own_converter_writes_onnx(tmp_path: Path) -> None:
    place_database(tmp_path / "mlruns")
    (tmp_path / "my_study.py").write_text(STUDY)
    words = ("--study", "my_study.py", "--data", str(write_few_texts(tmp_path)), "--smoke")
    end = call(tmp_path, "search.run", *words, "--cluster", "local", cwd=tmp_path)
    assert end.returncode == 0, end.stderr
    snapshot(tmp_path, "mine-few-smoke").assert_whole()
    trials = store.read_study(tmp_path / "mlruns", "mine-few-smoke").trials
    assert [trial.state for trial in trials] == ["complete"] * 2
    words = ("--study", "mine-few-smoke", "--out", "model", "--trust-code")
    end = call(tmp_path, "search.export", *words, cwd=tmp_path)
    assert end.returncode == 0, end.stderr  # all formats agree
    assert "onnx" in end.stdout
    words = ("model", "a fine film", "--format", "onnx")
    assert call(tmp_path, "search.predict", *words, cwd=tmp_path).returncode == 2
    end = call(tmp_path, "search.predict", *words, "--trust-code", cwd=tmp_path)
    assert end.returncode == 0, end.stderr


def test_an_installed_package_brings_a_study_and_a_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_database(tmp_path / "mlruns")
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site))
    (site / "ownpackage").mkdir(parents=True)
    (site / "ownpackage" / "__init__.py").write_text(STUDY)
    about = site / "ownpackage-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ownpackage\nVersion: 1.0\n")
    points = "[seqsearch.studies]\nmine = ownpackage:STUDY\n"
    points += "[seqsearch.families]\nown = ownpackage:OWN\n"
    (about / "entry_points.txt").write_text(points)
    listed = call(tmp_path, "search.run", "--list", "--json", cwd=tmp_path)
    assert {"study": "mine", "package": "ownpackage"}.items() <= json.loads(listed.stdout)[
        -1
    ].items()
    data = write_few_texts(tmp_path)
    words = ("--data", str(data), "--smoke", "--trials", "1")
    end = call(tmp_path, "search.run", "--study", "mine", *words, cwd=tmp_path)
    assert end.returncode == 0, end.stderr
    (source,) = store.read_study(tmp_path / "mlruns", "mine-few-smoke").plan.sources
    assert (source.module, source.text) == ("ownpackage", STUDY)
    dry = ("--study", "cnn", "--families", "own,cnn", "--data", str(data), "--dry-run")
    end = call(tmp_path, "search.run", *dry, cwd=tmp_path)
    assert end.returncode == 0, end.stderr
    assert "own.units" in end.stdout


@pytest.mark.parametrize(
    ("content", "named", "says"),
    [
        ("STUDY = ", "", "line 1: SyntaxError"),
        ("import spaces\nSTUDY = spaces.Studdy('a')", "", "line 2: AttributeError"),
        ("from spaces import Study\nSTUDY = Study('a', '?', families=['lstn'])", "", "lstm?"),
        ("STUDY = 3", "", "STUDY must be a Study or a function build_model(hp), but is a int"),
        (STUDY, ":STUDI", "Did you mean my_study.py:STUDY?"),
        (STUDY.replace('"own"', '"lstm"'), "", "family lstm is one of ours"),
        (STUDY.replace('"units"', '"unit"'), "", "own: build(n_tokens"),
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
