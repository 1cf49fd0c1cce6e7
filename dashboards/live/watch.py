"""A study under way, drawn anew only as far as it changed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from dashboards.figures import FIGURES
from dashboards.page import leaderboard
from dashboards.page.panels import Drawn, draw
from tracking import store
from tracking.reader import StudyReader
from tracking.records import StudyRecord, TrialRecord

Seen = tuple[str, str]  # names what was drawn: of all trials, of the candidates


@dataclass
class _Watched:
    """One study as it was last read and drawn."""

    reader: StudyReader
    study: StudyRecord
    seen: Seen = ("", "")
    drawn: dict[str, Drawn] | None = None


class Watch:
    """The studies of a store, for the requests of many tabs."""

    def __init__(self, root: Path, mlflow_url: str) -> None:
        self._root = root
        self._mlflow_url = mlflow_url
        self._studies: dict[str, _Watched] = {}
        self._lock = Lock()  # one request reads and draws, the others then find it done

    def names(self) -> list[str]:
        """Name the studies, the newest first; those put aside by --fresh last."""
        known = store.studies(self._root)
        return sorted(known, key=lambda name: known[name].study != name)

    def evaluation(self, name: str) -> tuple[StudyRecord, Seen, dict[str, Drawn]]:
        """Read a study as far as it changed, and draw what changed.

        Raises:
            UserError: if there is no such study.
        """
        with self._lock:
            watched = self._read(name)
            seen = _seen(watched.study)
            before = watched.drawn or {}
            if seen != watched.seen or not before:
                same = seen[1] == watched.seen[1]
                watched.drawn = {
                    key: before[key]
                    if same and key in before and not panel.all_trials
                    else next(draw(key, [watched.study]))
                    for key, panel in FIGURES.items()
                }
                watched.seen = seen
            return watched.study, seen, watched.drawn or {}

    def board(self, study: StudyRecord) -> dict[str, Any]:
        """Return the leaderboard."""
        name = study.plan.study
        return leaderboard.board(study, addresses={name: self.address(name)}).as_json()

    def address(self, name: str) -> str:
        """Where MLflow shows a run of the study, without the run's id."""
        experiment = self._studies[name].reader.experiment
        return f"{self._mlflow_url}/#/experiments/{experiment}/runs/"

    def trial(self, name: str, number: int) -> TrialRecord | None:
        """Return a trial as it was last read."""
        watched = self._studies.get(name)
        trials = watched.study.trials if watched else ()
        return next((trial for trial in trials if trial.number == number), None)

    def _read(self, name: str) -> _Watched:
        watched = self._studies.get(name)
        if watched is None or store.ids(self._root, name)[0] != watched.reader.experiment:
            reader = store.follow(self._root, name)
            watched = self._studies[name] = _Watched(reader, reader.read())
        else:
            watched.study = watched.reader.read()
        return watched


def _seen(study: StudyRecord) -> Seen:
    """Name a state of the study: it changes with each epoch, each end, each simple baseline."""
    trials: Hashable = tuple((t.number, t.state, len(t.epochs)) for t in study.trials)
    candidates: Hashable = tuple(t.number for t in study.candidates)
    final_ranking: Hashable = (
        study.final_ranking is None,
        len(study.reruns),
        len(study.sealed_evaluations),
    )
    known: Hashable = (study.plan.study, study.unreadable)
    rest: Hashable = (known, len(study.simple_baselines), study.n_sealed, final_ranking)
    return f"{hash((trials, rest)):x}", f"{hash((candidates, rest)):x}"
