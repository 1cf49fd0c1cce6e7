"""What is no request of the live page's own is refused in one line, and nothing of it is kept."""

from __future__ import annotations

import gzip
import http.client
import json
import resource
import socket
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

import pytest

from dashboards.live.guard import LARGEST
from tests.builders import build_study, build_trial, place_database, write_study
from tests.dashboards.serving import serve

_CALLBACK = "/_dash-update-component"
_JSON = "application/json"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_LIST: dict[str, Any] = {
    "output": "names.data",
    "outputs": {"id": "names", "property": "data"},
    "inputs": [{"id": "list", "property": "n_intervals", "value": 1}],
    "changedPropIds": ["list.n_intervals"],
    "parsedChangedPropsIds": ["list.n_intervals"],
}
_SHOWN = ("hidden", "aria-label", "style")
_TRIAL: dict[str, Any] = {
    "output": "..trial.hidden...trial-facts.children...data-trial.data..."
    + "...".join(f"plot-trial.{prop}" for prop in _SHOWN)
    + "..",
    "outputs": [
        {"id": "trial", "property": "hidden"},
        {"id": "trial-facts", "property": "children"},
        {"id": "data-trial", "property": "data"},
        *({"id": "plot-trial", "property": prop} for prop in _SHOWN),
    ],
    "inputs": [
        {"id": "chosen", "property": "data", "value": ["lstm", 0]},
        {"id": "seen", "property": "data", "value": {"all": "lstm 1", "candidates": "lstm 2"}},
    ],
    "changedPropIds": ["chosen.data"],
    "parsedChangedPropsIds": ["chosen.data"],
}


@pytest.fixture(scope="module")
def netloc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = place_database(tmp_path_factory.mktemp("guarded") / "mlruns")
    write_study(root, build_study(build_trial(0)))
    with serve(root) as url:
        yield urlsplit(url).netloc


def _changed(body: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> bytes:
    copy = deepcopy(body)
    change(copy)
    return json.dumps(copy).encode()


def _with(**changes: Any) -> bytes:
    return json.dumps({**_LIST, **changes}).encode()


def _value(place: int, value: Any) -> bytes:
    return _changed(_TRIAL, lambda body: body["inputs"][place].update(value=value))


_GOOD = json.dumps(_LIST).encode()
_LONG = b"x" * (LARGEST + 1)
# What it is called: content type, content encoding, body.
_BODIES: dict[str, tuple[str | None, str | None, bytes]] = {
    "nothing": (_JSON, None, b""),
    "blanks": (_JSON, None, b"  \n"),
    "no JSON": (_JSON, None, b"hello"),
    "half of one": (_JSON, None, _GOOD[: len(_GOOD) // 2]),
    "two in one": (_JSON, None, _GOOD * 2),
    "null": (_JSON, None, b"null"),
    "a number": (_JSON, None, b"7"),
    "a text": (_JSON, None, b'"names.data"'),
    "a list": (_JSON, None, b"[]"),
    "an empty object": (_JSON, None, b"{}"),
    "no output": (_JSON, None, _changed(_LIST, lambda body: body.pop("output"))),
    "an unknown output": (_JSON, None, _with(output="nobody.children")),
    "an output of the browser": (_JSON, None, _with(output="chosen.data")),
    "an output that is a list": (_JSON, None, _with(output=["names.data"])),
    "outputs of another": (_JSON, None, _with(outputs={"id": "status", "property": "children"})),
    "no outputs": (_JSON, None, _changed(_LIST, lambda body: body.pop("outputs"))),
    "no inputs": (_JSON, None, _changed(_LIST, lambda body: body.pop("inputs"))),
    "inputs that are none": (_JSON, None, _with(inputs=[1, None, "list"])),
    "an input of another": (_JSON, None, _with(inputs=[{**_LIST["inputs"][0], "id": "poll"}])),
    "an input too many": (_JSON, None, _with(inputs=[*_LIST["inputs"], *_LIST["inputs"]])),
    "a state that it does not have": (_JSON, None, _with(state=_LIST["inputs"])),
    "a change of another": (_JSON, None, _with(changedPropIds=["study.data"])),
    "changes that are none": (_JSON, None, _with(changedPropIds={"list.n_intervals": 1})),
    "a key that is not known": (_JSON, None, _with(more=1)),
    "a text as a count": (
        _JSON, None, _with(inputs=[{"id": "list", "property": "n_intervals", "value": "1"}]),
    ),
    "a huge number": (_JSON, None, _value(0, ["lstm", 10**400])),
    "a number of too many digits": (_JSON, None, b"9" * 100_000),
    "infinity": (_JSON, None, _value(0, ["lstm", float("inf")])),
    "a trial without a number": (_JSON, None, _value(0, ["lstm"])),
    "a list as the study": (_JSON, None, _value(0, [["lstm"], 0])),
    "a long name": (_JSON, None, _value(0, ["x" * 100_000, 0])),
    "an object of another kind": (_JSON, None, _value(1, {"all": {"deep": []}})),
    "nested 10,000 deep": (_JSON, None, b"[" * 10_000 + b"]" * 10_000),
    "objects nested 10,000 deep": (_JSON, None, b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "another content type": ("text/plain", None, _GOOD),
    "a form": ("application/x-www-form-urlencoded", None, b"output=names.data"),
    "no content type": (None, None, _GOOD),
    "UTF-16": (_JSON, None, _GOOD.decode().encode("utf-16")),
    "UTF-16 without a mark": (_JSON, None, _GOOD.decode().encode("utf-16-le")),
    "Latin-1": (_JSON, None, '{"output": "é"}'.encode("latin-1")),
    "gzip": (_JSON, "gzip", gzip.compress(_GOOD)),
    "gzip that is not said": (_JSON, None, gzip.compress(_GOOD)),
    "a byte more than 1 MB": (_JSON, None, _LONG),
    "1 MB of a name": (_JSON, None, _with(output="x" * LARGEST)),
}  # fmt: skip


def _post(netloc: str, body: object, headers: dict[str, str], **how: Any) -> tuple[int, str, Any]:
    connection = http.client.HTTPConnection(netloc, timeout=20)
    connection.request("POST", _CALLBACK, body, headers, **how)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text, answer.headers


def _check_refusal(status: int, text: str, headers: Any) -> None:
    assert 400 <= status < 500, (status, text)
    assert text.startswith(str(status))
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert len(text) < 1_000
    _check_headers(headers)


def _check_headers(headers: Any) -> None:
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert {name: headers[name] for name in _HEADERS} == _HEADERS


def _memory() -> int:
    """The most that this process had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.mark.parametrize("body", [_LIST, _TRIAL])
def test_what_the_page_asks_itself_is_answered(netloc: str, body: dict[str, Any]) -> None:
    status, text, headers = _post(netloc, json.dumps(body).encode(), {"Content-Type": _JSON})

    assert status == 200
    assert "response" in json.loads(text)
    _check_headers(headers)


@pytest.mark.parametrize("name", _BODIES)
def test_a_body_that_no_page_of_ours_sends_is_refused_in_one_line(
    netloc: str, name: str, capfd
) -> None:
    kind, encoding, body = _BODIES[name]
    said = {"Content-Type": kind, "Content-Encoding": encoding}

    _check_refusal(*_post(netloc, body, {k: v for k, v in said.items() if v is not None}))

    assert capfd.readouterr() == ("", "")


def test_a_body_in_chunks_has_the_same_limit_and_nothing_of_it_is_kept(netloc: str, capfd) -> None:
    chunk = b" " * 1_000_000
    before = _memory()

    for length, said in ((2, {}), (64, {"Content-Type": _JSON})):
        headers = {"Transfer-Encoding": "chunked", **said}
        chunks = (chunk for _ in range(length))
        _check_refusal(*_post(netloc, chunks, headers, encode_chunked=True))
    assert _post(netloc, chunk * 64, {"Content-Type": _JSON})[0] == 413

    assert _memory() - before < 64 + 40  # the 64 MB that this test holds itself, and the buffers
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("head", "rest"),
    [
        ("Transfer-Encoding: chunked", b"zz\r\nno chunk\r\n"),
        ("Content-Length: 100", b"{"),
        ("Content-Length: many", b"{}"),
        ("Content-Length: -1", b"{}"),
    ],
)
def test_a_body_of_another_length_than_it_says_is_refused(
    netloc: str, head: str, rest: bytes, capfd
) -> None:
    host, port = netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        first = f"POST {_CALLBACK} HTTP/1.1\r\nHost: {netloc}\r\nContent-Type: {_JSON}\r\n{head}"
        connection.sendall(first.encode() + b"\r\n\r\n" + rest)
        connection.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        _check_refusal(answer.status, answer.read().decode(), answer.headers)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/assets/board.js", 200),
        ("GET", "/plotly.min.js", 200),
        ("GET", "/_dash-layout", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/assets/../layout.py", 404),
        ("GET", "/_dash-component-suites/os/path.py", 404),
        ("GET", "/_dash-component-suites/dash/../../os.py", 404),
        ("GET", _CALLBACK, 404),
        ("PUT", _CALLBACK, 405),
        ("POST", "/", 405),
        ("DELETE", "/_dash-layout", 405),
        ("TRACE", "/", 405),
    ],
)
def test_only_the_pages_own_addresses_and_methods_are_answered(
    netloc: str, method: str, path: str, status: int, capfd
) -> None:
    connection = http.client.HTTPConnection(netloc, timeout=20)
    connection.request(method, path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()

    assert answer.status == status
    _check_headers(answer.headers)
    if status != 200:
        _check_refusal(answer.status, text, answer.headers)
    assert capfd.readouterr() == ("", "")
