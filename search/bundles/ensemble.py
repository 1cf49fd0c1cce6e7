"""An ensemble: members picked one by one among the models that a study has kept, on validation."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from search.bundles import chosen
from search.training import metrics
from spaces.family import ENSEMBLE
from tracking.commandline.errors import UserError
from tracking.records import ScoreRecord, StudyRecord, TrialRecord

if TYPE_CHECKING:
    import keras

    from search.datasets.cache import Dataset

_MOST, _N_SPLITS = 50, 10  # picks; halvings of validation
_ON_THE_BORDER = 2.5  # texts whose label may change with the last digit of a probability

Probabilities = NDArray[np.float32]  # (n_texts, n_classes)


@dataclass(frozen=True)
class Ensemble:
    """Members with their weights, and what putting them together is worth.

    Attributes:
        members: trials, the best of them first.
        picks: their numbers in the order in which they were picked; one that was picked twice
            counts twice.
        score: on validation, where they were picked; it has no accuracy on training.
        gain: over the best of all alone, there.
        held_out_gain: the same where nothing was picked: picked on one half of the groups (of
            movies) and measured on the other, mean of ten splits. The rest is selection. None
            where validation has one group.
    """

    members: tuple[TrialRecord, ...]
    picks: tuple[int, ...]
    score: ScoreRecord
    gain: float
    held_out_gain: float | None

    @property
    def weights(self) -> dict[int, float]:
        """The share of each member, by the number of its trial."""
        counts = Counter(self.picks)
        return {one.number: counts[one.number] / len(self.picks) for one in self.members}


def pick(scores: Mapping[int, Probabilities], labels: NDArray[np.integer], n: int) -> list[int]:
    """Pick at most `n` members one by one, each the one that helps most (Caruana et al. 2004).

    One may be picked again. What helps is accuracy; of equals, the lower log loss. The picks end
    where the mean was best.
    """
    picks: list[int] = []
    found: list[tuple[float, float]] = []
    total = np.zeros(next(iter(scores.values())).shape)

    def worth(number: int) -> tuple[float, float]:
        mean = (total + scores[number]) / (len(picks) + 1)
        return metrics.accuracy(mean, labels), -metrics.log_loss(mean, labels)

    for _ in range(n):
        best = max(scores, key=worth)
        found.append(worth(best))
        total = total + scores[best]
        picks.append(best)
    return picks[: found.index(max(found)) + 1]


def gain(
    scores: Mapping[int, Probabilities], picks: Sequence[int], labels: NDArray[np.integer]
) -> float:
    """Return the accuracy of the picked over that of the best of all members alone."""
    together = metrics.accuracy(_mean(scores, picks), labels)
    return together - max(metrics.accuracy(one, labels) for one in scores.values())


def held_out_gain(
    scores: Mapping[int, Probabilities],
    labels: NDArray[np.integer],
    groups: NDArray[np.integer] | None,
    n: int,
) -> float | None:
    """Pick on one half of the groups, the best alone too, and measure the gain on the other.

    Args:
        groups: of each text; None where each is its own.

    Returns:
        the mean of ten splits; None where there is one group.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    names, gains = np.unique(groups), []
    if len(names) < 2:
        return None
    for seed in range(_N_SPLITS):
        half = np.random.default_rng(seed).permutation(names)[: len(names) // 2]
        is_first = np.isin(groups, half)
        for here in (is_first, ~is_first):
            seen = {number: one[here] for number, one in scores.items()}
            there = {number: one[~here] for number, one in scores.items()}
            together, alone = (
                metrics.accuracy(_mean(there, pick(seen, labels[here], size)), labels[~here])
                for size in (n, 1)
            )
            gains.append(together - alone)
    return float(np.mean(gains))


def _mean(scores: Mapping[int, Probabilities], picks: Sequence[int]) -> NDArray[np.float64]:
    return np.asarray(np.mean([scores[number] for number in picks], axis=0, dtype=np.float64))


def choose(
    root: Path, study: StudyRecord, data: Dataset, n: int, say: chosen.Say
) -> tuple[Ensemble, keras.Model]:
    """Pick members among the kept models of a study, and make one model of raw text of them.

    Raises:
        UserError: if fewer than two can be put together.
    """
    if not 2 <= n <= _MOST:
        raise UserError(f"picks of an ensemble must be 2 to {_MOST}, but got {n}.")
    with tempfile.TemporaryDirectory(prefix="seqsearch-") as folder:
        possible = _candidates(study, say)
        files = _copies(root, possible, Path(folder), say)
        if len(files) < 2:
            raise UserError(
                f"an ensemble needs two kept models or more, but study {study.plan.study} has "
                f"{len(files)} that can be put together (--keep-models of search.run)."
            )
        from search.models import keras_loading
        from search.models.ensemble import blend

        models = {number: keras_loading.load(file) for number, file in files.items()}
    candidates = [trial for trial in possible if trial.number in files]
    labels, groups = data.labels("validation"), data.groups("validation")
    scores = {t.number: _scores(models[t.number], t, data) for t in candidates}
    picks = pick(scores, labels, n)
    members = tuple(trial for trial in candidates if trial.number in picks)
    if len(members) == 1:
        raise UserError(
            f"trial {members[0].number} alone is as good as any mean with others: export it "
            "without --ensemble."
        )
    ensemble = Ensemble(
        members,
        tuple(picks),
        _score(_mean(scores, picks), labels, members),
        gain=gain(scores, picks, labels),
        held_out_gain=held_out_gain(scores, labels, groups, n),
    )
    return ensemble, blend({one.number: models[one.number] for one in members}, picks)


def _candidates(study: StudyRecord, say: chosen.Say) -> list[TrialRecord]:
    """Return the trials with a kept model that can be put together, the best first."""
    chosen.refuse_reproduction(study)
    kept = [trial for trial in study.candidates if trial.model]
    ours = [trial for trial in kept if study.plan.source_of(trial.family) is None]
    end = ours[0].params["text.truncating"] if ours else None
    found = [trial for trial in ours if trial.params["text.truncating"] == end]
    for trial in kept:
        if trial not in found:
            why = f"text.truncating is not {end}" if trial in ours else "its layers are not ours"
            say(f"trial {trial.number} is left out: {why}")
    return found


def _copies(
    root: Path, trials: Sequence[TrialRecord], folder: Path, say: chosen.Say
) -> dict[int, Path]:
    """Copy all models, by trial, before any is loaded: a running study may delete one."""
    from tracking import store

    files = {}
    for trial in trials:
        file = folder / f"{trial.number}.keras"
        try:
            chosen.copy_kept(store.model_file(root, trial), file, trial)
        except UserError as error:
            say(f"trial {trial.number} is left out: {error}")
        else:
            files[trial.number] = file
    return files


def _scores(model: keras.Model, trial: TrialRecord, data: Dataset) -> Probabilities:
    """Score the validation texts, which come as ids, with the part behind their preparation."""
    from search.datasets.tokenizer import preparation
    from search.training.fit import predict
    from search.training.trial import encoded

    inner = model.layers[-1]
    inner.compile(jit_compile=False)  # XLA would compile anew for every length of a batch
    validation = encoded(data, "validation", **preparation(trial.params))
    probabilities = predict(inner, validation)
    found = metrics.accuracy(probabilities, validation.labels)
    assert trial.score is not None
    if abs(found - trial.score.val_accuracy) * len(validation.labels) > _ON_THE_BORDER:
        raise UserError(
            f"the model of trial {trial.number} has {found:.6f} on validation, but its record "
            f"says {trial.score.val_accuracy:.6f}: it is being trained on, or not what was kept."
        )
    return probabilities


def _score(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.integer],
    members: Sequence[TrialRecord],
) -> ScoreRecord:
    accuracy = metrics.accuracy(probabilities, labels)
    low, high = metrics.wilson(accuracy, len(labels))
    return ScoreRecord(
        best_epoch=0,
        val_accuracy=accuracy,
        low=low,
        high=high,
        val_loss=metrics.log_loss(probabilities, labels),
        train_accuracy=None,
        n_parameters=sum(one.score.n_parameters or 0 for one in members if one.score),
        confusion=metrics.confusion(probabilities, labels),
        val_auc=metrics.auc(probabilities, labels),
    )


def as_trial(ensemble: Ensemble) -> TrialRecord:
    """Return the record that a bundle is written from: that of the best member, but for these."""
    best = ensemble.members[0]
    params = [one.params for one in ensemble.members]
    return replace(
        best,
        family=ENSEMBLE,
        params={
            "text.vocab_size": max(one["text.vocab_size"] for one in params),
            "text.maxlen": max(one["text.maxlen"] for one in params),
            "text.truncating": best.params["text.truncating"],
            "text.padding": "bucket",
            **{f"weight.{number}": share for number, share in ensemble.weights.items()},
        },
        score=ensemble.score,
        epochs=(),
        seconds=sum(one.seconds for one in ensemble.members),
        summary="",
        model=False,
    )
