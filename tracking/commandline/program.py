"""Run a program: exit codes, signals, and one line for a user's mistake.

0 done; 2 the user's mistake, one line on stderr; 1 a fault of ours, with its traceback; 129, 130
and 143 stopped by the user.
"""

from __future__ import annotations

import gc
import signal
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from tracking.commandline import terminal
from tracking.commandline.console import note
from tracking.commandline.errors import Stopped, UserError, passing
from tracking.commandline.formatting import visible
from tracking.commandline.redaction import redact
from tracking.commandline.signals import ENDS, raise_stopped

# New objects between two looks for garbage; Python has 700. A program loads a million objects that
# stay, and looking among them takes a seventh of its start. 10,000 cost two megabytes at most.
_NEW_OBJECTS = 10_000


def run(main: Callable[[], int]) -> NoReturn:
    """Run a program and exit with the code that its end deserves."""
    gc.set_threshold(_NEW_OBJECTS)
    for signum in ENDS:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, raise_stopped)
    terminal.outlive()
    sys.excepthook = _print_fault
    try:
        code = main()
    except UserError as error:
        note(f"error: {error}")
        code = 2
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)
        code = 128 + signal.SIGINT
    except Stopped as stopped:
        print(f"{stopped}.", file=sys.stderr)
        code = stopped.exit_code
    except BrokenPipeError:  # the reader of our output left, as `| head` does
        sys.stderr.close()
        code = 128 + signal.SIGPIPE
    except Exception as error:
        said = passing(error)
        if said is None:
            raise
        note(f"error: {said}")
        code = 2
    sys.exit(code)


def _print_fault(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print the traceback of a fault of ours, as Python does, without secrets."""
    text = redact("".join(traceback.format_exception(kind, error, trace)))
    print(*map(visible, text.splitlines()), sep="\n", file=sys.stderr)
