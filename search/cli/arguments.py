"""The command line of `search.run`."""

from __future__ import annotations

import argparse

from search.engines.names import DEFAULT_ENGINE, ENGINES, methods
from search.workers.ray_cluster.cluster_options import add_cluster
from tracking.commandline.parser import Parser
from tracking.commandline.quantities import accuracy, not_negative, positive, seconds, share

_EPILOG = """\
A study without options uses its plan's own budget, a number of trials and a time (--list).
--trials and --timeout replace it: with one of them, the other no longer limits. Both count the
whole study, over all its sessions: the same command again resumes a study, and does nothing when
its budget is met. Ctrl-C ends it within seconds; nothing finished is lost.

Ways to search, the first of each the default:

"""


def parser() -> Parser:
    """Describe the command line."""
    parser = Parser(
        "search.run", "Search the hyperparameters of a sequence classifier.", _EPILOG + methods()
    )
    add = parser.add_argument
    add("--study", metavar="NAME", help="the study to run or to resume (see --list)")
    add("--list", action="store_true", help="list the studies and end")
    _add_budget(parser)
    _add_data(parser)
    add(
        "--vectors",
        metavar="FILE",
        help="random, counted, or a file of word vectors (text of word2vec or GloVe, or .gz) "
        "that the embeddings of all trials begin with",
    )
    add(
        "--teacher",
        metavar="NAME",
        help="none, nbsvm, or study:NAME, the best model of another study: it labels texts that "
        "have no label, and all trials learn from those too",
    )
    _add_methods(parser)
    _add_workers(parser)
    add_cluster(parser)
    _add_configurations(parser)
    _add_baseline(parser)
    add("--seed", type=not_negative, default=0, metavar="N", help="seed of the study, default 0")
    add(
        "--keep-models",
        type=positive,
        default=3,
        metavar="K",
        help="keep the models of the best K trials, default 3",
    )
    add("--smoke", action="store_true", help="the real thing small: 400 texts, 2 trials, 1 epoch")
    add("--fresh", action="store_true", help="put the study's records aside and start anew")
    add("--dry-run", action="store_true", help="print what would be done, train nothing")
    add("--json", action="store_true", help="one JSON object on stdout, all else on stderr")
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--data",
        default="imdb",
        metavar="DATA",
        help="imdb, imdb-train, or a table: .csv .tsv .jsonl .parquet, also with .gz or .zst",
    )
    add("--text-column", metavar="NAME", help="of the table; default: text, review, content, ...")
    add("--label-column", metavar="NAME", help="default: label, sentiment, category, ...")
    add(
        "--group-column",
        metavar="NAME",
        help="what the split keeps together, or none; default: group, movie, product, ...",
    )
    add(
        "--split-column",
        metavar="NAME",
        help="with the values train, validation and test, or none; default: split",
    )
    add("--encoding", metavar="NAME", help="of the table; default: UTF-8")
    add(
        "--test-share",
        type=share,
        metavar="SHARE",
        help="hold out this share of the table, 0.05 to 0.5, as a test part for search.evaluate",
    )


def _add_baseline(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--baseline",
        type=accuracy,
        metavar="ACCURACY",
        help="what you have already, from 0 to 1: the line that all charts draw",
    )
    add("--baseline-name", metavar="NAME", help='how it is called, such as "our SVM"')


def _add_budget(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--trials", type=positive, metavar="N", help="finished trials of the study in total")
    add("--timeout", type=seconds, metavar="TIME", help="time of its trials: 90s, 30m, 2h")
    add("--max-epochs", type=positive, metavar="N", help="epochs of a trial at most")
    add(
        "--continue",
        type=positive,
        metavar="N",
        help="let the best N finished trials train on, up to --max-epochs",
    )
    add(
        "--patience",
        type=positive,
        metavar="N",
        help="end the study when N proposals in a row have brought nothing better",
    )


def _add_methods(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--engine", choices=ENGINES, help=f"who proposes values, default {DEFAULT_ENGINE}")
    add("--sampler", metavar="NAME", help="how values are proposed (below)")
    add("--pruner", metavar="NAME", help="how poor trials are ended (below)")


def _add_workers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--workers",
        type=positive,
        metavar="N",
        help="trials side by side, each with its share of the cores, default 1 a core and at most "
        "4; 1 with --smoke or --deterministic",
    )
    add(
        "--deterministic",
        action="store_true",
        help="what is proposed depends on --seed and --workers alone, not on who is fast",
    )
    add("--trial-timeout", type=seconds, metavar="TIME", help="end a trial that takes longer")


def _add_configurations(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--only",
        action="append",
        metavar="NAME",
        help="tutorials: only this one (see --dry-run)",
    )
    add("--repeats", type=positive, metavar="N", help="tutorials: train each on N seeds")
