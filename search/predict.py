"""Score raw texts with an exported model.

python -m search.predict DIR "A wonderful film."        or one text a line on stdin
python -m search.predict models:/imdb-sentiment@champion --csv FILE --out FILE
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from search.bundles.formats import NAMES
from search.cli.arguments import add_trust
from tracking.commandline.errors import UserError
from tracking.commandline.formatting import plain, visible
from tracking.commandline.parser import Parser
from tracking.commandline.program import run

if TYPE_CHECKING:
    from search.bundles.classifier import Classifier

_LINES = 1_024


def main() -> int:
    """Parse, load, score, write a line for each text."""
    arguments = _parser().parse_intermixed_args()
    _refuse_idle(arguments)
    _refuse_early(arguments)

    from search.bundles.classifier import load

    if arguments.csv is not None:
        from search.cli.prediction_table import score_table

        score_table(
            lambda: load(arguments.model, arguments.format, trust_code=arguments.trust_code),
            arguments.csv,
            arguments.column or "",
            arguments.out,
            arguments.encoding or "",
        )
        return 0
    classifier = load(arguments.model, arguments.format, trust_code=arguments.trust_code)
    texts = arguments.texts or _lines()
    _print_all(classifier, texts, as_json=arguments.json)
    return 0


def _print_all(classifier: Classifier, texts: Iterable[str], *, as_json: bool) -> None:
    from search.cli.scoring_progress import ScoringProgress

    with ScoringProgress() as progress:
        for batch in _batched(texts):
            for text, said in zip(batch, classifier.predict(batch), strict=True):
                if as_json:
                    print(
                        json.dumps(
                            {
                                "text": text,
                                "label": said.label,
                                "probabilities": said.probabilities,
                            }
                        )
                    )
                else:
                    label, share = plain(said.label), said.probabilities[said.label]
                    print(f"{label}\t{share:.4f}\t{visible(text)}")
            progress.advance(len(batch))


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


def _parser() -> Parser:
    parser = Parser("search.predict", __doc__)
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="a folder of search.export, or models:/NAME@ALIAS, models:/NAME/3, models:/m-...",
    )
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="default: the lines of stdin")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each text")
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="score a column of a table: .csv .tsv .jsonl .parquet, also with .gz or .zst",
    )
    parser.add_argument(
        "--column", metavar="NAME", help="of the table; default: text, review, sentence, ..."
    )
    parser.add_argument("--encoding", metavar="NAME", help="of the table; default: UTF-8")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the table with label and probabilities added"
    )
    add_trust(parser)
    parser.add_argument(
        "--format", choices=NAMES, help="default: the one that was fastest at the export"
    )
    return parser


def _refuse_idle(arguments: argparse.Namespace) -> None:
    """Refuse options that would do nothing, or do not go together."""
    if arguments.csv is None:
        for option in ("column", "encoding", "out"):
            if getattr(arguments, option) is not None:
                raise UserError(f"--{option} needs --csv.")
    elif arguments.out is None:
        raise UserError("--csv needs --out, a file for the table with what was found.")
    elif arguments.texts or arguments.json:
        raise UserError("--csv takes its texts from a table and writes one: no TEXT, no --json.")


def _refuse_early(arguments: argparse.Namespace) -> None:
    """Refuse what cannot work, before a model is loaded."""
    from tracking.connection.disk import refuse_unwritable
    from tracking.models.model_names import PREFIX, check_address

    if arguments.model.startswith(PREFIX):
        check_address(arguments.model)
    if arguments.csv is not None and not arguments.csv.is_file():
        raise UserError(f"there is no file {str(arguments.csv)!r}.")
    if arguments.out is not None:
        if not arguments.out.absolute().parent.is_dir():
            raise UserError(f"{arguments.out} cannot be written: its folder is not there.")
        refuse_unwritable(arguments.out)


if __name__ == "__main__":
    run(main)
