"""ONNX files that name other files, or hold what no export has: refused before they are opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from search.bundles import formats
from search.bundles.formats import onnx_check
from tests.search.formats.test_formats import exported
from tracking.commandline.errors import UserError


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export."""
    return exported(tmp_path_factory.mktemp("honest"), "nbsvm", ("onnx",))


def external(location: str) -> onnx.TensorProto:
    tensor = onnx.TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[4])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def beside(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(external("./canary.bin"))


def above(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(external("../secret.txt"))


def anywhere(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(external("/etc/hostname"))


def without_a_mark(model: onnx.ModelProto) -> None:
    tensor = external("./canary.bin")
    tensor.ClearField("data_location")
    model.graph.initializer.append(tensor)


def in_place_of_weights(model: onnx.ModelProto) -> None:
    first = model.graph.initializer[0]
    first.data_location = TensorProto.EXTERNAL
    first.external_data.add(key="location", value="./canary.bin")


def in_an_attribute(model: onnx.ModelProto) -> None:
    model.graph.node.append(
        helper.make_node("Identity", [], ["x"], value=external("./canary.bin"))
    )


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(external("./canary.bin"))


def a_graph_within(model: onnx.ModelProto) -> None:
    inner = helper.make_graph([], "inner", [], [], [external("./canary.bin")])
    model.graph.node.append(helper.make_node("Identity", [], ["x"], body=inner))


def a_function(model: onnx.ModelProto) -> None:
    node = helper.make_node("Constant", [], ["x"], value=external("./canary.bin"))
    model.functions.append(
        helper.make_function("own", "F", [], ["x"], [node], [helper.make_opsetid("", 17)])
    )


def training(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.initializer.append(external("./canary.bin"))


def another_operator(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["x"]))


def another_domain(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Add", ["a"], ["b"], domain="com.microsoft"))


def a_tensor_of_400_gigabytes(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(
        onnx.TensorProto(name="x", data_type=TensorProto.FLOAT, dims=[10**11], raw_data=b"\0" * 4)
    )


def a_negative_tensor(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -1


def a_tensor_of_texts(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(["x"], object), "x"))


def metadata(model: onnx.ModelProto) -> None:
    model.metadata_props.add(key="x", value="y")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (beside, "external data"),
        (above, "external data"),
        (anywhere, "external data"),
        (without_a_mark, "external data"),
        (in_place_of_weights, "external data"),
        (in_an_attribute, "no attribute of ours has field 5"),
        (sparse, "no graph of ours has field 15"),
        (a_graph_within, "no attribute of ours has field 6"),
        (a_function, "no model of ours has field 25"),
        (training, "no model of ours has field 20"),
        (another_operator, "no model of ours has the operator 'Loop'"),
        (another_domain, "no node of ours has field 7"),
        (a_tensor_of_400_gigabytes, "is not as large as a tensor of shape"),
        (a_negative_tensor, "is not as large as a tensor of shape"),
        (a_tensor_of_texts, "of ours has"),
        (metadata, "no model of ours has field 14"),
    ],
)
def test_a_model_with_what_no_export_has_is_refused(
    honest: Path, harm: Callable[[onnx.ModelProto], None], said: str, tmp_path: Path
) -> None:
    model = onnx.load(honest / "model.onnx")
    harm(model)
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name in ("encoder.json", "vocabulary.txt"):
        (folder / name).write_bytes((honest / name).read_bytes())
    for secret in (folder / "canary.bin", tmp_path / "secret.txt"):
        secret.write_bytes(b"0123456789abcdef")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match=rf"model\.onnx cannot be loaded: .*{said}") as refused:
        formats.open_score("onnx", folder)
    assert "\n" not in str(refused.value)


def test_an_export_passes_and_each_cut_of_it_ends_in_one_line(honest: Path) -> None:
    content = (honest / "model.onnx").read_bytes()
    onnx_check.check(content)
    for end in range(1, min(len(content), 3_000), 7):
        with pytest.raises(ValueError, match=r"cut short|of ours|as large"):
            onnx_check.check(content[:end])


@pytest.mark.parametrize("content", [b"\x0b\x0c", b"\xff" * 20, b"\x00\x01", b"\x3a\xff\xff\x03"])
def test_bytes_that_are_no_message_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"of ours has|too long|cut short"):
        onnx_check.check(content)


@pytest.mark.parametrize(
    "settings",
    [
        "[]",
        "{}",
        '{"maxlen": 1000000000000, "truncating": "pre", "padding": "full"}',
        '{"maxlen": "8", "truncating": "pre", "padding": "full"}',
        '{"maxlen": 8, "truncating": "elsewhere", "padding": "full"}',
        '{"maxlen": 8, "truncating": "pre", "padding": "full", "more": 1}',
        "[" * 100_000,
    ],
)
def test_settings_of_an_encoder_that_are_none_are_refused(
    honest: Path, settings: str, tmp_path: Path
) -> None:
    for name in ("model.onnx", "vocabulary.txt"):
        (tmp_path / name).write_bytes((honest / name).read_bytes())
    (tmp_path / "encoder.json").write_text(settings)
    with pytest.raises(UserError, match=r"model\.onnx cannot be loaded: ") as refused:
        formats.open_score("onnx", tmp_path)
    assert "\n" not in str(refused.value)
