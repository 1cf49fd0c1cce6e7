"""Figures as every page shows them: drawn, with their sentence, or with the reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from dashboards.figures import FIGURES, Cells, Panel
from dashboards.figures.absent import Absent
from dashboards.page.text import plain
from tracking.commandline.errors import UserError
from tracking.records import StudyRecord

_OF_THE_REVIEWS = ("published", "race")  # figures


@dataclass(frozen=True)
class Drawn:
    """A figure of a page.

    Attributes:
        key: names it among all figures of the page.
        study: whose it is, where each of several studies has its own; empty otherwise.
        sentence: what to see in it, or why it is absent.
        figure: None where it is absent.
    """

    key: str
    panel: Panel
    study: str
    sentence: str
    figure: go.Figure | None
    cells: Cells | None


def figures_of(studies: Sequence[StudyRecord]) -> list[str]:
    """List the figures; of a reproduction first the one that answers its question.

    What was measured on other data has no place beside own data.
    """
    first = "published" if all(study.reproduces for study in studies) else ""
    is_own = not any(study.plan.data.is_movie_reviews or study.reproduces for study in studies)
    left_out = _OF_THE_REVIEWS if is_own else ()
    return sorted((n for n in FIGURES if n not in left_out), key=lambda name: name != first)


def draw(name: str, studies: Sequence[StudyRecord]) -> Iterator[Drawn]:
    """Draw a figure: one for all studies, or one for each."""
    panel = FIGURES[name]
    if panel.joint or len(studies) == 1:
        yield _draw(name, panel, "", studies)
        return
    for place, study in enumerate(studies):
        yield _draw(f"{name}-{place}", panel, plain(study.plan.study), [study])


def draw_single(name: str, studies: Sequence[StudyRecord]) -> go.Figure:
    """Draw one figure alone.

    Raises:
        UserError: if it is absent, or draws one study only and there are several.
    """
    if len(studies) > 1 and not FIGURES[name].joint:
        raise UserError(f"the figure {name} shows one study, but got {len(studies)}.")
    (drawn,) = draw(name, studies)
    if drawn.figure is None:
        raise UserError(f"there is no figure {name}. {drawn.sentence}")
    return drawn.figure


def _draw(key: str, panel: Panel, study: str, studies: Sequence[StudyRecord]) -> Drawn:
    try:
        rows = panel.table(*studies)
    except Absent as absent:
        return Drawn(key, panel, study, str(absent), None, None)
    cells = panel.cells(rows) if panel.cells else None
    return Drawn(key, panel, study, panel.sentence(rows), panel.draw(rows), cells)
