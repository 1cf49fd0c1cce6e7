"""search.predict as a program, on bundles of somebody who means harm."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest

from search.bundles import bundle
from search.system.keras_backend import tf
from tests.programs import call
from tests.search.formats.test_formats import exported
from tests.search.formats.test_hostile_onnx import beside
from tests.search.test_bundle import _manifest


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder in which nothing is to be written."""
    return tmp_path


def write_saved_model(folder: Path) -> None:
    """Write a graph that writes a file when it is called."""
    place = str(folder.parent.parent / "written")

    class Hostile(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def serve(self, text: Any) -> Any:
            with tf.control_dependencies([tf.io.write_file(place, text[0])]):
                return {"probabilities": tf.zeros([1, 2])}

    hostile = Hostile()
    signatures = {"serving_default": hostile.serve}
    tf.saved_model.save(hostile, str(folder / "saved_model"), signatures=signatures)
    (folder / "saved_model" / "assets").rmdir()


def write_onnx(folder: Path) -> None:
    """Write a model whose weights are said to lie in canary.bin."""
    model = onnx.load(exported(folder, "nbsvm", ("onnx",)) / "model.onnx")
    beside(model)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "canary.bin").write_bytes(b"0123456789abcdef")


def write_pipe(folder: Path) -> None:
    (folder / "model.keras").write_bytes(b"")


@pytest.mark.parametrize(
    ("write", "name", "said"),
    [
        (write_saved_model, "saved_model", "a model computes, but this one has the operation"),
        (write_onnx, "onnx", "external data"),
        (write_pipe, "keras", "is no regular file"),
    ],
    ids=["saved_model", "onnx", "pipe"],
)
def test_a_hostile_bundle_is_refused_in_one_line_and_does_nothing(
    home: Path, write: Any, name: str, said: str
) -> None:
    out = home / "bundle"
    with bundle.building(out) as folder:
        write(folder)
        bundle.seal(folder, replace(_manifest(), formats=(name,)))
    if write is write_pipe:
        (out / "model.keras").unlink()
        os.mkfifo(out / "model.keras")
    done = call(home, "search.predict", str(out), "A film.")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert {file.name for file in home.iterdir()} == {"bundle"}
