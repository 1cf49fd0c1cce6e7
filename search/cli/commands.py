"""One command for all programs: `seqsearch run --study lstm_dropout` is `python -m search.run`."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

from tracking.commandline.errors import UserError, unknown
from tracking.commandline.program import run

COMMANDS = {
    "run": ("search.run", "search the hyperparameters of a classifier, or resume a search"),
    "evaluate": ("search.evaluate", "take the best trials to the test set"),
    "export": ("search.export", "write the best model, raw text in"),
    "predict": ("search.predict", "score texts with an exported model"),
    "doctor": ("search.doctor", "check that the records are whole"),
    "page": ("dashboards.build", "write the page of a study"),
    "board": ("dashboards.serve", "the same page, live while a study runs"),
    "ui": ("tracking.ui", "browse all trials in the MLflow UI"),
}
_HELP = ("-h", "--help")


def main() -> NoReturn:
    """Run the program that the first word names, with the other words as its command line."""
    run(lambda: _main(sys.argv[1:]))


def _main(words: list[str]) -> int:
    if not words:
        raise UserError(f"a command is needed: {', '.join(COMMANDS)}.")
    if words[0] in _HELP:
        print(_listed())
        return 0
    if words[0] not in COMMANDS:
        raise unknown("command", words[0], COMMANDS)
    module, _ = COMMANDS[words[0]]
    sys.argv = [f"seqsearch {words[0]}", *words[1:]]
    program = importlib.import_module(module)
    code: int = program.main()
    return code


def _listed() -> str:
    lines = [f"  {name:9} {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: seqsearch COMMAND [OPTION ...]",
            "",
            *lines,
            "",
            "seqsearch COMMAND --help lists the options of a command.",
        ]
    )
