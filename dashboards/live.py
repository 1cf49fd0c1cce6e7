"""The live page: the figures of the built page, drawn anew as a study goes on (Dash)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from flask import Response, abort, request

from dashboards.answers import STANDING, answers, standing
from dashboards.figures import FIGURES, overfitting, style
from dashboards.page import verdict_in_words
from dashboards.panels import Drawn
from dashboards.text import CELL, plain
from dashboards.watch import Watch
from tracking.cli import HOST, UserError
from tracking.records import StudyRecord, TrialRecord
from tracking.verdict import NOT_OFFICIAL
from tracking.words import duration, percent

_ASSETS = Path(__file__).with_name("assets")
_POLL, _LIST = 2_000, 10_000  # milliseconds between two looks at the study, at the list of studies
_POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
_POLICY += "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
_GRAPH: Any = {"responsive": True, "displayModeBar": False}
_LONGEST = 2_000
_PAGE = """<!doctype html>
<html lang="en">
<head>{%metas%}<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{%title%}</title>{%css%}</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""


def create(root: Path, mlflow_url: str, port: int) -> Dash:
    """Make the program that answers the browser."""
    app = Dash(
        "seqsearch",
        title="seqsearch",
        update_title="",
        assets_folder=str(_ASSETS),
        assets_ignore="page.js",
        index_string=_PAGE,
        serve_locally=True,
    )
    hosts = (f"{HOST}:{port}", f"localhost:{port}")

    def refuse_foreign_host() -> None:
        # Else a page from elsewhere could have its own name point here, and read what we answer.
        if request.host not in hosts:
            abort(403)

    def forbid_other_hosts(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    app.server.before_request(refuse_foreign_host)
    app.server.after_request(forbid_other_hosts)
    watch = Watch(root, mlflow_url)
    app.layout = lambda: _layout(watch.names())
    _connect(app, watch)
    return app


def _layout(names: list[str]) -> html.Div:
    header = html.Header(
        [html.H1("seqsearch"), html.Button("Dark colours", id="theme", type="button")]
    )
    options = [{"label": plain(name), "value": name} for name in names]
    picker = html.Label(
        ["Study", dcc.Dropdown(options, names[0], id="study", clearable=False)], className="picker"
    )
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
            *(dcc.Store(id=key) for key in ("seen", "colours", "board-data", "chosen", "dummy")),
        ]
    )


def _section(name: str) -> html.Section:
    graph = dcc.Graph(id=f"figure-{name}", config=_GRAPH, responsive=True)
    wide = "plot wide" if FIGURES[name].wide else "plot"
    figure = html.Div(graph, id=f"box-{name}", role="img", className=wide, hidden=True)
    scroll = html.Div(
        figure, className="scroll", tabIndex=0, role="group", **_label(f"Figure {name}")
    )
    return html.Section(
        [
            html.H2(FIGURES[name].title),
            html.P(id=f"see-{name}", className="see"),
            html.Figure(scroll),
            html.Div(id=f"cells-{name}"),
        ],
        id=name,
    )


def _trial_pane() -> html.Aside:
    graph = dcc.Graph(id="trial-figure", config=_GRAPH, responsive=True)
    return html.Aside(
        [
            html.Button("Close", id="close", type="button"),
            html.Div(id="trial-facts"),
            html.Div(graph, id="trial-box", role="img"),
        ],
        id="trial",
        hidden=True,
        **_label("One trial"),
    )


def _connect(app: Dash, watch: Watch) -> None:
    app.callback(Output("study", "options"), Input("list", "n_intervals"))(
        lambda _: [{"label": plain(name), "value": name} for name in watch.names()]
    )
    app.clientside_callback(
        ClientsideFunction("seqsearch", "colours"),
        Output("colours", "data"),
        Input("theme", "n_clicks"),
    )
    app.clientside_callback(
        ClientsideFunction("seqsearch", "board"),
        Output("dummy", "data"),
        Input("board-data", "data"),
    )
    app.clientside_callback(
        ClientsideFunction("seqsearch", "chosen"),
        Output("chosen", "data"),
        Input("close", "n_clicks"),
        Input("study", "value"),
        *(Input(f"figure-{name}", "clickData") for name in FIGURES),
        prevent_initial_call=True,
    )
    outputs = [Output(key, prop) for key, prop in _parts()]

    @app.callback(
        outputs,
        Input("poll", "n_intervals"),
        Input("study", "value"),
        Input("colours", "data"),
        State("seen", "data"),
    )
    def refresh(_: int, name: str, colours: str | None, seen: dict[str, str] | None) -> list[Any]:
        """Send what changed since this tab saw the study last."""
        if colours is None:
            return [no_update] * len(outputs)
        return _refresh(watch, name, colours, seen or {})

    @app.callback(
        Output("trial", "hidden"),
        Output("trial-facts", "children"),
        Output("trial-figure", "figure"),
        Output("trial-box", "hidden"),
        Output("trial-box", "aria-label"),
        Input("chosen", "data"),
        Input("seen", "data"),
        State("colours", "data"),
        prevent_initial_call=True,
    )
    def open_trial(chosen: list[Any] | None, _: Any, colours: str | None) -> tuple[Any, ...]:
        """Show the trial that was clicked at, and keep it up to date."""
        trial = watch.trial(str(chosen[0]), int(chosen[1])) if chosen else None
        if chosen is None or trial is None:
            return True, no_update, no_update, no_update, no_update
        return _trial(watch, str(chosen[0]), trial, colours or "light")


def _parts() -> list[tuple[str, str]]:
    """Name all that changes, in the order in which `_refresh` gives it."""
    parts = [("seen", "data"), ("status", "children"), ("verdict-body", "children")]
    parts.append(("board-data", "data"))
    for name in FIGURES:
        parts += [
            (f"see-{name}", "children"),
            (f"figure-{name}", "figure"),
            (f"box-{name}", "hidden"),
            (f"box-{name}", "aria-label"),
            (f"box-{name}", "style"),
            (f"cells-{name}", "children"),
        ]
    return parts


def _refresh(watch: Watch, name: str, colours: str, seen: dict[str, str]) -> list[Any]:
    try:
        study, (of_all, of_candidates), drawn = watch.look(name)
    except UserError as error:  # it was put aside, or half of it is there yet
        return [no_update, str(error), *[no_update] * (len(_parts()) - 2)]
    # The name is in it: another study, or other colours, are drawn anew.
    now = {"all": f"{name} {colours} {of_all}", "candidates": f"{name} {colours} {of_candidates}"}
    if seen == now:
        return [no_update] * len(_parts())
    same = seen.get("candidates") == now["candidates"]
    parts: list[Any] = [now, _status(study), _verdict(study), watch.board(study)]
    for key, panel in FIGURES.items():
        if same and not panel.all_trials:
            parts += [no_update] * 6
        else:
            parts += _figure(drawn[key], name, colours)
    return parts


def _figure(drawn: Drawn, study: str, colours: str) -> list[Any]:
    if drawn.figure is None:
        return [f"Not drawn: {drawn.sentence}", go.Figure(), True, "", {}, None]
    cells = _table(drawn.panel.title, *drawn.cells) if drawn.cells and drawn.cells[1] else None
    words = f"{drawn.panel.title}. {plain(drawn.sentence, _LONGEST)}"
    height = {"height": f"{drawn.figure.layout.height}px"}
    return [drawn.sentence, _coloured(drawn.figure, study, colours), False, words, height, cells]


def _coloured(figure: go.Figure, revision: str, colours: str) -> go.Figure:
    """Give it the colours asked for; zoom and selection stay as long as `revision` does."""
    return go.Figure(figure).update_layout(
        template=style.TEMPLATES[colours], uirevision=revision, autosize=True, height=None
    )


def _status(study: StudyRecord) -> str:
    under_way = [trial for trial in study.trials if trial.state == "running"]
    said = f"{study.count('complete'):,} complete, {study.count('pruned'):,} pruned, "
    said += f"{study.count('failed'):,} failed"
    return said + "".join(
        f"; trial {trial.number} under way, {len(trial.epochs)} epochs" for trial in under_way
    )


def _verdict(study: StudyRecord) -> list[Any]:
    parts: list[Any] = [
        html.P(plain(study.plan.question, _LONGEST)),
        html.P(plain(verdict_in_words(study), _LONGEST), className="verdict"),
    ]
    if not study.plan.data.official:
        note = f"Data {plain(study.plan.data.name)}: {NOT_OFFICIAL}."
        parts.append(html.P(note, className="warning"))
    pairs = [part for q, a in answers(study) for part in (html.Dt(q), html.Dd(a))]
    if pairs:
        parts.append(html.Dl(pairs, className="answers"))
    held = standing(study)
    return [*parts, _table("The best against what is known", STANDING, held)] if held else parts


def _table(caption: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> html.Div:
    header = html.Thead(html.Tr([html.Th(name, scope="col") for name in head]))
    body = html.Tbody([html.Tr([html.Td(plain(cell, CELL)) for cell in row]) for row in rows])
    table = html.Table([html.Caption(caption), header, body])
    words = _label(f"Table: {caption}")
    return html.Div(table, className="scroll", tabIndex=0, role="group", **words)


def _label(words: str) -> dict[str, Any]:
    return {"aria-label": words}


def _trial(watch: Watch, study: str, trial: TrialRecord, colours: str) -> tuple[Any, ...]:
    score = trial.score
    facts = [
        ("state", trial.state + (f": {plain(trial.reason, CELL)}" if trial.reason else "")),
        ("tried as", plain(trial.origin)),
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
    if not trial.epochs:
        return False, content, go.Figure(), True, ""
    curve = overfitting.curve(trial)
    figure = overfitting.draw([curve]).update_layout(height=320)
    revision = f"{study} {trial.number}"
    coloured = _coloured(figure, revision, colours).update_layout(height=320)
    words = f"Accuracy of trial {trial.number}, epoch by epoch"
    return False, content, coloured, False, words
