"""`run` in a script of a person's own: its first line is run once, and Ctrl-C pauses the study."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.programs import ROOT, environment, write_few_texts
from tracking import store
from tracking.commandline.signals import StopFlag

SCRIPT = """
print("the script begins", flush=True)
from search import run

try:
    study = run("nbsvm", data="few.csv", trials={trials}, max_epochs=1, workers=1)
    print("done", list(study.trials.state), flush=True)
except KeyboardInterrupt:
    print("paused", flush=True)
"""


OWN = """
from spaces import Family, Int, Study


def build(n_tokens, maxlen, n_classes, masked, *, units):
    import keras

    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(n_tokens, units, mask_zero=masked)(ids)
    features = keras.layers.GlobalAveragePooling1D()(words)
    return keras.Model(ids, keras.layers.Dense(1, activation="sigmoid")(features))


OWN = Family("own", build, units=Int(2, 4, default=2))
STUDY = Study("mine", "?", families=[OWN], search=["own.*"], trials=1)
"""
OF_A_MODULE = """
import my_study
from search import run

pairs = [(f"{('dull', 'fine')[n % 2]} {n}", n % 2) for n in range(120)]
study = run(my_study.STUDY, data=pairs, max_epochs=1)
print("done", list(study.trials.state), study.best.model.classes)
"""


def start(folder: Path, script: str) -> subprocess.Popen[str]:
    file = folder / "script.py"
    file.write_text(script)
    return subprocess.Popen(
        [sys.executable, str(file)],
        cwd=folder,
        env={**environment(folder), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_script_is_run_once_and_ctrl_c_pauses_its_study(tmp_path: Path) -> None:
    write_few_texts(tmp_path)
    script = start(tmp_path, SCRIPT.format(trials=50))
    assert script.stdout is not None
    for line in script.stdout:
        if line.startswith("trial 0 complete"):
            break
    os.killpg(script.pid, signal.SIGINT)
    out, err = script.communicate(timeout=300)
    assert "paused" in out
    assert "the script begins" not in out
    assert "Traceback" not in err
    trials = store.read_study(tmp_path / "mlruns", "nbsvm-few").trials
    assert trials[0].state == "complete"
    assert all(trial.has_ended or trial.state == "interrupted" for trial in trials)

    out, err = start(tmp_path, SCRIPT.format(trials=len(trials))).communicate(timeout=300)
    assert out.count("the script begins") == 1, err
    assert f"done {['complete'] * len(trials)}" in out


def test_a_study_of_a_module_beside_the_script_is_trained(
    tmp_path: Path,
) -> None:
    (tmp_path / "my_study.py").write_text(OWN)
    out, err = start(tmp_path, OF_A_MODULE).communicate(timeout=300)
    assert "done ['complete'] ('0', '1')" in out, err


def test_in_a_thread_nothing_is_asked_of_signals() -> None:
    ended: list[str] = []

    def work() -> None:
        with StopFlag() as stop:
            stop.check()
            ended.append("well")

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == ["well"]
    assert signal.getsignal(signal.SIGINT) is before
