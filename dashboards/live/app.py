"""The live page: the figures of the built page, drawn anew as a study goes on (Dash)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from flask import Response
from plotly.offline import get_plotlyjs

from dashboards.figures import FIGURES
from dashboards.live import parts
from dashboards.live.guard import guard
from dashboards.live.layout import labelled, layout
from dashboards.live.watch import Watch
from dashboards.page.document import templates
from tracking.commandline.parser import HOST

_ASSETS = Path(__file__).parents[1] / "assets"  # loaded in the order of their names
_PAGE = f"""<!doctype html>
<html lang="en">
<head>{{%metas%}}<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><title>{{%title%}}</title>{{%css%}}</head>
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

    def plotly() -> Response:
        return Response(get_plotlyjs(), mimetype="text/javascript")

    app.server.add_url_rule("/plotly.min.js", view_func=plotly)
    watch = Watch(root, mlflow_url)
    app.layout = lambda: layout(watch.names())
    _connect(app, watch)
    guard(app, (f"{HOST}:{port}", f"localhost:{port}"))
    return app


def _connect(app: Dash, watch: Watch) -> None:

    @app.callback(
        Output("names", "data"),
        Input("list", "n_intervals"),
        prevent_initial_call=True,
    )
    def list_studies(_: int) -> list[list[str]]:
        return labelled(watch.names())

    in_browser = partial(ClientsideFunction, "seqsearch")
    study = Input("study", "data")
    app.clientside_callback(in_browser("studies"), Input("names", "data"), study)
    app.clientside_callback(in_browser("show"), study)
    app.clientside_callback(
        in_browser("test evaluation"), Input("poll", "n_intervals"), State("study", "data")
    )
    app.clientside_callback(in_browser("answered"), Input("answered", "data"))
    app.clientside_callback(in_browser("trial"), Input("trial", "hidden"))
    app.clientside_callback(in_browser("board"), Input("board-data", "data"))
    for name in (*FIGURES, "trial"):
        place = State(f"plot-{name}", "id")
        app.clientside_callback(in_browser("plot"), Input(f"data-{name}", "data"), place)
    app.clientside_callback(
        in_browser("close"),
        Output("chosen", "data"),
        Input("close", "n_clicks"),
        study,
    )
    outputs = [Output(key, prop) for key, prop in parts.parts_of_page()]

    @app.callback(
        Output("answered", "data"),
        *outputs,
        Input("asked", "data"),
        State("seen", "data"),
        prevent_initial_call=True,
    )
    def refresh(asked: list[Any], seen: dict[str, str] | None) -> list[Any]:
        """Send what changed since this tab saw the study last."""
        name, number = asked
        return [number, *parts.refresh(watch, name, seen or {})]

    @app.callback(
        Output("trial", "hidden"),
        Output("trial-facts", "children"),
        *(Output(*part) for part in parts.parts_of_plot("trial")),
        Input("chosen", "data"),
        Input("seen", "data"),
        prevent_initial_call=True,
    )
    def open_trial(chosen: list[Any] | None, _: Any) -> list[Any]:
        """Show the trial that was clicked at, and keep it up to date."""
        trial = watch.trial(str(chosen[0]), int(chosen[1])) if chosen else None
        if chosen is None or trial is None:
            return [True, *[no_update] * 5]
        return [False, *parts.show(watch, str(chosen[0]), trial)]
