"""What came out of a study, in words: the same on console, page, card and in MLflow."""

from __future__ import annotations

from tracking.comparison import against_controls
from tracking.records import StudyRecord
from tracking.words import percent

NOT_OFFICIAL = "not the official test set"


def verdict(study: StudyRecord) -> str:
    """Say in two sentences what came out."""
    if not study.candidates:
        return "No trial has finished yet, so there is nothing to compare."
    best = study.candidates[0]
    assert best.score is not None
    score = best.score
    said = (
        f"The best candidate is trial {best.number}{study.family_of(best)} ({best.origin}): "
        f"{percent(score.val_accuracy)} on {study.plan.data.n_texts['validation']:,} validation "
        f"texts, 95 % interval {percent(score.low)} to {percent(score.high)}."
    )
    said = f"{said} {against_controls(study)}".rstrip()
    if not study.plan.baselines:
        return said
    baseline = study.plan.baselines[0]
    if baseline.accuracy < score.low:
        where = "above"
    else:
        where = "below" if baseline.accuracy > score.high else "not shown to differ from"
    return (
        f"{said} That is {where} {percent(baseline.accuracy)}, the test accuracy of "
        "Maas et al. 2011. It was chosen on validation, so it looks a little better than it is; "
        "the test set has not been looked at."
        + ("" if study.plan.data.official else f" ({study.plan.data.name}: {NOT_OFFICIAL}.)")
    )
