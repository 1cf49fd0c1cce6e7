"""The argument parser of all programs, and the options that several of them have."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

from tracking.commandline.console import shown
from tracking.commandline.errors import UserError
from tracking.commandline.paths import TRACKING_URI

HINT = " (--help lists the options)"
HOST = "127.0.0.1"  # servers are for this machine only


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises a UserError. Every program can be told where records are."""

    def __init__(self, prog: str, description: str | None, epilog: str | None = None) -> None:
        super().__init__(
            prog=_typed(prog),
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_address(
            self,
            "--tracking-uri",
            TRACKING_URI,
            ("http://", "https://", "postgresql+psycopg://"),
            "MLflow's records: http://HOST:PORT of a server, or postgresql+psycopg://...; "
            "default: a file in mlruns",
        )

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{shown(message)}{HINT}")


class Once(argparse.Action):
    """An option that may be given once; argparse would take the last and say nothing."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        earlier = getattr(namespace, self.dest)
        if earlier is not None:
            parser.error(f"{option_string} is given once, but got {earlier} and {values}")
        setattr(namespace, self.dest, values)


def _typed(module: str) -> str:
    """Return how a program was called: as a command of `seqsearch`, or as a module."""
    is_command = re.fullmatch(r"seqsearch \w+", sys.argv[0])
    return sys.argv[0] if is_command else f"python -m {module}"


def add_address(
    parser: argparse.ArgumentParser, option: str, variable: str, schemes: Sequence[str], said: str
) -> None:
    """Add an option whose value goes to the environment, where programs that we start find it.

    Args:
        schemes: what an address may begin with; a host must follow.
    """

    def store(text: str) -> str:
        hosts = [text[len(scheme) :] for scheme in schemes if text.startswith(scheme)]
        if not any(host and not host.startswith("/") for host in hosts):
            # No more than the scheme: the rest may hold a password.
            scheme = text.partition("://")[0]
            got = repr(scheme) if re.fullmatch(r"[\w+.-]{1,30}", scheme) else "something else"
            known = " or ".join([", ".join(schemes[:-1]), schemes[-1]][len(schemes) == 1 :])
            raise argparse.ArgumentTypeError(
                f"must begin with {known} and name a host, but got {got}"
            )
        if text.startswith("postgresql") and importlib.util.find_spec("psycopg") is None:
            raise argparse.ArgumentTypeError(
                "needs the package psycopg: pip install 'seqsearch[postgresql]'"
            )
        os.environ[variable] = text
        return text

    parser.add_argument(option, type=store, metavar="URI", help=said)


def port_number(text: str) -> int:
    """Read the option --port."""
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"must be from 1 to 65535, but got {text!r}")
    return int(text)


def choose_port(wanted: int | None, first: int) -> int:
    """Return the port that was asked for, or the first free one from `first` on.

    Raises:
        UserError: if the port is in use.
    """
    if wanted is None:
        return next(port for port in range(first, 65_536) if _is_free(port))
    if not _is_free(wanted):
        raise UserError(f"port {wanted} is in use; leave --port out to have a free one chosen.")
    return wanted


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0
