"""What was typed to `search.run`, checked, and the plan that it makes of a study."""

from __future__ import annotations

import argparse
import hashlib
import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from search.cli import plan_file
from search.cli.find_plan import find_plan, sources_of_plan
from search.cli.overrides import enqueued, overridden, start_from
from search.datasets import NAMES
from search.datasets.columns import TableOptions
from search.datasets.opening import check_encoding, stem
from search.engines.names import DEFAULT_ENGINE, ENGINES, GOALS
from search.workers.ray_cluster.cluster_options import ClusterPlan, cluster_plan
from spaces.families import EMBEDS_WORDS
from spaces.plan import StudyPlan
from spaces.references import BASELINES
from spaces.text import VECTORS
from spaces.training import TEACHER
from tracking.commandline.errors import UserError, unknown
from tracking.commandline.formatting import LABEL, plain
from tracking.records import BaselineRecord, PlanRecord, ReferenceRecord, SourceRecord, TrialRecord
from tracking.schema.environment import default_workers, most_workers, resources

if TYPE_CHECKING:
    from search.datasets.cache import Dataset

SMOKE_TRIALS = 2
_A_LIST = "it has a list of configurations"
_BASELINE_NAME = "your baseline"
_SIMPLE_BASELINES = ("majority", "tfidf_logistic")
# Options of a search, which mean nothing to a list of configurations.
_SEARCHING = (
    "trials",
    "patience",
    "engine",
    "sampler",
    "pruner",
    "continue",
    "vectors",
    "teacher",
    "enqueue",
    "start-from",
)


@dataclass(frozen=True)
class Options:
    """What the person typed, checked."""

    plan: StudyPlan
    sources: tuple[SourceRecord, ...]
    study: str
    data: str
    table: TableOptions
    baseline: BaselineRecord | None
    seed: int
    engine: str
    sampler: str
    pruner: str
    smoke: bool
    keep_models: int
    n_continued: int
    n_workers: int
    time_limit: float | None
    cluster: ClusterPlan | None
    deterministic: bool
    fresh: bool
    dry_run: bool
    save_plan: Path | None
    json: bool
    vectors_file: Path | None = None
    teacher: str | None = None
    start_from: tuple[tuple[str, int], ...] = ()  # names of studies, and how many of each

    def for_data(self, data: Dataset) -> Options:
        """Take length and vocabulary of the first trials from own texts.

        The reviews have defaults and references that were chosen for them.
        """
        if data.is_movie_reviews or data.report is None or self.plan.reproduces:
            return self
        from search.datasets.tokenizer import FIRST_WORD

        words = data.report.parts["train"].words
        plan = self.plan.with_texts(
            maxlen=words[-2] + 1,  # with the start token
            longest=words[-1] + 1,
            vocab_size=data.report.n_words_twice + FIRST_WORD,
            n_ids=data.report.n_words + FIRST_WORD,
        )
        return replace(self, plan=plan)

    def is_inside(self, trial: TrialRecord) -> bool:
        """Return whether the search learns from a trial: its values lie in the plan's ranges."""
        return self.plan.values_of(trial.family, trial.params) is not None

    def record(self, data: Dataset) -> PlanRecord:
        """What is recorded of the plan, and of the data it runs on."""
        plan = self.plan
        published = BASELINES if data.is_movie_reviews else ()
        baselines = [BaselineRecord(b.name, b.accuracy, b.source) for b in published]
        return PlanRecord(
            study=self.study,
            plan=plan.name,
            question=plan.question,
            families=plan.families,
            space={name: str(plan.space[name]) for name in plan.searched},
            fixed=plan.fixed,
            enqueued=plan.enqueued,
            file="" if plan.reproduces else plan_file.write(plan, self.sources),
            sources=self.sources,
            references=tuple(
                ReferenceRecord(
                    name=r.name,
                    published=r.published if data.is_movie_reviews else None,
                    source=r.source,
                    note=r.note,
                    trained_as=plan.trained_as(r),
                    family=r.family,
                    params=dict(r.params),
                )
                for r in plan.references
            ),
            seed=self.seed,
            max_epochs=plan.max_epochs,
            baselines=(*([self.baseline] if self.baseline else []), *baselines),
            data=data.record,
            engine="" if plan.reproduces else self.engine,
            sampler="" if plan.reproduces else self.sampler,
            pruner="" if plan.reproduces else self.pruner,
            goals=GOALS.get(self.sampler, ("val_accuracy",)),
        )


def options(arguments: argparse.Namespace) -> Options:
    """Make the plan of what was typed.

    Raises:
        UserError: if the study is not known, or the engine has no such sampler or pruner.
    """
    plan, own = find_plan(arguments.study)
    if plan.reproduces:
        _refuse(plan, arguments, "set", "range", "families", "save-plan", why=_A_LIST)
    plan = overridden(plan, arguments.families, arguments.set or (), arguments.range or ())
    plan = (_reproduction if plan.reproduces else _search)(plan, arguments)
    plan, vectors_file = _with_vectors(plan, arguments.vectors)
    _check_save_plan(arguments, vectors_file)
    study = _record_name(plan.name, arguments.data, arguments.smoke)
    plan = _with_teacher(plan, study, arguments.teacher)
    max_epochs = arguments.max_epochs or (1 if arguments.smoke else None)
    if max_epochs:
        _check_epochs(plan, max_epochs)
        plan = plan.with_max_epochs(max_epochs)
    plan = enqueued(plan, arguments.enqueue or ())
    engine, sampler, pruner = _methods(arguments)
    return Options(
        plan=plan,
        sources=sources_of_plan(plan, own),
        study=study,
        data=arguments.data,
        table=_table(arguments),
        baseline=_baseline(plan, arguments),
        seed=arguments.seed,
        engine=engine,
        sampler=sampler,
        pruner=pruner,
        smoke=arguments.smoke,
        keep_models=arguments.keep_models,
        n_continued=_n_continued(arguments),
        n_workers=_n_workers(arguments),
        time_limit=arguments.trial_timeout,
        cluster=cluster_plan(arguments),
        deterministic=arguments.deterministic,
        fresh=arguments.fresh,
        dry_run=arguments.dry_run,
        save_plan=arguments.save_plan,
        json=arguments.json,
        vectors_file=vectors_file,
        teacher=arguments.teacher,
        start_from=start_from(study, arguments.start_from or ()),
    )


def _check_save_plan(arguments: argparse.Namespace, vectors_file: Path | None) -> None:
    """Refuse a plan that could not be written, or not be read back."""
    file = arguments.save_plan
    if file is None:
        return
    if not file.absolute().parent.is_dir():
        raise UserError(f"{file} cannot be written: there is no folder {file.parent}.")
    if vectors_file is not None or str(arguments.teacher or "").startswith("study:"):
        raise UserError(
            "a saved plan cannot name --vectors FILE or --teacher study:NAME, which others may "
            "lack. Save it without, and give them again with --study FILE.toml."
        )


def _check_epochs(plan: StudyPlan, max_epochs: int) -> None:
    if max_epochs > plan.max_epochs:
        raise UserError(
            f"--max-epochs lowers the epochs of a trial, and train.epochs of study {plan.name} "
            f"goes up to {plan.max_epochs}, but got --max-epochs {max_epochs}."
        )


def _n_continued(arguments: argparse.Namespace) -> int:
    """Return how many finished trials are to train on."""
    n = getattr(arguments, "continue") or 0
    if n and arguments.fresh:
        raise UserError(f"--continue {n} needs finished trials, and --fresh begins without any.")
    return int(n)


def _baseline(plan: StudyPlan, arguments: argparse.Namespace) -> BaselineRecord | None:
    """Return what the person has already; it needs no name."""
    if plan.reproduces:
        _refuse(plan, arguments, "baseline", why="it is held against what was published")
    if arguments.baseline is None:
        if arguments.baseline_name is not None:
            raise UserError("--baseline-name names what --baseline gives: give both, or neither.")
        return None
    name = " ".join((arguments.baseline_name or _BASELINE_NAME).split())
    if not 0 < len(name) <= LABEL or name != plain(name):
        raise UserError(
            f"--baseline-name must have 1 to {LABEL} visible characters, but got {plain(name)!r}."
        )
    return BaselineRecord(name, arguments.baseline, "given by --baseline", part="")


def _table(arguments: argparse.Namespace) -> TableOptions:
    if arguments.encoding is not None:
        check_encoding(arguments.encoding)
    return TableOptions(
        text=arguments.text_column or "",
        label=arguments.label_column or "",
        group=arguments.group_column or "",
        split=arguments.split_column or "",
        encoding=arguments.encoding or "",
        test_share=arguments.test_share or 0.0,
    )


def _n_workers(arguments: argparse.Namespace) -> int:
    """Return how many trials run side by side; a smoke test is to be the same anywhere."""
    n, most = arguments.workers, most_workers()
    if n and not arguments.cluster and n > most:
        raise UserError(
            f"--workers must be at most {most} on this machine, which has {resources()}, "
            f"but got {n}."
        )
    if n:
        return int(n)
    return 1 if arguments.smoke or arguments.deterministic else default_workers()


def _search(plan: StudyPlan, arguments: argparse.Namespace) -> StudyPlan:
    _refuse(plan, arguments, "only", "repeats", why="it searches")
    plan = replace(plan, patience=arguments.patience)
    if arguments.data not in NAMES:  # what was published on movie reviews means nothing here
        plan = replace(
            plan, references=(), simple_baselines=plan.simple_baselines or _SIMPLE_BASELINES
        )
    if arguments.smoke:
        return plan.with_budget(arguments.trials or SMOKE_TRIALS, arguments.timeout)
    if arguments.trials or arguments.timeout:
        return plan.with_budget(arguments.trials, arguments.timeout)
    return plan


def _with_vectors(plan: StudyPlan, asked: str | None) -> tuple[StudyPlan, Path | None]:
    """Begin all trials but the references with the word vectors of --vectors.

    Those of a file also say how many numbers a word has: its columns have no order, by which some
    could be left out.

    Returns:
        the plan, and the file if it is one.
    """
    if asked is None:
        return plan, None
    families = [family for family in plan.families if family in EMBEDS_WORDS]
    if not families:
        raise UserError(
            f"--vectors means nothing to study {plan.name}: no family of it has an embedding of "
            "words."
        )
    if asked in ("random", "counted"):
        return plan.always(VECTORS, asked), None
    file = Path(asked)
    if not file.is_file():
        raise UserError(
            f"--vectors takes random, counted, or a file of word vectors, but there is no file "
            f"{asked!r}."
        )
    from search.datasets.vectors_file import dimension

    dim = dimension(file)
    plan = plan.always(VECTORS, "file")
    for family in families:
        plan = plan.always(f"{family}.embedding_dim", dim)
    return plan, file


def _with_teacher(plan: StudyPlan, study: str, asked: str | None) -> StudyPlan:
    if asked is None:
        return plan
    if asked not in ("none", "nbsvm") and not re.fullmatch("study:.+", asked):
        raise UserError(f"--teacher must be none, nbsvm or study:NAME, but got {asked!r}.")
    if asked == f"study:{study}":
        raise UserError(f"a study cannot be its own teacher, but --teacher names {asked!r}.")
    return plan.always(TEACHER, asked)


def _methods(arguments: argparse.Namespace) -> tuple[str, str, str]:
    """Return engine, sampler and pruner, each the default where nothing was typed."""
    engine = arguments.engine or DEFAULT_ENGINE
    offer = ENGINES[engine]
    sampler = arguments.sampler or next(iter(offer.samplers))
    pruner = arguments.pruner or ("none" if sampler in GOALS else next(iter(offer.pruners)))
    for noun, name, known in (
        ("sampler", sampler, offer.samplers),
        ("pruner", pruner, offer.pruners),
    ):
        if name not in known:
            others = [other for other, o in ENGINES.items() if name in getattr(o, f"{noun}s")]
            hint = "".join(f" --engine {other} has it." for other in others)
            raise UserError(
                f"a {noun} of engine {engine} must be one of {', '.join(known)}, "
                f"but got {name!r}.{hint}"
            )
    if sampler in GOALS and pruner != "none":
        raise UserError(
            f"sampler {sampler} has two goals, and pruner {pruner} compares trials by one. "
            "Use --pruner none."
        )
    return engine, sampler, pruner


def _reproduction(plan: StudyPlan, arguments: argparse.Namespace) -> StudyPlan:
    """Its size is its list: every configuration, or those named, as often as asked for."""
    _refuse(plan, arguments, *_SEARCHING, why=_A_LIST)
    if not arguments.smoke:
        _refuse(plan, arguments, "max-epochs", why="each is trained as long as it was published")
    names = tuple(reference.name for reference in plan.references)
    for name in arguments.only or ():
        if name not in names:
            raise unknown("configuration", name, names)
    few = list(plan.initial_trials())[:SMOKE_TRIALS] if arguments.smoke else []
    only = tuple(arguments.only or few)
    plan = replace(plan, only=only, repeats=arguments.repeats or 1)
    return plan.with_budget(len(plan.initial_trials()) * plan.repeats, arguments.timeout)


def _refuse(plan: StudyPlan, arguments: argparse.Namespace, *names: str, why: str) -> None:
    for name in names:
        if getattr(arguments, name.replace("-", "_")) is not None:
            raise UserError(f"--{name} means nothing to study {plan.name}: {why}.")


def _record_name(study: str, data: str, smoke: bool) -> str:
    """Name the records: numbers of other data, or of a smoke run, never join a study's own."""
    other = "" if data == "imdb" else f"-{_file_name(stem(Path(data)))}"
    return study + other + ("-smoke" if smoke else "")


def _file_name(stem: str) -> str:
    """Keep the letters and digits of any script; replace everything else with "-".

    Two names that are not ASCII stay different: where a character was replaced, a digest is added.
    """
    stem = unicodedata.normalize("NFC", stem)  # macOS takes letters and their accents apart
    kept = "".join(one if one in "_.-" or _is_letter(one) else "-" for one in stem)
    if kept == stem or stem.isascii():
        return kept
    return f"{kept}-{hashlib.sha256(stem.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _is_letter(character: str) -> bool:
    """Return whether it is a letter, a digit, or a mark on one."""
    return unicodedata.category(character)[0] in "LNM"
