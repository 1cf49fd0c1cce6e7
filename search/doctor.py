"""Check that MLflow and the search engine agree on every trial: `python -m search.doctor`.

It lists each disagreement, and exits with 1 if there is one. What a killed process left behind,
the next start of its study puts right.
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
    add_storage(parser)
    arguments = parser.parse_args()

    from tracking import store

    root = store.home()
    known = store.studies(root)
    if not known:
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    found = []
    for name in arguments.study or sorted(known):
        for line in _examine(root, name):
            found.append(line)
            print(line)
    if not found:
        print("MLflow and the search engines agree.")
    return 1 if found else 0


def _examine(root: Path, name: str) -> list[str]:
    from search.audit import audit
    from search.engines.remembered import told
    from search.lock import Taken, alone
    from tracking import store

    study = store.read_study(root, name)
    if study.reproduces:
        return []  # it proposes nothing, so no engine knows it
    name = study.plan.study
    running = False
    try:
        # While it is held, nobody writes between the two readings.
        with alone(root, name):
            study = store.read_study(root, name)
            remembered = told(root, study.plan.engine, store.ids(root, name)[1])
    except Taken:
        running = True
        remembered = told(root, study.plan.engine, store.ids(root, name)[1])
        study = store.read_study(root, name)
    return [f"{name}: {line}" for line in audit(study, remembered, running=running)]


if __name__ == "__main__":
    run(main)
