"""The command line of `search.run`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from search.engines.names import DEFAULT_ENGINE, ENGINES, methods
from search.workers.ray_cluster.cluster_options import add_cluster
from tracking.commandline.parser import Once, Parser
from tracking.commandline.quantities import accuracy, not_negative, positive, seconds, share

Add = Callable[..., object]  # add_argument of a parser or of a group

_DESCRIPTION = """\
Search the hyperparameters of a sequence classifier. Three examples:

  python -m search.run --study lstm_dropout --smoke
  python -m search.run --study lstm_dropout --trials 30 --timeout 1h
  python -m search.run --study nbsvm --data reviews.csv --baseline 0.87
"""
_EPILOG = """\
A study without options uses its plan's own budget, a number of trials and a time (--list).
--trials and --timeout replace it: with one of them, the other no longer limits. Both count the
whole study, over all its sessions: the same command again resumes a study, and does nothing when
its budget is met. Ctrl-C ends it within seconds; nothing finished is lost.

Ways to search, the first of each the default:

"""


def parser() -> Parser:
    """Describe the command line."""
    parser = Parser("search.run", _DESCRIPTION, _EPILOG + methods())
    parser.usage = "%(prog)s --study NAME [OPTION ...]"
    group = parser.add_argument_group
    add = group("study").add_argument
    add(
        "--study",
        action=Once,
        metavar="STUDY",
        help="the study to run or to resume: a name (see --list), FILE.toml of --save-plan, "
        "FILE.py with a Study of your own, FILE.py:build_model with a function of Keras Tuner's, "
        "or package.module:STUDY",
    )
    add("--list", action="store_true", help="list the studies and end")
    add("--dry-run", action="store_true", help="print what would be done, train nothing")
    add("--smoke", action="store_true", help="the real thing small: 400 texts, 2 trials, 1 epoch")
    add("--fresh", action="store_true", help="put the study's records aside and start anew")
    _add_ranges(group("ranges").add_argument)
    _add_queue(group("trials that come first").add_argument)
    _add_data(group("data").add_argument)
    _add_learned(group("learned before any trial").add_argument)
    _add_budget(group("budget").add_argument)
    _add_methods(group("method (below)").add_argument)
    _add_workers(group("where trials run").add_argument)
    add_cluster(group("on a cluster").add_argument)
    _add_results(group("what is kept and shown").add_argument)
    _add_configurations(group("of the study tutorials").add_argument)
    return parser


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Add the option that lets code run which records or a model hold."""
    parser.add_argument(
        "--trust-code",
        action="store_true",
        help="run the Python file that a study or model of a person's own holds; read it first",
    )


def _add_ranges(add: Add) -> None:
    add(
        "--set",
        action="append",
        metavar="NAME=VALUE",
        help="the same value in every trial, such as train.batch_size=64; may be repeated",
    )
    add(
        "--range",
        action="append",
        metavar="NAME=RANGE",
        help="search a hyperparameter from LOW..HIGH, LOW..HIGH:log (by ratio) or a list a,b,c, "
        "such as lstm.units=32..128; may be repeated",
    )
    add("--families", metavar="F[,F]", help="try these architectures, such as lstm,cnn")
    add(
        "--save-plan",
        type=Path,
        metavar="FILE",
        help="also write the plan, with all that was typed, to a .toml that --study reads",
    )


def _add_queue(add: Add) -> None:
    add(
        "--enqueue",
        action="append",
        metavar="NAME=VALUE[,...]",
        help="try these values next, defaults for the others, such as "
        "lstm.units=96,train.batch_size=32; may be repeated",
    )
    add(
        "--start-from",
        action="append",
        metavar="STUDY[:K]",
        help="try the values of the best K trials of a recorded study next, default 3, also of "
        "one on other data; may be repeated",
    )


def _add_data(add: Add) -> None:
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


def _add_learned(add: Add) -> None:
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


def _add_results(add: Add) -> None:
    add(
        "--baseline",
        type=accuracy,
        metavar="ACCURACY",
        help="what you have already, from 0 to 1: the line that all charts draw",
    )
    add("--baseline-name", metavar="NAME", help='how it is called, such as "our SVM"')
    add(
        "--keep-models",
        type=positive,
        default=3,
        metavar="K",
        help="keep the models of the best K trials, default 3, and of the best of each family",
    )
    add("--json", action="store_true", help="one JSON object on stdout, all else on stderr")


def _add_budget(add: Add) -> None:
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


def _add_methods(add: Add) -> None:
    add("--engine", choices=ENGINES, help=f"who proposes values, default {DEFAULT_ENGINE}")
    add("--sampler", metavar="NAME", help="how values are proposed (below)")
    add("--pruner", metavar="NAME", help="how poor trials are ended (below)")
    add("--seed", type=not_negative, default=0, metavar="N", help="seed of the study, default 0")


def _add_workers(add: Add) -> None:
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


def _add_configurations(add: Add) -> None:
    add(
        "--only",
        action="append",
        metavar="NAME",
        help="tutorials: only this one (see --dry-run)",
    )
    add("--repeats", type=positive, metavar="N", help="tutorials: train each on N seeds")
