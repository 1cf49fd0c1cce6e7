"""Keras files that ask for more than they hold: refused before Keras makes room for anything."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest

from search.bundles import formats
from search.bundles.formats import keras_file
from tests.search.formats.test_formats import exported
from tracking.commandline.errors import UserError

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What lies in an export, by name."""
    folder = exported(tmp_path_factory.mktemp("honest"), "cnn_lstm", ("keras",))
    with zipfile.ZipFile(folder / "model.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(folder: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(folder / "model.keras", "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def find(config: Any, name: str) -> dict[str, Any]:
    """The first layer of a class."""
    return next(layer for layer in keras_file._objects(config) if layer["class_name"] == name)


def set_in(name: str, key: str, value: object) -> Callable[[Any], None]:
    def harm(config: Any) -> None:
        find(config, name)["config"][key] = value

    return harm


def built_larger(config: Any) -> None:
    find(config, "Dense")["build_config"] = {"input_shape": [None, 3 * 10**8]}


def one_name_for_two(config: Any) -> None:
    find(config, "Dropout")["name"] = find(config, "Embedding")["name"]


def a_layer_without_its_size(config: Any) -> None:
    del find(config, "Dense")["config"]["units"]


NEEDS, LOADED = r"is refused: its layers need [\d,]+ bytes of weights", "cannot be loaded"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (set_in("Dense", "units", 3 * 10**8), NEEDS),
        (set_in("Embedding", "input_dim", 3 * 10**8), NEEDS),
        (set_in("Embedding", "output_dim", 10**6), NEEDS),
        (set_in("TailMaskedLSTM", "units", 10**5), NEEDS),
        (set_in("MaskedConv1D", "filters", 10**8), NEEDS),
        (set_in("MaskedConv1D", "kernel_size", [10**8]), NEEDS),
        (built_larger, NEEDS),
        (set_in("Dense", "units", 3e8), LOADED),
        (set_in("Dense", "units", "many"), LOADED),
        (set_in("Dense", "units", -1), LOADED),
        (set_in("Dense", "lora_rank", 10**9), "no layer of ours has lora_rank"),
        (set_in("Dense", "dtype", "int8_from_float32"), "computes in 'int8_from_float32'"),
        (set_in("EncodeText", "maxlen", 10**12), "from 0 to 100,000"),
        (set_in("MaxPoolSteps", "pool_size", 10**9), "from 0 to 100,000"),
        (one_name_for_two, LOADED),
        (a_layer_without_its_size, LOADED),
    ],
)
def test_a_model_that_is_larger_than_its_file_is_refused(
    honest: dict[str, bytes], harm: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    config = json.loads(honest[CONFIG])
    harm(config)
    write(tmp_path, {**honest, CONFIG: json.dumps(config).encode()})
    with pytest.raises(UserError, match=said) as refused:
        formats.open_score("keras", tmp_path)
    assert "\n" not in str(refused.value)


def weights_of(fill: Callable[[h5py.File], object]) -> bytes:
    held = io.BytesIO()
    with h5py.File(held, "w") as weights:
        fill(weights)
    return held.getvalue()


def in_another_file(weights: h5py.File) -> None:
    weights.create_dataset("x", (4,), "f4", external=[("/etc/hostname", 0, 16)])


def packed(weights: h5py.File) -> None:
    weights.create_dataset("x", (10**9,), "f4", chunks=(10**6,), compression="gzip")


def never_written(weights: h5py.File) -> None:
    weights.create_dataset("x", (10**11,), "f4")


def around_in_a_circle(weights: h5py.File) -> None:
    weights["group/again"] = weights.create_group("group")


def virtual(weights: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (4,))
    weights.create_virtual_dataset("x", layout)


@pytest.mark.parametrize(
    "fill",
    [
        in_another_file,
        packed,
        never_written,
        around_in_a_circle,
        virtual,
        lambda weights: weights.update({"x": h5py.ExternalLink("/etc/hostname", "/")}),
        lambda weights: weights.update({"x": h5py.SoftLink("/y")}),
    ],
    ids=["external", "packed", "never written", "circle", "virtual", "outside", "soft link"],
)
def test_weights_that_do_not_lie_in_the_file_are_refused(
    honest: dict[str, bytes], fill: Callable[[h5py.File], object], tmp_path: Path
) -> None:
    write(tmp_path, {**honest, WEIGHTS: weights_of(fill)})
    with pytest.raises(UserError, match="cannot be loaded: its weights") as refused:
        formats.open_score("keras", tmp_path)
    assert "\n" not in str(refused.value)


def test_an_archive_of_another_make_is_refused(honest: dict[str, bytes], tmp_path: Path) -> None:
    for members, compression, said in (
        (honest, zipfile.ZIP_DEFLATED, "it is compressed"),
        ({**honest, "assets/x": b""}, zipfile.ZIP_STORED, "it must hold config.json"),
        ({**honest, "model.weights.npz": b""}, zipfile.ZIP_STORED, "it must hold config.json"),
        ({CONFIG: honest[CONFIG]}, zipfile.ZIP_STORED, "it must hold config.json"),
        ({**honest, CONFIG: b"[" * 100_000}, zipfile.ZIP_STORED, "recursion"),
        ({**honest, CONFIG: b"{}"}, zipfile.ZIP_STORED, "cannot be loaded"),
        ({**honest, CONFIG: b"5"}, zipfile.ZIP_STORED, "cannot be loaded"),
        ({**honest, WEIGHTS: b"no weights"}, zipfile.ZIP_STORED, "cannot be loaded"),
    ):
        write(tmp_path, members, compression)
        with pytest.raises(UserError, match=said) as refused:
            formats.open_score("keras", tmp_path)
        assert "\n" not in str(refused.value)
