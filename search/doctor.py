"""Check that MLflow and the search engine agree on every trial: `python -m search.doctor`.

It lists what is wrong, and exits with 1 if there is anything. What a killed process left behind,
the next start of its study puts right; `--repair --study NAME` does that, and trains nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from search.engines.storage import add_storage, refuse_shared
from tracking.cli import Parser, UserError, run, shown


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

    refuse_shared()

    from tracking import store

    root = store.home()
    known, lost = store.studies(root), store.unreadable_studies(root)
    if not (known or lost):
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    if arguments.repair:
        for name in arguments.study:
            repair(root, name)
    found = [] if arguments.study else lost
    waits = []
    for name in arguments.study or sorted(known):
        wrong, waiting = _examine(root, name)
        found += wrong
        waits += waiting
    for line in found:
        print(shown(f"not mended: {line}" if arguments.repair else line))
    for line in waits:
        print(shown(line))
    if not found:
        print("MLflow and the search engines agree.")
    return 1 if found else 0


def repair(root: Path, name: str) -> None:
    """Do what the next start of a study would do first, and say what was changed."""
    from search import scratch
    from search.adopt import end_all
    from search.engines.names import label
    from search.engines.remembered import settle, told
    from search.lock import alone
    from tracking import store

    plan = store.read_study(root, name).plan
    with alone(root, plan.study, briefly=True):
        records = store.reopen_study(root, plan.study)
        if plan.space:
            unknown = records.numbers() - told(root, plan.engine, records.parent).keys()
            if unknown:  # it may be under way on another machine
                raise UserError(
                    f"MLflow has trials of {plan.study} that {label(plan.engine)} here has not, "
                    f"{min(unknown)} among them. Name the --storage that it was run with."
                )
        ended = end_all(scratch.scratch_of(root, plan.study))
        scratch.remove(scratch.scratch_of(root, plan.study))
        changed = [f"trial {number}: its process was waiting, and was ended" for number in ended]
        mended = records.repair()
        changed += mended
        if plan.space:  # else it proposes nothing, so no engine knows it
            changed += settle(root, plan.engine, records.parent, records.trials())
        changed += store.open_finals(root, plan.study).begin()
        changed += records.rest(mended=bool(mended))
        if not changed and not findings(root, plan.study):
            changed = ["there is nothing to repair"]
    for line in changed:
        print(shown(f"{plan.study}: {line}"))


def _examine(root: Path, name: str) -> tuple[list[str], list[str]]:
    """Give what is wrong with a study, and what waits for its next start, a sentence each."""
    from search.adopt import waiting
    from search.lock import Taken, alone
    from search.scratch import scratch_of
    from tracking import store

    study = store.read_study(root, name)
    name, left = study.plan.study, set()
    if study.reproduces:
        said = "it proposes nothing, so no engine knows it; its records were looked at."
        print(shown(f"{name}: {said}"))
    try:
        # While it is held, nobody writes between the two readings.
        with alone(root, name, briefly=True):
            left = set(waiting(scratch_of(root, name)))
            found = findings(root, name, waiting=left)
    except Taken:
        found = findings(root, name, running=True)
    said = "trial {} outlived its coordinator, and waits to be adopted by the next start"
    waits = [said.format(number) for number in sorted(left)]
    return [f"{name}: {line}" for line in found], [f"{name}: {line}" for line in waits]


def findings(
    root: Path, name: str, *, running: bool = False, waiting: Collection[int] = ()
) -> list[str]:
    """Give what is wrong with a study, a sentence each.

    Args:
        running: a coordinator is at work.
        waiting: trials that outlived theirs.
    """
    from search.audit import audit
    from search.engines.remembered import told
    from tracking import store

    plan = store.read_study(root, name).plan
    remembered = told(root, plan.engine, store.ids(root, name)[1]) if plan.space else None
    study = store.read_study(root, name)  # after: what was told was recorded before
    condition = store.condition(root, name)
    return audit(study, remembered, condition, running=running, waiting=waiting)


if __name__ == "__main__":
    run(main)
