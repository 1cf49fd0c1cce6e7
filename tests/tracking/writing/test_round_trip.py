"""Whatever a record holds, what is read is what was written, to the last bit."""

from __future__ import annotations

import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import (
    build_plan,
    build_reference,
    build_study,
    build_trial,
    open_study,
    place_database,
    write_study,
)
from tracking import store
from tracking.records import (
    EpochRecord,
    MistakeRecord,
    RungRecord,
    ScoreRecord,
    StudyRecord,
    TrialRecord,
)

# A lone surrogate is no text that a file can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
SHARE = st.floats(0, 1)
# Infinity included; but the largest float is what MLflow writes for it, and is read as it.
LOSS = st.floats(min_value=0, allow_nan=False).filter(lambda loss: loss != sys.float_info.max)
MAYBE_SHARE, MAYBE_LOSS = st.none() | SHARE, st.none() | LOSS
VALUE = st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
PARAMS = st.dictionaries(TEXT.filter(bool), VALUE, max_size=4)
EPOCHS = st.lists(
    st.builds(
        EpochRecord,
        epoch=st.just(0),
        train_loss=LOSS,
        train_accuracy=SHARE,
        val_loss=MAYBE_LOSS,
        val_accuracy=MAYBE_SHARE,
        learning_rate=SHARE,
        seconds=SHARE,
        memory_mb=SHARE,
        first_batch_seconds=MAYBE_SHARE,
    ),
    max_size=3,
).map(lambda epochs: tuple(replace(epoch, epoch=i) for i, epoch in enumerate(epochs, 1)))
MISTAKES = st.lists(st.builds(MistakeRecord, TEXT, TEXT, TEXT, SHARE), max_size=2).map(tuple)
SCORES = st.builds(
    ScoreRecord,
    best_epoch=st.integers(0, 99),
    val_accuracy=SHARE,
    low=SHARE,
    high=SHARE,
    val_loss=LOSS,
    train_accuracy=SHARE,
    n_parameters=st.integers(0, 2**40),
    confusion=st.just(((1, 0), (2, 3))),
    val_auc=MAYBE_SHARE,
    mistakes=MISTAKES,
)


@st.composite
def trials(draw: st.DrawFn, number: int) -> TrialRecord:
    state = draw(st.sampled_from(["complete", "pruned", "failed", "interrupted", "running"]))
    ended = state != "running"
    return build_trial(
        number,
        state=state,
        params=draw(PARAMS),
        epochs=draw(EPOCHS),
        score=draw(SCORES) if state == "complete" else None,
        reason=draw(TEXT) if ended else "",
        sampler_state=draw(PARAMS),
        summary=draw(TEXT),
        rung=draw(st.none() | st.builds(RungRecord, SHARE, SHARE, SHARE)),
    )


@st.composite
def studies(draw: st.DrawFn) -> StudyRecord:
    reference = build_reference("known", None, note=draw(TEXT), source=draw(TEXT))
    return build_study(
        *(draw(trials(number)) for number in range(draw(st.integers(0, 2)))),
        question=draw(TEXT),
        space=draw(st.dictionaries(TEXT, TEXT, max_size=2)),
        references=(replace(reference, params=draw(PARAMS)),),
    )


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(studies())
def test_a_study_is_read_as_it_was_written(written: StudyRecord) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = place_database(Path(folder))
        write_study(root, written)
        read = store.read_study(root, "lstm")
    assert read.plan == written.plan
    assert [_comparable(trial) for trial in read.trials] == [
        _comparable(trial) for trial in written.trials
    ]


@pytest.mark.parametrize(
    "params",
    [
        {"long": "x" * 10_000},
        {"a \"quoted\" name\nof <script>alert('1')</script> 🎬": "'\"\n</script>"},
        {"../x": 1, "=1+1": 2, "": 3, "a b": 4, "é": 5, "n" * 300: 6},
    ],
    ids=["long", "hostile", "refused"],
)
def test_parameters_that_mlflow_would_cut_or_refuse_are_kept(
    tmp_path: Path, params: dict[str, str | int]
) -> None:
    root = place_database(tmp_path)
    write_study(root, build_study(build_trial(0, params=params)))
    assert store.read_study(root, "lstm").trials[0].params == params


@pytest.mark.parametrize("loss", [math.inf, math.nan])
def test_a_loss_that_is_no_number_stays_what_it_is(tmp_path: Path, loss: float) -> None:
    root = place_database(tmp_path)
    written = build_trial(0, 0.8)
    assert written.score is not None
    epochs = (replace(written.epochs[0], train_loss=loss),)
    score = replace(written.score, val_loss=loss)
    write_study(root, build_study(replace(written, epochs=epochs, score=score)))
    study = open_study(root)
    left = study.open_trial(1, "lstm", {}, seed=1, proposed_by="tpe", data=build_plan().data)
    left.epoch(epochs[0])  # still under way, so it is read from the metrics

    closed, running = store.read_study(root, "lstm").trials

    assert closed.score is not None
    for number in (
        closed.epochs[0].train_loss,
        running.epochs[0].train_loss,
        closed.score.val_loss,
    ):
        assert repr(number) == repr(loss)


def _comparable(trial: TrialRecord) -> TrialRecord:
    """All but what the store itself gives: the run and how long it was open."""
    return replace(trial, run_id="", seconds=0.0, ended=None)
