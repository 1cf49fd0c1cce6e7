"""Records with sensible values, and the short ways to write them to a store."""

from __future__ import annotations

import functools
import io
import math
import sqlite3
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from tracking.records import (
    ArrayRecord,
    BaselineRecord,
    DataRecord,
    DifferenceRecord,
    EpochRecord,
    EvaluationRecord,
    ExpectedRecord,
    MistakeRecord,
    PlanRecord,
    RankingRecord,
    ReferenceRecord,
    RerunRecord,
    Role,
    ScoreRecord,
    SealedEvaluationRecord,
    SimpleBaselineRecord,
    State,
    StudyRecord,
    TrialRecord,
    Value,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tracking.writing.evaluation_writer import EvaluationWriter
    from tracking.writing.study_writer import StudyStore

MAAS = BaselineRecord("baseline-maas-2011", 0.8889, "Maas et al. 2011")
LABELLED_ONLY = BaselineRecord("maas-2011-labelled-only", 0.8833, "Maas et al. 2011")
_N_VALIDATION = 5_000


def build_data(**changes: Any) -> DataRecord:
    data = DataRecord(
        name="imdb",
        note="aclImdb/ as found",
        official=True,
        classes=("neg", "pos"),
        digest="0123abcd",
        split_digest="4567ef01",
        n_texts={"train": 20_000, "validation": _N_VALIDATION, "test": 25_000},
        unlabelled_digest="89abcdef",
        arrays={"text.vectors=file": build_array("01abcdef")},
    )
    return replace(data, **changes)


def build_array(digest: str) -> ArrayRecord:
    return ArrayRecord(f"{digest}.npy", digest, "/home/me/glove.txt", {"words": 2 / 3})


def build_reference(name: str, published: float | None, **changes: Any) -> ReferenceRecord:
    reference = ReferenceRecord(name, published, "a tutorial", "", trained_as=name)
    return replace(reference, **changes)


def build_plan(**changes: Any) -> PlanRecord:
    plan = PlanRecord(
        study="lstm",
        plan="lstm",
        question="Which LSTM reads reviews best?",
        families=("lstm",),
        space={"lstm.units": "32 to 256", "train.learning_rate": "0.0001 to 0.01"},
        references=(build_reference("lstm-2016", 0.8679),),
        seed=7,
        max_epochs=3,
        baselines=(MAAS, LABELLED_ONLY),
        data=build_data(),
    )
    return replace(plan, **changes)


def build_epochs(*val_accuracies: float) -> tuple[EpochRecord, ...]:
    """One epoch for each accuracy; the other numbers have as many digits as a float holds."""
    return tuple(
        EpochRecord(
            epoch=epoch,
            train_loss=0.7 / epoch + 1e-17,
            train_accuracy=min(1.0, accuracy + 0.03 * epoch),
            val_loss=0.1 + 1 / (3 * epoch),
            val_accuracy=accuracy,
            learning_rate=0.001,
            seconds=61.0 / 3,
            memory_mb=1234.5678901234567,
            first_batch_seconds=2.0 / 3,
        )
        for epoch, accuracy in enumerate(val_accuracies, start=1)
    )


def build_score(epochs: tuple[EpochRecord, ...], **changes: Any) -> ScoreRecord:
    """The score of the best of these epochs."""
    best = max(epochs, key=lambda epoch: epoch.val_accuracy)
    right = round(best.val_accuracy * _N_VALIDATION)
    score = ScoreRecord(
        best_epoch=best.epoch,
        val_accuracy=best.val_accuracy,
        low=best.val_accuracy - 0.01,
        high=best.val_accuracy + 0.01,
        val_loss=best.val_loss,
        train_accuracy=best.train_accuracy,
        n_parameters=320_101,
        confusion=((right // 2, _N_VALIDATION - right), (0, right - right // 2)),
        val_auc=2 / 3,
        mistakes=(MistakeRecord("not bad\r\n'at' all", "pos", "neg", 0.1 + 0.2),),
    )
    return replace(score, **changes)


def build_trial(number: int = 0, *val_accuracies: float, **changes: Any) -> TrialRecord:
    """A complete trial; one that is said to be in another state has no score."""
    epochs = build_epochs(*(val_accuracies or (0.80, 0.85, 0.84)))
    complete = changes.get("state", "complete") == "complete"
    trial = TrialRecord(
        number=number,
        family="lstm",
        proposed_by="defaults" if number == 0 else "tpe",
        params={"lstm.units": 128, "train.learning_rate": 0.001},
        seed=1_000 + number,
        state="complete",
        reason="",
        seconds=61.0,
        epochs=epochs,
        score=build_score(epochs) if complete else None,
        run_id=f"run-{number}",
        model=False,
        summary="Model: a few layers\n",
    )
    return replace(trial, **changes)


def build_simple_baseline(name: str, accuracy: float) -> SimpleBaselineRecord:
    score = replace(build_score(build_epochs(accuracy)), best_epoch=0)
    return SimpleBaselineRecord(name, 12.5, score)


def build_evaluation(accuracy: float, **changes: Any) -> EvaluationRecord:
    evaluation = EvaluationRecord(
        accuracy=accuracy,
        low=accuracy - 0.004,
        high=accuracy + 0.004,
        loss=0.3141592653589793,
        n_train=25_000,
        n_test=25_000,
        official=True,
        evaluated_at="2026-11-23T21:00:00+00:00",
    )
    return replace(evaluation, **changes)


def build_search(n_trials: int, n_epochs: int = 10, *, n_more: int = 4) -> StudyRecord:
    """A study over two families as a sampler leaves it, made up: some numbers matter, some not.

    Args:
        n_more: hyperparameters of no effect.
    """
    random = Random(0)
    space = {
        "model.family": "lstm | cnn",
        "train.learning_rate": "0.0001 to 0.01 (log)",
        "text.vocab_size": "500 to 80000 (log)",
        "lstm.units": "8 to 256 (log)",
        "cnn.filters": "8 to 256 (log)",
        **{f"text.number_{number}": "0 to 1" for number in range(n_more)},
    }
    trials = [_build_search_trial(number, n_epochs, space, random) for number in range(n_trials)]
    plan = build_plan(
        study="search",
        plan="search",
        families=("lstm", "cnn"),
        space=space,
        max_epochs=n_epochs,
        sampler="tpe",
        pruner="median",
    )
    simple_baselines = (
        build_simple_baseline("majority", 0.5),
        build_simple_baseline("tfidf_logistic", 0.86),
    )
    return StudyRecord(plan, tuple(trials), simple_baselines)


def _build_search_trial(
    number: int, n_epochs: int, space: dict[str, str], random: Random
) -> TrialRecord:
    family = random.choice(("lstm", "cnn"))
    params: dict[str, Any] = {
        "model.family": family,
        "train.learning_rate": 10 ** random.uniform(-4, -2),
        "text.vocab_size": round(500 * 160 ** random.random()),
        ("lstm.units" if family == "lstm" else "cnn.filters"): round(8 * 32 ** random.random()),
        **{name: random.random() for name in space if name.startswith("text.number_")},
    }
    best = 0.9 - 0.03 * abs(math.log10(params["train.learning_rate"]) + 3) - 0.02 * random.random()
    best += 0.02 * math.log(params["text.vocab_size"] / 500, 160)
    state = random.choices(("complete", "pruned", "failed"), (75, 20, 5))[0]
    n = n_epochs if state == "complete" else min(2, n_epochs)
    epochs = build_epochs(*(best - 0.1 / (epoch + 1) for epoch in range(n)))
    return build_trial(
        number,
        family=family,
        proposed_by="tpe",
        params=params,
        state=state,
        reason="out of memory" if state == "failed" else "",
        seconds=30 + 300 * random.random(),
        epochs=epochs,
        score=build_score(epochs) if state == "complete" else None,
    )


def build_reruns(
    of: int | str, *val_accuracies: float, role: Role = "finalist", seconds: float = 60.0
) -> tuple[RerunRecord, ...]:
    """A complete rerun for each accuracy, each on a seed of its own."""
    return tuple(
        RerunRecord(
            role=role,
            of=of,
            index=index,
            seed=7_000 + index,
            state="complete",
            reason="",
            seconds=seconds,
            epochs=build_epochs(accuracy),
            score=build_score(build_epochs(accuracy)),
            run_id=f"rerun-{of}-{index}",
            params={"lstm.units": 128},
        )
        for index, accuracy in enumerate(val_accuracies)
    )


def build_difference(
    first: int | str,
    second: int | str,
    difference: float,
    low: float,
    high: float,
    part: Literal["validation", "test"] = "validation",
) -> DifferenceRecord:
    return DifferenceRecord(first, second, part, difference, low, high, 0.01, 0.02)


def build_ranking(**changes: Any) -> RankingRecord:
    """Finals that trial 1 won over trial 0 and a simple baseline."""
    final_ranking = RankingRecord(
        top=2,
        n_seeds=3,
        rule="the best by validation accuracy",
        ranking=(1, "tfidf_logistic", 0),
        optimism=0.0071,
        correlation=1 / 3,
        differences=(),
        expected=(ExpectedRecord(1, 60.0, 0.8), ExpectedRecord(2, 120.0, 0.1 + 0.2)),
    )
    return replace(final_ranking, **changes)


def build_sealed_evaluation(
    of: int | str, accuracy: float, **changes: Any
) -> SealedEvaluationRecord:
    evaluation = SealedEvaluationRecord(
        role="finalist",
        of=of,
        result=build_evaluation(accuracy),
        cluster_low=accuracy - 0.005,
        cluster_high=accuracy + 0.005,
        who="me@here",
        commit="0123456789abcdef",
        model_sha256="fedcba9876543210",
        n=1,
    )
    return replace(evaluation, **changes)


def build_study(*trials: TrialRecord, **changes: Any) -> StudyRecord:
    return StudyRecord(build_plan(**changes), trials)


def whole_model() -> bytes:
    """What passes for a Keras file with those who only look whether it is whole."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr(zipfile.ZipInfo("config.json"), "{}")
    return written.getvalue()


def place_database(root: Path) -> Path:
    """Put an empty database into a folder: MLflow needs seconds to make one."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "mlflow.db").write_bytes(_empty_database())
    return root


def open_study(root: Path, **changes: Any) -> StudyStore:
    """Open the study `lstm` for writing, as the coordinator does."""
    from tracking import store

    return store.open_study(root, build_plan(**changes), fresh=False)


def client_of(root: Path) -> MlflowClient:
    """What anybody else sees of these records."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{root / 'mlflow.db'}")


def write_trial(study: StudyStore, trial: TrialRecord, model: bytes | None = None) -> str:
    """Write a trial as the coordinator does, and give the id of its run."""
    log = study.open_trial(
        trial.number,
        trial.family,
        dict(trial.params),
        seed=trial.seed,
        proposed_by=trial.proposed_by,
        data=build_data(),
        sampler_state=trial.sampler_state,
    )
    if trial.rung is not None:
        log.rung(trial.rung)
    for epoch in trial.epochs:
        log.epoch(epoch)
    if model is not None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.keras"
            file.write_bytes(model)
            log.keep_model(file, trial.score.best_epoch if trial.score else 1, "search.served")
    if trial.summary:
        with tempfile.TemporaryDirectory() as folder:
            summary = Path(folder) / "summary.txt"
            summary.write_bytes(trial.summary.encode())
            log.keep_files(summary)
    if trial.evaluation is not None:
        log.evaluation(trial.evaluation)
    if trial.state == "interrupted":
        log.interrupt(trial.reason, trial.seconds)
    elif trial.state != "running":
        log.close(trial.state, trial.score, reason=trial.reason, seconds=trial.seconds)
    study.put(replace(trial, run_id=log.run_id, model=model is not None))
    return log.run_id


def write_study(root: Path, study: StudyRecord) -> StudyStore:
    """Write a whole study as the coordinator does."""
    from tracking import store

    records = store.open_study(root, study.plan, fresh=False)
    records.begin()
    for trial in study.trials:
        write_trial(records, trial)
    records.end(finished=True)
    return records


def write_rerun(
    final_ranking: EvaluationWriter,
    of: int | str,
    index: int,
    *files: Path,
    state: State = "complete",
    params: Mapping[str, Value] | None = None,
) -> str:
    """Write a rerun of a finalist as its coordinator does, and give the id of its run.

    Args:
        state: "running" leaves it open.
    """
    epochs = build_epochs(0.8, 0.9)
    log = final_ranking.open_rerun(
        "finalist", of, index, params or {}, seed=70 + index, parent=None, data=build_data()
    )
    for epoch in epochs:
        log.epoch(epoch)
    log.keep_files(*files)
    if state != "running":
        log.close(state, build_score(epochs), reason="", seconds=61.0)
    return log.run_id


@functools.cache
def _empty_database() -> bytes:
    from tracking.writing.setup import create_database

    with tempfile.TemporaryDirectory() as folder:
        create_database(Path(folder))
        with closing(sqlite3.connect(Path(folder) / "mlflow.db")) as connection:
            return connection.serialize()
