"""Nothing but search.evaluate and the study tutorials can reach the test part."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboards import build
from search import doctor, export, predict, run
from search.datasets import cache
from tests.programs import ROOT
from tracking import cli, store

STUDY = "feedforward-parted-smoke"
# Who opens the test part: reproductions, the sealed test evaluation, and a benchmark that counts its looks.
DOORS = {
    "search/training/reproduce.py",
    "search/evaluation/evaluate_on_test.py",
    "tests/benchmarks/validation_split.py",
}


def test_the_door_to_the_test_part_is_opened_in_these_files_alone() -> None:
    files = [*ROOT.glob("s*/**/*.py"), *ROOT.glob("[td]*/**/*.py")]
    opening = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if not file.name.startswith(("test_", "conftest"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("open_test", "opened_for")
    }
    assert opening == DOORS | {"search/datasets/cache.py"}


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def call(main: Callable[[], int], *words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["program", *words])
        with pytest.raises(SystemExit) as end:
            cli.run(main)
        assert end.value.code == 0, words

    return call


def test_every_other_program_works_on_data_whose_test_part_raises_when_it_is_read(
    tmp_path: Path,
    tiny_csv_with_test: Path,
    program: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SEQSEARCH_CACHE", str(tmp_path / "cache"))
    data = cache.load(str(tiny_csv_with_test), lambda line: None, smoke=True)
    files = list(data.folder.glob("test.*.npy"))
    assert len(files) == 4  # tokens, offsets, labels, keys; the table has no groups
    for file in files:
        file.write_bytes(b"whoever reads this has looked")
    with pytest.raises(ValueError, match="pickle"):
        data.open_test("a test of the walk").labels("test")

    search = ("--study", "feedforward", "--data", str(tiny_csv_with_test), "--smoke")
    program(run.main, "--list")
    program(run.main, *search, "--dry-run")
    program(run.main, *search)
    program(doctor.main)
    program(build.main, "--study", STUDY, "--out", str(tmp_path / "page.html"))
    program(export.main, "--study", STUDY, "--out", str(tmp_path / "model"))
    program(predict.main, str(tmp_path / "model"), "A wonderful film.")
    program(store.main, "--relocate")
    study = store.read_study(store.home(), STUDY)
    assert study.count("complete") == 2
    assert study.n_sealed == 0
