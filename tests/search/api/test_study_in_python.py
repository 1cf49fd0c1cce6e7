"""A study that Python runs, in this process: what it returns is what is recorded."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from optuna.trial import FrozenTrial

from search import UserError, load_study, run
from search.api import OpenStudy
from search.bundles import classifier
from search.engines.optuna import storage_copy
from tests.programs import snapshot
from tracking.records import ScoreRecord


@dataclass(frozen=True)
class Story:
    """A study of two trials, and the same call with three after it.

    Attributes:
        said: what the second call printed.
        first: the trials after the first.
    """

    home: Path
    study: OpenStudy
    said: str
    first: pd.DataFrame


@pytest.fixture(scope="module")
def story(tiny_csv: Path, cache_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    home, frame = tmp_path_factory.mktemp("python"), pd.read_csv(tiny_csv)

    def call(trials: int) -> OpenStudy:
        return run("nbsvm", data=frame, trials=trials, max_epochs=1, workers=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQSEARCH_MLRUNS", str(home / "mlruns"))
        patch.setenv("SEQSEARCH_CACHE", str(cache_folder))
        first = call(2).trials
        with contextlib.redirect_stdout(io.StringIO()) as said:
            study = call(3)
    return Story(home, study, said.getvalue(), first)


def test_the_same_call_goes_on_in_the_same_process(story: Story) -> None:
    records = snapshot(story.home, "nbsvm-frame")
    records.assert_whole()
    assert records.states == ["complete"] * 3
    trials = story.study.trials
    assert list(story.first.run_id) == list(trials.run_id[:2])
    assert "trial 2 (3 of 3)" in story.said
    assert "trial 1" not in story.said


def test_trials_and_epochs_are_tables_of_what_is_recorded(story: Story) -> None:
    trials, epochs = story.study.trials, story.study.epochs
    record = story.study.record
    assert list(trials.index) == [0, 1, 2]
    for trial in record.trials:
        row = trials.loc[trial.number]
        assert isinstance(trial.score, ScoreRecord)
        assert row["val_accuracy"] == trial.score.val_accuracy
        assert row["gap"] == pytest.approx(trial.score.train_accuracy - trial.score.val_accuracy)
        assert {name: row[name] for name in trial.params} == trial.params
        assert epochs.loc[trial.number, 1]["val_loss"] == trial.epochs[0].val_loss
    assert len(epochs) == sum(len(trial.epochs) for trial in record.trials)


def test_the_best_has_params_score_and_a_model_of_raw_text(story: Story) -> None:
    best = story.study.best
    trials = story.study.trials
    assert best.score.val_accuracy == trials.val_accuracy.max()
    assert best.params["nbsvm.smoothing"] == trials.loc[best.number, "nbsvm.smoothing"]
    (found,) = best.model.predict(["a wonderful film"])
    assert found.label in ("neg", "pos")
    assert repr(best).startswith(f"Candidate(trial {best.number}, ")


def test_figures_are_those_of_the_page_for_these_data(story: Story) -> None:
    figures = story.study.figures
    assert "progress" in figures
    assert "race" not in figures  # it is about the movie reviews
    steps = figures["progress"].data[0].y
    assert steps[-1] == story.study.best.score.val_accuracy
    with pytest.raises(UserError, match=r"unknown figure 'progres'\. Did you mean progress\?"):
        figures["progres"]
    with pytest.raises(UserError, match=r"there is no figure importance\. It takes 10 candidates"):
        figures["importance"]


def test_it_shows_itself_as_a_small_table_and_in_a_line(story: Story) -> None:
    study = story.study
    html = study._repr_html_()
    cells: list[str] = []
    parser = HTMLParser()
    parser.handle_data = cells.append
    parser.feed(html)
    assert cells[0] == "nbsvm-frame: frame.parquet, 3 complete"
    assert f"{100 * study.best.score.val_accuracy:.2f} %" in cells
    assert study.verdict in cells
    assert repr(study).startswith("OpenStudy('nbsvm-frame': 3 complete, best ")


def test_optuna_gets_what_the_export_to_a_storage_writes(story: Story, tmp_path: Path) -> None:
    import optuna

    here = story.study.to_optuna()
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    storage_copy.write_to(url, story.study.record)
    there = optuna.load_study(study_name="nbsvm-frame", storage=url)

    def content(trial: FrozenTrial) -> list[object]:
        return [trial.number, trial.state, trial.values, trial.params, trial.intermediate_values]

    assert list(map(content, here.trials)) == list(map(content, there.trials))
    assert here.best_value == story.study.best.score.val_accuracy


def test_the_call_is_what_is_recorded_as_the_command(story: Story) -> None:
    for run_ in snapshot(story.home, "nbsvm-frame").trials.values():
        said = run_.data.tags["code.command"]
        assert said.startswith("search.run('nbsvm', data=frame, trials=")
    assert (story.home / "mlruns" / "dashboards" / "nbsvm-frame.html").is_file()


def test_the_best_is_exported_and_scores_texts(story: Story, tmp_path: Path) -> None:
    out = story.study.export(tmp_path / "best", formats=["keras"])
    texts = ["a wonderful film", "a dull film"]
    assert classifier.load(out).predict(texts) == story.study.best.model.predict(texts)
    with pytest.raises(UserError, match="a bundle needs a new or an empty folder"):
        story.study.export(out)
    with pytest.raises(UserError, match=r"unknown format 'onx'\. Did you mean onnx\?"):
        story.study.export(tmp_path / "other", formats=["onx"])


def test_a_recorded_study_is_loaded(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQSEARCH_MLRUNS", str(story.home / "mlruns"))
    study = load_study("nbsvm")
    assert study.name == "nbsvm-frame"
    assert study.trials.equals(story.study.trials)
    assert study.data.n_texts == study.record.plan.data.n_texts
