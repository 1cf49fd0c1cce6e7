"""Find the study that --study names: one of ours, or a file."""

from __future__ import annotations

from pathlib import Path

from search.cli import plan_file
from spaces.plan import StudyPlan
from spaces.studies import STUDIES
from tracking.commandline.errors import UserError, unknown


def find_plan(named: str) -> StudyPlan:
    """Return the plan of a study.

    Raises:
        UserError: if there is none, or what is there is no plan.
    """
    if named in STUDIES:
        return STUDIES[named]
    if named.endswith(".toml"):
        file = Path(named)
        if not file.is_file():
            raise UserError(f"there is no file {named!r}.")
        return plan_file.read(file)
    raise unknown("study", named, STUDIES)
