"""What became of the trials, what they cost, and why some failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards.figures import style
from dashboards.figures.absent import Absent
from dashboards.page.text import ink, plain
from tracking.commandline.formatting import duration
from tracking.records import StudyRecord

_COLOURS: dict[str, str] = {
    "complete": style.VALIDATION,
    "pruned": style.PURPLE,
    "failed": style.TRAIN,
    "running": style.REFERENCE,
    "interrupted": style.GREY,
}
_PATTERNS = {"pruned": "/", "failed": "x", "running": ".", "interrupted": "\\"}
_REASONS = 20


@dataclass(frozen=True)
class Cost:
    """What the trials of one family cost.

    Attributes:
        minutes: by how they ended.
        memory_mb: the most that any of them had; None where none was measured.
    """

    family: str
    minutes: dict[str, float]
    n_trials: dict[str, int]
    memory_mb: float | None


@dataclass(frozen=True)
class HealthRows:
    """What became of a study's trials.

    Attributes:
        counts: by state.
        reasons: why trials failed or were interrupted, the most frequent first, then why each was
            pruned: state, words, numbers of the trials.
    """

    costs: tuple[Cost, ...]
    counts: dict[str, int]
    reasons: tuple[tuple[str, str, tuple[int, ...]], ...]


def table(study: StudyRecord) -> HealthRows:
    """Add up what was spent.

    Raises:
        Absent: if there is no trial.
    """
    if not study.trials:
        raise Absent("No trial has begun yet.")
    costs = []
    for family in dict.fromkeys(trial.family for trial in study.trials):
        minutes: defaultdict[str, float] = defaultdict(float)
        n_trials: Counter[str] = Counter()
        own = [trial for trial in study.trials if trial.family == family]
        for trial in own:
            minutes[trial.state] += trial.seconds / 60
            n_trials[trial.state] += 1
        memory = [trial.memory_mb for trial in own if trial.memory_mb is not None]
        costs.append(Cost(family, dict(minutes), dict(n_trials), max(memory, default=None)))
    counts: Counter[str] = Counter(trial.state for trial in study.trials)
    return HealthRows(tuple(costs), dict(counts), _reasons(study))


def sentence(rows: HealthRows) -> str:
    """Say how many trials came to what, and what was spent for nothing."""
    counts = ", ".join(f"{rows.counts[s]:,} {s}" for s in _COLOURS if s in rows.counts)
    ended = [cost.minutes[s] for cost in rows.costs for s in cost.minutes if s != "running"]
    total = sum(ended)
    useful = sum(cost.minutes.get("complete", 0.0) for cost in rows.costs)
    said = f"{counts}; {duration(60 * total)} of trials that ended"
    if total > 0:
        said += f", {100 * (1 - useful / total):.0f} % of it on trials that gave no candidate"
    known = [cost for cost in rows.costs if cost.memory_mb is not None]
    if known:
        most = max(known, key=lambda cost: cost.memory_mb or 0.0)
        said += f"; at most {most.memory_mb:,.0f} MB of memory ({plain(most.family)})"
    return f"{said}."


def draw(rows: HealthRows) -> go.Figure:
    """Draw minutes and memory by family."""
    figure = make_subplots(cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    costs = rows.costs[::-1]
    families = [ink(cost.family, 24) for cost in costs]
    for state, colour in _COLOURS.items():
        if state in rows.counts:
            figure.add_bar(
                y=families,
                x=[cost.minutes.get(state, 0.0) for cost in costs],
                orientation="h",
                name=state,
                marker={"color": colour, "pattern": {"shape": _PATTERNS.get(state, "")}},
                text=[f"{cost.n_trials.get(state, 0):,} trials" for cost in costs],
                textposition="none",
                hovertemplate=f"%{{y}}: %{{text}} {state}, %{{x:.1f}} min<extra></extra>",
                row=1,
                col=1,
            )
    figure.add_bar(
        y=families,
        x=[cost.memory_mb for cost in costs],
        orientation="h",
        marker={"color": style.BROWN},
        showlegend=False,
        hovertemplate="%{y}: %{x:,.0f} MB<extra></extra>",
        row=1,
        col=2,
    )
    figure.update_xaxes(title_text="minutes", col=1)
    figure.update_xaxes(title_text="peak memory, MB", col=2)
    return style.layout(figure, height=150 + 34 * len(costs), barmode="stack")


def cells(rows: HealthRows) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the reasons as a table: head and rows."""
    return ("state", "reason", "trials"), [
        (state, words, ", ".join(map(str, numbers[:_REASONS])) + _more(numbers))
        for state, words, numbers in rows.reasons[:_REASONS]
    ]


def _more(numbers: tuple[int, ...]) -> str:
    return f" and {len(numbers) - _REASONS} more" if len(numbers) > _REASONS else ""


def _reasons(study: StudyRecord) -> tuple[tuple[str, str, tuple[int, ...]], ...]:
    found: dict[tuple[str, str], list[int]] = {}
    for trial in study.trials:
        state = trial.state
        if state in ("failed", "interrupted", "pruned"):
            reason = plain(trial.reason or "no reason on record", 300)
            found.setdefault((state, reason), []).append(trial.number)
    ranked = sorted(found.items(), key=lambda item: (item[0][0] == "pruned", -len(item[1])))
    return tuple((state, words, tuple(numbers)) for (state, words), numbers in ranked)
