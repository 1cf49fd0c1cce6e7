"""The program as a person meets it: refusals, the dry run, the lists.

Whole studies are in the files beside this one. They run in processes of their own, each of which
loads Keras; so a few runs, one after another, serve all the tests that look at them.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.run import main
from spaces.studies import STUDIES
from tests.programs import call
from tracking.commandline.program import run


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The store and the cache, neither of which is there yet."""
    monkeypatch.setenv("SEQSEARCH_CACHE", str(tmp_path / "cache"))
    return [tmp_path / "mlruns", tmp_path / "cache"]


@pytest.fixture
def _handlers() -> Iterator[None]:
    """Put back the signal handlers that a program sets for its process."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [(signum, signal.getsignal(signum)) for signum in signals]
    yield
    for signum, handler in before:
        signal.signal(signum, handler)


Type = Callable[..., tuple[int, str, str]]


@pytest.fixture
def type_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], _handlers: None
) -> Type:
    """Run `python -m search.run` in this process; give exit code, stdout and stderr."""

    def type_command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["run.py", *words])
        with pytest.raises(SystemExit) as end:
            run(main)
        out, err = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, out, err

    return type_command


def refusal(type_command: Type, folders: list[Path], *words: str) -> str:
    """Return the one line of a refusal that left nothing behind."""
    code, _, err = type_command(*words)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert [folder for folder in folders if folder.exists()] == []
    return err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "--study NAME is needed"),
        (["--study", "lstm_droput"], "'lstm_droput'. Did you mean lstm_dropout? Known: archite"),
        (["--study", "lstm/dropout"], "unknown study 'lstm/dropout'"),
        (["--study", "lstm", "--trials", "0"], "must be a whole number from 1, but got '0'"),
        (["--study", "lstm", "--trials", "-1"], "'-1'"),
        (["--study", "lstm", "--trials", "1.5"], "but got '1.5'"),
        (["--study", "lstm", "--max-epochs", "none"], "but got 'none'"),
        (["--study", "lstm", "--seed", "-3"], "'-3'"),
        (["--study", "lstm", "--timeout", "banana"], "such as 90s, 30m or 2h, but got 'banana'"),
        (["--study", "lstm", "--keep-models", "0"], "must be a whole number from 1, but got '0'"),
        (["--study", "lstm", "--sampler", "grid"], "must be one of tpe, random, qmc, nsga2, but"),
        (["--study", "lstm", "--pruner", "grid"], "must be one of median, hyperband, none, but"),
        (["--study", "lstm", "--engine", "grid"], "'grid' (choose from"),
        (["--study", "lstm", "--trial", "3"], "unrecognized arguments: --trial 3"),
        (["--study", "lstm", "--only", "lstm-2016"], "--only means nothing to study lstm"),
        (["--study", "tutorials", "--only", "lstm"], "unknown configuration 'lstm'"),
        (["--study", "tutorials", "--trials", "3"], "--trials means nothing to study tutorials"),
        (["--study", "lstm", "--data", "imbd"], "'imbd'. Did you mean imdb?"),
        (["--study", "lstm", "--data", "no/where.csv"], "no file 'no/where.csv'"),
        (["--study", "lstm", "--data", "reviews.txt"], "must end in .csv, .tsv, "),
    ],
)
def test_a_mistyped_command_is_refused_in_one_line(
    type_command: Type, folders: list[Path], words: list[str], says: str
) -> None:
    assert says in refusal(type_command, folders, *words)


def rows(text: str = "good {n}", label: str = "{n}") -> bytes:
    lines = [f"{text},{label}".format(n=n % 2) for n in range(40)]
    return "\n".join(["text,label", *lines, ""]).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (rows().replace(b"text", b"words"), "lacks text. Its columns: words, label."),
        (rows(label="pos"), "at least 2 classes, but"),
        (rows(text=""), "every row needs a text, but all 40 of "),
        (rows(text="caf\u00e9").decode().encode("latin-1"), "must be UTF-8, but"),
        (b"", "cannot be read as csv"),
        (b"text,label\n", "has 0: no rows at all"),
        (b"text,label\na,x\nb,y\n", "at least 5 texts, but"),
    ],
    ids=["column", "class", "empty", "latin-1", "nothing", "header", "few"],
)
def test_a_table_that_cannot_be_learnt_from_is_refused_in_one_line(
    type_command: Type, folders: list[Path], tmp_path: Path, content: bytes, says: str
) -> None:
    table = tmp_path / "table.csv"
    table.write_bytes(content)
    line = refusal(type_command, folders, "--study", "lstm", "--data", str(table))
    assert says in line
    assert str(table) in line


def test_a_reproduction_without_a_test_part_is_refused_in_one_line(
    type_command: Type, folders: list[Path], tiny_csv: Path
) -> None:
    status, _, said = type_command("--study", "tutorials", "--data", str(tiny_csv))
    assert status == 2
    assert said.startswith("error: study tutorials-tiny is scored on a test part, but tiny.csv")
    assert said.count("\n") == 1
    assert not folders[0].exists()


def test_a_named_archive_that_is_not_there_is_refused(
    type_command: Type, folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQSEARCH_IMDB", "/no/where")
    line = refusal(type_command, folders, "--study", "lstm")
    assert "SEQSEARCH_IMDB names '/no/where', but nothing is there." in line


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    type_command: Type, folders: list[Path], tiny_csv: Path
) -> None:
    words = ["--study", "lstm", "--data", str(tiny_csv), "--trials", "7", "--dry-run"]
    code, out, err = type_command(*words)
    assert (code, err) == (0, "")
    plan = STUDIES["lstm"]
    for name in plan.searched:
        assert name in out
    for said in (
        plan.question,
        "500 to 1581 (log)",  # no text has another word
        "train: 96 texts; neg 50 %, pos 50 %; words: median ",
        "few: with 24 texts for validation an accuracy is known to about 20.0 points",
        "text.padding bucket",
        "tried first: defaults\n",
        "96 train, 24 validation; classes neg, pos; digest ",
        "budget: 7 trials\n",
        "estimated time: ",
        "nothing was trained.\n",
    ):
        assert said in out
    assert not folders[0].exists()


def test_two_trials_at_a_time_are_not_said_to_take_half_the_time(
    type_command: Type,
    folders: list[Path],
    tiny_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each has one core then, and two take 0.6 of the time.

    docs/decisions/0042-proposals-may-depend-on-speed.md
    """
    monkeypatch.setattr("search.cli.dry_run.n_cores", lambda: 2)
    words = ["--study", "lstm_dropout", "--data", str(tiny_csv), "--trials", "10", "--dry-run"]
    said = {}
    for workers in ("1", "2"):
        _, out, _ = type_command(*words, "--workers", workers, "--json")
        said[workers] = json.loads(out)["estimated_seconds"]
    assert said["2"] == pytest.approx(0.6 * said["1"], rel=0.02)
    _, out, _ = type_command(*words, "--workers", "2")
    assert " on 2 cores, 2 trials at a time\n" in out


def test_a_dry_run_for_programs_is_one_json_object(
    type_command: Type, folders: list[Path], tiny_csv: Path
) -> None:
    code, out, err = type_command(
        *("--study", "lstm", "--data", str(tiny_csv), "--smoke", "--dry-run", "--json")
    )
    facts = json.loads(out)
    assert code == 0
    assert "data: " in err
    assert facts["study"] == "lstm-tiny-smoke"
    assert (facts["trials"], facts["timeout_seconds"]) == (2, None)
    assert facts["data"]["texts"] == {"train": 96, "validation": 24}
    assert facts["searched"]["train.epochs"] == "1 to 1"
    assert set(facts["searched"]).isdisjoint(facts["fixed"])
    assert facts["estimated_seconds"] >= 20
    assert not folders[0].exists()


def test_the_list_for_programs_names_every_study(type_command: Type, folders: list[Path]) -> None:
    code, out, err = type_command("--list", "--json")
    assert (code, err) == (0, "")
    listed = json.loads(out)
    assert [study["study"] for study in listed] == list(STUDIES)
    assert [study["searched"] for study in listed] == [list(p.searched) for p in STUDIES.values()]


@pytest.mark.parametrize("option", ["--help", "--list"])
def test_help_and_list_answer_in_under_a_second(tmp_path: Path, option: str) -> None:
    seconds = []
    for _ in range(3):  # the best of three: other work on the machine only adds time
        before = time.perf_counter()
        done = call(tmp_path, "search.run", option)
        seconds.append(time.perf_counter() - before)
        assert (done.returncode, done.stderr) == (0, "")
        assert "lstm_dropout" in done.stdout or option == "--help"
    assert min(seconds) < 1.0
