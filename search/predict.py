"""Score raw texts with an exported model.

python -m search.predict DIR "A wonderful film."        or one text a line on stdin
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tracking.cli import Parser, UserError, run

_LINES = 1_024


def main() -> int:
    """Parse, load, score, print a line for each text."""
    parser = Parser("search.predict", __doc__)
    parser.add_argument("model", type=Path, metavar="DIR", help="what search.export wrote")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="default: the lines of stdin")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each text")
    arguments = parser.parse_args()
    if not arguments.model.is_dir():
        raise UserError(f"there is no folder {str(arguments.model)!r}.")

    from search import bundle

    classifier = bundle.Classifier(arguments.model)
    classes = classifier.manifest.classes
    for texts in _batched(arguments.texts or _lines()):
        for text, row in zip(texts, classifier.probabilities(texts), strict=True):
            scores = {name: float(p) for name, p in zip(classes, row, strict=True)}
            label = max(scores, key=scores.__getitem__)
            if arguments.json:
                print(json.dumps({"text": text, "label": label, "probabilities": scores}))
            else:
                print(f"{label}\t{scores[label]:.4f}\t{text}")
    return 0


def _lines() -> Iterator[str]:
    if sys.stdin.isatty():
        print("one text a line, Ctrl-D ends:", file=sys.stderr)
    try:
        for line in sys.stdin:
            yield line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"stdin must be UTF-8: {error.reason}.") from error


def _batched(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(itertools.islice(iterator, _LINES)):
        yield batch


if __name__ == "__main__":
    run(main)
