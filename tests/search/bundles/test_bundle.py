"""A bundle is whole or absent, and what was changed in it is not believed."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.bundles import bundle
from search.bundles.bundle import MANIFEST, Manifest
from tracking.commandline.errors import UserError

MODEL, NESTED = "model.keras", "saved_model/variables/data"

_N_CORRUPTIONS = 50


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A few bytes stand in for the model: a bundle does not look into it."""
    path = tmp_path / "kept.keras"
    path.write_bytes(random.Random(0).randbytes(1_000))
    return path


@pytest.fixture
def folder(tmp_path: Path, model: Path) -> Path:
    out = tmp_path / "out"
    _write(out, model)
    return out


def _manifest() -> Manifest:
    return Manifest(
        classes=("neg", "pos"),
        study="lstm",
        trial=3,
        family="lstm",
        params={"lstm.units": 128, "text.maxlen": 400, "text.truncating": "pre"},
        val_accuracy=0.86,
        interval=(0.85, 0.87),
        data="mine 🎬.csv",
        data_digest="0123abcd",
        split_digest="4567ef01",
        official_test_set=False,
        commit="",
        refitted=False,
        formats=("keras",),
    )


def _write(out: Path, model: Path) -> Manifest:
    with bundle.building(out) as folder:
        shutil.copyfile(model, folder / MODEL)
        (folder / NESTED).parent.mkdir(parents=True)
        (folder / NESTED).write_bytes(b"nested")
        return bundle.seal(folder, _manifest())


def test_what_is_written_is_read(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "deep" / "er" / "out"

    written = _write(out, model)

    assert bundle.read(out) == written
    assert (out / MODEL).read_bytes() == model.read_bytes()
    assert sorted(file.name for file in out.iterdir()) == [MANIFEST, MODEL, "saved_model"]
    assert written.params == _manifest().params
    assert written.data == "mine 🎬.csv"
    assert set(written.files) == {MODEL, NESTED}
    assert written.files[NESTED].n_bytes == 6


def test_an_empty_folder_is_taken(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()

    written = _write(out, model)

    assert bundle.read(out) == written


def test_a_folder_with_something_in_it_is_refused_and_left_alone(
    tmp_path: Path, model: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine", "utf-8")

    with pytest.raises(UserError, match="is not empty"):
        _write(out, model)

    assert [file.name for file in out.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path, model: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine", "utf-8")

    with pytest.raises(UserError, match="needs a new or an empty folder"):
        _write(out, model)

    assert out.read_text("utf-8") == "mine"


def test_a_place_below_a_file_cannot_be_written(tmp_path: Path, model: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UserError, match="cannot be written"):
        _write(tmp_path / "file" / "out", model)


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, model: Path, monkeypatch) -> None:
    def copyfile(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:10])
        raise OSError(28, "No space left on device")

    before = sorted(tmp_path.iterdir())
    with monkeypatch.context() as full:
        full.setattr(shutil, "copyfile", copyfile)
        with pytest.raises(UserError, match="out cannot be written: No space left on device"):
            _write(tmp_path / "out", model)

    assert sorted(tmp_path.iterdir()) == before
    assert not list(tmp_path.rglob(".seqsearch-*"))
    written = _write(tmp_path / "out", model)  # once there is room
    assert bundle.read(tmp_path / "out") == written


@pytest.mark.parametrize("seed", range(_N_CORRUPTIONS))
def test_a_bundle_with_one_changed_byte_is_refused(folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    name = chance.choice([MODEL, NESTED, MANIFEST])
    _change_a_byte(folder / name, chance)

    with pytest.raises(UserError) as refused:
        bundle.read(folder)

    assert name in str(refused.value)


def _change_a_byte(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    place = chance.randrange(len(content))
    content[place] ^= chance.randrange(1, 256)
    file.write_bytes(content)


def _shorten(folder: Path) -> None:
    content = (folder / MODEL).read_bytes()
    (folder / MODEL).write_bytes(content[:-1])


def _replace_by_folder(folder: Path) -> None:
    (folder / MODEL).unlink()
    (folder / MODEL).mkdir()


def _replace_by_link(folder: Path, elsewhere: Path) -> None:
    (folder / "saved_model").rename(elsewhere)
    (folder / "saved_model").symlink_to(elsewhere)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / MODEL).unlink(), f"lacks: {MODEL}"),
        (lambda folder: (folder / "more.py").touch(), "does not name: more.py"),
        (lambda folder: (folder / "assets").mkdir(), "does not name: assets"),
        (lambda folder: (folder / NESTED).unlink(), "saved_model/variables"),
        (lambda folder: (folder / "saved_model" / "x").touch(), "does not name: saved_model/x"),
        (lambda folder: (folder / "x").symlink_to(folder / MODEL), "is a link"),
        (lambda folder: _replace_by_link(folder, folder.parent / "elsewhere"), "is a link"),
        (lambda folder: (folder / MANIFEST).unlink(), f"is not a bundle: it has no {MANIFEST}"),
        (lambda folder: (folder / MANIFEST).write_bytes(b""), "is damaged"),
        (_shorten, "was changed"),
        (_replace_by_folder, MODEL),
    ],
    ids=[
        *("no model", "extra file", "extra folder", "no nested file", "extra nested file"),
        *("link", "linked folder", "no manifest", "empty", "short", "folder"),
    ],
)
def test_a_bundle_that_is_not_as_it_was_written_is_refused(
    folder: Path, harm: Callable[[Path], object], said: str
) -> None:
    harm(folder)

    with pytest.raises(UserError) as refused:
        bundle.read(folder)

    assert said in str(refused.value)


@pytest.mark.parametrize(
    "manifest",
    ["[]", "null", "{}", '"text"', "5", "{", '{"classes": 5}', "\ufeff{}", "[" * 100_000],
)
def test_a_manifest_of_another_make_is_refused(folder: Path, manifest: str) -> None:
    (folder / MANIFEST).write_text(manifest, "utf-8")

    with pytest.raises(UserError, match="is damaged"):
        bundle.read(folder)


@pytest.mark.parametrize("files", [None, 5, [], [[1]], "model.keras", {MODEL: None}, {MODEL: 5}])
def test_files_of_another_shape_are_refused(folder: Path, files: object) -> None:
    fields = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**fields, "files": files}), "utf-8")

    with pytest.raises(UserError):
        bundle.read(folder)


def _seal_again(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a manifest as somebody would who knows how it is made."""
    fields = json.loads((folder / MANIFEST).read_text("utf-8"))
    del fields["sha256"]
    change(fields)
    fields["sha256"] = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(fields, indent=2) + "\n", "utf-8")


HOSTILE: list[tuple[str, object, str]] = [
    ("formats", [], "formats must be one or more of keras, saved_model, onnx"),
    ("formats", ["pmml"], "formats must be"),
    ("formats", ["keras", "keras"], "formats must be"),
    ("formats", "keras", "formats must be"),
    ("formats", [["keras"]], "formats must be"),
    ("formats", {"keras": 1}, "formats must be"),
    ("params", None, "params must be plain values by name"),
    ("params", [], "params must be"),
    ("params", {}, "params must be"),
    ("params", {"text.maxlen": "400", "text.truncating": "pre"}, "params must be"),
    ("params", {"text.maxlen": 10**12, "text.truncating": "pre"}, "params must be"),
    ("params", {"text.maxlen": True, "text.truncating": "pre"}, "params must be"),
    ("params", {"text.maxlen": 400, "text.truncating": "elsewhere"}, "params must be"),
    ("params", {"text.maxlen": 400, "text.truncating": "pre", "x": []}, "params must be"),
    ("classes", [], "classes must be two names or more"),
    ("classes", ["pos"], "classes must be"),
    ("classes", ["pos", "pos"], "classes must be"),
    ("classes", ["neg", 5], "classes must be"),
    ("classes", "np", "classes must be"),
    ("trial", -1, "trial must be a whole number"),
    ("trial", "3", "trial must be"),
    ("val_accuracy", float("nan"), "val_accuracy must be a number from 0 to 1"),
    ("val_accuracy", "high", "val_accuracy must be"),
    ("interval", [0.5], "interval must be two numbers"),
    ("interval", {"0": 0.5}, "interval must be"),
    ("refitted", 1, "refitted must be true or false"),
    ("study", {"name": "x"}, "study must be a text"),
    ("family", "\x1b[31m" * 200_000 + "\n", "at most 1,048,576 are read"),
    ("files", {MODEL: {"n_bytes": -1, "sha256": ""}}, "files must be"),
    ("files", {MODEL: {"n_bytes": 1, "sha256": "", "more": 1}}, "files must be"),
    ("files", [MODEL], "files must be"),
    ("more", 1, "has an unknown field 'more'"),
]


@pytest.mark.parametrize(("name", "value", "said"), HOSTILE)
def test_a_manifest_that_breaks_a_law_is_refused_in_one_line(
    folder: Path, name: str, value: object, said: str
) -> None:
    _seal_again(folder, lambda fields: fields.update({name: value}))

    with pytest.raises(UserError, match=said) as refused:
        bundle.read(folder)

    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", ["formats", "params", "classes", "files"])
def test_a_manifest_that_lacks_a_field_is_refused(folder: Path, name: str) -> None:
    _seal_again(folder, lambda fields: fields.pop(name))

    with pytest.raises(UserError, match=f"lacks the field '{name}'"):
        bundle.read(folder)


def test_a_manifest_of_a_gigabyte_is_not_read(folder: Path) -> None:
    with (folder / MANIFEST).open("r+b") as file:
        file.truncate(1 << 30)

    with pytest.raises(UserError, match=r"is damaged: .* at most 1,048,576 are read"):
        bundle.read(folder)


@pytest.mark.parametrize("name", [MODEL, NESTED, MANIFEST])
def test_a_pipe_in_the_place_of_a_file_is_refused_and_not_opened(folder: Path, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)

    with pytest.raises(UserError, match=r"is no regular file|is not a bundle"):
        bundle.read(folder)


@pytest.mark.parametrize(
    "name", ["../kept.keras", "/etc/hostname", "sub/model.keras", "./x", "a//b", "a\\b"]
)
def test_a_manifest_that_points_elsewhere_is_refused(folder: Path, name: str) -> None:
    _seal_again(folder, lambda fields: fields["files"].update({name: fields["files"][MODEL]}))

    with pytest.raises(UserError, match=r"lacks|is damaged"):
        bundle.read(folder)


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "nothing"
    if exists:
        folder.mkdir()

    with pytest.raises(UserError, match="is not a bundle"):
        bundle.read(folder)


def test_the_folder_that_one_stands_in_can_be_the_place(
    tmp_path: Path, model: Path, monkeypatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    written = _write(Path(), model)

    assert bundle.read(here) == written


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full_leaves_nothing_behind(tmp_path: Path, model: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=8k none {disk} 2>/dev/null"):
        pytest.skip("this machine lets nobody mount")
    try:
        model.write_bytes(bytes(100_000))
        with pytest.raises(UserError, match="No space left on device"):
            _write(disk / "out", model)
        assert list(disk.iterdir()) == []
    finally:
        os.system(f"umount {disk}")
