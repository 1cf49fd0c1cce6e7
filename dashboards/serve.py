"""The same page, live while a study runs: `python -m dashboards.serve`.

It listens on this machine only, and answers to its own address only.
"""

from __future__ import annotations

import logging
from threading import Event, Thread

from tracking.commandline.console import note
from tracking.commandline.errors import UserError
from tracking.commandline.parser import HOST, Parser, choose_port, port_number
from tracking.commandline.program import run

_FIRST_PORT = 8050


def main() -> int:
    """Parse, find a free port, serve until the user ends it."""
    from dashboards.build import add_mlflow_url

    parser = Parser("dashboards.serve", __doc__)
    parser.add_argument(
        "--port", type=port_number, metavar="N", help=f"default: a free one from {_FIRST_PORT}"
    )
    add_mlflow_url(parser)
    arguments = parser.parse_args()
    if arguments.port is not None:
        choose_port(arguments.port, _FIRST_PORT)  # in use is said before MLflow is loaded

    from tracking import store

    root = store.home()
    for line in store.unreadable_studies(root):
        note(line)
    if not store.studies(root):
        raise UserError(f"{root} holds no study yet: python -m search.run --study NAME makes one.")
    port = choose_port(arguments.port, _FIRST_PORT)

    from werkzeug.serving import make_server

    from dashboards.live.app import create

    app = create(root, arguments.mlflow_url, port)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else it has a line for each poll
    with make_server(HOST, port, app.server, threaded=True) as server:
        print(f"http://{HOST}:{port}/", flush=True)
        print("Ctrl-C ends it.", flush=True)
        # It would swallow Ctrl-C in this thread.
        Thread(target=server.serve_forever, daemon=True).start()
        Event().wait()
    return 0


if __name__ == "__main__":
    run(main)
