"""Check that MLflow and the search engine agree on every trial: `python -m search.doctor`.

It lists what is wrong, and exits with 1 if there is anything. What a killed process left behind,
the next start of its study puts right; `--repair --study NAME` does that, and trains nothing.
"""

from __future__ import annotations

from pathlib import Path

from search.engines.storage import add_storage
from tracking.cli import Parser, UserError, run


def main() -> int:
    """Parse, audit each study, say what was found."""
    parser = Parser("search.doctor", __doc__)
    parser.add_argument(
        "--study", action="append", metavar="NAME", help="default: all; may be repeated"
    )
    parser.add_argument(
        "--repair", action="store_true", help="put right what a kill left behind in the study"
    )
    add_storage(parser)
    arguments = parser.parse_args()
    if arguments.repair and not arguments.study:
        parser.error("--repair needs --study NAME")

    from tracking import store

    root = store.home()
    known = store.studies(root)
    if not known:
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    if arguments.repair:
        for name in arguments.study:
            repair(root, name)
    found = []
    for name in arguments.study or sorted(known):
        for line in _examine(root, name):
            found.append(line)
            print(line)
    if not found:
        print("MLflow and the search engines agree.")
    return 1 if found else 0


def repair(root: Path, name: str) -> None:
    """Do what the next start of a study would do first, and say what was changed."""
    from search.engines.names import label
    from search.engines.remembered import settle, told
    from search.lock import alone
    from tracking import store

    plan = store.read_study(root, name).plan
    with alone(root, plan.study):
        records = store.reopen_study(root, plan.study)
        if plan.space:
            unknown = records.numbers() - told(root, plan.engine, records.parent).keys()
            if unknown:  # it may be under way on another machine
                raise UserError(
                    f"MLflow has trials of {plan.study} that {label(plan.engine)} here has not, "
                    f"{min(unknown)} among them. Name the --storage that it was run with."
                )
        changed = records.repair()
        if plan.space:  # else it proposes nothing, so no engine knows it
            changed += settle(root, plan.engine, records.parent, records.trials())
        changed += store.open_finals(root, plan.study).begin()
        changed += records.rest()
    for line in changed or ["there is nothing to repair"]:
        print(f"{plan.study}: {line}")


def _examine(root: Path, name: str) -> list[str]:
    from search.lock import Taken, alone
    from tracking import store

    study = store.read_study(root, name)
    name = study.plan.study
    if study.reproduces:
        print(f"{name}: it proposes nothing, so no engine knows it; its records were looked at.")
    try:
        # While it is held, nobody writes between the two readings.
        with alone(root, name):
            found = findings(root, name)
    except Taken:
        found = findings(root, name, running=True)
    return [f"{name}: {line}" for line in found]


def findings(root: Path, name: str, *, running: bool = False) -> list[str]:
    """Give what is wrong with a study, a sentence each.

    Args:
        running: a coordinator is at work.
    """
    from search.audit import audit
    from search.engines.remembered import told
    from tracking import store

    plan = store.read_study(root, name).plan
    remembered = told(root, plan.engine, store.ids(root, name)[1]) if plan.space else None
    study = store.read_study(root, name)  # after: what was told was recorded before
    return audit(study, remembered, store.condition(root, name), running=running)


if __name__ == "__main__":
    run(main)
