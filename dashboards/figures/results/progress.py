"""The best so far, against trials and against minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards.figures import style
from dashboards.figures.results.candidates import label_of, no_candidates
from dashboards.page.text import ink, plain
from tracking.commandline.formatting import duration, percent
from tracking.records import BaselineRecord, StudyRecord


@dataclass(frozen=True)
class Step:
    """A candidate that was better than all before it.

    Attributes:
        n_trials: trials that had ended by then, itself among them.
        minutes: of trials by then; trials side by side are added up.
    """

    number: int
    label: str
    n_trials: int
    minutes: float
    accuracy: float


@dataclass(frozen=True)
class Path:
    """How one study came to its best; trials that are under way are counted apart."""

    study: str
    steps: tuple[Step, ...]
    n_trials: int
    minutes: float
    n_running: int


@dataclass(frozen=True)
class ProgressRows:
    paths: tuple[Path, ...]
    baselines: tuple[BaselineRecord, ...]


def table(*studies: StudyRecord) -> ProgressRows:
    """List the steps of each study.

    Raises:
        Absent: if there is no candidate.
    """
    paths = [path for study in studies if (path := _path(study, len(studies) > 1)).steps]
    if not paths:
        raise no_candidates(*studies)
    return ProgressRows(tuple(paths), studies[0].plan.baselines)


def _path(study: StudyRecord, several: bool) -> Path:
    finished = {trial.number for trial in study.candidates}
    steps: list[Step] = []
    minutes = 0.0
    ended = [trial for trial in study.trials if trial.has_ended]
    for n_trials, trial in enumerate(ended, start=1):
        minutes += trial.seconds / 60
        if trial.number not in finished or trial.score is None:
            continue
        accuracy = trial.score.val_accuracy
        if not steps or accuracy > steps[-1].accuracy:
            label = label_of(study, trial, several=several)
            steps.append(Step(trial.number, label, n_trials, minutes, accuracy))
    return Path(study.plan.study, tuple(steps), len(ended), minutes, study.count("running"))


def sentence(rows: ProgressRows) -> str:
    """Say when the best came, and what was tried after it in vain."""
    said = []
    for path in rows.paths:
        best = path.steps[-1]
        after = path.n_trials - best.n_trials
        name = f"{plain(path.study)}: the" if len(rows.paths) > 1 else "The"
        said.append(
            f"{name} best, {percent(best.accuracy)}, came with trial {best.number}, after "
            f"{duration(60 * best.minutes)} of {duration(60 * path.minutes)}; "
            + (f"{after:,} more brought nothing better" if after else "it is the latest")
            + (f"; {path.n_running:,} under way." if path.n_running else ".")
        )
    return " ".join(said)


def draw(rows: ProgressRows) -> go.Figure:
    """Draw a line in steps for each study, twice."""
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.05)
    marks = style.marks(path.study for path in rows.paths)
    for path in rows.paths:
        colour, symbol = marks[path.study]
        trials = [*(float(step.n_trials) for step in path.steps), float(path.n_trials)]
        minutes = [*(step.minutes for step in path.steps), path.minutes]
        for column, places in enumerate((trials, minutes), start=1):
            _draw_path(figure, path, places, column, color=colour, symbol=symbol)
    for column in (1, 2):
        _draw_lines(figure, rows.baselines, column)
    figure.update_yaxes(tickformat=".1%")
    figure.update_xaxes(title_text="trials", col=1)
    figure.update_xaxes(title_text="minutes of trials", col=2)
    style.layout(figure, height=380)
    return figure.update_yaxes(title_text="best validation accuracy so far", col=1)


def _draw_path(
    figure: go.Figure,
    path: Path,
    places: Sequence[float],
    column: int,
    *,
    color: str,
    symbol: str,
) -> None:
    steps = path.steps
    figure.add_scatter(
        x=places,
        y=[*(step.accuracy for step in steps), steps[-1].accuracy],
        mode="lines+markers",
        line={"shape": "hv", "color": color},
        marker={"symbol": symbol, "size": [8] * len(steps) + [0]},
        text=[*(f"{ink(s.label)}<br>{percent(s.accuracy)}" for s in steps), "so far"],
        customdata=[*([path.study, step.number] for step in steps), None],
        hovertemplate="%{text}<extra></extra>",
        name=ink(path.study),
        legendgroup=ink(path.study),
        showlegend=column == 1,
        row=1,
        col=column,
    )


def _draw_lines(figure: go.Figure, baselines: Sequence[BaselineRecord], column: int) -> None:
    if column == 1:
        style.add_baselines(figure, baselines[:1], row=1, col=column)
        return
    for baseline in baselines[:1]:
        line = {"color": style.BASELINE, "dash": "dash", "width": 1.5}
        figure.add_hline(y=baseline.accuracy, line=line, opacity=1, row=1, col=column)
