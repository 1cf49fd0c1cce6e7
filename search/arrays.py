"""What is learned from the texts before any trial: word vectors, and a teacher's labels.

Each is an array that is made once, lies beside the prepared texts, and is memory-mapped by the
trials. None is made of validation or test texts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from search.datasets import UNLABELLED
from search.datasets.cache import ARRAYS, Dataset
from search.datasets.tokenizer import FIRST_WORD
from search.system.own_code import refuse_untrusted
from search.training.failures import TrialFailed
from search.workers.tasks import TeacherResult, TeacherTask
from spaces.families import space_of
from spaces.layers import EMBEDDING
from spaces.ranges import Choice, Int, defaults
from spaces.references import NBSVM
from spaces.text import TEXT, VECTORS
from spaces.training import TEACHER
from tracking.commandline.errors import UserError
from tracking.commandline.paths import home
from tracking.commandline.signals import StopFlag
from tracking.records import ArrayRecord, EpochRecord

if TYPE_CHECKING:
    from search.datasets.sources import Say
    from spaces.plan import StudyPlan
    from spaces.ranges import Params
    from tracking.records import SourceRecord

COUNTED, FILE, STUDY = f"{VECTORS}=counted", f"{VECTORS}=file", f"{TEACHER}=study:"
_NOTHING = {VECTORS: "random", TEACHER: "none"}  # values that need no array
_SURE = 0.9  # a label of which a teacher is sure has at least this probability
_TEACHER_SEED = 0
_LABELS_FORMAT = 1  # a change of a teacher's labels needs a new one

Made = tuple[NDArray[np.float32], str, dict[str, float]]  # the array, its source, its facts
Arrays = Mapping[str, ArrayRecord]


def needed(plan: StudyPlan) -> set[str]:
    """Name the arrays that the trials of a plan may read, as "hyperparameter=value"."""
    points = list(plan.initial_trials().values())
    found = set()
    for name, nothing in _NOTHING.items():
        values = {point.get(name, nothing) for point in points}
        range_ = plan.space.get(name)
        if name in plan.searched and isinstance(range_, Choice):
            values |= set(range_.options)
        elif range_ is not None and not plan.reproduces:
            values.add(range_.default)
        found |= {f"{name}={value}" for value in values - {nothing}}
    return found


def without_teacher(plan: StudyPlan, data: Dataset, say: Say) -> StudyPlan:
    """Take the teacher out of a plan, where there is no unlabelled text."""
    may_teach = any(key.startswith(f"{TEACHER}=") for key in needed(plan))
    if UNLABELLED in data.n_texts or not may_teach:
        return plan
    say(f"{data.name} has no texts without a label, so no trial has a teacher")
    return plan.always(TEACHER, "none")


def refuse_teacher(data: Dataset, asked: str | None) -> None:
    """Refuse a teacher that was asked for, where it would have nothing to label."""
    if asked not in (None, "none") and UNLABELLED not in data.n_texts:
        raise UserError(
            f"a teacher labels texts that have no label, but {data.name} has none, so --teacher "
            f"{asked} would do nothing."
        )


def attach(
    data: Dataset,
    keys: Iterable[str],
    say: Say,
    *,
    vectors_file: Path | None = None,
    recorded: Arrays | None = None,
    trusted: frozenset[str] = frozenset(),
) -> Dataset:
    """Make what is not there yet, and give the data set with these arrays.

    Args:
        keys: as `needed` names them.
        vectors_file: what --vectors names.
        recorded: those of a study that is continued. A teacher that is the best of another study
            stays the one that it was.
        trusted: SHA-256 of the Python files that the person named, and a teacher may be made of.

    Raises:
        UserError: if one cannot be made.
    """
    maker = _Maker(data, say, vectors_file, trusted)
    try:
        found = {key: _kept(data, key, recorded or {}) or maker.make(key) for key in sorted(keys)}
    except OSError as error:
        raise UserError(f"{error.filename or data.folder}: {error.strerror or error}.") from error
    return replace(data, arrays=found)


def attach_recorded(data: Dataset, recorded: Arrays, say: Say) -> Dataset:
    """Return the data set with the arrays of a finished study; what was deleted is made again.

    Raises:
        UserError: if one cannot be made, or is another now.
    """
    found = {}
    for key, array in recorded.items():
        if _is_there(data, array):
            found[key] = array
            continue
        file = Path(array.source) if key == FILE else None
        made = attach(data, [key], say, vectors_file=file).arrays[key]
        if made.digest != array.digest:
            raise UserError(
                f"{key} was {array.digest} when the study ran, but is {made.digest} when it is "
                "made again: the file or the other study has changed, or packages or machine have."
            )
        found[key] = made
    return replace(data, arrays=found)


def _kept(data: Dataset, key: str, recorded: Arrays) -> ArrayRecord | None:
    """Find the labels of a teacher whose study may have a better model by now."""
    array = recorded.get(key) if key.startswith(STUDY) else None
    return array if array is not None and _is_there(data, array) else None


def _is_there(data: Dataset, array: ArrayRecord) -> bool:
    """Return whether a recorded array lies where it belongs, and nowhere else."""
    is_name = Path(array.file).name == array.file
    return is_name and (data.folder / ARRAYS / array.file).is_file()


@dataclass(frozen=True)
class _Maker:
    data: Dataset
    say: Say
    vectors_file: Path | None
    trusted: frozenset[str] = frozenset()  # SHA-256 of files that the person named

    def make(self, key: str) -> ArrayRecord:
        """Make an array, or find it where it was made before."""
        name, _, value = key.partition("=")
        if key == FILE:
            return self._vectors_of_file()
        if name == VECTORS:
            return self._counted_vectors()
        if UNLABELLED not in self.data.n_texts:
            raise UserError(f"{key} needs texts without a label, but {self.data.name} has none.")
        if value == "nbsvm":
            params = {**defaults(space_of("nbsvm")), **NBSVM[0].params}
            return self._labels(value, "nbsvm", params)
        return self._labels_of_study(value.removeprefix("study:"))

    def _counted_vectors(self) -> ArrayRecord:
        from search.datasets import vectors

        dim = EMBEDDING["embedding_dim"]
        assert isinstance(dim, Int)
        n_words = len(self._words())
        parts = [part for part in ("train", UNLABELLED) if part in self.data.n_texts]

        def make() -> Made:
            n_texts = sum(self.data.n_texts[part] for part in parts)
            self.say(f"counting vectors of {n_words:,} words in {n_texts:,} texts, once")
            rows = [self.data.tokens(part) for part in parts]
            array = vectors.count_vectors(rows, n_words, dim.high)
            return array, f"counted in {' and '.join(parts)} texts", {}

        return self._keep(f"counted {vectors.FORMAT} {n_words} {dim.high}", make)

    def _words(self) -> list[str]:
        """Return the words that a trial may use, the most frequent first."""
        vocab_size = TEXT["text.vocab_size"]
        assert isinstance(vocab_size, Int)
        return self.data.vocabulary()[: vocab_size.high - FIRST_WORD]

    def _vectors_of_file(self) -> ArrayRecord:
        from search.datasets import vectors_file

        file = self.vectors_file
        if file is None or not file.is_file():
            raise UserError(
                f"there is no vectors file {str(file or '')!r}. --vectors FILE of search.run "
                "names it."
            )

        def make() -> Made:
            self.say(f"reading word vectors from {file}, once")
            places = {word: row for row, word in enumerate(self._words())}
            array = vectors_file.read_vectors(file, places)
            facts = self._covered(array)
            self.say(f"  {facts['words']:.1%} of the words, {facts['tokens']:.1%} of the texts")
            return array, str(file.absolute()), facts

        return self._keep(f"file {_sha256(file)}", make)

    def _covered(self, array: NDArray[np.float32]) -> dict[str, float]:
        """Return the share of the words of the training part, and of its texts, with a vector."""
        words = self.data.tokens("train").tokens - FIRST_WORD
        known = np.append(array.any(axis=1), False)  # the last stands for all rarer words
        covered = known[np.minimum(words[words >= 0], len(array))]
        return {"words": float(known[:-1].mean()), "tokens": float(covered.mean())}

    def _labels_of_study(self, name: str) -> ArrayRecord:
        from search.bundles import chosen
        from tracking import store

        study = store.read_study(home(), name)
        trial = chosen.choose(study, None, chosen.ModelSource(retrain=False, refit=False))
        theirs, ours = study.plan.data, self.data
        if (theirs.digest, theirs.split_digest) != (ours.digest, ours.split_digest):
            raise UserError(
                f"a teacher must not have seen our validation texts: it needs our data and split "
                f"({ours.digest}/{ours.split_digest}), but study {name} has "
                f"{theirs.digest}/{theirs.split_digest} (data {theirs.name})."
            )
        file, code = store.model_file(home(), trial), study.plan.source_of(trial.family)
        if code is None or code.sha256 not in self.trusted:
            refuse_untrusted(code, f"the teacher, study {study.plan.study},", None)
        source = f"study {study.plan.study}, trial {trial.number}, model {_sha256(file)[:16]}"
        return self._labels(source, trial.family, trial.params, file, code)

    def _labels(
        self,
        source: str,
        family: str,
        params: Params,
        file: Path | None = None,
        code: SourceRecord | None = None,
    ) -> ArrayRecord:
        """Label the unlabelled texts with a teacher, in a process of its own."""
        recipe = f"labels {_LABELS_FORMAT} {source} {json.dumps(dict(params), sort_keys=True)}"

        def make() -> Made:
            nonlocal file
            n_texts = self.data.n_texts[UNLABELLED]
            self.say(f"a teacher labels {n_texts:,} texts, once: {source}")
            folder = self.data.folder.with_name(f"{self.data.folder.name}.teacher")
            folder.mkdir(mode=0o700, exist_ok=True)  # a stop leaves it its checkpoint
            if file is not None:  # its study may go on, and find a better one
                file = Path(shutil.copy(file, folder))
            task = TeacherTask(params, family, self.data, _TEACHER_SEED, folder, file, code)
            taught = _run(task, self.say)
            array = np.load(task.predictions)
            shutil.rmtree(folder)
            sure = float((array.max(axis=1) >= _SURE).mean())
            facts = {"val_accuracy": taught.val_accuracy, "sure": sure}
            self.say(
                f"  it has {taught.val_accuracy:.2%} on validation, and is sure of {sure:.1%}"
            )
            return array, source, facts

        return self._keep(recipe, make)

    def _keep(self, recipe: str, make: Callable[[], Made]) -> ArrayRecord:
        """Make an array once: its numbers in a file named by them, what is known in another."""
        folder = self.data.folder / ARRAYS
        folder.mkdir(exist_ok=True)
        note = folder / f"{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.json"
        with FileLock(folder / ".lock"):
            if note.is_file():
                known = ArrayRecord(**json.loads(note.read_text("utf-8")))
                if (folder / known.file).is_file():
                    return known
            array, source, facts = make()
            digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]
            record = ArrayRecord(f"{digest}.npy", digest, source, facts)
            with _whole(folder / record.file) as part, part.open("wb") as opened:
                np.save(opened, array)
            with _whole(note) as part:
                part.write_text(json.dumps(asdict(record)), "utf-8")
            return record


def _run(task: TeacherTask, say: Say) -> TeacherResult:
    """Run a teacher in a process of its own; a stop leaves its checkpoint.

    Raises:
        UserError: if it cannot be trained.
        Stopped: if the user asked to end.
    """
    from search.workers.process_pool import run_all
    from search.workers.trial_process import server

    with (
        StopFlag() as stop,
        server(),
        closing(run_all([task], 1, stop.check, n_starts=2)) as events,
    ):
        for _, event in events:
            if isinstance(event, EpochRecord):
                n_epochs = task.params["train.epochs"]
                say(f"  epoch {event.epoch}/{n_epochs}: {event.seconds:.0f} s")
    if isinstance(event, TeacherResult):
        return event
    if isinstance(event, TrialFailed):
        raise UserError(f"the teacher cannot be trained: {event}.")
    raise RuntimeError(f"a teacher gave {event}")


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Write beside a file what then takes its place."""
    part = file.with_name(f"{file.name}.part")
    yield part
    part.replace(file)


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
