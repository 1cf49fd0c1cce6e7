"""What can be refused without the records is refused before anything heavy is loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from search import run
from tests.programs import ROOT, environment

# Calls each command as its program does, and tells code, words and what was loaded by then.
_CALLS = """
import contextlib, importlib, io, json, sys
from tracking.commandline.program import run
from tracking.commandline.errors import UserError

for words in json.load(sys.stdin):
    sys.argv = words
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            run(importlib.import_module(words[0]).main)
        except SystemExit as end:
            heavy = {"mlflow", "keras", "tensorflow", "optuna", "onnxruntime"} & set(sys.modules)
            print(json.dumps([end.code, said.getvalue(), sorted(heavy)]))
"""
_ADDRESS = "postgresql+psycopg://me:hidden@127.0.0.1/runs"
_CASES = {
    "search.export --study lstm --out FILE/x": "FILE/x cannot be written: Not a directory",
    "search.export --study lstm --out FULL": "a bundle needs a new or an empty folder",
    "search.export --study lstm --out new --format onx": "unknown format 'onx'",
    "search.export --study lstm --out new --trial one": "a trial is a whole number",
    "search.export --study lstm --out new --register a/b": "name has no slash",
    "search.export --study lstm --out new --register a --alias v1": "an alias is made of",
    "search.evaluate --study lstm --report FILE/x.md": "FILE/x.md cannot be written",
    "search.evaluate --study lstm --report FULL/folder.md": "cannot be written: it is a folder",
    "search.evaluate --study lstm --data none.csv": "there is no file 'none.csv'",
    "search.predict FULL --csv none.csv --out x.csv": "there is no file 'none.csv'",
    "search.predict FULL --csv FILE --out FILE/x.csv": "its folder is not there",
    "search.predict FULL --csv FILE --out FULL": "cannot be written: it is a folder",
    "search.predict models:/imdb words": "a model of MLflow is models:/NAME@ALIAS",
    "search.predict FULL words": "is not a bundle",
    "search.run --study lstm --data none.csv": "there is no file 'none.csv'",
    "search.run --study lst": "unknown study 'lst'",
    "search.run --study lstm --encoding utf9": "unknown encoding 'utf9'. Did you mean utf-8?",
    "search.run --study lstm --baseline 87": "an accuracy above 0, at most 1, such as 0.87 or 87%",
    "search.run --study lstm --baseline-name SVM": "--baseline-name names what --baseline gives",
    "search.run --study lstm --test-share 2": "must be from 0.05 to 0.5, but got '2'",
    "search.predict FULL --encoding cp1252 words": "--encoding needs --csv",
    "dashboards.build --study lstm --out FILE/x.html": "FILE/x.html cannot be written",
    "dashboards.build --study lstm --image acuracy": "unknown figure 'acuracy'",
    "dashboards.build --study lstm --image accuracy --out x.gif": "an image ends in .png or .svg",
    "dashboards.build --study lstm --study lstm": "lstm was named twice",
    "dashboards.serve --port 0": "must be from 1 to 65535",
}


def _call(home: Path, cases: list[str], **variables: str) -> list[tuple[int, str, list[str]]]:
    (home / "file").touch()
    (home / "full" / "folder.md").mkdir(parents=True, exist_ok=True)
    places = {"FILE": str(home / "file"), "FULL": str(home / "full")}
    words = [case.split() for case in cases]
    for place, path in places.items():
        words = [[word.replace(place, path) for word in one] for one in words]
    done = subprocess.run(
        [sys.executable, "-c", _CALLS],
        cwd=ROOT,
        env={**environment(home), **variables},
        input=json.dumps(words),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_a_refusal_loads_neither_mlflow_nor_tensorflow(tmp_path: Path) -> None:
    ends = _call(tmp_path, list(_CASES))
    for (case, law), (code, said, heavy) in zip(_CASES.items(), ends, strict=True):
        for place in ("file", "full"):
            said = said.replace(str(tmp_path / place), place.upper())
        assert law in said, case
        assert (code, said.count("\n"), heavy) == (2, 1, []), case
    assert {file.name for file in tmp_path.iterdir()} == {"file", "full"}  # nothing was made


def test_records_that_cannot_be_written_are_refused_before_the_data_are_prepared(
    tmp_path: Path, tiny_csv: Path
) -> None:
    commands = [f"search.run --study lstm --data {tiny_csv}", "search.evaluate --study lstm"]
    ends = _call(tmp_path, commands, SEQSEARCH_MLRUNS=str(tmp_path / "file" / "mlruns"))
    for code, said, heavy in ends:
        assert "file/mlruns/mlflow.db cannot be written: Not a directory" in said
        assert "preparing" not in said
        assert (code, said.count("\n"), heavy) == (2, 1, [])
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("as_json", [True, False])
def test_a_dry_run_on_fresh_data_says_how_far_it_is(
    as_json: bool,
    tmp_path: Path,
    tiny_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SEQSEARCH_CACHE", str(tmp_path / "cache"))
    words = ["--study", "lstm", "--data", str(tiny_csv), "--dry-run", *["--json"] * as_json]
    monkeypatch.setattr(sys, "argv", ["search.run", *words])
    assert run.main() == 0
    output, errors = capsys.readouterr()
    steps = errors if as_json else output
    assert "preparing the texts, once: reading them" in steps
    assert "\n  counting the words of 96 training texts\n" in steps
    assert "\n  train: writing 96 texts as numbers\n" in steps
    if as_json:
        assert json.loads(output)["data"]["texts"]["train"] == 96
