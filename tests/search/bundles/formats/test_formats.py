"""Each family, in each format: equal probabilities, whatever the text and its neighbours."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.bundles import formats
from search.bundles.formats import encoder, keras_file
from search.bundles.formats.saved_graph import OPERATIONS
from search.datasets.batches import Labelled, pack
from search.datasets.tokenizer import SEPARATORS, preparation, words
from search.models import keras_loading, layers
from search.models.ensemble import blend
from search.models.fused import loops_only
from search.models.keras_size import n_weights
from search.models.text_layer import with_text
from search.system.keras_backend import keras, tf  # first: it silences TensorFlow's start
from search.training.trial import build
from spaces.families import FAMILIES, space_of
from spaces.ranges import Choice, Int, defaults
from tracking.commandline.errors import UserError

WORDS = ["the", "film", "don't", "été", "good", "bad", "a\u00a0b", "wonderful", "plot", "of"]
SMALL = {"text.vocab_size": 14, "text.maxlen": 8, "train.epochs": 1}
ODD = [
    "",
    "   ",
    "\0",
    "<br /><b>The</b> film",
    "🎬 🎬🎬",
    "ΑΣ ÉTÉ \u0416\u0443\u043a",
    "3.14 42",
    "The FILM don't " * 70_000,  # a megabyte
    "good bad good bad wonderful plot of the film",
]


# Hyperparameters that leave no other layers behind.
NOT_OF_THE_MODEL = ("text.truncating", "text.vectors", "train.teacher")


def params_of(family: str, **changes: Any) -> dict[str, Any]:
    return {**defaults(space_of(family)), **SMALL, **changes}


def variants() -> list[Any]:
    """Each family at its defaults, and with each choice and each number of layers it has."""
    found = []
    for family in FAMILIES:
        found.append(pytest.param(family, {}, id=family))
        for name, range_ in space_of(family).items():
            options: list[Any] = []
            if isinstance(range_, Choice) and name not in NOT_OF_THE_MODEL:
                options = [one for one in range_.options if one != range_.default]
            elif isinstance(range_, Int) and name.endswith((".layers", "_kernels", "pool_size")):
                options = [2, 3]
            found += [
                pytest.param(family, {name: one}, id=f"{family}-{name}-{one}") for one in options
            ]
    return found


def model_of(family: str, params: Mapping[str, Any], n_classes: int = 2) -> keras.Model:
    """A model of raw text, with weights that make a difference."""
    chance = np.random.default_rng(0)
    rows = [chance.integers(4, 14, size=n).astype(np.int32) for n in (1, 3, 5, 8)]
    pad_to = params["text.maxlen"] if params["text.padding"] == "full" else None
    data = Labelled(pack(rows), np.arange(4, dtype=np.int32) % n_classes, pad_to)
    model = build(params, family, n_classes, data)
    for weights in model.trainable_weights:
        weights.assign(weights + chance.normal(0, 0.3, weights.shape))
    return with_text(model, WORDS, **preparation(params))


def exported(
    folder: Path, family: str, names: tuple[str, ...] = formats.NAMES, n_classes: int = 2
) -> Path:
    model = model_of(family, params_of(family), n_classes)
    write(folder, model, names, n_classes)
    return folder


def write(folder: Path, model: keras.Model, names: tuple[str, ...], n_classes: int = 2) -> None:
    classes = ("neg", "pos", "so")[:n_classes]
    (folder / "vocabulary.txt").write_bytes("\n".join(WORDS).encode())
    for name in names:
        formats.write(name, model, folder, classes)


def traced_model(model: keras.Model) -> Any:
    """A model as a graph, which is also what a SavedModel holds of it."""
    signature = [tf.TensorSpec([None], tf.string)]
    called = tf.function(lambda texts: model(texts, training=False), input_signature=signature)
    with loops_only():
        return called.get_concrete_function()


def operations(graph: Any) -> set[str]:
    functions = graph.library.function
    return {node.op for node in (*graph.node, *(n for one in functions for n in one.node_def))}


@pytest.mark.parametrize(("family", "changes"), variants())
def test_onnx_gives_what_keras_gives(family: str, changes: dict[str, Any], tmp_path: Path) -> None:
    params = params_of(family, **changes)
    for n_classes in (2, 3):
        model = model_of(family, params, n_classes)
        write(tmp_path, model, ("onnx",), n_classes)
        scores = formats.open_score("onnx", tmp_path)(ODD)
        assert n_weights(json.loads(model.to_json())) == model.count_params()
        traced = traced_model(model)
        assert operations(traced.graph.as_graph_def()) <= OPERATIONS
        expected = np.asarray(traced(keras_file.as_tensor(ODD)))
        if n_classes == 2:
            expected = np.concatenate([1 - expected, expected], axis=1)
        assert scores.shape == (len(ODD), n_classes)
        np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_format_gives_the_same_alone_and_beside_longer_texts(
    family: str, tmp_path: Path
) -> None:
    exported(tmp_path, family)
    scores = {name: formats.open_score(name, tmp_path) for name in formats.NAMES}
    together = {name: score(ODD) for name, score in scores.items()}
    alone = np.concatenate([scores["onnx"]([text]) for text in ODD])
    assert np.ptp(alone[:, 0]) > 1e-4  # it does make a difference
    for name in formats.NAMES:
        np.testing.assert_allclose(together[name], alone, atol=1e-5, err_msg=name)
        assert together[name].dtype == np.float32


@pytest.mark.parametrize("masked", [True, False], ids=["masked", "unmasked"])
@pytest.mark.parametrize("pooling", ["GlobalMaxPooling1D", "GlobalAveragePooling1D"])
def test_a_model_that_pools_with_a_layer_of_keras_is_exported(
    pooling: str, masked: bool, tmp_path: Path
) -> None:
    ids, steps = layers.embed(14, masked, dim=4, dropout=0.1)
    pooled = getattr(keras.layers, pooling)()(steps)
    model = keras.Model(ids, layers.classify(pooled, 2))
    params = params_of("cnn", **{"text.padding": "bucket" if masked else "full"})
    write(tmp_path, with_text(model, WORDS, **preparation(params)), formats.NAMES)
    scores = [formats.open_score(name, tmp_path)(ODD) for name in formats.NAMES]
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=1e-5)


def test_a_saved_model_loads_without_code_of_ours_and_gives_labels(tmp_path: Path) -> None:
    exported(tmp_path, "lstm", ("saved_model", "onnx"), n_classes=3)
    program = (
        "import sys, tensorflow as tf\n"
        "model = tf.saved_model.load(sys.argv[1])\n"
        'said = model.signatures["serving_default"](text=tf.constant(["the film", ""]))\n'
        'print(*(label.decode() for label in said["label"].numpy()))\n'
        'print(*said["probabilities"].numpy().ravel())\n'
        'assert not any(name.startswith("search") for name in sys.modules)\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "saved_model")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    labels, numbers = done.stdout.strip().splitlines()
    scores = formats.open_score("onnx", tmp_path)(["the film", ""])
    assert labels.split() == [("neg", "pos", "so")[row] for row in scores.argmax(axis=1)]
    np.testing.assert_allclose(np.array(numbers.split(), float), scores.ravel(), atol=1e-5)


def test_the_encoder_of_a_bundle_stands_alone(tmp_path: Path) -> None:
    exported(tmp_path, "lstm", ("onnx",))
    spec = importlib.util.spec_from_file_location("stranger", tmp_path / "encoder.py")
    assert spec is not None
    assert spec.loader is not None
    stranger: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stranger)
    ids = stranger.Encoder.load(tmp_path)(["The film!", ""])
    assert ids == [[1, 4, 5], [1, 0, 0]]
    tree = ast.parse((tmp_path / "encoder.py").read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    assert names
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@settings(deadline=None)
@given(st.text(max_size=40))
def test_the_encoder_has_the_words_of_training(text: str) -> None:
    assert encoder.words(text) == words(text)
    assert encoder.SEPARATORS == SEPARATORS


def test_onnx_loads_neither_tensorflow_nor_mlflow(tmp_path: Path) -> None:
    exported(tmp_path, "nbsvm", ("onnx",))
    program = (
        "import sys\nfrom pathlib import Path\nfrom search.bundles import formats\n"
        'formats.open_score("onnx", Path(sys.argv[1]))(["the film"])\n'
        'print(*({"tensorflow", "keras", "mlflow", "onnx"} & set(sys.modules)))\n'
    )
    root = Path(__file__).parents[4]
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    exported(tmp_path, "lstm")
    (tmp_path / "model.keras").write_bytes(b"PK no archive")
    (tmp_path / "model.onnx").write_bytes(b"\x08\x01")
    (tmp_path / "saved_model" / "saved_model.pb").write_bytes(b"\xff\xff")
    for name in formats.NAMES:
        with pytest.raises(UserError, match="cannot be loaded") as refused:
            formats.open_score(name, tmp_path)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (keras.layers.Lambda(lambda x: x), "Lambda"),
        (keras.layers.GaussianNoise(0.1), "GaussianNoise"),
    ],
    ids=["code", "not ours"],
)
def test_a_foreign_layer_is_refused_by_its_name(
    layer: keras.Layer, named: str, tmp_path: Path
) -> None:
    text = keras.Input((3,))
    keras.Model(text, layer(text)).save(tmp_path / "model.keras")
    with pytest.raises(UserError, match=rf"is refused: .*{named}"):
        keras_loading.load(tmp_path / "model.keras")


@pytest.mark.parametrize(
    "made_of",
    [
        {"module": "os", "class_name": "system", "config": "true"},
        {"module": "os", "class_name": "Dense", "config": {}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {}},
        {"module": "builtins", "class_name": "function", "registered_name": "function"},
        {"module": "x", "class_name": "LSTM", "registered_name": "seqsearch>LSTM"},
        {"module": "keras.layers", "class_name": "Dense", "registered_name": "evil>Dense"},
    ],
)
def test_a_name_from_elsewhere_is_refused_however_deep(made_of: Any) -> None:
    with pytest.raises(UserError, match="is refused"):
        keras_loading.check({"config": {"layers": [{"inner": made_of}]}}, Path("model.keras"))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_an_ensemble_gives_the_mean_of_its_members_in_every_format(
    truncating: str, n_classes: int, tmp_path: Path
) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("nbsvm", {}),
        ("lstm", {"text.maxlen": 5, "text.vocab_size": 9}),
        ("cnn", {"text.maxlen": 6, "text.padding": "full", "text.vocab_size": 11}),
    ]
    members = {
        number: model_of(
            family, params_of(family, **changes, **{"text.truncating": truncating}), n_classes
        )
        for number, (family, changes) in enumerate(asked)
    }
    model = blend(members, [0, 1, 1, 2])
    alone = [np.asarray(members[number](keras_file.as_tensor(ODD))) for number in (0, 1, 1, 2)]
    expected = np.mean(alone, axis=0)
    if n_classes == 2:
        expected = np.concatenate([1 - expected, expected], axis=1)
    assert n_weights(json.loads(model.to_json())) == model.count_params()
    assert operations(traced_model(model).graph.as_graph_def()) <= OPERATIONS
    write(tmp_path, model, formats.NAMES, n_classes)
    for name in formats.NAMES:
        scores = formats.open_score(name, tmp_path)(ODD)
        np.testing.assert_allclose(scores, expected, atol=1e-5, err_msg=name)
