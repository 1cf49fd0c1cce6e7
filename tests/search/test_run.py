"""The program as a person meets it: refusals, the dry run, and whole studies on a tiny table.

Whole studies run in processes of their own, each of which loads Keras; so a few runs, one after
another, serve all the tests that look at them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import pytest
from mlflow import MlflowClient

from search.run import main
from spaces.studies import STUDIES
from tracking import cli

ROOT = Path(__file__).resolve().parents[2]
OPTUNA_STATE = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}
GIVE_UP_SECONDS = 420.0

# ---- in this process: what is refused, and what only looks ----


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
            cli.run(main)
        out, err = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, out, err

    return type_command


def refusal(type_command: Type, folders: list[Path], *words: str) -> str:
    """Give the one line of a refusal that left nothing behind."""
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
        (["--study", "lstm", "--sampler", "grid"], "'grid' (choose from"),
        (["--study", "lstm", "--pruner", "grid"], "'grid' (choose from"),
        (["--study", "lstm", "--trial", "3"], "unrecognized arguments: --trial 3"),
        (["--study", "lstm", "--only", "lstm-2016"], "--only means nothing to study lstm"),
        (["--study", "tutorials", "--only", "lstm"], "unknown configuration 'lstm'"),
        (["--study", "tutorials", "--trials", "3"], "--trials means nothing to study tutorials"),
        (["--study", "lstm", "--data", "imbd"], "'imbd'. Did you mean imdb?"),
        (["--study", "lstm", "--data", "no/where.csv"], "no file 'no/where.csv'"),
        (["--study", "lstm", "--data", "reviews.txt"], "must end in .csv or .parquet"),
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
        (rows().replace(b"text", b"review"), "lacks text. Its columns: review, label."),
        (rows(label="pos"), "at least 2 classes, but"),
        (rows(text=""), "has 40 empty ones, the first in data row 1"),
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
    words = ["--study", "lstm_dropout", "--data", str(tiny_csv), "--trials", "7", "--dry-run"]
    code, out, err = type_command(*words)
    assert (code, err) == (0, "")
    plan = STUDIES["lstm_dropout"]
    for name in plan.searched:
        assert name in out
    for said in (
        plan.question,
        "500 to 80000 (log)",
        "text.padding bucket",
        "tried first: defaults, lstm-dropout-2016, lstm-dropout-2017",
        "96 train, 24 validation; classes neg, pos; digest ",
        "budget: 7 trials\n",
        "estimated time: ",
        "nothing was trained.\n",
    ):
        assert said in out
    assert not folders[0].exists()


def test_a_dry_run_for_programs_is_one_json_object(
    type_command: Type, folders: list[Path], tiny_csv: Path
) -> None:
    code, out, err = type_command(
        *("--study", "lstm_dropout", "--data", str(tiny_csv), "--smoke", "--dry-run", "--json")
    )
    facts = json.loads(out)
    assert code == 0
    assert "data: " in err
    assert facts["study"] == "lstm_dropout-tiny-smoke"
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


# ---- in processes of their own ----


def environment(home: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "SEQSEARCH_IMDB"}
    return {
        **inherited,
        "SEQSEARCH_MLRUNS": str(home / "mlruns"),
        "SEQSEARCH_CACHE": str(home / "cache"),
    }


def call(home: Path, module: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env=environment(home),
        input=text,
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )


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


class Running:
    """A program under way in a session of its own, as in a terminal of its own."""

    def __init__(self, home: Path, *words: str) -> None:
        self._errors = home / "stderr.txt"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "search.run", *words],
                cwd=ROOT,
                env=environment(home),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._watchdog = threading.Timer(GIVE_UP_SECONDS, self.kill_all)
        self._watchdog.daemon = True
        self._watchdog.start()

    def wait_for(self, *beginnings: str) -> None:
        """Read its lines until these have come, one after another."""
        assert self.process.stdout is not None
        seen = []
        for beginning in beginnings:
            for line in self.process.stdout:
                seen.append(line)
                if line.startswith(beginning):
                    break
            else:
                pytest.fail(f"no line {beginning!r} in {''.join(seen)}\n{self.stderr}")

    def interrupt(self) -> float:
        """Press Ctrl-C, which the whole group receives; give the seconds until all is gone."""
        before = time.monotonic()
        os.killpg(self.process.pid, signal.SIGINT)
        self.end()
        self.wait_until_gone()
        return time.monotonic() - before

    def wait_until_gone(self) -> None:
        deadline = time.monotonic() + 15
        while self.members() and time.monotonic() < deadline:
            time.sleep(0.1)

    def end(self) -> None:
        self.process.communicate()
        self._watchdog.cancel()

    def kill_all(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def stderr(self) -> str:
        return self._errors.read_text()

    def members(self) -> list[str]:
        """Living processes of its group: itself, Keras' server, the trial."""
        listed = subprocess.run(
            ["ps", "-A", "-o", "pgid=,stat=,pid="], capture_output=True, text=True, check=True
        )
        lines = [line.split() for line in listed.stdout.splitlines()]
        group = str(self.process.pid)
        return [pid for pgid, state, pid in lines if pgid == group and state[0] != "Z"]


@dataclass(frozen=True)
class Snapshot:
    """What both stores hold of a study, read with their own clients.

    Attributes:
        statuses: of every MLflow run of the study, by its name.
        trials: the MLflow runs of the trials, by number.
    """

    statuses: Mapping[str, str]
    trials: Mapping[int, Any]
    in_optuna: list[optuna.trial.FrozenTrial]

    @property
    def counted(self) -> list[int]:
        return [n for n, run in self.trials.items() if run.data.tags["trial.void"] == "False"]

    def assert_they_agree(self) -> None:
        assert list(self.trials) == [trial.number for trial in self.in_optuna]
        assert "RUNNING" not in self.statuses.values()
        for run, trial in zip(self.trials.values(), self.in_optuna, strict=True):
            assert OPTUNA_STATE[run.data.tags["trial.state"]] == trial.state.name
            assert run.data.tags["trial.seed"] == str(trial.user_attrs["seed"])
            assert run.data.tags["trial.origin"] == trial.user_attrs["origin"]
            assert run.data.metrics.get("best_val_accuracy") == trial.value
            for name, value in trial.params.items():
                assert run.data.params[name] == str(value)

    def values(self, number: int) -> tuple[dict[str, str], str]:
        run = self.trials[number]
        return run.data.params, run.data.tags["trial.seed"]


def snapshot(home: Path, study: str) -> Snapshot:
    root = home / "mlruns"
    client = MlflowClient(tracking_uri=f"sqlite:///{root / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(study)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    trials = {
        int(run.data.tags["trial.number"]): run for run in runs if run.data.tags["kind"] == "trial"
    }
    found = optuna.load_study(study_name=study, storage=f"sqlite:///{root / 'optuna.db'}")
    return Snapshot(
        {str(run.info.run_name): run.info.status for run in runs},
        dict(sorted(trials.items())),
        found.trials,
    )


@dataclass
class Story:
    """What the runs of a story gave, one after another."""

    home: Path
    ends: list[subprocess.CompletedProcess[str]] = field(default_factory=list)
    stores: list[Snapshot] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Story:
    """Each family once, and the controls; the same command again."""
    story = Story(tmp_path_factory.mktemp("wide"))
    n_points = len(STUDIES["architecture"].starting_points())
    command = ["--study", "architecture", "--data", str(tiny_csv), "--smoke"]
    for _ in range(2):
        words = [*command, "--trials", str(n_points), "--json"]
        story.ends.append(call(story.home, "search.run", *words))
        assert story.ends[-1].returncode == 0, story.ends[-1].stderr
        story.stores.append(snapshot(story.home, "architecture-tiny-smoke"))
    return story


def test_every_family_is_tried_and_has_no_parameter_of_another(wide: Story) -> None:
    wide.stores[0].assert_they_agree()
    families = set()
    for run in wide.stores[0].trials.values():
        family = run.data.tags["trial.family"]
        families.add(family)
        assert run.data.tags["trial.state"] == "complete"
        assert run.data.params["model.family"] == family
        prefixes = {name.partition(".")[0] for name in run.data.params}
        assert prefixes == {"model", "text", "train", family}
    assert families == set(STUDIES["architecture"].families)


def test_controls_are_recorded_once_beside_the_trials_and_are_on_the_page(wide: Story) -> None:
    said = [json.loads(end.stdout) for end in wide.ends]
    assert set(said[0]["controls"]) == {"majority", "tfidf_logistic"}
    assert said[0]["controls"] == said[1]["controls"]
    for store in wide.stores:
        assert [store.statuses[name] for name in said[0]["controls"]] == ["FINISHED"] * 2
        assert len(store.trials) == len(wide.stores[0].trials)
    assert "points against tfidf_logistic" in Path(said[0]["page"]).read_text("utf-8")


def test_a_reproduction_looks_at_the_test_set_once_a_training(
    tmp_path: Path, tiny_csv_with_test: Path
) -> None:
    command = ["--study", "tutorials", "--data", str(tiny_csv_with_test), "--smoke", "--json"]
    said = []
    for more in ([], [], ["--repeats", "2"]):
        end = call(tmp_path, "search.run", *command, "--only", "feedforward-dropout", *more)
        assert end.returncode == 0, end.stderr
        said.append(json.loads(end.stdout))
    assert [one["complete"] for one in said] == [1, 1, 2]
    rows = {row["configuration"]: row for row in said[2]["reproduced"]}
    assert len(rows) == 16
    assert len(rows["feedforward-dropout"]["ours"]) == 2
    row = rows["feedforward-dropout"]
    assert (row["published"], row["difference"], row["official"]) == (None, None, False)
    assert [row["ours"] for name, row in rows.items() if name != "feedforward-dropout"] == [
        []
    ] * 15
    page = Path(said[2]["page"]).read_text("utf-8")
    assert "2 looks at the test set" in page


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Story:
    """A smoke run; the same command again; the same with one trial more."""
    story = Story(tmp_path_factory.mktemp("smoke"))
    command = ["--study", "lstm", "--data", str(tiny_csv), "--smoke"]
    for more in ([], ["--json"], ["--trials", "3", "--json"]):
        story.ends.append(call(story.home, "search.run", *command, *more))
        assert story.ends[-1].returncode == 0, story.ends[-1].stderr
        story.stores.append(snapshot(story.home, "lstm-tiny-smoke"))
    return story


def test_a_smoke_run_leaves_two_complete_trials_on_which_both_stores_agree(smoke: Story) -> None:
    store = smoke.stores[0]
    store.assert_they_agree()
    assert store.statuses == {
        "lstm-tiny-smoke": "FINISHED",
        "trial-0000-lstm": "FINISHED",
        "trial-0001-lstm": "FINISHED",
    }
    assert store.counted == [0, 1]
    assert [trial.state.name for trial in store.in_optuna] == ["COMPLETE", "COMPLETE"]
    origins = [run.data.tags["trial.origin"] for run in store.trials.values()]
    assert origins == ["defaults", "lstm-2016"]
    assert set(store.trials[0].data.params) == set(STUDIES["lstm"].space)
    assert store.trials[1].data.params["text.padding"] == "full"


def test_a_smoke_run_tells_what_it_does_and_what_to_type_next(smoke: Story) -> None:
    end = smoke.ends[0]
    lines = end.stdout.splitlines()
    begun = [line for line in lines if line.startswith("trial ") and " of 2), " in line]
    assert [line.split(":")[0] for line in begun] == [
        "trial 0 (1 of 2), defaults",
        "trial 1 (2 of 2), lstm-2016",
    ]
    assert sum(line.startswith("  epoch 1/1: train ") for line in lines) == 2
    assert "2 complete, 0 pruned, 0 failed." in lines
    assert "  python -m search.export --study lstm-tiny-smoke --out lstm-tiny-smoke-model" in lines
    assert "Traceback" not in end.stderr
    (page,) = [line.removeprefix("page: ") for line in lines if line.startswith("page: ")]
    assert Path(page).parent == smoke.home / "mlruns" / "dashboards"
    assert "</html>" in Path(page).read_text("utf-8")


def test_the_same_command_again_adds_nothing(smoke: Story) -> None:
    before, after = smoke.stores[:2]
    after.assert_they_agree()
    assert after.statuses == before.statuses
    assert [run.info.run_id for run in after.trials.values()] == [
        run.info.run_id for run in before.trials.values()
    ]
    assert not [line for line in smoke.ends[1].stderr.splitlines() if line.startswith("trial ")]


def test_a_higher_budget_adds_exactly_what_is_missing(smoke: Story) -> None:
    before, after = smoke.stores[1:]
    after.assert_they_agree()
    assert after.counted == [0, 1, 2]
    assert after.trials[2].data.tags["trial.origin"] == "tpe"
    assert after.values(0) == before.values(0)


def test_json_is_one_object_on_stdout_and_all_else_on_stderr(smoke: Story) -> None:
    for end, n in zip(smoke.ends[1:], (2, 3), strict=True):
        said = json.loads(end.stdout)
        assert (said["study"], said["complete"], said["pruned"]) == ("lstm-tiny-smoke", n, 0)
        assert said["official_test_set"] is False
        assert Path(said["page"]).is_file()
        assert "data: " in end.stderr
    best = json.loads(smoke.ends[2].stdout)["best"]
    runs = smoke.stores[2].trials
    accuracies = {n: run.data.metrics["best_val_accuracy"] for n, run in runs.items()}
    assert best["val_accuracy"] == max(accuracies.values()) == accuracies[best["trial"]]


def test_a_trial_in_mlflow_tells_all_that_is_asked_of_it(smoke: Story) -> None:
    """With nothing but MLflow's own client, as somebody would who has never seen this project."""
    client = MlflowClient(tracking_uri=f"sqlite:///{smoke.home / 'mlruns' / 'mlflow.db'}")
    for run in smoke.stores[2].trials.values():
        files = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert files >= {"curves.csv", "curves.html", "confusion.json", "mistakes.json"}
        assert files >= {"summary.txt", "environment.json"}
        metrics = run.data.metrics
        assert {"best_val_accuracy", "best_val_auc", "best_gap", "best_epoch"} <= set(metrics)
        assert {"memory_mb", "seconds_per_epoch", "trace_seconds"} <= set(metrics)
        assert metrics["best_n_parameters"] > 0
        (used,) = run.inputs.dataset_inputs
        assert used.dataset.digest == run.data.tags["data.digest"]
        assert "search.run --study lstm" in run.data.tags["code.command"]
    experiment = smoke.stores[2].trials[0].info.experiment_id
    models = client.search_logged_models([experiment])
    assert {str(model.status) for model in models} == {"READY"}
    assert {model.source_run_id for model in models} == {
        run.info.run_id for run in smoke.stores[2].trials.values()
    }
    done = call(smoke.home, "search.doctor")
    assert (done.returncode, done.stdout) == (0, "MLflow and Optuna agree.\n"), done.stderr


def test_the_best_model_is_exported_and_labels_raw_text(smoke: Story, tmp_path: Path) -> None:
    out = tmp_path / "model"
    exported = call(smoke.home, "search.export", "--study", "lstm-tiny-smoke", "--out", str(out))
    assert exported.returncode == 0, exported.stderr
    texts = "A wonderful film.\n<br />Dreadful, from beginning to end.\n"
    predicted = call(smoke.home, "search.predict", str(out), "--json", text=texts)
    assert predicted.returncode == 0, predicted.stderr
    lines = [json.loads(line) for line in predicted.stdout.splitlines()]
    assert [line["text"] for line in lines] == texts.splitlines()
    for line in lines:
        assert line["label"] == max(line["probabilities"], key=line["probabilities"].get)
        assert set(line["probabilities"]) == {"neg", "pos"}
        assert sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, tiny_csv: Path) -> Story:
    """A run that is killed in its first trial, one stopped in its second, and one that ends."""
    story = Story(tmp_path_factory.mktemp("interrupted"))
    command = ["--study", "lstm", "--data", str(tiny_csv), "--trials", "2", "--max-epochs", "3"]

    killed = Running(story.home, *command)
    killed.wait_for("trial 0 (1 of 2), defaults", "  epoch 1/3")
    os.kill(killed.process.pid, signal.SIGSTOP)  # it holds the study, and the trial goes on
    story.ends.append(call(story.home, "search.run", *command))
    story.facts["members"] = killed.members()
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.end()
    killed.wait_until_gone()
    story.facts["orphans"] = killed.members()
    killed.kill_all()
    story.stores.append(snapshot(story.home, "lstm-tiny"))

    stopped = Running(story.home, *command)
    stopped.wait_for("trial 2 (2 of 2), lstm-2016", "  epoch 1/3")
    story.facts["seconds"] = stopped.interrupt()
    story.facts["code"] = stopped.process.returncode
    story.facts["stderr"] = stopped.stderr
    story.facts["left"] = stopped.members()
    stopped.kill_all()
    story.stores.append(snapshot(story.home, "lstm-tiny"))

    story.ends.append(call(story.home, "search.run", *command, "--json"))
    story.stores.append(snapshot(story.home, "lstm-tiny"))
    return story


def test_a_second_coordinator_of_the_same_study_is_refused(interrupted: Story) -> None:
    second = interrupted.ends[0]
    assert second.returncode == 2
    assert second.stderr == "error: study lstm-tiny is being run by another process.\n"


def test_a_killed_coordinator_leaves_no_process_behind(interrupted: Story) -> None:
    assert len(interrupted.facts["members"]) >= 3  # the coordinator, Keras' server, the trial
    assert interrupted.facts["orphans"] == []
    (trial,) = interrupted.stores[0].in_optuna
    assert trial.state.name == "RUNNING"  # so it was killed in mid-trial


def test_ctrl_c_in_mid_trial_ends_the_run_within_seconds_and_leaves_nothing_running(
    interrupted: Story,
) -> None:
    assert interrupted.facts["code"] == 130
    assert interrupted.facts["stderr"] == "stopped by SIGINT.\n"
    assert interrupted.facts["seconds"] < 10
    assert interrupted.facts["left"] == []
    store = interrupted.stores[1]
    store.assert_they_agree()
    assert store.statuses["lstm-tiny"] == "KILLED"
    assert store.counted == [1]


def test_a_study_that_was_killed_and_stopped_ends_at_exactly_its_budget(
    interrupted: Story,
) -> None:
    end = interrupted.ends[1]
    assert end.returncode == 0, end.stderr
    assert json.loads(end.stdout)["complete"] == 2
    store = interrupted.stores[2]
    store.assert_they_agree()
    assert set(store.trials) == {0, 1, 2, 3}
    assert store.counted == [1, 3]
    assert store.values(1) == store.values(0)
    assert store.values(3) == store.values(2)
    assert store.statuses["lstm-tiny"] == "FINISHED"


def test_ctrl_c_while_keras_loads_is_a_stop_like_any_other(tmp_path: Path, tiny_csv: Path) -> None:
    run = Running(tmp_path, "--study", "lstm", "--data", str(tiny_csv), "--smoke")
    run.wait_for("trial 0 (1 of 2), defaults")
    seconds = run.interrupt()
    left = run.members()
    run.kill_all()
    assert left == []
    assert run.process.returncode == 130
    assert run.stderr == "stopped by SIGINT.\n"
    assert seconds < 10
    store = snapshot(tmp_path, "lstm-tiny-smoke")
    store.assert_they_agree()
    assert store.counted == []
