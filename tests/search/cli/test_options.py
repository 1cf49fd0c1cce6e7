"""What is typed, and the plan that it makes."""

from __future__ import annotations

import argparse
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from search.cli.arguments import parser
from search.cli.options import SMOKE_TRIALS, Options, options
from search.datasets.cache import load
from search.datasets.columns import TableOptions
from search.workers.ray_cluster.cluster_options import ClusterPlan
from spaces.families import EMBEDS_WORDS, FAMILY
from spaces.plan import DEFAULTS
from spaces.ranges import Int
from spaces.studies import STUDIES
from spaces.text import VECTORS
from spaces.training import TEACHER
from tracking.commandline.errors import UserError
from tracking.commandline.quantities import accuracy, seconds, share
from tracking.records import BaselineRecord
from tracking.schema import environment

PLAN = STUDIES["lstm_dropout"]


def typed(*words: str, study: str = "lstm_dropout") -> Options:
    return options(parser().parse_args(["--study", study, *words]))


def budget(*words: str) -> tuple[int | None, float | None]:
    plan = typed(*words).plan
    return plan.n_trials, plan.timeout


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("1.5h", 5_400), ("0.5m", 30)],
)
def test_a_time_is_read_with_its_unit(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "banana",
        "",
        "m",
        "10",
        "90",
        "0",
        "0s",
        "-5m",
        "5 m",
        "5d",
        "1e3",
        "1h30m",
        "inf",
        "nan",
        ".",
    ],
)
def test_what_is_not_a_positive_time_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="such as 90s, 30m or 2h") as refusal:
        seconds(text)
    assert repr(text) in str(refusal.value)


def test_without_options_a_plan_keeps_its_own_budget() -> None:
    assert budget() == (20, 15 * 60)


def test_the_number_of_trials_alone_lifts_the_time_limit() -> None:
    assert budget("--trials", "50") == (50, None)


def test_the_time_alone_lifts_the_limit_of_trials() -> None:
    assert budget("--timeout", "2h") == (None, 7_200)


def test_both_limit_together() -> None:
    assert budget("--trials", "5", "--timeout", "90s") == (5, 90)


def test_smoke_is_two_trials_of_one_epoch_until_more_is_asked_for() -> None:
    assert budget("--smoke") == (SMOKE_TRIALS, None) == (2, None)
    assert budget("--smoke", "--trials", "3") == (3, None)
    plan = typed("--smoke").plan
    points = plan.initial_trials()
    assert list(points) == list(PLAN.initial_trials())
    assert {params["train.epochs"] for params in points.values()} == {1}
    assert epochs_of(typed("--smoke")).high == 1
    assert epochs_of(typed("--smoke", "--max-epochs", "9")).high == 9
    assert budget("--smoke", "--timeout", "30m") == (2, 1_800)


def test_max_epochs_caps_what_is_searched_and_what_is_tried_first() -> None:
    epochs = epochs_of(typed("--max-epochs", "2"))
    assert (epochs.low, epochs.high, epochs.default) == (1, 2, 2)
    points = typed("--max-epochs", "2").plan.initial_trials().values()
    assert {params["train.epochs"] for params in points} == {2}


def test_more_epochs_than_the_study_has_are_refused() -> None:
    with pytest.raises(UserError, match="goes up to 15, but got --max-epochs 99"):
        typed("--max-epochs", "99")
    assert epochs_of(typed("--max-epochs", "15")) == PLAN.space["train.epochs"]


def test_more_workers_than_the_machine_can_run_are_refused_with_what_it_has() -> None:
    has = f"which has {environment.resources()}, but got 100000"
    with pytest.raises(UserError, match=has):
        typed("--workers", "100000")
    n = typed("--workers", "1000", "--cluster", "head.lab:6379").n_workers
    assert n == 1000  # of other machines nothing is known here


def test_a_study_named_twice_is_refused() -> None:
    with pytest.raises(UserError, match=r"^--study is given once, but got lstm_dropout and cnn"):
        typed("--study", "cnn")


def epochs_of(chosen: Options) -> Int:
    epochs = chosen.plan.space["train.epochs"]
    assert isinstance(epochs, Int)
    return epochs


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "lstm_dropout"),
        (["--data", "imdb"], "lstm_dropout"),
        (["--data", "imdb-train"], "lstm_dropout-imdb-train"),
        (["--data", "some/where/tweets.csv"], "lstm_dropout-tweets"),
        (["--data", "some/where/my tweets & co.parquet"], "lstm_dropout-my-tweets---co"),
        (["--smoke"], "lstm_dropout-smoke"),
        (["--smoke", "--data", "tweets.csv"], "lstm_dropout-tweets-smoke"),
    ],
)
def test_other_data_and_smoke_runs_have_records_of_their_own(words: list[str], name: str) -> None:
    assert typed(*words).study == name


def test_no_trial_is_continued_beyond_the_range_of_epochs() -> None:
    assert typed("--max-epochs", "15", "--continue", "2").n_continued == 2
    assert typed().n_continued == 0
    with pytest.raises(UserError, match="goes up to 15, but got --max-epochs 16"):
        typed("--max-epochs", "16", "--continue", "2")


def test_a_study_that_begins_anew_has_nothing_to_continue() -> None:
    with pytest.raises(UserError, match="--fresh begins without any"):
        typed("--continue", "2", "--fresh")


def test_everything_else_is_passed_on_as_it_was_typed() -> None:
    chosen = typed("--sampler", "random", "--pruner", "none", "--seed", "0", "--fresh", "--json")
    assert (chosen.sampler, chosen.pruner, chosen.seed) == ("random", "none", 0)
    assert typed().engine == "optuna"
    assert typed().keep_models == 3
    assert typed("--keep-models", "1").keep_models == 1
    assert (chosen.fresh, chosen.json, chosen.dry_run, chosen.smoke) == (True, True, False, False)


@pytest.mark.parametrize(
    ("words", "methods"),
    [
        ([], ("optuna", "tpe", "median")),
        (["--sampler", "qmc"], ("optuna", "qmc", "median")),
        (["--sampler", "nsga2"], ("optuna", "nsga2", "none")),
        (["--engine", "keras-tuner"], ("keras-tuner", "random", "none")),
        (["--engine", "keras-tuner", "--sampler", "grid"], ("keras-tuner", "grid", "none")),
    ],
)
def test_what_was_not_typed_is_the_engines_own_default(
    words: list[str], methods: tuple[str, str, str]
) -> None:
    chosen = typed(*words)
    assert (chosen.engine, chosen.sampler, chosen.pruner) == methods


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--sampler", "grid"],
            "a sampler of engine optuna must be one of tpe, random, qmc, nsga2, but got 'grid'. "
            "--engine keras-tuner has it.",
        ),
        (
            ["--engine", "keras-tuner", "--sampler", "tpe"],
            "must be one of random, bayesian, hyperband, grid, but got 'tpe'. --engine optuna has",
        ),
        (["--engine", "keras-tuner", "--pruner", "median"], "must be one of none, but got 'med"),
        (["--sampler", "nsga2", "--pruner", "median"], "nsga2 has two goals"),
        (["--pruner", "banana"], "must be one of median, hyperband, none, but got 'banana'."),
    ],
)
def test_a_pair_that_does_not_go_together_is_refused_with_what_does(
    words: list[str], says: str
) -> None:
    with pytest.raises(UserError) as refusal:
        typed(*words)
    assert says in str(refusal.value)


def test_patience_joins_the_other_limits() -> None:
    plan = typed("--patience", "5").plan
    assert (plan.n_trials, plan.timeout, plan.patience) == (20, 15 * 60, 5)
    assert typed("--patience", "5", "--trials", "9").plan.timeout is None


@pytest.mark.parametrize("study", ["lstm_droput", "lstm/dropout", "", "LSTM", "../lstm"])
def test_an_unknown_study_is_refused_with_the_known_ones(study: str) -> None:
    with pytest.raises(UserError, match=r"Known: .*lstm, lstm_dropout") as refusal:
        typed(study=study)
    assert repr(study) in str(refusal.value)


def test_a_misspelt_study_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(UserError, match=r"Did you mean lstm_dropout\?"):
        typed(study="lstm_droput")


def test_a_reproduction_is_as_large_as_its_list_times_its_reruns() -> None:
    assert typed(study="tutorials").plan.n_trials == 14
    assert typed("--repeats", "3", study="tutorials").plan.n_trials == 42
    two = typed("--only", "lstm-2016", "--only", "lstm-2017", study="tutorials").plan
    assert two.n_trials == 1  # both were published with the same values
    smoke = typed("--smoke", study="tutorials").plan
    assert (smoke.n_trials, smoke.max_epochs) == (SMOKE_TRIALS, 1)


def test_an_unknown_configuration_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UserError, match=r"unknown configuration 'lstm-2015'.*lstm-2016"):
        typed("--only", "lstm-2015", study="tutorials")


@pytest.mark.parametrize(
    "words",
    [
        ("--trials", "3"),
        ("--patience", "3"),
        ("--engine", "optuna"),
        ("--sampler", "tpe"),
        ("--pruner", "none"),
        ("--max-epochs", "1"),
        ("--continue", "1"),
    ],
    ids=str,
)
def test_what_means_nothing_to_a_reproduction_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=rf"{words[0]} means nothing to study tutorials"):
        typed(*words, study="tutorials")


@pytest.mark.parametrize("words", [("--only", "lstm-2016"), ("--repeats", "2")], ids=str)
def test_what_means_nothing_to_a_search_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=rf"{words[0]} means nothing to study lstm_dropout"):
        typed(*words)


@pytest.mark.parametrize(("cores", "gigabytes", "workers"), [(2, 24, 2), (16, 64, 4), (8, 5, 2)])
def test_trials_run_side_by_side_where_cores_and_memory_allow_it(
    cores: int, gigabytes: float, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "n_cores", lambda: cores)
    monkeypatch.setattr(environment, "_memory_gb", lambda: gigabytes)
    assert typed().n_workers == workers
    assert typed("--workers", "7").n_workers == 7
    for repeatable in ("--smoke", "--deterministic"):
        assert typed(repeatable).n_workers == 1


def test_a_cluster_gives_each_trial_one_processor_until_more_is_asked_for() -> None:
    assert typed().cluster is None
    assert typed("--cluster", "local").cluster == ClusterPlan("local", None, 1, 0, None)
    words = ("--cluster", "head.lab:6379", "--workers", "3", "--cpus-per-trial", "2")
    more = ("--gpus-per-trial", "1", "--trial-timeout", "5m")
    assert typed(*words, *more).cluster == ClusterPlan("head.lab:6379", 3, 2, 1, 300.0)


def test_a_cluster_without_ray_is_refused_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs Ray: pip install 'seqsearch\[ray\]'"):
        typed("--cluster", "local")


@pytest.mark.parametrize("address", ["", "head", "head:", ":6379", "head:0", "ray://head:10001"])
def test_what_is_no_address_of_a_cluster_is_refused(
    address: str,
) -> None:
    with pytest.raises(UserError) as refusal:
        typed("--cluster", address)
    assert f"must be local, auto or HOST:PORT, but got {address!r}" in str(refusal.value)


@pytest.mark.parametrize("option", ["--cpus-per-trial", "--gpus-per-trial"])
def test_processors_of_no_cluster_are_refused(option: str) -> None:
    with pytest.raises(UserError, match=f"{option} means nothing without --cluster"):
        typed(option, "1")


@pytest.mark.parametrize(
    ("file", "study"),
    [
        ("reviews.csv", "nbsvm-reviews"),
        ("folder/my data (2).v1.csv", "nbsvm-my-data--2-.v1"),
        ("电影.csv", "nbsvm-电影"),
        ("音乐.parquet", "nbsvm-音乐"),
        ("Cafe\u0301.csv", "nbsvm-Café"),  # as macOS writes it
        ("फ़िल्म.csv", "nbsvm-" + unicodedata.normalize("NFC", "फ़िल्म")),
    ],
)
def test_a_study_on_own_data_has_the_name_of_their_file(file: str, study: str) -> None:
    assert typed("--data", file, study="nbsvm").study == study


def test_files_with_different_names_in_any_script_get_different_studies() -> None:
    files = [
        "电影.csv",
        "音乐.csv",
        "电 影.csv",
        "电-影.csv",
        "🎬.csv",
        "🎵.csv",
        "../é/电\u202e影.csv",
    ]
    names = [typed("--data", file, study="nbsvm").study for file in files]
    assert len(set(names)) == len(files)
    for name in names:
        assert name.isprintable()
        assert not set(name) & set(' /\\:*?"<>|\u202e')


@pytest.mark.parametrize("study", [s for s in STUDIES if not STUDIES[s].reproduces])
def test_own_data_are_tried_at_what_was_queued_and_the_defaults_of_each_family_alone(
    study: str,
) -> None:
    plan = typed("--data", "mine.csv", study=study).plan
    names = [name for name in plan.initial_trials() if name not in plan.enqueued]
    assert len(names) == len(plan.families)
    assert all(proposed_by.startswith(DEFAULTS) for proposed_by in names)
    assert plan.references == ()


@pytest.mark.parametrize("data", ["imdb", "imdb-train"])
def test_the_movie_reviews_are_tried_with_what_was_published_on_them(data: str) -> None:
    assert typed("--data", data, study="nbsvm").plan.references == STUDIES["nbsvm"].references


def test_a_baseline_is_read_with_or_without_a_name() -> None:
    given = typed("--data", "a.csv", "--baseline", "87%", "--baseline-name", " our  SVM").baseline
    assert given == BaselineRecord("our SVM", 0.87, "given by --baseline", part="")
    unnamed = typed("--data", "a.csv", "--baseline", "0.87").baseline
    assert unnamed is not None
    assert (unnamed.name, unnamed.whose, unnamed.is_published) == (
        "your baseline",
        "your baseline",
        False,
    )
    assert typed().baseline is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--baseline-name", "x"], "--baseline-name names what --baseline gives"),
        (["--baseline", "0.5", "--baseline-name", " "], "must have 1 to 60 visible characters"),
        (["--baseline", "0.5", "--baseline-name", "a" * 61], "must have 1 to 60 visible"),
        (["--baseline", "0.5", "--baseline-name", "a\u202eb"], "visible characters"),
    ],
)
def test_a_baseline_that_means_nothing_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        typed(*words)


def test_a_reproduction_has_its_baselines() -> None:
    with pytest.raises(UserError, match="--baseline means nothing to study tutorials"):
        typed("--baseline", "0.5", study="tutorials")


@pytest.mark.parametrize("text", ["87", "0", "-1", "1.1", "nan", "high", ""])
def test_what_is_no_accuracy_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"above 0, at most 1, such as 0\.87"):
        accuracy(text)


@pytest.mark.parametrize("text", ["0", "0.04", "0.6", "20", "1", "x"])
def test_what_is_no_share_for_test_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"must be from 0\.05 to 0\.5"):
        share(text)


def test_columns_encoding_and_share_are_passed_on() -> None:
    words = [
        "--text-column",
        "a",
        "--label-column",
        "b",
        "--group-column",
        "none",
        "--split-column",
        "d",
    ]
    chosen = typed(*words, "--encoding", "cp1252", "--test-share", "0.2", "--data", "x.tsv.gz")
    assert chosen.table == TableOptions("a", "b", "none", "d", "cp1252", 0.2)
    assert chosen.study == "lstm_dropout-x"


@pytest.mark.parametrize("study", STUDIES)
def test_own_data_have_simple_baselines_and_no_published_configuration(study: str) -> None:
    plan = typed("--data", "topics.csv", study=study).plan
    if plan.reproduces:
        return
    assert plan.references == ()
    assert set(plan.simple_baselines) == {"majority", "tfidf_logistic"}
    names = {name for name in plan.initial_trials() if name not in plan.enqueued}
    assert all(name.startswith(DEFAULTS) for name in names)
    assert typed(study=study).plan.simple_baselines == STUDIES[study].simple_baselines


def test_the_first_trials_fit_the_texts(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(1_000)]
    rows = [f"{' '.join(words[n : n + 30])},{'xy'[n % 2]}" for n in range(200)]
    (tmp_path / "short.csv").write_text("\n".join(["text,label", *rows]))
    data = load(str(tmp_path / "short.csv"), lambda line: None)
    assert data.report is not None
    assert data.report.parts["train"].words[-2:] == (30, 30)
    chosen = typed("--data", str(tmp_path / "short.csv")).for_data(data)
    first = chosen.plan.initial_trials()[DEFAULTS]
    assert (first["text.maxlen"], first["text.vocab_size"]) == (31, 500)
    maxlen, vocab_size = (chosen.plan.space[f"text.{name}"] for name in ("maxlen", "vocab_size"))
    assert (str(maxlen), str(vocab_size)) == ("20 to 31 (log)", "500 to 80000 (log)")
    reviews = replace(data, name="imdb")
    assert typed().for_data(reviews) == typed()


def test_the_vectors_that_are_asked_for_are_those_of_all_trials_but_the_references() -> None:
    plan = typed("--vectors", "counted", study="architecture").plan
    for family in plan.families:
        params = plan.complete({FAMILY: family})
        assert params.get(VECTORS, "none") == ("counted" if family in EMBEDS_WORDS else "none")
    points = typed("--vectors", "counted", study="lstm").plan.initial_trials()
    assert points.pop(DEFAULTS)[VECTORS] == "counted"
    assert {point[VECTORS] for point in points.values()} == {"random"}
    queued = typed("--vectors", "random", study="best").plan
    assert {point.get(VECTORS, "random") for point in queued.initial_trials().values()} == {
        "random"
    }
    assert typed("--vectors", "random").plan.complete({})[VECTORS] == "random"


def test_vectors_of_a_file_say_how_many_numbers_a_word_has(tmp_path: Path) -> None:
    file = tmp_path / "glove.txt"
    file.write_text("film " + "0.5 " * 300)
    chosen = typed("--vectors", str(file))
    assert chosen.vectors_file == file
    plan = chosen.plan
    assert (plan.complete({})[VECTORS], plan.complete({})["lstm.embedding_dim"]) == ("file", 300)
    assert not {VECTORS, "lstm.embedding_dim"} & set(plan.searched)
    assert {p["lstm.embedding_dim"] for p in plan.initial_trials().values()} == {300, 32}
    file.write_text("one_word\n")
    with pytest.raises(UserError, match="line 1: each line needs a word"):
        typed("--vectors", str(file))


@pytest.mark.parametrize(
    ("study", "words", "law"),
    [
        ("lstm", ("--vectors", "cuonted"), "takes random, counted, or a file.*no file 'cuonted'"),
        ("nbsvm", ("--vectors", "counted"), "nothing to study nbsvm: no family of it has an emb"),
        ("tutorials", ("--vectors", "counted"), "--vectors means nothing to study tutorials"),
        ("tutorials", ("--teacher", "nbsvm"), "--teacher means nothing to study tutorials"),
        ("lstm", ("--teacher", "bert"), "must be none, nbsvm or study:NAME, but got 'bert'"),
        ("lstm", ("--teacher", "study:"), "must be none, nbsvm or study:NAME, but got 'study:'"),
        ("lstm", ("--teacher", "study:lstm"), "a study cannot be its own teacher"),
    ],
)
def test_vectors_or_a_teacher_that_cannot_be_are_refused(
    study: str, words: tuple[str, str], law: str
) -> None:
    with pytest.raises(UserError, match=law):
        typed(*words, study=study)


def test_the_teacher_that_is_asked_for_is_that_of_all_trials_but_the_references() -> None:
    chosen = typed("--teacher", "study:nbsvm", study="lstm")
    assert chosen.teacher == "study:nbsvm"
    points = chosen.plan.initial_trials()
    assert points.pop(DEFAULTS)[TEACHER] == "study:nbsvm"
    assert {point[TEACHER] for point in points.values()} == {"none"}
