"""The live page: the figures of the built page, drawn anew as a study goes on (Dash)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from flask import Response, abort, request
from plotly.offline import get_plotlyjs

from dashboards.document import templates
from dashboards.figures import FIGURES
from dashboards.live import parts
from dashboards.live.layout import layout, options
from dashboards.live.watch import Watch
from tracking.cli import HOST

_ASSETS = Path(__file__).parents[1] / "assets"  # loaded in the order of their names
_POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
_POLICY += "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
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
    app.layout = lambda: layout(watch.names())
    _connect(app, watch)
    return app


def _connect(app: Dash, watch: Watch) -> None:
    app.callback(Output("picker", "children"), Input("list", "n_intervals"))(
        lambda _: options(watch.names())
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
    outputs = [Output(key, prop) for key, prop in parts.parts_of_page()]

    @app.callback(
        outputs,
        Input("poll", "n_intervals"),
        Input("study", "data"),
        State("seen", "data"),
    )
    def refresh(_: int, name: str, seen: dict[str, str] | None) -> list[Any]:
        """Send what changed since this tab saw the study last."""
        return parts.refresh(watch, name, seen or {})

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
