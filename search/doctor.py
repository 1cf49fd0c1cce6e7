"""Check that the records of the studies are whole: `python -m search.doctor`.

It lists what is wrong, and exits with 1 if there is anything. What a killed process left behind,
the next start of its study puts right; `--repair --study NAME` does that, and trains nothing.
After the folder of the records was moved or copied, `--relocate` lets MLflow find its files again.
"""

from __future__ import annotations

from tracking.commandline.console import shown
from tracking.commandline.errors import UserError
from tracking.commandline.parser import Parser
from tracking.commandline.paths import home
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
    parser.add_argument(
        "--relocate",
        action="store_true",
        help="find the files of a folder that was moved or copied",
    )
    arguments = parser.parse_args()
    if arguments.relocate and (arguments.study or arguments.repair):
        parser.error("--relocate is for all studies, and goes without --study and --repair")
    if arguments.repair and not arguments.study:
        parser.error("--repair needs --study NAME")

    from search.coordinator import audit
    from tracking import store
    from tracking.connection.relocate import relocate

    root = home()
    if arguments.relocate:
        print(shown(f"{root}: {relocate(root)} addresses of files were changed."))
        return 0
    known, lost = store.studies(root), store.unreadable_studies(root)
    if not (known or lost):
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    if arguments.repair:
        for name in arguments.study:
            for line in audit.repair(root, name):
                print(shown(line))
    found = [] if arguments.study else lost
    to_continue = []
    for name in arguments.study or sorted(known):
        wrong, waiting = audit.examine(root, name)
        found += wrong
        to_continue += waiting
    for line in found:
        print(shown(f"not mended: {line}" if arguments.repair else line))
    for line in to_continue:
        print(shown(line))
    if not found:
        print("the records are whole.")
    return 1 if found else 0


if __name__ == "__main__":
    run(main)
