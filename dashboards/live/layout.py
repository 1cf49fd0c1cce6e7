"""What stands on the live page from the start: places for all that changes."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from dashboards.figures import FIGURES
from dashboards.page.text import CELL, plain

# Milliseconds between two looks at the study, and at the list of studies.
_POLL, _LIST = 2_000, 10_000
_KEPT = ("asked", "answered", "seen", "board-data", "chosen", "data-trial")


def layout(names: list[str]) -> html.Div:
    """Lay out the page of these studies; a new tab shows the first of them."""
    header = html.Header(
        [html.H1("seqsearch"), html.Button("Dark colours", id="theme", type="button")]
    )
    picker = html.Label(["Study ", html.Select(id="picker")])
    return html.Div(
        [
            header,
            picker,
            html.P(id="status", role="status", className="count"),
            html.Main(
                [
                    html.Section([html.H2("Verdict"), html.Div(id="verdict-body")], id="verdict"),
                    html.Section(
                        [
                            html.H2("Leaderboard"),
                            html.P(
                                "A column's name sorts by it; a row, or a point of a figure, "
                                "opens the trial; its number opens its MLflow run.",
                                className="see",
                            ),
                            html.Div(id="board"),
                        ],
                        id="leaderboard",
                    ),
                    *(_section(name) for name in FIGURES),
                ]
            ),
            _trial_pane(),
            dcc.Interval(id="poll", interval=_POLL),
            dcc.Interval(id="list", interval=_LIST),
            dcc.Store(id="names", data=labelled(names)),
            dcc.Store(id="study", data=names[0], storage_type="session"),  # outlives a reload
            *(dcc.Store(id=key) for key in _KEPT),
        ]
    )


def labelled(names: list[str]) -> list[list[str]]:
    """List the studies to choose from, each with its label; assets/live.js fills the picker."""
    return [[name, plain(name)] for name in names]


def _section(name: str) -> html.Section:
    wide = "plot wide" if FIGURES[name].wide else "plot"
    figure = html.Div(id=f"plot-{name}", role="img", className=wide, hidden=True)
    scroll = html.Div(
        figure, className="scroll", tabIndex=0, role="group", **_label(f"Figure {name}")
    )
    return html.Section(
        [
            html.H2(FIGURES[name].title),
            html.P(id=f"see-{name}", className="see"),
            html.Figure(scroll),
            html.Div(id=f"cells-{name}"),
            dcc.Store(id=f"data-{name}"),
        ],
        id=name,
    )


def _trial_pane() -> html.Aside:
    figure = html.Div(id="plot-trial", role="img", className="plot", hidden=True)
    return html.Aside(
        [html.Button("Close", id="close", type="button"), html.Div(id="trial-facts"), figure],
        id="trial",
        hidden=True,
        **_label("One trial"),
    )


def table(caption: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> html.Div:
    """Write a table."""
    header = html.Thead(html.Tr([html.Th(name, scope="col") for name in head]))
    cells = [[html.Td(plain(cell, CELL) if cell else "") for cell in row] for row in rows]
    body = html.Tbody([html.Tr(row) for row in cells])
    table = html.Table([html.Caption(caption), header, body])
    words = _label(f"Table: {caption}")
    return html.Div(table, className="scroll", tabIndex=0, role="group", **words)


def _label(words: str) -> dict[str, Any]:
    return {"aria-label": words}
