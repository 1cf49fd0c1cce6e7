"""Keep passwords and tokens out of everything that is recorded or shown.

The addresses in the environment and on the command line are parsed, and exactly their secrets are
removed, in every spelling. So are logins and secrets of all other URLs, by their form.

A secret is removed wherever it stands, with two exceptions: one of fewer than four characters, and
one that is public as well: the user, host or database of an address, or a word of the command line
such as the name of the study. These are removed only where they stand as a secret, in a URL or
after `password=`; otherwise the password "1" would blank out every number.
"""

from __future__ import annotations

import functools
import html
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit, urlunsplit

if TYPE_CHECKING:
    from sqlalchemy import URL

# Variables that hold an address, and variables that hold nothing but a secret.
_ADDRESSES = (
    "SEQSEARCH_TRACKING_URI",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_REGISTRY_URI",
    "MLFLOW_BACKEND_STORE_URI",
)
_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD", "RAY_AUTH_TOKEN")

_HIDDEN = "***"
_LEAST_CHARACTERS = 4  # of a secret that is removed wherever it stands
_SHORT_WORD = re.compile(r"[A-Za-z]{4,7}")  # a secret like "test", which is part of other words

_NAME = r"(?:[\w.-]*(?:password|passwd|passphrase|token|secret|api[_-]?key)|pwd|scram_\w+_key)"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://.*", re.DOTALL)

# A login without a slash, or one with a colon, whose password may have any. A number between the
# colon and a slash is a port. In a text, a login ends where a quote or a space stands.
_LOGIN = re.compile(r"""(?<=://)(?:[^/\s'"]+|[^/\s'":@]*:(?!\d{1,5}[/?])[^\s'"]{1,500})@""")
_WHOLE_LOGIN = re.compile(r"(?<=://)(?:[^/]+|[^/:@]*:(?!\d{1,5}[/?]).+)@", re.DOTALL)
_QUERY = re.compile(rf"""(?<=[?&])({_NAME}=)[^&#\s'"]+""", re.IGNORECASE)
# As libpq writes a connection: "host=db password=secret", or "password='a secret'".
_CONNECTION = re.compile(r"""(?<!\S)((?:ssl)?password=)(?:'(?:[^'\\]|\\.)*'|[^\s'",)]+)""")


def redact(text: str) -> str:
    """Remove secrets from a text.

    >>> redact("postgresql+psycopg://me:pa/ss@db/runs?sslpassword=x&application_name=y")
    'postgresql+psycopg://***@db/runs?sslpassword=***&application_name=y'
    """
    given = tuple(os.environ.get(name, "") for name in (*_ADDRESSES, *_SECRETS))
    everywhere, in_place = _patterns(given, tuple(sys.orig_argv))
    if everywhere is not None:
        text = everywhere.sub(_HIDDEN, text)
    if in_place is not None:
        text = in_place.sub(lambda found: (found["name"] or "") + _HIDDEN, text)
    text = _LOGIN.sub(f"{_HIDDEN}@", text)
    text = _QUERY.sub(rf"\1{_HIDDEN}", text)
    return _CONNECTION.sub(rf"\1{_HIDDEN}", text)


def without_login(url: str) -> str:
    """Return an address of a server without login and secrets, for links.

    >>> without_login("http://me:secret@127.0.0.1:5000/mlflow?token=x")
    'http://127.0.0.1:5000/mlflow'
    """
    parts = urlsplit(_WHOLE_LOGIN.sub("", url, count=1))
    query = [one for one in parts.query.split("&") if not _is_secret(one.partition("=")[0])]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "&".join(query), parts.fragment))


@functools.lru_cache(maxsize=8)
def _patterns(
    given: Sequence[str], command: Sequence[str]
) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Compile what matches the secrets everywhere, and what matches them only in their place."""
    addresses = [text for text in given[: len(_ADDRESSES)] if text]
    addresses += [found[0] for word in command if (found := _ADDRESS.search(word))]
    known = {text for text in given[len(_ADDRESSES) :] if text}
    public = set(command)
    for address in addresses:
        known.update(filter(None, _secrets(address)))
        public.update(_public(address))
    long = {s for s in known if len(s) >= _LEAST_CHARACTERS and s not in public}
    everywhere = "|".join(map(_anywhere, _spelled(long)))
    in_place = "|".join(map(re.escape, _spelled(known - long)))
    place = rf"(?<=[:/])(?:{in_place})(?=@)|(?P<name>{_NAME}=)(?:{in_place})(?![^&#\s'\"])"
    return (
        re.compile(everywhere) if everywhere else None,
        re.compile(place, re.IGNORECASE) if in_place else None,
    )


def _anywhere(secret: str) -> str:
    """Write the pattern of a secret; a short word is not cut out of a longer one."""
    pattern = re.escape(secret)
    if _SHORT_WORD.fullmatch(secret):
        return rf"(?:(?<![A-Za-z])|(?<=%[0-9A-Fa-f]{{2}})){pattern}(?![A-Za-z])"
    return pattern


def _secrets(address: str) -> Iterator[str]:
    """Return the secrets of an address, as they are written there and decoded."""
    rest = address.partition("://")[2]
    before, _, query = rest.partition("?")
    for part in (before, rest):  # a password can have a question mark
        login = part.rpartition("@")[0]
        user, colon, password = login.partition(":")
        secret = password if colon or not address.startswith("http") else user
        yield from (secret, unquote(secret))
        if "@" in secret:  # which is to be written %40: SQLAlchemy takes the rest for the host
            yield from secret.split("@")
    url = _parsed(address)
    if url is not None and url.password is not None:
        yield str(url.password)
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if _is_secret(unquote(name)):
            yield from (value, unquote(value), *(pair[1] for pair in parse_qsl(f"x={value}")))
        elif "://" in unquote(value):  # libpq takes an address for the name of the database
            yield from _secrets(unquote(value))


def _public(address: str) -> Iterator[str]:
    """Return the words of an address that anybody may see."""
    url = _parsed(address)
    if url is not None:
        # A user without a password is a token.
        user = url.username if url.password is not None else None
        yield from filter(None, (user, url.host, url.database, *url.drivername.split("+")))


def _parsed(address: str) -> URL | None:
    """Read an address as whoever connects to it does."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(address)
    except (ArgumentError, ValueError):
        return None


def _is_secret(name: str) -> bool:
    return bool(_SECRET_NAME.fullmatch(name))


def _spelled(secrets: set[str]) -> list[str]:
    """Return all spellings of secrets, the longest first: in URLs, JSON, Python, HTML and shells."""
    spelled = set()
    for secret in secrets:
        in_url = {quote(secret, safe=""), quote(secret), quote(secret, safe=" +")}
        in_url.add(quote_plus(secret))
        lower = {re.sub("%..", lambda code: code[0].lower(), text) for text in in_url}
        spelled |= {secret, secret.replace("%", "%%"), html.escape(secret)} | in_url | lower
        spelled |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
        spelled |= {repr(secret)[1:-1], secret.replace("'", "\\'"), secret.replace("'", "'\"'\"'")}
    return sorted(spelled, key=lambda text: (-len(text), text))
