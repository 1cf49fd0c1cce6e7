"""search.export and search.predict as programs, on the study that all tests share."""

from __future__ import annotations

import csv
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from search.bundles import bundle
from search.bundles.chosen import ModelSource, alone, choose
from tests.builders import build_score, build_study, build_trial
from tests.programs import call, copy_study
from tracking import store
from tracking.commandline.errors import UserError

STUDY = "lstm-parted-smoke"
KEPT_ONLY = ModelSource(retrain=False, refit=False)


@pytest.fixture(scope="module")
def home(smoke_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the study, to register in."""
    return copy_study(smoke_home, tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="module")
def exported(home: Path) -> subprocess.CompletedProcess[str]:
    words = ["--study", STUDY, "--out", str(home / "best"), "--register", "reviews"]
    return call(home, "search.export", *words, "--alias", "champion")


def test_the_best_trial_is_exported_in_every_format_and_registered(
    home: Path, exported: subprocess.CompletedProcess[str]
) -> None:
    assert exported.returncode == 0, exported.stderr
    manifest = bundle.read(home / "best")
    assert sorted(manifest.formats) == ["keras", "onnx", "saved_model"]
    assert {"card.md", "card.html", "vocabulary.txt", "encoder.py"} <= set(manifest.files)
    assert "registered: version 1 of reviews, champion now names it" in exported.stdout


def test_the_card_says_what_was_measured_and_nothing_of_test(
    home: Path, exported: subprocess.CompletedProcess[str]
) -> None:
    card = (home / "best" / "card.md").read_text("utf-8")
    page = (home / "best" / "card.html").read_text("utf-8")
    for said in (
        *("validation accuracy", "95 % interval (Wilson)", "Expected calibration error"),
        *("This trial has not been scored on test data", "predictions a second"),
    ):
        assert said in card
    assert "not the off" not in card  # the texts are a table of one's own
    assert page.count("<svg") >= 1
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # needs nothing else


def test_an_ensemble_is_one_model_of_several_that_says_what_it_is_worth(
    smoke_home: Path, tmp_path: Path
) -> None:
    data = next(smoke_home.rglob("parted.csv"))
    words = ("--study", "nbsvm", "--data", str(data), "--smoke", "--enqueue", "nbsvm.order=1")
    done = call(tmp_path, "search.run", *words)
    assert done.returncode == 0, done.stderr
    of_study = ("--study", "nbsvm-parted-smoke", "--out", str(tmp_path / "together"))
    # What would be picked of two models of 400 texts hangs on chance.
    (tmp_path / "picked.py").write_text(
        "from search import export\nfrom search.bundles import ensemble\n"
        "ensemble.pick = lambda scores, labels, n: [*scores, 0][:n]\nexport.run(export.main)\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        done = call(tmp_path, "picked", *of_study, "--ensemble", "3")
    assert done.returncode == 0, done.stderr
    assert "over the best member alone: " in done.stdout
    assert "together: an ensemble of trials " in done.stdout
    manifest = bundle.read(tmp_path / "together")
    assert manifest.family == "ensemble"
    assert sorted(manifest.formats) == ["keras", "onnx", "saved_model"]
    weights = [v for name, v in manifest.params.items() if name.startswith("weight.")]
    assert sum(weights) == pytest.approx(1)
    card = (tmp_path / "together" / "card.md").read_text("utf-8")
    for said in ("points where its members were picked", "has not been scored on test data"):
        assert said in card
    answer = call(tmp_path, "search.predict", str(tmp_path / "together"), "--json", "A film.")
    assert json.loads(answer.stdout)["label"] in manifest.classes


@pytest.mark.parametrize("options", [("--trial", "0"), ("--refit",), ("--retrain",)])
def test_an_ensemble_beside_what_is_of_one_trial_is_refused(
    options: tuple[str, ...], home: Path
) -> None:
    words = ("--study", STUDY, "--out", str(home / "none"), "--ensemble", "3")
    done = call(home, "search.export", *words, *options)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "mean nothing beside it" in done.stderr


def test_an_ensemble_of_one_model_is_refused_in_one_line(home: Path) -> None:
    words = ("--study", STUDY, "--out", str(home / "few"), "--ensemble", "3")
    done = call(home, "search.export", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "an ensemble needs two kept models or more" in done.stderr


def test_the_alias_stays_where_the_new_one_is_not_better(
    home: Path, exported: subprocess.CompletedProcess[str]
) -> None:
    words = ["--study", STUDY, "--out", str(home / "again"), "--register", "reviews"]
    done = call(home, "search.export", *words, "--alias", "champion")
    assert done.returncode == 2
    assert "the alias champion stays on version 1 of reviews" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (home / "again").exists()


def test_the_registered_model_is_found_by_its_alias(
    home: Path, exported: subprocess.CompletedProcess[str]
) -> None:
    words = ["models:/reviews@champion", "--format", "onnx", "--json"]
    done = call(home, "search.predict", *words, text="A film.\n\n")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["text"] for answer in answers] == ["A film.", ""]
    from_folder = call(home, "search.predict", str(home / "best"), *words[1:], "A film.")
    assert json.loads(from_folder.stdout) == answers[0]


def test_a_table_gets_its_columns_and_keeps_every_field(
    home: Path, exported: subprocess.CompletedProcess[str]
) -> None:
    source, out = home / "in.csv", home / "out.csv"
    rows = [["1", 'She said "no", twice'], ["2", "two\nlines"], ["3", ""], ["4", "x" * 200_000]]
    with source.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([["id", "review"], *rows])
    words = [str(home / "best"), "--format", "onnx", "--csv", str(source), "--out", str(out)]
    done = call(home, "search.predict", *words, "--column", "review")
    assert done.returncode == 0, done.stderr
    csv.field_size_limit(10**6)
    with out.open(encoding="utf-8", newline="") as file:
        head, *written = csv.reader(file)
    assert head == ["id", "review", "predicted", "p_neg", "p_pos"]
    assert [row[:2] for row in written] == rows
    assert {row[2] for row in written} <= {"neg", "pos"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,review\n1,fine\n", "has no column 'text'. It has: id, review."),
        ("text,predicted\nfine,pos\n", "has a column 'predicted' already"),
        ("text,id\nfine,1\nshort\n", "row 2 has 1"),
        ('text\n"open', "is no CSV file"),
        ("", "has no column 'text'. It has: none."),
    ],
)
def test_a_table_that_cannot_be_scored_leaves_nothing(
    home: Path, exported: subprocess.CompletedProcess[str], content: str, said: str
) -> None:
    from search.bundles.classifier import load
    from search.cli.prediction_table import score_table

    source, out = home / "bad.csv", home / "bad-out.csv"
    source.write_text(content, "utf-8")
    with pytest.raises(UserError) as refused:
        score_table(lambda: load(home / "best", "onnx"), source, "text", out)
    assert said in str(refused.value)
    assert not out.exists()
    assert not list(home.glob(".seqsearch-*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--alias", "champion"], "--alias needs --register"),
        (["--force"], "--force needs --alias"),
        (["--refit", "--retrain"], "means nothing"),
        (["--format", "pmml"], "unknown format 'pmml'"),
        (["--trial", "99"], "trial 99 of lstm-parted-smoke does not exist. To export:"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_in_one_line(
    home: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    done = call(home, "search.export", "--study", STUDY, "--out", str(tmp_path / "x"), *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_trial_that_another_process_trains_once_more_is_refused_in_one_line(
    home: Path, tmp_path: Path
) -> None:
    root = home / "mlruns"
    best = store.read_study(root, STUDY).candidates[0]
    with alone(root / f"{best.run_id}.training", best):
        words = ["--study", STUDY, "--out", str(tmp_path / "x"), "--refit"]
        done = call(home, "search.export", *words)
    assert done.returncode == 2
    assert f"trial {best.number} is being trained once more by another process" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_refitted_model_says_whose_validation_number_it_carries(home: Path) -> None:
    words = ["--study", STUDY, "--out", str(home / "refitted"), "--refit", "--format", "onnx"]
    done = call(home, "search.export", *words)
    assert done.returncode == 0, done.stderr
    assert "before it was refitted" in done.stdout
    assert bundle.read(home / "refitted").refitted
    card = (home / "refitted" / "card.md").read_text("utf-8")
    assert "validation numbers below belong to the model before" in card


def test_only_trials_with_a_model_are_chosen_and_others_are_named_for_what_they_are() -> None:
    study = build_study(
        build_trial(0, 0.80, model=True),
        build_trial(1, 0.90, model=False),
        build_trial(2, state="pruned"),
        build_trial(3, state="interrupted"),
        build_trial(4, state="running"),
    )
    assert choose(study, None, KEPT_ONLY).number == 0
    for number, said in (
        (1, "was not kept"),
        (2, "is pruned"),
        (3, "is interrupted"),
        (4, "is running"),
        (5, "does not exist"),
    ):
        with pytest.raises(UserError, match=rf"{said}.* To export: 0\."):
            choose(study, number, KEPT_ONLY)
    assert choose(study, 1, ModelSource(retrain=True, refit=False)).number == 1
    assert choose(study, None, ModelSource(retrain=False, refit=True)).number == 1


def test_a_study_without_a_finished_trial_has_nothing_to_export() -> None:
    study = build_study(build_trial(0, state="running"))
    with pytest.raises(UserError, match="has no finished trial to export yet"):
        choose(study, None, KEPT_ONLY)


def test_a_study_that_kept_no_model_says_how_to_get_one() -> None:
    study = build_study(build_trial(0, score=replace(build_score(build_trial(0).epochs))))
    with pytest.raises(UserError, match="--retrain"):
        choose(study, None, KEPT_ONLY)
