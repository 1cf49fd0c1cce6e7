"""The names that MLflow's model registry takes; known without loading MLflow."""

from __future__ import annotations

import re

from tracking.commandline.errors import UserError

PREFIX = "models:/"
_NAME = re.compile(r"""[^/:'"]{1,250}""")
_ALIAS, _RESERVED = re.compile(r"[\w-]{1,250}"), re.compile(r"latest|v\d+", re.IGNORECASE)


def check_names(model: str, alias: str) -> None:
    """Make sure that a model and an alias may have these names.

    Args:
        alias: empty where none is wanted.

    Raises:
        UserError: if one of them may not.
    """
    if not _NAME.fullmatch(model):
        raise UserError(
            f"a registered model's name has no slash, colon or quote, but got {model!r}."
        )
    if alias and (not _ALIAS.fullmatch(alias) or _RESERVED.fullmatch(alias)):
        raise UserError(
            "an alias is made of letters, digits, - and _, and is neither latest nor a number "
            f"such as v1, but got {alias!r}."
        )


def check_address(uri: str) -> None:
    """Make sure that an address is one of a model of MLflow.

    Raises:
        UserError: if it is not.
    """
    name = uri.removeprefix(PREFIX)
    model, at, alias = name.partition("@")
    if not at:
        model, _, version = name.partition("/")
    is_id = re.fullmatch(r"m-[\w-]+", name)
    if not is_id and not (_NAME.fullmatch(model) and (alias if at else version.isdecimal())):
        raise UserError(
            "a model of MLflow is models:/NAME@ALIAS, models:/NAME/VERSION or models:/m-..., "
            f"but got {uri!r}."
        )
