"""One self-contained HTML page of a study, or of several side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboards.figures import FIGURES
from dashboards.page import leaderboard
from dashboards.page.answers import STANDING, answers, summary
from dashboards.page.document import data, document, plot, table
from dashboards.page.panels import Drawn, draw, figures_of
from dashboards.page.text import LONG, html
from tracking.commandline.formatting import percent
from tracking.records import CommandRecord, StudyRecord
from tracking.reporting import data_summary, plan_history
from tracking.reporting.comparison import BY_CLASS, by_class
from tracking.reporting.verdict import unofficial, verdict


@dataclass(frozen=True)
class PageSource:
    """Where a study's records lie.

    Attributes:
        runs: address that the MLflow UI shows a run of the study at, without the run's id.
        command: what ran the best candidate, or the first trial; None before there is one.
    """

    runs: str
    command: CommandRecord | None


def page(studies: Sequence[StudyRecord], sources: Mapping[str, PageSource] | None = None) -> str:
    """Write the page.

    Args:
        sources: of each study, by its name; without, nothing is linked.
    """
    known = sources or {}
    title = ", ".join(html(study.plan.study) for study in studies)
    parts = [
        f'<header><h1>{title}</h1><button id="theme" type="button">Dark colours</button></header>',
        _contents(studies),
        "<main>",
        '<section id="verdict"><h2>Verdict</h2>',
        *(_verdict(study, several=len(studies) > 1) for study in studies),
        "</section>",
        _leaderboard(studies, known),
        *(_section(name, studies) for name in figures_of(studies)),
        *_data(studies),
        '<section id="reproduce"><h2>Reproduce</h2>',
        *(_reproduce(study, known.get(study.plan.study)) for study in studies),
        "</section></main>",
    ]
    return document(title, "\n".join(parts))


def _contents(studies: Sequence[StudyRecord]) -> str:
    known = {
        "verdict": "Verdict",
        "leaderboard": "Leaderboard",
        **{name: FIGURES[name].title for name in figures_of(studies)},
        **({"data": "Data"} if _data(studies) else {}),
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
        f"<p>{html(plan.question, LONG)}</p>",
        f'<p class="verdict">{html(verdict(study), LONG)}</p>',
    ]
    if unofficial(study):
        parts.append(
            f'<p class="warning">Data {html(unofficial(study))} of the Large Movie Review '
            "Dataset, so no number here can be compared with a published one digit by digit.</p>"
        )
    parts += [f"<p>{html(one, LONG)}</p>" for one in plan_history.sentences(plan)]
    answered = answers(study)
    if answered:
        pairs = "".join(f"<dt>{html(q)}</dt><dd>{html(a, LONG)}</dd>" for q, a in answered)
        parts.append(f'<dl class="answers">{pairs}</dl>')
    held = summary(study)
    if held:
        parts.append(table(f"The best of {plan.study} against what is known", STANDING, held))
    if len(plan.data.classes) > 2 and study.candidates:
        score = study.candidates[0].score
        assert score is not None
        if score.val_macro_f1 is not None:
            f1 = percent(score.val_macro_f1)
            caption = f"The best of {plan.study} in each class, macro F1 {f1}"
            parts.append(table(caption, BY_CLASS, by_class(study)))
    return "\n".join(parts)


def _leaderboard(studies: Sequence[StudyRecord], sources: Mapping[str, PageSource]) -> str:
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
        f'<div id="board"></div>{data("board-data", board.as_json())}'
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
        return f'<p class="absent">Not drawn: {html(drawn.sentence, LONG)}</p>'
    parts = [f'<p class="see">{html(drawn.sentence, LONG)}</p>']
    words = f"{drawn.panel.title}. {drawn.sentence}"
    parts.append(plot(drawn.key, words, drawn.figure, wide=drawn.panel.wide))
    if drawn.cells and drawn.cells[1]:
        parts.append(table(drawn.panel.title, *drawn.cells))
    return "\n".join(parts)


def _data(studies: Sequence[StudyRecord]) -> list[str]:
    """Say what the texts are; nothing where no record says it."""
    parts: list[str] = []
    for study in studies:
        data = study.plan.data
        rows = data_summary.rows(data)
        if not rows:
            continue
        if len(studies) > 1:
            parts.append(f"<h3>{html(study.plan.study)}</h3>")
        parts.append(table(f"The parts of {data.name}", data_summary.HEAD, rows))
        remarks = "".join(f"<li>{html(one, LONG)}</li>" for one in data_summary.remarks(data))
        parts.append(f"<ul>{remarks}</ul>" if remarks else "<p>Nothing stands out.</p>")
    if not parts:
        return []
    return ['<section id="data"><h2>Data</h2>', *parts, "</section>"]


def _reproduce(study: StudyRecord, source: PageSource | None) -> str:
    plan = study.plan
    best = study.candidates[0] if study.candidates else None
    command = source.command if source else None
    facts = [
        ("Data", f"{plan.data.name}, digest {plan.data.digest}"),
        ("Validation split", plan.data.split_digest),
        ("Texts", ", ".join(f"{n:,} {part}" for part, n in plan.data.n_texts.items())),
        *((name, array.words) for name, array in plan.data.arrays.items()),
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
        f'<pre tabindex="0"><code>{html(typed, LONG)}</code></pre>'
        f'<dl class="facts">{_facts(facts)}</dl>{_changes(study)}'
    )


def _changes(study: StudyRecord) -> str:
    """Show how the space was changed, where it was."""
    rows = plan_history.rows(study.plan)
    return (
        table(f"How the space of {study.plan.study} was changed", plan_history.HEAD, rows)
        if rows
        else ""
    )


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<dt>{html(n)}</dt><dd>{html(value, LONG)}</dd>" for n, value in facts)
