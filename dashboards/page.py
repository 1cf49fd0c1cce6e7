"""One self-contained HTML page of a study, or of several."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from dashboards.figures import accuracy, overfitting, published
from tracking.comparison import HEAD, compare, looks_in_words
from tracking.records import StudyRecord
from tracking.verdict import NOT_OFFICIAL, verdict
from tracking.words import brief, percent

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto;
       padding: 1rem 1.5rem; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; }
.verdict { font-size: 1.15rem; border-left: 4px solid #0072B2; padding-left: 1rem; }
.warning { background: #fff3cd; border-left: 4px solid #8a6d00; padding: .5rem 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { min-width: 680px; }
th, td { white-space: nowrap; text-align: left; }
td:last-child { white-space: normal; min-width: 8rem; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #ddd; }
footer { margin-top: 3rem; color: #555; font-size: .9rem; }
"""


def page(studies: Sequence[StudyRecord]) -> str:
    """Write the page; it needs no network."""
    title = escape(", ".join(study.plan.study for study in studies))
    body = "\n".join(_section(study) for study in studies)
    return _document(title, body)


def figure_page(title: str, figure: go.Figure) -> str:
    """Write a page that holds one figure under its title."""
    return _document(escape(title), f"<h2>{escape(title)}</h2>\n{_embed(figure)}")


def _section(study: StudyRecord) -> str:
    plan = study.plan
    said = looks_in_words(study) if study.reproduces else verdict(study)
    parts = [
        f"<h1>{escape(plan.study)}</h1>",
        f"<p>{escape(plan.question)}</p>",
        f'<p class="verdict">{escape(said)}</p>',
    ]
    if not plan.data.official:
        parts.append(
            f'<p class="warning">Data {escape(plan.data.name)}: {NOT_OFFICIAL} of the '
            "Large Movie Review Dataset, so no number here can be compared with a published one "
            "digit by digit.</p>"
        )
    if study.looks:
        parts += [
            "<h2>Learned against published</h2>",
            "<p>Test accuracy as published, and of our training of the same configuration with "
            "its 95 % interval.</p>",
            _embed(published.draw(published.table(study))),
            _html_table(HEAD, [row.cells() for row in compare(study)]),
        ]
    if study.candidates:
        parts += [
            "<h2>Candidates</h2>",
            _embed(accuracy.draw(accuracy.table(study))),
            "<h2>Overfitting: train and validation accuracy of the best</h2>",
            f"<p>{escape(_kept_epoch(study))}</p>",
            _embed(overfitting.draw(overfitting.table(study))),
            "<h2>Best trials</h2>",
            _leaderboard(study),
        ]
    parts.append(
        f"<footer>{study.count('complete')} complete, {study.count('pruned')} pruned, "
        f"{study.count('failed')} failed. Data {escape(plan.data.name)}, digest "
        f"{plan.data.digest}, validation split {plan.data.split_digest}, seed {plan.seed}."
        "</footer>"
    )
    return "\n".join(parts)


def _kept_epoch(study: StudyRecord) -> str:
    best = study.candidates[0]
    assert best.score is not None
    gap = 100 * (best.score.train_accuracy - best.score.val_accuracy)
    return (
        f"Trial {best.number} kept the weights of epoch {best.score.best_epoch} of "
        f"{len(best.epochs)}, where training was {abs(gap):.1f} points "
        f"{'above' if gap > 0 else 'below'} validation."
    )


def _leaderboard(study: StudyRecord) -> str:
    names = list(study.plan.space)
    head = ["trial", "tried as", "validation", "gap", "epoch", "minutes", *names]
    rows = []
    for trial in study.candidates:
        assert trial.score is not None
        score = trial.score
        cells = [
            str(trial.number),
            trial.origin,
            percent(score.val_accuracy),
            f"{100 * (score.train_accuracy - score.val_accuracy):+.1f}",
            f"{score.best_epoch} of {len(trial.epochs)}",
            f"{trial.seconds / 60:.1f}",
            *(brief(trial.params[name]) if name in trial.params else "" for name in names),
        ]
        rows.append(cells)
    return _html_table(head, rows)


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    header = "".join(f"<th>{escape(name)}</th>" for name in head)
    cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    body = "\n".join(f"<tr>{row}</tr>" for row in cells)
    return f'<div class="scroll"><table><tr>{header}</tr>\n{body}</table></div>'


def _embed(figure: go.Figure) -> str:
    config = {"responsive": True, "displayModeBar": False}
    html: str = to_html(figure, full_html=False, include_plotlyjs=False, config=config)
    return f'<div class="scroll"><div class="wide">{html}</div></div>'


def _document(title: str, body: str) -> str:
    """Wrap a body; Plotly's script stands in the page once, before the figures."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
<script>{get_plotlyjs()}</script>
</head>
<body>
{body}
</body>
</html>
"""
