"""The live page: the figures of the built page, drawn anew as a study goes on (Dash)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html, no_update
from flask import Response, abort, request
from plotly.offline import get_plotlyjs

from dashboards.answers import STANDING, answers, standing
from dashboards.figures import FIGURES, overfitting
from dashboards.page import content_of, templates, verdict_in_words
from dashboards.panels import Drawn
from dashboards.text import CELL, plain
from dashboards.watch import Watch
from tracking.cli import HOST, UserError
from tracking.records import StudyRecord, TrialRecord
from tracking.verdict import NOT_OFFICIAL
from tracking.words import duration, percent

_ASSETS = Path(__file__).with_name("assets")  # loaded in the order of their names
_POLL, _LIST = 2_000, 10_000  # milliseconds between two looks at the study, at the list of studies
_POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
_POLICY += "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
_LONGEST = 2_000
_PAGE = f"""<!doctype html>
<html lang="en">
<head>{{%metas%}}<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{%title%}}</title>{{%css%}}</head>
<body>{{%app_entry%}}{templates()}<script src="/plotly.min.js"></script>
<footer>{{%config%}}{{%scripts%}}{{%renderer%}}</footer></body>
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

    def plotly() -> Response:
        return Response(get_plotlyjs(), mimetype="text/javascript")

    app.server.add_url_rule("/plotly.min.js", view_func=plotly)
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
    picker = html.Label(["Study ", html.Select(_options(names), id="picker")])
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
            dcc.Store(id="study", data=names[0]),
            *(dcc.Store(id=key) for key in ("seen", "board-data", "chosen", "data-trial")),
        ]
    )


def _options(names: list[str]) -> list[html.Option]:
    return [html.Option(plain(name), value=name) for name in names]


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


def _connect(app: Dash, watch: Watch) -> None:
    app.callback(Output("picker", "children"), Input("list", "n_intervals"))(
        lambda _: _options(watch.names())
    )
    in_browser = partial(ClientsideFunction, "seqsearch")
    app.clientside_callback(in_browser("board"), Input("board-data", "data"))
    for name in (*FIGURES, "trial"):
        place = State(f"plot-{name}", "id")
        app.clientside_callback(in_browser("plot"), Input(f"data-{name}", "data"), place)
    app.clientside_callback(
        in_browser("close"),
        Output("chosen", "data"),
        Input("close", "n_clicks"),
        Input("study", "data"),
    )
    outputs = [Output(key, prop) for key, prop in _parts()]

    @app.callback(
        outputs,
        Input("poll", "n_intervals"),
        Input("study", "data"),
        State("seen", "data"),
    )
    def refresh(_: int, name: str, seen: dict[str, str] | None) -> list[Any]:
        """Send what changed since this tab saw the study last."""
        return _refresh(watch, name, seen or {})

    @app.callback(
        Output("trial", "hidden"),
        Output("trial-facts", "children"),
        *(Output(*part) for part in _plot_parts("trial")),
        Input("chosen", "data"),
        Input("seen", "data"),
        prevent_initial_call=True,
    )
    def open_trial(chosen: list[Any] | None, _: Any) -> list[Any]:
        """Show the trial that was clicked at, and keep it up to date."""
        trial = watch.trial(str(chosen[0]), int(chosen[1])) if chosen else None
        if chosen is None or trial is None:
            return [True, *[no_update] * 5]
        return [False, *_trial(watch, str(chosen[0]), trial)]


def _parts() -> list[tuple[str, str]]:
    """Name all that changes, in the order in which `_refresh` gives it."""
    parts = [("seen", "data"), ("status", "children"), ("verdict-body", "children")]
    parts.append(("board-data", "data"))
    for name in FIGURES:
        parts += [(f"see-{name}", "children"), (f"cells-{name}", "children"), *_plot_parts(name)]
    return parts


def _plot_parts(name: str) -> list[tuple[str, str]]:
    """Name what changes of a plot, in the order in which `_plot` gives it."""
    props = ("hidden", "aria-label", "style")
    return [(f"data-{name}", "data"), *((f"plot-{name}", prop) for prop in props)]


def _refresh(watch: Watch, name: str, seen: dict[str, str]) -> list[Any]:
    try:
        study, (of_all, of_candidates), drawn = watch.look(name)
    except UserError as error:  # it was put aside, or half of it is there yet
        return [no_update, str(error), *[no_update] * (len(_parts()) - 2)]
    now = {"all": f"{name} {of_all}", "candidates": f"{name} {of_candidates}"}
    if seen == now:
        return [no_update] * len(_parts())
    same = seen.get("candidates") == now["candidates"]
    parts: list[Any] = [now, _status(study), _verdict(study), watch.board(study)]
    for key, panel in FIGURES.items():
        unchanged = same and not panel.all_trials
        parts += [no_update] * 6 if unchanged else _panel(drawn[key], name)
    return parts


def _panel(drawn: Drawn, study: str) -> list[Any]:
    """Give a figure's sentence, its table, and its plot."""
    if drawn.figure is None:
        return [f"Not drawn: {drawn.sentence}", None, *_plot(None, "", "")]
    cells = _table(drawn.panel.title, *drawn.cells) if drawn.cells and drawn.cells[1] else None
    words = f"{drawn.panel.title}. {plain(drawn.sentence, _LONGEST)}"
    return [drawn.sentence, cells, *_plot(drawn.figure, study, words)]


def _plot(figure: go.Figure | None, revision: str, words: str) -> list[Any]:
    """Give a plot's data, and whether it is hidden, its words, its height.

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


def _trial(watch: Watch, study: str, trial: TrialRecord) -> list[Any]:
    """Give a trial's facts and its plot."""
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
    figure = None
    if trial.epochs:
        figure = overfitting.draw([overfitting.curve(trial)]).update_layout(height=320)
    words = f"Accuracy of trial {trial.number}, epoch by epoch"
    return [content, *_plot(figure, f"{study} {trial.number}", words)]
