"""Write a trial's model so that it takes raw text.

python -m search.export --study lstm_dropout --out DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tracking.cli import Parser, UserError, run
from tracking.records import StudyRecord, TrialRecord
from tracking.words import percent


def main() -> int:
    """Parse, choose the trial, write the bundle."""
    parser = Parser("search.export", __doc__)
    parser.add_argument("--study", required=True, metavar="NAME")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a new folder")
    parser.add_argument("--trial", type=_number, metavar="N", help="default: the best")
    arguments = parser.parse_args()

    from search import bundle
    from tracking import store

    root = store.home()
    study = store.read_study(root, arguments.study)
    trial = _choose(study, arguments.trial)
    bundle.write(arguments.out, store.model_file(root, trial), study, trial)
    assert trial.score is not None
    print(
        f"{arguments.out}: trial {trial.number} of {study.plan.study}, "
        f"{percent(trial.score.val_accuracy)} on validation"
    )
    print(f'next: python -m search.predict {arguments.out} "A wonderful film."')
    return 0


def _choose(study: StudyRecord, number: int | None) -> TrialRecord:
    name = study.plan.study
    if study.reproduces:
        raise UserError(
            f"study {name} reproduces published accuracies and keeps no model. "
            "Export from a search, such as architecture."
        )
    kept = [trial for trial in study.candidates if trial.model]
    if not kept:
        raise UserError(f"study {name} has no finished trial to export yet.")
    if number is None:
        return kept[0]
    for trial in kept:
        if trial.number == number:
            return trial
    states = {trial.number: trial.state for trial in study.trials}
    was = f"is {states[number]}" if number in states else "does not exist"
    if states.get(number) == "complete":
        was = "is complete, but only the best models are kept"
    raise UserError(
        f"trial {number} of {name} {was}. To export: "
        f"{', '.join(str(trial.number) for trial in kept)}."
    )


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a trial is a whole number, but got {text!r}")
    return int(text)


if __name__ == "__main__":
    run(main)
