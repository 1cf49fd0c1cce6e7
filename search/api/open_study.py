"""A study in Python: what is recorded of it, read anew each time that it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking.commandline.errors import UserError, unknown
from tracking.commandline.formatting import LINE, brief, duration, percent, plain

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from search.api.ask_tell import AskTell, ProposedTrial
    from search.bundles.classifier import Classifier
    from search.datasets.cache import Dataset
    from tracking.records import ScoreRecord, StudyRecord, TrialRecord

_SHOWN = 5  # candidates in the table that a notebook shows
_NOT_COLUMNS = ("confusion", "mistakes")  # of a score


@dataclass(frozen=True)
class Candidate:
    """A finished trial of a study.

    Attributes:
        params: all its hyperparameters, those that were not searched included.
        score: its numbers, all at the epoch whose weights were kept.
    """

    number: int
    params: Mapping[str, Any]
    score: ScoreRecord
    _study: OpenStudy

    @cached_property
    def model(self) -> Classifier:
        """The model: `model.predict(["a text"])` returns labels and probabilities.

        Raises:
            UserError: if it was not kept, or holds code of a person's own that is not trusted.
        """
        return self._study.load_model(self.number)

    def __repr__(self) -> str:
        score = percent(self.score.val_accuracy)
        return f"Candidate(trial {self.number}, {score} on validation, {dict(self.params)})"


class Figures(Mapping[str, Any]):
    """The figures of a study's page by name, each drawn by Plotly when it is asked for."""

    def __init__(self, study: OpenStudy) -> None:
        self._study = study

    def __getitem__(self, name: str) -> Any:
        from dashboards.page import panels

        if name not in self:
            raise unknown("figure", str(name), self)
        return panels.draw_single(name, [self._study.record])

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def __iter__(self) -> Iterator[str]:
        from dashboards.page import panels

        return iter(panels.figures_of([self._study.record]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Figures({', '.join(self)})"


class OpenStudy:
    """A recorded study, from `run` or `load_study`.

    Args:
        root: the folder of the records.
        is_own: whether code that the study holds may run: it is the caller's, or is trusted.

    Attributes:
        name: of the study, as the command line takes it.
    """

    def __init__(self, root: Path, name: str, *, is_own: bool = False) -> None:
        self.name = name
        self._root = root
        self._is_own = is_own

    @property
    def record(self) -> StudyRecord:
        """All that is recorded by now."""
        from tracking import store

        return store.read_study(self._root, self.name)

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial, by number: state, score, seconds, and each hyperparameter."""
        from pandas import DataFrame

        rows = [_row(trial) for trial in self.record.trials]
        return DataFrame(rows, columns=None if rows else ["number"]).set_index("number")

    @property
    def epochs(self) -> pd.DataFrame:
        """One row an epoch of a trial, by trial and epoch: losses, accuracies, seconds."""
        from pandas import DataFrame

        rows = [
            {"trial": trial.number, **asdict(epoch)}
            for trial in self.record.trials
            for epoch in trial.epochs
        ]
        index = ["trial", "epoch"]
        return DataFrame(rows, columns=None if rows else index).set_index(index)

    @property
    def best(self) -> Candidate:
        """The finished trial that is best on validation.

        Raises:
            UserError: if none has finished.
        """
        candidates = self.record.candidates
        if not candidates:
            raise UserError(f"study {self.name} has no finished trial yet.")
        trial = candidates[0]
        assert trial.score is not None
        return Candidate(trial.number, trial.params, trial.score, self)

    @property
    def figures(self) -> Figures:
        """The figures of its page: `figures["progress"]`; `list(figures)` names them."""
        return Figures(self)

    @property
    def verdict(self) -> str:
        """What came out, in a few sentences."""
        from tracking.reporting.verdict import verdict

        return verdict(self.record)

    @property
    def data(self) -> Dataset:
        """The prepared texts: `data.tokens("train")`, `data.labels("train")`.

        Raises:
            UserError: if they are not on this machine.
        """
        from search.datasets import cache

        found = cache.find(self.record.plan.data)
        if found is None:
            raise UserError(
                f"the data of study {self.name} ({self.record.plan.data.name}) are not prepared "
                "on this machine. run(...) with the data of then prepares them."
            )
        return found

    def export(
        self,
        out: str | os.PathLike[str],
        *,
        trial: int | None = None,
        ensemble: int | None = None,
        formats: Sequence[str] = (),
        refit: bool = False,
        retrain: bool = False,
    ) -> Path:
        """Write a trial's model into a new folder, as `search.export` does; return the folder.

        Args:
            trial: its number; None is the best.
            ensemble: make one model of several instead, by so many picks at most.
            formats: of keras, saved_model, onnx; empty is all.
            refit: train once more, on training and validation part.
            retrain: train it again if its model was not kept.

        Raises:
            UserError: if there is no such trial, or the folder is not empty.
        """
        from search import export
        from search.bundles import bundle
        from search.bundles import formats as known
        from search.bundles.chosen import ModelSource

        folder = Path(out)
        for name in formats:
            if name not in known.NAMES:
                raise unknown("format", name, known.NAMES)
        bundle.refuse_place(folder.absolute())
        source, wanted = ModelSource(retrain, refit), tuple(formats) or known.NAMES
        chosen = export.choose_export(
            self._root,
            self.record,
            trial,
            source,
            wanted,
            trust_code=self._is_own,
            n_picks=ensemble,
        )
        chosen.write(folder)
        return folder

    def load_model(self, trial: int | None = None) -> Classifier:
        """Return the model that a trial keeps, the best one's by default.

        Raises:
            UserError: if it was not kept, or holds code of a person's own that is not trusted.
        """
        from search.bundles.chosen import ModelSource, choose
        from search.bundles.classifier import Classifier
        from search.system import own_code
        from tracking import store

        study = self.record
        chosen = choose(study, trial, ModelSource(retrain=False, refit=False))
        source = study.plan.source_of(chosen.family)
        own_code.refuse_untrusted(source, f"study {self.name}", self._is_own)
        if source is not None:
            own_code.load(source)
        file = store.model_file(self._root, chosen)
        return Classifier(study.plan.data.classes, chosen.params, "keras", file.parent, source)

    def to_optuna(self) -> optuna.Study:
        """Return the study as Optuna has it, in memory.

        Raises:
            UserError: if it reproduces published configurations, and searched nothing.
        """
        from search.engines.optuna.storage_copy import to_optuna

        return to_optuna(self.record)

    def ask(self) -> ProposedTrial:
        """Propose the next trial, for a loop of one's own; `tell` says what came of it.

        Trials that an earlier session asked for, or began, and did not end come first. Until all
        are told, no other process can work on the study.

        Raises:
            UserError: if there is none to be proposed, or another process works on the study.
        """
        return self._asking().ask()

    def tell(self, trial: ProposedTrial | int, val_accuracy: float | None, **more: Any) -> None:
        """Record what came of a trial that was asked for: see `search.api.ask_tell.tell`."""
        self._asking().tell(trial, val_accuracy, **more)

    def _asking(self) -> AskTell:
        from search.api.ask_tell import asking

        return asking(self._root, self.name, trust_code=self._is_own)

    def __repr__(self) -> str:
        study = self.record
        best = study.candidates[0].score if study.candidates else None
        said = f", best {percent(best.val_accuracy)}" if best else ""
        return f"OpenStudy({self.name!r}: {_counts(study)}{said})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the best candidates, and the verdict."""
        study = self.record
        searched = list(study.plan.space)
        rows = [_cells(trial, searched) for trial in study.candidates[:_SHOWN]]
        head = ["trial", "validation", "95 % interval", *searched, "time"]
        table = "".join(_html_row("td", row) for row in rows)
        data = f"{study.plan.data.name}, {_counts(study)}"
        return (
            f"<table><caption>{escape(plain(self.name))}: {escape(plain(data, LINE))}</caption>"
            f"<thead>{_html_row('th', head)}</thead><tbody>{table}</tbody></table>"
            f"<p>{escape(plain(self.verdict, LINE))}</p>"
        )


def _row(trial: TrialRecord) -> dict[str, Any]:
    """Return a row of the table of trials; a hyperparameter has its full name."""
    score: dict[str, Any] = {}
    if trial.score is not None:
        score = {**asdict(trial.score), "gap": trial.score.gap}
        for name in _NOT_COLUMNS:
            del score[name]
    return {
        "number": trial.number,
        "state": trial.state,
        "proposed_by": trial.proposed_by,
        "family": trial.family,
        **score,
        "n_epochs": len(trial.epochs),
        "seconds": trial.seconds,
        "seed": trial.seed,
        "reason": trial.reason,
        "model": trial.model,
        "run_id": trial.run_id,
        **trial.params,
    }


def _counts(study: StudyRecord) -> str:
    states = dict.fromkeys(trial.state for trial in study.trials)
    return ", ".join(f"{study.count(state)} {state}" for state in states) or "no trials"


def _cells(trial: TrialRecord, searched: Sequence[str]) -> list[str]:
    assert trial.score is not None
    score = trial.score
    return [
        str(trial.number),
        percent(score.val_accuracy),
        f"{100 * score.low:.2f} to {100 * score.high:.2f}",
        *(brief(trial.params.get(name, "")) for name in searched),
        duration(trial.seconds),
    ]


def _html_row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(plain(cell))}</{tag}>' for cell in cells)}</tr>"
