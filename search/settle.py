"""Put a study's records right whose coordinator is gone, when nobody came to go on with it.

A guard starts this (search/guard.py), and hears nothing of it. It does what
`python -m search.doctor --repair` does, unless a trial waits to be gone on with.
"""

from __future__ import annotations

from pathlib import Path

from search import doctor, scratch
from search.adopt import waiting
from tracking.cli import Parser, run


def main() -> int:
    """Parse, and settle."""
    parser = Parser("search.settle", __doc__)
    parser.add_argument(
        "folder", type=Path, help="where the study's trials left their files: STUDY.trials"
    )
    place: Path = parser.parse_args().folder
    if waiting(place):  # a coordinator came and left it: the guard of that trial sees to it
        (place / scratch.SETTLED).unlink(missing_ok=True)
    else:
        doctor.repair(place.parent, scratch.study_of(place))
    return 0


if __name__ == "__main__":
    run(main)
