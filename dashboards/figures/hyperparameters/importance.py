"""Which hyperparameters matter: what a forest loses when their values are shuffled."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.figures.results.candidates import no_candidates
from dashboards.page.forest import FEWEST, Fit, Importance, fits
from dashboards.page.text import ink, plain
from tracking.records import StudyRecord

_SHOWN = 20
HOW = (
    "Importance is the share of the variance of validation accuracy that a random forest can no "
    "longer predict, on candidates it has not seen, when a hyperparameter's values are shuffled. "
    "Hyperparameters of one family are judged within its candidates."
)


@dataclass(frozen=True)
class ImportanceRows:
    """What is drawn.

    Attributes:
        bars: the most important first.
        fits: those with enough candidates to say anything.
        too_few: families with fewer.
    """

    bars: tuple[Importance, ...]
    fits: tuple[Fit, ...]
    too_few: tuple[str, ...]


def table(study: StudyRecord) -> ImportanceRows:
    """Rank the hyperparameters.

    Raises:
        Absent: if nothing can be said.
    """
    if study.reproduces:
        raise no_candidates(study)
    found = fits(study)
    enough = tuple(fit for fit in found if fit.importances)
    if not enough:
        n = len(study.candidates)
        if n < FEWEST:
            raise Absent(f"It takes {FEWEST} candidates to say anything; there are {n}.")
        raise Absent("No hyperparameter differs between the candidates.")
    bars = sorted((i for fit in enough for i in fit.importances), key=lambda i: -i.drop)
    too_few = tuple(fit.family for fit in found if fit.family and fit.n_trials < FEWEST)
    return ImportanceRows(tuple(bars[:_SHOWN]), enough, too_few)


def sentence(rows: ImportanceRows) -> str:
    """Name the most important ones, and say how far to trust it."""
    said = []
    for fit in rows.fits:
        whose = f"the {fit.n_trials:,} candidates" + (f" of {fit.family}" if fit.family else "")
        if fit.explained <= 0:
            said.append(
                f"On {whose} the forest predicts no better than their mean: no word on what "
                "matters can be trusted (grey)."
            )
            continue
        best = sorted(fit.importances, key=lambda i: -i.drop)[:2]
        names = " and ".join(plain(i.name) for i in best if i.drop > 0) or "nothing in particular"
        own = ", of what is its own," if fit.family else ""
        said.append(
            f"On {whose} most depends{own} on {names}; the forest explains "
            f"{100 * fit.explained:.0f} % of what it has not seen."
        )
    if rows.too_few:
        families = ", ".join(plain(family) for family in rows.too_few)
        said.append(f"Fewer than {FEWEST} candidates, so nothing is said of: {families}.")
    return " ".join([*said, HOW])


def draw(rows: ImportanceRows) -> go.Figure:
    """Draw a bar for each hyperparameter, the most important at the top."""
    bars = rows.bars[::-1]
    trusted = {fit.family for fit in rows.fits if fit.explained > 0}
    figure = go.Figure()
    figure.add_bar(
        y=[ink(bar.name, 34) for bar in bars],
        x=[bar.drop for bar in bars],
        error_x={"array": [bar.deviation for bar in bars], "thickness": 1.5, "width": 3},
        orientation="h",
        marker={
            "color": [style.VALIDATION if bar.family in trusted else style.GREY for bar in bars]
        },
        text=[ink(bar.family or "all candidates") for bar in bars],
        textposition="none",
        hovertemplate="%{y}, judged within: %{text}<br>%{x:.3f}<extra></extra>",
    )
    style.layout(figure, height=110 + 26 * len(bars), margin_t=20)
    return figure.update_xaxes(title_text="share of variance lost")
