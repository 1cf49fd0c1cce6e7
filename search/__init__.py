"""How a trial runs: data, models, training, the coordinator, the command lines, and from Python:

from search import UserError, load_study, run

study = run("lstm_dropout", data=frame, trials=20)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.api import load_study
    from tracking.commandline.errors import UserError

__all__ = ["UserError", "load_study", "run"]


def __getattr__(name: str) -> Any:
    """Load what Python code is offered when it is asked for: programs do without."""
    if name == "load_study":
        from search.api import load_study

        return load_study
    if name == "UserError":
        from tracking.commandline.errors import UserError

        return UserError
    if name == "run":  # a module that is called
        from importlib import import_module

        return import_module("search.run")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
