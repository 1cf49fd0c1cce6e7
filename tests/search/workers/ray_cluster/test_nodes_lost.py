"""A Ray cluster of two nodes, one of which is lost in the middle of a study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.programs import Running, call, snapshot
from tests.servers import Nodes, start_ray

N_TRIALS = 40


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """A cluster of two nodes that takes us."""
    with start_ray(tmp_path) as nodes:
        for name, value in nodes.variables.items():
            monkeypatch.setenv(name, value)
        yield nodes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The coordinator's folder, which is none of the nodes'."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_a_study_that_loses_a_node_continues_its_trial_on_the_other(
    cluster: Nodes, home: Path, tiny_csv: Path
) -> None:
    words = ["--study", "feedforward", "--data", str(tiny_csv), "--smoke"]
    words += ["--trials", str(N_TRIALS), "--cluster", cluster.address]
    run = Running(home, *words)
    run.wait_for(f"cluster: {cluster.address}, 2 nodes; 2 trials side by side", "trial 12 (")
    theirs = psutil.Process(cluster.other.process.pid).children(recursive=True)
    # They run the coordinator's code, which Ray brought them, and not what lies about there.
    (evaluator,) = (one for one in theirs if one.name().startswith("ray::Evaluator"))
    assert "working_dir_files" in evaluator.cwd()
    cluster.other.kill()
    assert run.process.stdout is not None
    said = run.process.stdout.read()
    run.end()
    _, alive = psutil.wait_procs(theirs, timeout=10)
    assert alive == []  # nor the trial that ran there
    assert run.process.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "raylet" not in said  # Ray has much to say of a node that is gone
    store = snapshot(home, "feedforward-tiny-smoke")
    store.assert_whole()
    assert len(store.trials) == N_TRIALS
    lost = [run for run in store.trials.values() if "trial.deaths" in run.data.tags]
    assert [run.data.tags["trial.state"] for run in lost] in (["complete"], ["pruned"])
    doctor = call(home, "search.doctor")
    assert doctor.returncode == 0, doctor.stdout


@pytest.mark.slow
def test_a_trial_that_ray_ends_twice_for_want_of_memory_has_failed(
    tmp_path: Path, tiny_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_memory_usage_threshold", "0.001")  # of the machine's, for all
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "250")
    words = ["--study", "feedforward", "--data", str(tiny_csv), "--smoke", "--trials", "1"]
    end = call(tmp_path, "search.run", *words, "--cluster", "local")
    assert end.returncode == 0, end.stderr
    store = snapshot(tmp_path, "feedforward-tiny-smoke")
    store.assert_whole()
    assert store.states == ["failed"]
    reason = "its place on the cluster was lost: Ray ended it because the node's memory ran out"
    assert store.trials[0].data.tags["trial.reason"] == reason


@pytest.mark.slow
def test_who_has_another_token_is_refused_in_one_line(
    cluster: Nodes, home: Path, tiny_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    words = ["--study", "feedforward", "--data", str(tiny_csv)]
    end = call(home, "search.run", *words, "--cluster", cluster.address)
    assert end.returncode == 2
    assert end.stderr == (
        f"error: the Ray cluster at {cluster.address} takes another token than ours. "
        "Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to the file of its token.\n"
    )
    assert not (home / "mlruns").exists()
