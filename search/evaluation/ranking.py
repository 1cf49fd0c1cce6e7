"""Who is first on validation, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import mean, stdev
from typing import TYPE_CHECKING, Literal

import numpy as np

from search.evaluation.finalists import Finalist
from search.training import statistics
from tracking.records import DifferenceRecord, ExpectedRecord, RankingRecord, RerunRecord

if TYPE_CHECKING:
    from search.datasets.cache import Dataset
    from search.training.statistics import Groups, Hits
    from tracking.records import StudyRecord
    from tracking.writing.evaluation_writer import EvaluationWriter

RULE = (
    "the best trials of the search by validation accuracy, of equals the earlier, and the first "
    "reference; ranked by how many seeds failed, then by the mean validation accuracy of the "
    "others, of equals the cheaper; the test set chooses nothing"
)


@dataclass(frozen=True)
class RankedFinalist:
    """A finalist with its reruns, at its place in the ranking.

    Attributes:
        scored: reruns that were completed, by index; at least one.
    """

    finalist: Finalist
    scored: tuple[RerunRecord, ...]
    n_failed: int

    @property
    def accuracies(self) -> list[float]:
        """Validation accuracy of each seed."""
        return [rerun.score.val_accuracy for rerun in self.scored if rerun.score]

    @property
    def mean(self) -> float:
        return mean(self.accuracies)

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds; one seed has none."""
        return stdev(self.accuracies) if len(self.scored) > 1 else None

    @property
    def seconds(self) -> float:
        """Of a training, the mean over the seeds."""
        return mean(rerun.seconds for rerun in self.scored)

    @property
    def best(self) -> RerunRecord:
        """The seed that is best on validation: its model is the one to export and to look with."""
        return max(self.scored, key=lambda r: (r.score.val_accuracy if r.score else 0, -r.index))

    @property
    def middle(self) -> RerunRecord:
        """The seed in the middle of its validation accuracies: it stands for all in a test."""
        ordered = sorted(self.scored, key=lambda r: r.score.val_accuracy if r.score else 0)
        return ordered[(len(ordered) - 1) // 2]


def rank(chosen: Sequence[Finalist], reruns: tuple[RerunRecord, ...]) -> list[RankedFinalist]:
    """Order those of which at least one seed could be trained, the best first (see RULE)."""
    ranking = []
    for one in chosen:
        own = one.reruns_in(reruns)
        scored = tuple(rerun for rerun in own if rerun.score is not None)
        if scored:
            ranking.append(RankedFinalist(one, scored, n_failed=len(own) - len(scored)))
    return sorted(ranking, key=lambda ranked: (ranked.n_failed, -ranked.mean, ranked.seconds))


def winner(ranking: Sequence[RankedFinalist]) -> RankedFinalist | None:
    """Return the first that is no simple baseline: a simple baseline is what a candidate is held against."""
    return next((ranked for ranked in ranking if ranked.finalist.role != "simple baseline"), None)


def examine(
    study: StudyRecord,
    ranking: Sequence[RankedFinalist],
    store: EvaluationWriter,
    data: Dataset,
    top: int,
) -> RankingRecord:
    """Compute what the reruns show on validation. Equal records give equal results."""
    labels, groups = data.labels("validation"), data.groups("validation")

    def hits(rerun: RerunRecord) -> Hits:
        return np.asarray(np.load(store.predictions(rerun.run_id)).argmax(axis=1) == labels)

    all_hits = {p.finalist.of: np.stack([hits(r) for r in p.scored]) for p in ranking}
    middle = {p.finalist.of: hits(p.middle) for p in ranking}
    correlation = _correlation([middle[p.finalist.of] for p in ranking[:top]])
    best = study.candidates[0].score
    assert best is not None
    return RankingRecord(
        top=top,
        n_seeds=max((len(ranked.scored) for ranked in ranking), default=0),
        rule=RULE,
        ranking=tuple(ranked.finalist.of for ranked in ranking),
        optimism=statistics.optimism(
            len(study.candidates), best.val_accuracy, len(labels), correlation
        ),
        correlation=correlation,
        differences=differences(all_hits, middle, groups, "validation"),
        expected=expected(study),
    )


def differences(
    all_hits: dict[int | str, Hits],
    one_of_each: dict[int | str, Hits],
    groups: Groups | None,
    part: Literal["validation", "test"],
    pairs: Sequence[tuple[int | str, int | str]] | None = None,
) -> tuple[DifferenceRecord, ...]:
    """Compare pairs on the same texts.

    Args:
        all_hits: shape (n_seeds, n_texts), of each.
        one_of_each: of the model that stands for the others in McNemar's test, shape (n_texts,).
        pairs: default: all.
    """
    found = []
    for first, second in pairs or list(combinations(all_hits, 2)):
        low, high = statistics.paired_bootstrap(all_hits[first], all_hits[second], groups)
        found.append(
            DifferenceRecord(
                first=first,
                second=second,
                part=part,
                difference=float(all_hits[first].mean() - all_hits[second].mean()),
                low=low,
                high=high,
                p_value=statistics.mcnemar(one_of_each[first], one_of_each[second]),
                p_holm=1.0,
            )
        )
    corrected = statistics.holm([one.p_value for one in found])
    return tuple(replace(one, p_holm=p) for one, p in zip(found, corrected, strict=True))


def _correlation(hits: Sequence[Hits]) -> float:
    """Return the mean correlation of the hits of two finalists on the same texts, at least 0."""
    pairs = [
        float(np.corrcoef(first, second)[0, 1])
        for first, second in combinations(hits, 2)
        if first.std() and second.std()
    ]
    return max(0.0, mean(pairs)) if pairs else 0.0


def expected(study: StudyRecord) -> tuple[ExpectedRecord, ...]:
    """Return expected validation performance against trials and time, of the random arm alone.

    A trial that was pruned counts with the best epoch it had; one that failed had none.
    """
    drawn = [t for t in study.trials if t.proposed_by == "random" and t.epochs]
    drawn = [trial for trial in drawn if trial.state in ("complete", "pruned")]
    values = [max(epoch.val_accuracy or 0.0 for epoch in trial.epochs) for trial in drawn]
    seconds = mean(trial.seconds for trial in drawn) if drawn else 0.0
    return tuple(
        ExpectedRecord(n, n * seconds, statistics.expected_best(values, n))
        for n in range(1, len(values) + 1)
    )
