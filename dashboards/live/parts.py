"""What changes on the live page, as far as it has changed."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from dash import html, no_update

from dashboards.figures import FIGURES
from dashboards.figures.training import overfitting
from dashboards.live.layout import table
from dashboards.live.watch import Watch
from dashboards.page.answers import STANDING, answers, summary
from dashboards.page.document import content_of
from dashboards.page.panels import Drawn
from dashboards.page.text import CELL, LONG, plain
from tracking.commandline.errors import UserError
from tracking.commandline.formatting import duration, percent
from tracking.records import StudyRecord, TrialRecord
from tracking.reporting.verdict import unofficial, verdict


def parts_of_page() -> list[tuple[str, str]]:
    """Name all that changes, in the order in which `refresh` gives it."""
    parts = [("seen", "data"), ("status", "children"), ("verdict-body", "children")]
    parts.append(("board-data", "data"))
    for name in FIGURES:
        parts += [(f"see-{name}", "children"), (f"cells-{name}", "children"), *parts_of_plot(name)]
    return parts


def parts_of_plot(name: str) -> list[tuple[str, str]]:
    """Name what changes of a plot, in the order in which `_plot` gives it."""
    props = ("hidden", "aria-label", "style")
    return [(f"data-{name}", "data"), *((f"plot-{name}", prop) for prop in props)]


def refresh(watch: Watch, name: str, seen: dict[str, str]) -> list[Any]:
    """Return what changed since a tab saw the study last, in the order of `parts_of_page`."""
    try:
        study, (of_all, of_candidates), drawn = watch.look(name)
    except UserError as error:  # it was put aside, or half of it is there yet
        return [no_update, str(error), *[no_update] * (len(parts_of_page()) - 2)]
    now = {"all": f"{name} {of_all}", "candidates": f"{name} {of_candidates}"}
    if seen == now:
        return [no_update] * len(parts_of_page())
    same = seen.get("candidates") == now["candidates"]
    parts: list[Any] = [now, _status(study), _verdict(study), watch.board(study)]
    for key, panel in FIGURES.items():
        unchanged = same and not panel.all_trials
        parts += [no_update] * 6 if unchanged else _panel(drawn[key], name)
    return parts


def show(watch: Watch, study: str, trial: TrialRecord) -> list[Any]:
    """Return a trial's facts and its plot."""
    score = trial.score
    facts = [
        ("state", trial.state + (f": {plain(trial.reason, CELL)}" if trial.reason else "")),
        ("tried as", plain(trial.proposed_by)),
        ("time", duration(trial.seconds)),
        *((plain(name), plain(value, CELL)) for name, value in trial.params.items()),
    ]
    if score is not None:
        interval = f"{percent(score.low)} to {percent(score.high)}"
        facts.insert(0, ("validation", f"{percent(score.val_accuracy)}, 95 % {interval}"))
    pairs = [part for name, value in facts for part in (html.Dt(name), html.Dd(value))]
    content = [
        html.H2(f"Trial {trial.number}, {plain(trial.family)}"),
        html.A(
            "its MLflow run, while python -m tracking.ui runs",
            href=f"{watch.address(study)}{trial.run_id}",
            target="_blank",
            rel="noopener noreferrer",
        ),
        html.Dl(pairs, className="facts"),
    ]
    figure = None
    if trial.epochs:
        figure = overfitting.draw([overfitting.curve(trial)]).update_layout(height=320)
    words = f"Accuracy of trial {trial.number}, epoch by epoch"
    return [content, *_plot(figure, f"{study} {trial.number}", words)]


def _panel(drawn: Drawn, study: str) -> list[Any]:
    """Return a figure's sentence, its table, and its plot."""
    if drawn.figure is None:
        return [f"Not drawn: {drawn.sentence}", None, *_plot(None, "", "")]
    cells = table(drawn.panel.title, *drawn.cells) if drawn.cells and drawn.cells[1] else None
    words = f"{drawn.panel.title}. {plain(drawn.sentence, LONG)}"
    return [drawn.sentence, cells, *_plot(drawn.figure, study, words)]


def _plot(figure: go.Figure | None, revision: str, words: str) -> list[Any]:
    """Return a plot's data, and whether it is hidden, its words, its height.

    Args:
        revision: zoom and selection stay as long as it does.
    """
    if figure is None:
        return [None, True, words, {}]
    content = content_of(figure)
    content["layout"]["uirevision"] = revision
    return [content, False, words, {"height": f"{figure.layout.height}px"}]


def _status(study: StudyRecord) -> str:
    under_way = [trial for trial in study.trials if trial.state == "running"]
    said = f"{study.count('complete'):,} complete, {study.count('pruned'):,} pruned, "
    said += f"{study.count('failed'):,} failed"
    return said + "".join(
        f"; trial {trial.number} under way, {len(trial.epochs)} epochs" for trial in under_way
    )


def _verdict(study: StudyRecord) -> list[Any]:
    parts: list[Any] = [
        html.P(plain(study.plan.question, LONG)),
        html.P(plain(verdict(study), LONG), className="verdict"),
    ]
    if unofficial(study):
        parts.append(html.P(f"Data {plain(unofficial(study), CELL)}.", className="warning"))
    pairs = [part for q, a in answers(study) for part in (html.Dt(q), html.Dd(a))]
    if pairs:
        parts.append(html.Dl(pairs, className="answers"))
    held = summary(study)
    return [*parts, table("The best against what is known", STANDING, held)] if held else parts
