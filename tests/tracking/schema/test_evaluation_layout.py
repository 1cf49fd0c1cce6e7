"""What search.evaluate writes is read as it was written, and is no trial to anybody else."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import (
    build_epochs,
    build_score,
    build_sealed_evaluation,
    build_study,
    build_trial,
    place_database,
    write_rerun,
    write_study,
)
from tracking import store
from tracking.records import (
    DifferenceRecord,
    EvaluationRecord,
    ExpectedRecord,
    RankingRecord,
    RerunRecord,
    SealedEvaluationRecord,
    SealItemRecord,
)
from tracking.writing.evaluation_writer import EvaluationWriter

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
SHARE = st.floats(0, 1)
OF = st.one_of(st.integers(0, 9_999), TEXT)
DIFFERENCES = st.lists(
    st.builds(
        DifferenceRecord,
        first=OF,
        second=OF,
        part=st.sampled_from(["validation", "test"]),
        difference=SHARE,
        low=SHARE,
        high=SHARE,
        p_value=SHARE,
        p_holm=SHARE,
    ),
    max_size=2,
).map(tuple)
RANKING = st.builds(
    RankingRecord,
    top=st.integers(1, 9),
    n_seeds=st.integers(1, 9),
    rule=TEXT,
    ranking=st.lists(OF, max_size=3).map(tuple),
    optimism=st.none() | SHARE,
    correlation=SHARE,
    differences=DIFFERENCES,
    expected=st.lists(st.builds(ExpectedRecord, st.integers(1, 9), SHARE, SHARE)).map(tuple),
)
EVALUATIONS = st.builds(
    SealedEvaluationRecord,
    role=st.sampled_from(["finalist", "reference", "simple baseline"]),
    of=OF,
    evaluation=st.builds(
        EvaluationRecord,
        accuracy=SHARE,
        low=SHARE,
        high=SHARE,
        loss=SHARE,
        n_train=st.integers(1, 99),
        n_test=st.integers(1, 99),
        official=st.booleans(),
        evaluated_at=TEXT,
    ),
    cluster_low=st.none() | SHARE,
    cluster_high=st.none() | SHARE,
    who=TEXT,
    commit=TEXT,
    model_sha256=TEXT,
    n=st.just(1),
    by_seed=st.lists(SHARE, max_size=3).map(tuple),
    calibration_error=st.none() | SHARE,
    n_seen=st.integers(0, 99),
    accuracy_unseen=st.none() | SHARE,
    differences=DIFFERENCES,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = place_database(tmp_path / "mlruns")
    write_study(root, build_study(build_trial(0), build_trial(1)))
    return root


def opened(root: Path) -> EvaluationWriter:
    return store.open_evaluation(root, "lstm")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(RANKING, st.lists(EVALUATIONS, min_size=1, max_size=2))
def test_final_evaluations_and_test_evaluations_are_read_as_they_were_written(
    final_ranking: RankingRecord, evaluations: list[SealedEvaluationRecord]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = place_database(Path(folder))
        write_study(root, build_study())
        writing = opened(root)
        writing.write_ranking(final_ranking)
        seal = writing.seal([SealItemRecord("finalist", 1, {"a" * 32: "00ff"}, "a" * 32)])
        assert writing.unopened() == seal
        writing.write_evaluations(seal, evaluations)
        read = store.read_study(root, "lstm")
        assert writing.unopened() is None
    assert read.final_ranking == final_ranking
    assert list(read.sealed_evaluations) == evaluations
    assert read.n_sealed == 1


@pytest.mark.parametrize("of", [1, "tfidf_logistic", '12"'])
def test_a_rerun_is_read_as_it_was_written(root: Path, of: int | str) -> None:
    run_id = write_rerun(opened(root), of, 3, params={"lstm.units": 64})
    epochs = build_epochs(0.8, 0.9)
    (read,) = store.read_study(root, "lstm").reruns
    assert replace(read, seconds=0.0) == RerunRecord(
        role="finalist",
        of=of,
        index=3,
        seed=73,
        state="complete",
        reason="",
        seconds=0.0,
        epochs=epochs,
        score=build_score(epochs),
        run_id=run_id,
        params={"lstm.units": 64},
    )


def test_a_rerun_is_no_trial_and_the_search_goes_on_beside_it(root: Path) -> None:
    write_rerun(opened(root), 0, 0)
    study = store.read_study(root, "lstm")
    assert [trial.number for trial in study.trials] == [0, 1]
    search = store.open_study(root, study.plan, fresh=False)
    search.begin()
    assert [trial.number for trial in search.history] == [0, 1]
    search.update_summary()
    search.end(finished=True)
    assert len(store.read_study(root, "lstm").reruns) == 1


def test_a_rerun_whose_coordinator_was_killed_is_interrupted(root: Path) -> None:
    write_rerun(opened(root), 0, 0, state="running")
    opened(root).begin()
    (rerun,) = store.read_study(root, "lstm").reruns
    assert rerun.state == "interrupted"
    assert rerun.reason == "its coordinator was killed"


def test_a_seal_that_was_not_whole_saw_nothing_and_does_not_count(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tracking.schema import evaluation_layout

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(evaluation_layout, "write_seal", killed)
        with pytest.raises(KeyboardInterrupt):
            opened(root).seal([])
    assert store.read_study(root, "lstm").n_sealed == 0
    opened(root).begin()
    assert opened(root).seal([]).n == 1


def test_looks_are_numbered_and_an_abandoned_one_counts(root: Path) -> None:
    final_ranking = opened(root)
    first = final_ranking.seal([])
    final_ranking.abandon(first)
    assert final_ranking.unopened() is None
    second = final_ranking.seal([])
    assert (first.n, second.n) == (1, 2)
    final_ranking.write_evaluations(second, [build_sealed_evaluation(1, 0.9, n=2)])
    study = store.read_study(root, "lstm")
    assert study.n_sealed == 2
    assert [evaluation.n for evaluation in study.sealed_evaluations] == [2]


def test_the_note_of_the_study_says_the_verdict(root: Path) -> None:
    study = store.read_study(root, "lstm")
    opened(root).write_note(study)
    parent = store.open_study(root, study.plan, fresh=False)
    run = parent._client.get_run(parent.parent)
    assert "The best candidate is trial 0" in run.data.tags["mlflow.note.content"]


def test_the_machine_and_the_commit_of_each_training_can_be_read(root: Path) -> None:
    run_id = write_rerun(opened(root), 0, 0)
    found = store.environments(root, store.read_study(root, "lstm"))
    assert len(found) == 3
    assert {"platform", "n_cores", "commit", "dirty", "packages"} <= set(found[run_id])
