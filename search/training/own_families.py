"""Make the families of a person's own file known in this process."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from search.system.own_code import load
from spaces.families import FAMILIES, register

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    from tracking.records import SourceRecord


def define(source: SourceRecord) -> None:
    """Run a file, and register each family that it is on record for.

    Raises:
        UserError: if it does not run.
    """
    function = model_function(load(source), source)
    if function is None:
        return
    from search.engines.keras_tuner.model_function import FunctionFamily

    for name in source.families:
        if name not in FAMILIES:  # it is no Family of the file
            register(FunctionFamily(name, function))


def model_function(module: ModuleType, source: SourceRecord) -> Callable[[Any], Any] | None:
    """Return the build_model(hp) that a file was asked for; None if it was asked for a study."""
    found = vars(module).get(source.target)
    return found if inspect.isfunction(found) else None
