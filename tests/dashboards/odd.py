"""Studies that a page must bear with, by what is odd about them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.builders import (
    build_data,
    build_epochs,
    build_evaluation,
    build_plan,
    build_reference,
    build_score,
    build_search,
    build_simple_baseline,
    build_study,
    build_trial,
)
from tracking.records import StudyRecord, TrialRecord

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "\"'><img src=x onerror=alert(3)>",
    '<a href="javascript:alert(4)">click</a>',
    "javascript:alert(5)",
    "\u202egnp.exe\u2066",
    "=1+1",
    "%{x} <b>bold</b> $x^2$ {{7*7}}",
    "x" * 100_000,
    "\ud800",
    "",
)


def hostile() -> StudyRecord:
    """Every text that comes from elsewhere is hostile, and some numbers are."""
    trials = [
        build_trial(
            number,
            0.80,
            0.85 + number / 1_000,
            proposed_by=text,
            family=text,
            reason=text,
            state="failed" if number == 3 else "complete",
            run_id="javascript:alert(6)//" + text[:50],
            params={text: text, "lstm.units": 2 ** (number + 3), "train.huge": 10**400},
        )
        for number, text in enumerate(HOSTILE)
    ]
    return build_study(
        *trials,
        study=HOSTILE[0],
        plan=HOSTILE[1],
        question=HOSTILE[8],
        families=HOSTILE,
        space={**dict.fromkeys(HOSTILE, "any"), "lstm.units": "8 to 10000 (log)"},
        references=tuple(build_reference(text, None) for text in HOSTILE[:4]),
        data=build_data(name=HOSTILE[0], official=False, note=HOSTILE[2], classes=HOSTILE),
    )


def _nan_trial(number: int) -> TrialRecord:
    nan = float("nan")
    epochs = tuple(
        replace(epoch, val_loss=nan, train_loss=nan, val_accuracy=nan, train_accuracy=nan)
        for epoch in build_epochs(0.5, 0.5)
    )
    score = build_score(build_epochs(0.5), val_accuracy=nan, low=nan, high=nan)
    params = {"lstm.units": nan, "train.learning_rate": float("inf")}
    return build_trial(number, epochs=epochs, score=score, params=params)


def _wide(n_hyperparameters: int) -> StudyRecord:
    names = [f"lstm.number_{number}" for number in range(n_hyperparameters)]
    trials = [
        build_trial(
            number,
            0.8 + number / 1_000,
            params={name: (number * (place + 3)) % 17 / 17 for place, name in enumerate(names)},
        )
        for number in range(15)
    ]
    return build_study(*trials, space=dict.fromkeys(names, "0 to 1"))


def _pooled() -> StudyRecord:
    evaluations = [
        build_trial(0, proposed_by="lstm-2016", score=None, evaluation=build_evaluation(0.861)),
        build_trial(
            1, proposed_by="pooled", score=None, evaluation=build_evaluation(0.87, official=False)
        ),
    ]
    references = (build_reference("lstm-2016", 0.8679), build_reference("pooled", None))
    return build_study(*evaluations, space={}, references=references)


def _told(number: int, accuracy: float, **changes: Any) -> TrialRecord:
    """A trial that was trained elsewhere, and told its accuracy alone."""
    known = {"val_loss": None, "train_accuracy": None, "n_parameters": None, **changes}
    score = build_score(build_epochs(accuracy), best_epoch=0, confusion=(), **known)
    return build_trial(number, epochs=(), score=score)


ODD: dict[str, StudyRecord] = {
    "empty": build_study(),
    "one trial": build_study(build_trial(0)),
    "one trial of one epoch": build_study(build_trial(0, 0.8)),
    "only failures": build_study(
        *(build_trial(number, state="failed", reason="out of memory") for number in range(3))
    ),
    "failures before an epoch": build_study(
        build_trial(0, state="failed", epochs=()), build_trial(1, state="failed", epochs=())
    ),
    "only pruned": build_study(*(build_trial(n, 0.5, state="pruned") for n in range(12))),
    "under way": build_study(build_trial(0, state="running", epochs=())),
    "not a number": build_study(*(_nan_trial(n) for n in range(3)), build_trial(3)),
    "only not a number": build_study(*(_nan_trial(n) for n in range(12))),
    "all the same": build_study(*(build_trial(n) for n in range(12))),
    "no baselines": build_study(build_trial(0), baselines=()),
    "other data": build_study(build_trial(0), data=build_data(official=False)),
    "simple baselines only": replace(
        build_study(), simple_baselines=(build_simple_baseline("majority", 0.5),)
    ),
    "forty hyperparameters": _wide(40),
    "two families": build_search(60, 4),
    "many": build_search(700, 3),
    "a reproduction": _pooled(),
    "no validation": build_study(
        build_trial(
            0,
            score=None,
            evaluation=build_evaluation(0.8),
            epochs=tuple(
                replace(epoch, val_accuracy=None, val_loss=None) for epoch in build_epochs(0.5)
            ),
        ),
        space={},
    ),
    "hostile": hostile(),
    "only told": build_study(*(_told(n, 0.8 + n / 100) for n in range(12))),
    "some told": build_study(
        build_trial(0),
        _told(1, 0.9),
        _told(2, 0.8, n_parameters=10),
        _told(3, 0.7, train_accuracy=0.8),
    ),
    "told, of three classes": build_study(
        _told(0, 0.8), data=build_data(classes=("a", "b", "c"), official=False)
    ),
    "a plan without trials of its families": StudyRecord(
        build_plan(families=("lstm", "cnn"), space={"model.family": "lstm | cnn"}), ()
    ),
}
