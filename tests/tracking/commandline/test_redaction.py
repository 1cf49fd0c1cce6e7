"""No password and no token reaches a record, a page, or a terminal, however it is spelled."""

from __future__ import annotations

import html
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from dashboards import build
from tests.builders import build_plan, build_trial, write_trial
from tests.programs import call
from tests.servers import Database, free_port
from tracking import store
from tracking.commandline.paths import TRACKING_URI
from tracking.commandline.program import run
from tracking.commandline.redaction import redact, without_login
from tracking.schema import environment

REGISTRY = "MLFLOW_REGISTRY_URI"
PASSWORDS = {  # each with what it must be written as in a login; "" where it stands as it is
    "sla/sh-Zq1": "",
    "quo'te-Zq2": "",
    'dou"ble-Zq3': "",
    "sp ace-Zq4": "",
    "per%cent-Zq5": "per%25cent-Zq5",
    "at@sign-Zq6": "at%40sign-Zq6",
    "co:lon-Zq7": "",
    "que?ry-Zq8": "que%3fry-Zq8",
}
IN_QUERY = ("a&b=c-Zq9", "p/l'u\"s +-Zq10")


def _spellings(secret: str) -> set[str]:
    return {
        secret,
        quote(secret, safe=""),
        quote(secret, safe=" +"),
        re.sub("%..", lambda code: code[0].lower(), quote(secret, safe="")),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        shlex.quote(secret),
    }


def _assert_hidden(secret: str, text: str) -> None:
    """Neither a spelling of it is there, nor its end, which is the same in all of them."""
    assert not [spelled for spelled in _spellings(secret) if spelled in text]
    assert secret[-4:] not in text


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing secret is given but what the test gives."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "search.run", "--study", "lstm"])
    for name in ("PGPASSWORD", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def _address(postgresql: Database, secret: str) -> tuple[str, str]:
    """Make a role with this password and a database; give its name and its address."""
    role = f"role_{abs(hash(secret))}"
    literal = secret.replace("'", "''")
    postgresql.sql(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{literal}'")
    name = postgresql.create_for_mlflow().rpartition("/")[2]
    place = f"127.0.0.1:{postgresql.port}/{name}"
    if secret in PASSWORDS:
        return name, f"postgresql+psycopg://{role}:{PASSWORDS[secret] or secret}@{place}"
    query = f"user={role}&password={quote(secret, safe='')}&sslpassword={quote(secret)}"
    return name, f"postgresql+psycopg://{place}?{query}"


@pytest.mark.parametrize("secret", [*PASSWORDS, *IN_QUERY])
def test_no_password_of_a_database_is_recorded_or_shown(
    secret: str,
    postgresql: Database,
    tmp_path: Path,
    typed: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    database, address = _address(postgresql, secret)
    typed.setenv(TRACKING_URI, address)
    command = ["python", "-m", "search.run", "--study", "lstm", "--tracking-uri", address]
    typed.setattr(sys, "orig_argv", command)
    records = store.open_study(tmp_path / "mlruns", build_plan(), fresh=False)
    records.begin()
    reason = f"lost {address}, password {secret!r}, {' '.join(_spellings(secret))}"
    write_trial(records, build_trial(0, state="failed", score=None, reason=reason))
    records.end(finished=True)
    if secret in IN_QUERY:  # the page takes a second
        link = f"http://me:{quote(secret, safe='')}@127.0.0.1:5000"
        words = ["dashboards.build", "--study", "lstm", "--mlflow-url", link]
        typed.setattr(sys, "argv", words)
        assert build.main() == 0
    with pytest.raises(SystemExit):
        run(lambda: _fail(reason))

    dumped = postgresql.program("pg_dump", *postgresql.client, database)
    assert "search.run --study lstm --tracking-uri" in dumped
    assert "lost postgresql" in dumped
    _assert_hidden(secret, dumped)
    written = [file for file in (tmp_path / "mlruns").rglob("*") if file.is_file()]
    names = {"page.html", "lstm.html"} if secret in IN_QUERY else set()
    assert {"plan.json", "environment.json"} | names <= {file.name for file in written}
    for file in written:
        _assert_hidden(secret, file.read_text("utf-8", errors="replace"))
    said = capsys.readouterr()
    assert "error: lost postgresql" in said.err
    _assert_hidden(secret, said.out + said.err)


def _fail(reason: str) -> int:
    from tracking.commandline.errors import UserError

    raise UserError(reason)


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        (TRACKING_URI, "http://me:se/cr'et 1@mlflow.example:5000"),
        (TRACKING_URI, "http://mlflow.example:5000/?user=me&token=se/cr'et 1"),
        ("MLFLOW_TRACKING_URI", "https://se/cr'et 1@mlflow.example/x"),
        (REGISTRY, "postgresql+psycopg://db/runs?host=x&access_token=se%2Fcr%27et%201"),
        (REGISTRY, "postgresql+psycopg://db/?dbname=postgresql%3A%2F%2Fme%3Ase%2Fcr%27et%201%40h"),
        ("PGPASSWORD", "se/cr'et 1"),
        ("MLFLOW_TRACKING_PASSWORD", "se/cr'et 1"),
        ("MLFLOW_TRACKING_TOKEN", "se/cr'et 1"),
    ],
)
def test_a_secret_is_removed_wherever_it_stands(
    variable: str, address: str, typed: pytest.MonkeyPatch
) -> None:
    typed.setenv(variable, address)
    for spelled in _spellings("se/cr'et 1"):
        assert redact(f"before {spelled} after").replace("'", "") == "before *** after"
    assert "et 1" not in redact(f"{address} and {address!r}")


def test_a_short_password_and_a_public_one_are_removed_in_their_place_only(
    typed: pytest.MonkeyPatch,
) -> None:
    for secret in ("1", "lstm", "tester", "runs"):
        address = f"postgresql+psycopg://tester:{secret}@db/runs?sslpassword={secret}"
        typed.setenv(TRACKING_URI, address)
        said = redact(f"study lstm of tester in runs: 11 trials, seed=1; {address}")
        assert said == (
            "study lstm of tester in runs: 11 trials, seed=1; "
            "postgresql+psycopg://***@db/runs?sslpassword=***"
        )


def test_a_short_word_is_not_cut_out_of_longer_ones(typed: pytest.MonkeyPatch) -> None:
    typed.setenv("PGPASSWORD", "test")
    assert redact("testing the test part, %20test") == "testing the *** part, %20***"


def test_an_address_in_a_wrong_place_of_the_command_is_known_too(
    typed: pytest.MonkeyPatch,
) -> None:
    address = "--storge=postgresql+psycopg://me:a b'c@h/d"
    typed.setattr(sys, "orig_argv", ["python", "-m", "search.run", address])
    assert environment.command() == (
        "python -m search.run '--storge=postgresql+psycopg://***@h/d'"
    )
    assert redact("a b'c") == "***"


def test_an_uncommitted_change_is_recorded_without_the_password(
    tmp_path: Path, typed: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkout"
    folder.mkdir()
    person = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    git = ["git", "-C", str(folder), *person]
    (folder / "code.py").write_text("units = 32\n", "utf-8")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Begin"]):
        subprocess.run([*git, *words], check=True)
    (folder / "code.py").write_text('password = "it\'s/mine"\n', "utf-8")
    typed.setenv(REGISTRY, "postgresql+psycopg://me:it's/mine@h/d")
    typed.setattr(environment, "_ROOT", folder)
    environment.code.cache_clear()
    diff = environment.code().diff
    environment.code.cache_clear()
    assert "+password = " in diff
    assert "mine" not in diff


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("postgresql+psycopg://me:secret@db:5432/runs", "postgresql+psycopg://***@db:5432/runs"),
        ("get https://token@host/x, ssh://u@h", "get https://***@host/x, ssh://***@h"),
        ("https://u:p@ss@h/x", "https://***@h/x"),
        ("http://host/path?mail=a@b", "http://host/path?mail=a@b"),
        ("a@b without a URL, http://host", "a@b without a URL, http://host"),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("postgresql://me:pa/ss@db/runs", "postgresql://***@db/runs"),
        (
            "postgresql://db/runs?user=me&password=x&a=b",
            "postgresql://db/runs?user=me&password=***&a=b",
        ),
        ("x://h?sslpassword=a%20b http://h/?token=c", "x://h?sslpassword=*** http://h/?token=***"),
        ("host=db password='a b' port=1", "host=db password=*** port=1"),
    ],
)
def test_credentials_are_cut_from_urls(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_a_link_has_no_login_and_no_token() -> None:
    link = without_login("https://me:secret@h:1/mlflow/?a=b&token=x&access_token=y#z")
    assert link == "https://h:1/mlflow/?a=b#z"


def test_a_program_says_neither_password_nor_traceback_of_it(tmp_path: Path) -> None:
    address = f"postgresql+psycopg://me:hid/den'1@127.0.0.1:{free_port()}/records"
    done = call(tmp_path, "search.doctor", f"--tracking-uri={address}")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "no database answers there" in done.stderr
    assert "den'1" not in done.stderr
    done = call(tmp_path, "search.doctor", f"--tracking_uri={address}")
    assert "unrecognized arguments: --tracking_uri=postgresql" in done.stderr
    assert "den'1" not in done.stderr
