"""One self-contained HTML page of a study, or of several side by side.

It holds Plotly's script once and asks for nothing: its own policy forbids every connection.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from dashboards import leaderboard
from dashboards.answers import STANDING, answers, standing
from dashboards.figures import FIGURES, style
from dashboards.panels import Drawn, draw
from dashboards.text import CELL, html
from tracking.comparison import looks_in_words
from tracking.records import CommandRecord, StudyRecord
from tracking.verdict import NOT_OFFICIAL, verdict

_ASSETS = Path(__file__).with_name("assets")
_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'"
_POLICY += "; img-src data: blob:; base-uri 'none'; form-action 'none'"
_DIGITS = 6  # of every number that is drawn
_LONG = 40  # characters of a cell that needs room
_LONGEST = 2_000  # characters of a text that stands alone


@dataclass(frozen=True)
class Source:
    """Where a study's records lie.

    Attributes:
        runs: address that the MLflow UI shows a run of the study at, without the run's id.
        command: what ran the best candidate, or the first trial; None before there is one.
    """

    runs: str
    command: CommandRecord | None


def page(studies: Sequence[StudyRecord], sources: Mapping[str, Source] | None = None) -> str:
    """Write the page.

    Args:
        sources: of each study, by its name; without, nothing is linked.
    """
    known = sources or {}
    title = ", ".join(html(study.plan.study) for study in studies)
    parts = [
        f'<header><h1>{title}</h1><button id="theme" type="button">Dark colours</button></header>',
        _contents(),
        "<main>",
        '<section id="verdict"><h2>Verdict</h2>',
        *(_verdict(study, several=len(studies) > 1) for study in studies),
        "</section>",
        _leaderboard(studies, known),
        *(_section(name, studies) for name in FIGURES),
        '<section id="reproduce"><h2>Reproduce</h2>',
        *(_reproduce(study, known.get(study.plan.study)) for study in studies),
        "</section></main>",
    ]
    return _document(title, "\n".join(parts))


def figure_page(title: str, figure: go.Figure) -> str:
    """Write a page that holds one figure under its title."""
    body = [
        f"<header><h1>{html(title)}</h1>",
        '<button id="theme" type="button">Dark colours</button></header>',
        f"<main>{_plot('only', title, figure, wide=False)}</main>",
    ]
    return _document(html(title), "\n".join(body))


def verdict_in_words(study: StudyRecord) -> str:
    """Say what came out, as console and MLflow say it."""
    return looks_in_words(study) if study.reproduces else verdict(study)


def _contents() -> str:
    known = {
        "verdict": "Verdict",
        "leaderboard": "Leaderboard",
        **{name: panel.title for name, panel in FIGURES.items()},
        "reproduce": "Reproduce",
    }
    links = "".join(
        f'<li><a href="#{name}">{html(title)}</a></li>' for name, title in known.items()
    )
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'


def _verdict(study: StudyRecord, *, several: bool) -> str:
    plan = study.plan
    parts = [f"<h3>{html(plan.study)}</h3>"] if several else []
    parts += [
        f"<p>{html(plan.question, _LONGEST)}</p>",
        f'<p class="verdict">{html(verdict_in_words(study), _LONGEST)}</p>',
    ]
    if not plan.data.official:
        parts.append(
            f'<p class="warning">Data {html(plan.data.name)}: {NOT_OFFICIAL} of the Large Movie '
            "Review Dataset, so no number here can be compared with a published one digit by "
            "digit.</p>"
        )
    answered = answers(study)
    if answered:
        pairs = "".join(f"<dt>{html(q)}</dt><dd>{html(a, _LONGEST)}</dd>" for q, a in answered)
        parts.append(f'<dl class="answers">{pairs}</dl>')
    held = standing(study)
    if held:
        parts.append(_table(f"The best of {plan.study} against what is known", STANDING, held))
    return "\n".join(parts)


def _leaderboard(studies: Sequence[StudyRecord], sources: Mapping[str, Source]) -> str:
    addresses = {name: source.runs for name, source in sources.items()}
    board = leaderboard.board(*studies, addresses=addresses)
    links = (
        " A trial's number opens its MLflow run while <code>python -m tracking.ui</code> runs."
        if addresses
        else ""
    )
    return (
        '<section id="leaderboard"><h2>Leaderboard</h2>\n'
        f'<p class="see">All trials, the candidates first, at the epoch whose weights count. '
        f"A column's name sorts by it.{links}</p>\n"
        f'<div id="board"></div>{_data("board-data", board.as_json())}'
        "<noscript>The leaderboard needs JavaScript.</noscript></section>"
    )


def _section(name: str, studies: Sequence[StudyRecord]) -> str:
    parts = [f'<section id="{name}"><h2>{html(FIGURES[name].title)}</h2>']
    for drawn in draw(name, studies):
        if drawn.study:
            parts.append(f"<h3>{html(drawn.study)}</h3>")
        parts.append(_drawn(drawn))
    return "\n".join([*parts, "</section>"])


def _drawn(drawn: Drawn) -> str:
    if drawn.figure is None:
        return f'<p class="absent">Not drawn: {html(drawn.sentence, _LONGEST)}</p>'
    parts = [f'<p class="see">{html(drawn.sentence, _LONGEST)}</p>']
    words = f"{drawn.panel.title}. {drawn.sentence}"
    parts.append(_plot(drawn.key, words, drawn.figure, wide=drawn.panel.wide))
    if drawn.cells and drawn.cells[1]:
        parts.append(_table(drawn.panel.title, *drawn.cells))
    return "\n".join(parts)


def _plot(key: str, words: str, figure: go.Figure, *, wide: bool) -> str:
    """Write a figure as data; assets/page.js draws it when it comes into view."""
    kind = "plot wide" if wide else "plot"
    label = html(words, _LONGEST)
    return (
        f'<figure><div class="scroll" tabindex="0" role="group" aria-label="Figure {key}">'
        f'<div class="{kind}" id="plot-{key}" role="img" aria-label="{label}" '
        f'style="height: {figure.layout.height or 450}px"></div></div></figure>'
        f"{_data(f'data-{key}', content_of(figure))}"
    )


def content_of(figure: go.Figure) -> dict[str, Any]:
    """Give a figure as data, without colours of its own: assets/figures.js adds them."""
    content: dict[str, Any] = figure.to_plotly_json()
    content["layout"].pop("template", None)
    compact: dict[str, Any] = _compact(content)
    return compact


def templates() -> str:
    """Write the templates for light and dark, as assets/figures.js takes them."""
    known = {name: template.to_plotly_json() for name, template in style.TEMPLATES.items()}
    return _data("templates", known)


def _compact(content: Any) -> Any:
    """Cut numbers to the digits that can be seen."""
    if isinstance(content, float):
        return float(f"{content:.{_DIGITS}g}") if math.isfinite(content) else None
    if isinstance(content, dict):
        return {name: _compact(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_compact(value) for value in content]
    return content


def _data(key: str, content: Any) -> str:
    # No text can end the script: every < is escaped.
    text = to_json_plotly(content).replace("<", "\\u003c")
    return f'<script type="application/json" id="{key}">{text}</script>'


def _reproduce(study: StudyRecord, source: Source | None) -> str:
    plan = study.plan
    best = study.candidates[0] if study.candidates else None
    command = source.command if source else None
    facts = [
        ("Data", f"{plan.data.name}, digest {plan.data.digest}"),
        ("Validation split", plan.data.split_digest),
        ("Texts", ", ".join(f"{n:,} {part}" for part, n in plan.data.n_texts.items())),
        ("Seed of the study", str(plan.seed)),
        ("Sampler, pruner", f"{plan.sampler or 'none'}, {plan.pruner or 'none'}"),
    ]
    if best is not None:
        facts += [
            ("Seed of the best trial", str(best.seed)),
            ("Its values", json.dumps(dict(best.params), ensure_ascii=False)),
            ("Its MLflow run", best.run_id),
        ]
    if command is not None and command.commit:
        changed = "; tracked files were changed, code.diff of the run has how"
        facts.append(("Commit", f"{command.commit}{changed if command.changed else ''}"))
    typed = command.command if command is not None and command.command else ""
    typed = typed or f"python -m search.run --study {plan.study}"
    return (
        f"<h3>{html(plan.study)}</h3>"
        f'<pre tabindex="0"><code>{html(typed, _LONGEST)}</code></pre>'
        f'<dl class="facts">{_facts(facts)}</dl>'
    )


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<dt>{html(n)}</dt><dd>{html(value, _LONGEST)}</dd>" for n, value in facts)


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    header = "".join(f'<th scope="col">{html(name)}</th>' for name in head)
    cells = ["".join(_cell(cell) for cell in row) for row in rows]
    body = "\n".join(f"<tr>{row}</tr>" for row in cells)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="Table: {html(caption)}">'
        f"<table><caption>{html(caption)}</caption><thead><tr>{header}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    kind = ' class="long"' if len(text) > _LONG else ""
    return f"<td{kind}>{html(text, CELL)}</td>"


def _document(title: str, body: str) -> str:
    """Wrap a body; Plotly's script stands in the page once."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_asset("page.css")}</style>
</head>
<body>
{body}
{templates()}
<script>{get_plotlyjs()}</script>
<script>{_asset("colours.js")}</script>
<script>{_asset("figures.js")}</script>
<script>{_asset("board.js")}</script>
<script>{_asset("page.js")}</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")
