"""The live page, served by this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from werkzeug.serving import WSGIRequestHandler, make_server

from dashboards.live.app import create
from tracking.commandline.parser import HOST, choose_port


class _Silent(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: one line for each request would hide what went wrong."""


@contextmanager
def serve(root: Path) -> Iterator[str]:
    """Serve the studies of a folder, and give the address."""
    port = choose_port(None, 8_350)
    app = create(root, "http://127.0.0.1:5000", port)
    with make_server(HOST, port, app.server, threaded=True, request_handler=_Silent) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://{HOST}:{port}/"
        server.shutdown()
        thread.join()
