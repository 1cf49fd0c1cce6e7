"""What a person queues: typed trials, the best of other studies, and what is on record of them."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from search.cli.options import Options
from search.cli.queue import with_queue
from search.coordinator.loop import Coordinator
from search.engines.optuna.optuna_engine import OptunaEngine
from spaces.families import FAMILY
from spaces.plan import StudyPlan
from spaces.studies import STUDIES
from tests.builders import build_epochs, build_plan, build_trial, place_database, write_study
from tests.coordinator import DATASET, PLAN, RECORD, Script, Silent, place
from tests.plans import DROPOUT
from tests.search.cli.test_options import typed
from tracking import store
from tracking.commandline.errors import Stopped, UserError
from tracking.records import StudyRecord, TrialRecord

LSTM, CNN = STUDIES["lstm"], STUDIES["cnn"]
ARCHITECTURE = STUDIES["architecture"]


@pytest.fixture(autouse=True)
def plan_of_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the study that is typed below be one that has nothing queued."""
    monkeypatch.setitem(STUDIES, DROPOUT.name, DROPOUT)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return place_database(tmp_path / "mlruns")


def trial_of(plan: StudyPlan, number: int, accuracy: float, **params: object) -> TrialRecord:
    """A finished trial with these values."""
    (family,) = plan.families
    values = {**plan.complete({}), **params}
    return build_trial(number, accuracy, family=family, params=values)


def write(root: Path, study: str, plan: StudyPlan, *trials: TrialRecord) -> None:
    record = build_plan(study=study, plan=plan.name, families=plan.families, references=())
    write_study(root, StudyRecord(record, trials))


def queue(root: Path, chosen: Options) -> tuple[StudyPlan, list[str]]:
    said: list[str] = []
    return with_queue(chosen, DATASET, root, said.append).plan, said


def test_a_typed_trial_comes_first_with_the_defaults_of_all_that_was_not_typed() -> None:
    plan = typed("--enqueue", "lstm.units=96, train.learning_rate=1e-3", study="lstm").plan
    (first, values), *rest = plan.initial_trials().items()
    assert first == "enqueued-1"
    assert values == {**LSTM.complete({}), "lstm.units": 96, "train.learning_rate": 0.001}
    assert dict(rest) == LSTM.initial_trials()


def test_equal_values_are_one_trial_and_the_defaults_are_no_other() -> None:
    plan = LSTM.enqueue({"lstm.units": 96}, {"train.epochs": 3}, {"lstm.units": 96})
    assert plan.enqueued == {
        "enqueued-1": {FAMILY: "lstm", "lstm.units": 96},
        "enqueued-2": {FAMILY: "lstm", "train.epochs": 3},
    }
    assert plan.enqueue({"train.epochs": 3}) == plan
    default = LSTM.space["lstm.units"].default
    assert LSTM.enqueue({"lstm.units": default}).initial_trials() == LSTM.initial_trials()


def test_a_hyperparameter_of_a_family_says_which_family_it_is() -> None:
    plan = ARCHITECTURE.enqueue({"cnn.n_kernels": 3}, {FAMILY: "gru", "train.batch_size": 32})
    first, second = list(plan.initial_trials().values())[:2]
    assert (first[FAMILY], first["cnn.n_kernels"]) == ("cnn", 3)
    assert (second[FAMILY], second["train.batch_size"]) == ("gru", 32)
    assert not any(name.startswith("lstm.") for name in first)


@pytest.mark.parametrize(
    ("study", "text", "says"),
    [
        ("lstm", "lstm.units=9000", r"lstm.units must be in 8 to 256 .* 9000. --range widens it"),
        ("lstm", "lstm.unit=90", "unknown hyperparameter 'lstm.unit'. Did you mean lstm.units"),
        ("lstm", "lstm.units", r"--enqueue takes NAME=VALUE, but got 'lstm.units'"),
        ("lstm", "cnn.n_kernels=2", "unknown family of this study 'cnn'"),
        ("architecture", "train.epochs=3", r"say which of .*, such as model.family=nbsvm"),
        ("architecture", "cnn.n_kernels=2,lstm.units=9", "say which of cnn, lstm"),
        ("tutorials", "lstm.units=9", "--enqueue means nothing to study tutorials"),
    ],
)
def test_what_cannot_be_queued_is_refused_in_one_line(study: str, text: str, says: str) -> None:
    with pytest.raises(UserError, match=says) as refused:
        typed("--enqueue", text, study=study)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", ":3", "cnn:0", "cnn:few", "cnn:-1", "lstm", "lstm:2"])
def test_what_is_no_study_to_start_from_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--start-from"):
        typed("--start-from", text, study="lstm")


def test_a_saved_plan_has_what_was_queued(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    from search.cli import plan_file

    plan = typed("--enqueue", "lstm.units=96", "--enqueue", "train.epochs=3", study="lstm").plan
    plan_file.save(plan, (), file)
    assert plan_file.read(file).enqueued == plan.enqueued
    words = ("--range", "lstm.units=16..64")  # a queue that is not typed gives way, as references
    assert list(typed(*words, study=str(file)).plan.enqueued.values()) == [
        {FAMILY: "lstm", "train.epochs": 3}
    ]
    file.write_text(file.read_text().replace("enqueued = [{", "enqueued = [3, {"))
    with pytest.raises(UserError, match="enqueued must hold tables"):
        plan_file.read(file)


def test_the_best_of_another_study_are_queued_with_the_values_that_exist_here(root: Path) -> None:
    trials = [
        trial_of(LSTM, 0, 0.80),
        trial_of(LSTM, 1, 0.90, **{"lstm.units": 256, "lstm.pooling": "max", "lstm.old": 1}),
        trial_of(LSTM, 2, 0.85, **{"text.vectors": "file", "lstm.layers": 2}),
        trial_of(LSTM, 3, 0.84),
    ]
    write(root, "other", LSTM, *trials)
    words = ("--start-from", "other:2", "--range", "lstm.units=32..64", "--set", "train.epochs=3")
    plan, said = queue(root, typed(*words, study="lstm"))
    assert list(plan.enqueued) == ["from-other-1", "from-other-2"]
    first, second = list(plan.initial_trials().values())[:2]
    assert (first["lstm.units"], first["lstm.pooling"], first["train.epochs"]) == (64, "max", 3)
    assert second["text.vectors"] == "random"
    assert said == [
        "queued: trial 1 of other, 90.00 % on imdb; train.epochs 5 is 3 here; lstm.units "
        "256 is 64 here; without lstm.old",
        "queued: trial 2 of other, 85.00 % on imdb; text.vectors file is random here; "
        "train.epochs 5 is 3 here",
    ]


def test_a_study_without_a_trial_of_these_families_is_nothing_to_start_from(root: Path) -> None:
    write(root, "other", LSTM, trial_of(LSTM, 0, 0.8))
    with pytest.raises(UserError, match="other: it has no finished trial of cnn"):
        queue(root, typed("--start-from", "other", study="cnn"))
    with pytest.raises(UserError, match="unknown study 'others'"):
        queue(root, typed("--start-from", "others", study="lstm"))


def test_what_is_tried_anyway_is_not_queued(root: Path) -> None:
    plan, said = queue(root, typed("--enqueue", "lstm.units=64", study="lstm"))
    assert plan.enqueued == {}
    assert said == ["not queued, as defaults has these values: lstm.units 64"]


def test_what_was_tried_is_not_queued(root: Path) -> None:
    write(root, "lstm", LSTM, trial_of(LSTM, 0, 0.8, **{"lstm.units": 96}))
    plan, said = queue(root, typed("--enqueue", "lstm.units=96", study="lstm"))
    assert plan.enqueued == {}
    assert said == ["not queued, as trial 0 has these values: lstm.units 96"]
    write(root, "other", LSTM, trial_of(LSTM, 5, 0.9, **{"lstm.units": 96}))
    plan, said = queue(root, typed("--start-from", "other", study="lstm"))
    assert said == ["not queued, as trial 0 has these values: those of trial 5 of other"]


class Sessions:
    """A study that is started again and again, as `search.run` does."""

    def __init__(self, root: Path, script: Script) -> None:
        self.root = root
        self.script = script
        self.said: list[str] = []

    def run(self, n_trials: int, *words: str) -> list[str]:
        """Run a session; return what proposed the trials that there are then."""
        self.script.stop = False
        chosen = replace(typed(*words, "--max-epochs", "3"), study="s")
        self.said.clear()
        chosen = with_queue(chosen, DATASET, self.root, self.said.append)
        plan = chosen.plan.with_budget(n_trials, None)
        record = replace(RECORD, enqueued=plan.enqueued)
        Coordinator(
            plan,
            OptunaEngine(plan, seed=7, sampler="random", pruner="median"),
            store.open_study(self.root, record, fresh=False, is_inside=chosen.is_inside),
            DATASET,
            Silent(),
            self.script.check_stop,
            place(self.script),
            self.root / "s.trials",
        ).run()
        return self.proposers

    @property
    def proposers(self) -> list[str]:
        return [trial.proposed_by for trial in store.read_study(self.root, "s").trials]


def test_a_stop_and_a_resume_neither_lose_nor_double_a_queued_trial(root: Path) -> None:
    def stops(tick: object) -> None:
        script.stop = True

    script = Script(ends=[stops], signum=signal.SIGTERM)
    study = Sessions(root, script)
    words = ("--enqueue", "lstm.units=96", "--enqueue", "lstm.dropout=0.5")
    with pytest.raises(Stopped):
        study.run(6, *words)
    assert study.proposers == ["enqueued-1"]
    references = list(PLAN.initial_trials())
    # Neither needs to be typed again, nor harms it.
    assert study.run(2) == ["enqueued-1", "enqueued-2"]
    assert study.run(6, *words[:2])[:3] == ["enqueued-1", "enqueued-2", references[0]]
    before = study.run(6, *words)
    assert len(before) == 6
    # A study that has its trials gets another one, which is the next.
    more = study.run(8, "--enqueue", "lstm.units=97")
    assert more[:6] == before
    assert more[6] == "enqueued-3"
    assert study.run(9)[:8] == more
    trials = store.read_study(root, "s").trials
    assert trials[6].params["lstm.units"] == 97
    assert store.read_study(root, "s").plan.enqueued["enqueued-3"]["lstm.units"] == 97


def test_a_queued_trial_outside_of_new_ranges_waits_on_record(root: Path) -> None:
    study = Sessions(root, Script())
    study.run(1, "--enqueue", "lstm.units=96", "--enqueue", "lstm.units=200")
    assert study.run(3, "--range", "lstm.units=16..100")[1:] == list(PLAN.initial_trials())[:2]
    assert store.read_study(root, "s").waiting == ["enqueued-2"]
    assert study.said == ["enqueued-2 is not tried, being outside of the ranges: lstm.units 200"]
    assert study.run(4)[-1] == "enqueued-2"


def test_a_queued_trial_is_never_pruned() -> None:
    plan = PLAN.enqueue({"lstm.units": 96})
    engine = OptunaEngine(plan, seed=7, sampler="random", pruner="median")
    curve = build_epochs(0.9, 0.9)
    peers = [replace(trial_of(PLAN, number, 0.9), epochs=curve) for number in range(5)]
    for proposed_by, is_pruned in (("enqueued-1", False), ("random", True)):
        poor = build_trial(9, 0.1, 0.1, state="running", proposed_by=proposed_by)
        assert (engine.should_prune(poor, peers) is not None) == is_pruned
