"""What the live page answers: its own host, its own addresses, callbacks of the form they have.

Dash takes what it is sent as it is, so a request is checked before Dash sees it. What is refused
is refused with a status of 400 to 499 and one line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, NoReturn

from dash import Dash, Output
from dash.exceptions import DependencyException
from flask import Response, abort, request
from werkzeug.exceptions import HTTPException

from dashboards.page.text import LONG, plain

LARGEST = 1_000_000  # bytes of a body; those of our own page have a few thousand
_LONGEST = 1_000  # characters of a name
_CALLBACK = "/_dash-update-component"
_KEYS = {"output", "outputs", "inputs", "state", "changedPropIds", "parsedChangedPropsIds"}
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def guard(app: Dash, hosts: Collection[str]) -> None:
    """Refuse what is not a request of our own page, and forbid others to frame the page.

    Args:
        app: with all its callbacks.
        hosts: names with the port, as a browser sends them.
    """
    forms = _forms(app)

    def check() -> None:
        # Else a page from elsewhere could have its own name point here, and read what we answer.
        if request.host not in hosts:
            abort(403, "this page answers to its own address only")
        rule = request.url_rule
        if rule is not None and rule.rule == "/<path:path>":  # Dash would send the page
            abort(404)
        if rule is not None and rule.rule == _CALLBACK and request.method == "POST":
            _check_callback(_body(), forms)

    def add_headers(response: Response) -> Response:
        response.headers.update(_HEADERS)
        return response

    app.server.config["MAX_CONTENT_LENGTH"] = LARGEST
    app.server.before_request(check)
    app.server.after_request(add_headers)
    app.server.register_error_handler(HTTPException, _in_one_line)
    app.server.register_error_handler(DependencyException, lambda _: _line("404 Not Found", 404))


def _forms(app: Dash) -> dict[str, dict[str, Any]]:
    """Give what a request for each callback of the server names, by the callback's output."""
    return {
        key: {
            "outputs": _address(entry["output"]),
            "inputs": entry["inputs"],
            "state": entry["state"],
        }
        for key, entry in app.callback_map.items()
        if "callback" in entry  # the others run in the browser
    }


def _address(output: Output | list[Output]) -> Any:
    if isinstance(output, list):
        return [_address(one) for one in output]
    return {"id": output.component_id, "property": output.component_property}


def _body() -> Any:
    if request.mimetype != "application/json" or request.content_encoding:
        abort(415, "a body must be plain application/json")
    try:
        return json.loads(request.get_data().decode("utf-8"))
    except (ValueError, RecursionError):
        _refuse("a body must be JSON in UTF-8, not nested deeply")
    except OSError:  # its chunks are no chunks
        _refuse("a body must be as long as it is said to be")


def _check_callback(body: Any, forms: dict[str, dict[str, Any]]) -> None:
    if not isinstance(body, dict) or not body.keys() <= _KEYS:
        _refuse(f"a body must be an object of {', '.join(sorted(_KEYS))}")
    output = body.get("output")
    form = forms.get(output) if isinstance(output, str) else None
    if form is None:
        _refuse(f"unknown output {_cut(output)}")
    if body.get("outputs") != form["outputs"]:
        _refuse("outputs must be those that the output names")
    for part in ("inputs", "state"):
        given = body.get(part, [])
        if _without_values(given) != form[part]:
            _refuse(f"{part} must be {json.dumps(form[part])}")
        for one in given:
            name = f"{one['id']}.{one['property']}"
            if not _VALUES[name](one.get("value")):
                _refuse(f"{name} cannot have the value {_cut(one.get('value'))}")
    known = [f"{one['id']}.{one['property']}" for one in form["inputs"]]
    for key in ("changedPropIds", "parsedChangedPropsIds"):
        changed = body.get(key, [])
        if not isinstance(changed, list) or any(name not in known for name in changed):
            _refuse(f"{key} must be a list of {', '.join(known)}")


def _without_values(given: Any) -> Any:
    """Leave out the values, as far as it is a list of objects."""
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        return None
    return [{key: one[key] for key in one if key != "value"} for one in given]


def _is_count(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value < 1e15)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST


def _is_seen(value: Any) -> bool:
    if not isinstance(value, dict):
        return value is None
    return value.keys() == {"all", "candidates"} and all(map(_is_name, value.values()))


def _is_chosen(value: Any) -> bool:
    if not isinstance(value, list):
        return value is None
    return len(value) == 2 and _is_name(value[0]) and value[1] is not None and _is_count(value[1])


def _is_asked(value: Any) -> bool:
    return value is not None and _is_chosen(value)


_VALUES: dict[str, Callable[[Any], bool]] = {
    "list.n_intervals": _is_count,
    "asked.data": _is_asked,
    "seen.data": _is_seen,
    "chosen.data": _is_chosen,
}


def _cut(value: Any) -> str:
    return plain(repr(value))


def _refuse(law: str) -> NoReturn:
    abort(400, law)


def _in_one_line(error: HTTPException) -> Response:
    said = plain(f"{error.code} {error.name}: {error.description}", LONG)
    return _line(said, error.code or 500)


def _line(said: str, status: int) -> Response:
    return Response(f"{said}\n", status, mimetype="text/plain")
