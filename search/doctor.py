"""Check that the records of the studies are whole: `python -m search.doctor`.

It lists what is wrong, and exits with 1 if there is anything. What a killed process left behind,
the next start of its study puts right; `--repair --study NAME` does that, and trains nothing.
"""

from __future__ import annotations

from pathlib import Path

from tracking.commandline.console import shown
from tracking.commandline.errors import UserError
from tracking.commandline.parser import Parser
from tracking.commandline.program import run


def main() -> int:
    """Parse, audit each study, say what was found."""
    parser = Parser("search.doctor", __doc__)
    parser.add_argument(
        "--study", action="append", metavar="NAME", help="default: all; may be repeated"
    )
    parser.add_argument(
        "--repair", action="store_true", help="put right what a kill left behind in the study"
    )
    arguments = parser.parse_args()
    if arguments.repair and not arguments.study:
        parser.error("--repair needs --study NAME")

    from tracking import store

    root = store.home()
    known, lost = store.studies(root), store.unreadable_studies(root)
    if not (known or lost):
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    if arguments.repair:
        for name in arguments.study:
            repair(root, name)
    found = [] if arguments.study else lost
    to_continue = []
    for name in arguments.study or sorted(known):
        wrong, waiting = _examine(root, name)
        found += wrong
        to_continue += waiting
    for line in found:
        print(shown(f"not mended: {line}" if arguments.repair else line))
    for line in to_continue:
        print(shown(line))
    if not found:
        print("the records are whole.")
    return 1 if found else 0


def repair(root: Path, name: str) -> None:
    """Do what the next start of a study would do first, and say what was changed."""
    from search.coordinator.lock import alone
    from tracking import store

    study = store.read_study(root, name).plan.study
    with alone(root, study, briefly=True):
        changed = store.open_evaluation(root, study).begin()
        changed += store.reopen_study(root, study).repair()
    if not changed and not _examine(root, study)[0]:
        changed = ["there is nothing to repair"]
    for line in changed:
        print(shown(f"{study}: {line}"))


def _examine(root: Path, name: str) -> tuple[list[str], list[str]]:
    """Return what is wrong with a study, and what its next start continues, a sentence each."""
    from search.audit import audit
    from search.coordinator.lock import Taken, alone
    from tracking import store

    study = store.read_study(root, name)
    name = study.plan.study
    try:
        with alone(root, name, briefly=True):  # while it is held, nobody writes
            study = store.read_study(root, name)
            found = audit(study, store.condition(root, name))
    except Taken:
        found = audit(study, store.condition(root, name), running=True)
    to_continue = [
        f"{name}: trial {trial.number} was interrupted after epoch {len(trial.epochs)}; "
        "a start whose budget has room for it continues it"
        for trial in study.trials
        if trial.state == "interrupted"
    ]
    return [f"{name}: {line}" for line in found], to_continue


if __name__ == "__main__":
    run(main)
