"""The four questions that a study is looked at for, answered from its records."""

from __future__ import annotations

from dashboards.figures.hyperparameters.slices import edges
from dashboards.figures.results.candidates import label_of
from dashboards.figures.training.overfitting import curve
from dashboards.page.forest import FEWEST, ranked
from dashboards.page.text import plain, said
from tracking.commandline.formatting import percent
from tracking.records import (
    BaselineRecord,
    ScoreRecord,
    SealedEvaluationRecord,
    StudyRecord,
    TrialRecord,
)
from tracking.reporting import pruning
from tracking.reporting.comparison import lines
from tracking.reporting.verdict import count_of_evaluations, latest_evaluation, named, unofficial

Answers = tuple[tuple[str, str], ...]
_SAME = 0.0005  # a change that is said with no digit
_TOLD = 0.005  # points; less would be written as 0.00
_LATE = 0.5  # share of the trials within which a search that goes on should find something


def answers(study: StudyRecord) -> Answers:
    """Answer each question in a few sentences; a reproduction is asked none of them."""
    if study.reproduces:
        return ()
    return (
        ("Which candidate is best?", _best(study)),
        (f"Is it better than {_rival(study)}, beyond chance?", _against_line(study)),
        ("Did it overfit?", _overfit(study)),
        *([("Was pruning right?", audited)] if (audited := pruning.sentence(study)) else []),
        ("What to search next?", _next(study)),
    )


def summary(study: StudyRecord) -> list[tuple[str, ...]]:
    """Compare the best with each published accuracy and simple baseline: rows under STANDING."""
    if not study.candidates:
        return []
    score = _score(study.candidates[0])
    rivals = [(plain(b.name), plain(b.source, 160), b.accuracy) for b in study.plan.baselines]
    rivals += [
        (
            plain(simple_baseline.name),
            "simple baseline, the same validation texts",
            simple_baseline.score.val_accuracy,
        )
        for simple_baseline in study.simple_baselines
    ]
    return [
        (
            name,
            source,
            percent(accuracy),
            f"{100 * (score.val_accuracy - accuracy):+.2f}",
            _where(score.low, score.high, accuracy),
        )
        for name, source, accuracy in rivals
    ]


STANDING = ("held against", "what it is", "accuracy", "the best: points more", "95 % interval is")


def evaluations(study: StudyRecord) -> str:
    """Say what the last sealed test evaluation saw, when, and how many looks there were."""
    found = latest_evaluation(study)
    if not found:
        return f"{count_of_evaluations(study).capitalize()} so far." if study.n_sealed else ""
    seen = "; ".join(_evaluation(study, evaluation) for evaluation in found)
    when = plain(found[0].result.evaluated_at)
    return f"{count_of_evaluations(study).capitalize()}, the last on {when}: {seen}."


def _evaluation(study: StudyRecord, final: SealedEvaluationRecord) -> str:
    low, high = final.interval
    return (
        f"{plain(named(study, final.of))}, {final.role}, {percent(final.result.accuracy)}, "
        f"95 % interval {percent(low)} to {percent(high)}"
    )


def _best(study: StudyRecord) -> str:
    if not study.candidates:
        return "There is none yet: no trial has finished with a score."
    best = study.candidates[0]
    score = _score(best)
    words = (
        f"{_name(study, best)}: {percent(score.val_accuracy)} on validation, 95 % interval "
        f"{percent(score.low)} to {percent(score.high)}."
    )
    finalists = (
        [of for of in study.final_ranking.ranking if isinstance(of, int)]
        if study.final_ranking
        else []
    )
    if finalists:
        first = plain(named(study, finalists[0]))
        return f"{words} Trained again on fresh seeds, {first} is first of {len(finalists)}."
    rest = study.candidates[1:]
    if not rest:
        return f"{words} It is the only one."
    near = sum(_score(trial).val_accuracy >= score.low for trial in rest)
    behind = 100 * (score.val_accuracy - _score(rest[0]).val_accuracy)
    how = f"{behind:.2f} points behind" if behind >= _TOLD else "as good"
    words += f" The next, {label_of(study, rest[0])}, is {how}"
    if not near:
        return f"{words}, outside its interval."
    return f"{words}; {near:,} {'lies' if near == 1 else 'lie'} within its interval."


def _rival(study: StudyRecord) -> str:
    """Name what the best is held against."""
    if study.plan.data.is_movie_reviews:
        return "the paper"
    return plain(lines(study)[0].whose) if lines(study) else "a simple baseline"


def _against_line(study: StudyRecord) -> str:
    if not study.candidates:
        return "There is nothing to compare yet."
    against = lines(study)
    if not against:
        return "Nothing is published for these data, and no simple baseline was trained."
    data, score = study.plan.data, _score(study.candidates[0])
    found = latest_evaluation(study)
    on_test = all(line.part != "validation" for line in against)
    if found and on_test and (found[0].result.official or not data.is_movie_reviews):
        words = "; ".join(_against(*found[0].interval, b) for b in against)
        test = "the official test set" if data.is_movie_reviews else "the test part"
        return f"On {test}: {words}. {evaluations(study)}"
    words = "; ".join(_against(score.low, score.high, b) for b in against)
    n = len(study.candidates)
    words = f"On validation: {words}."
    if n > 1:
        words += f" It was chosen as the best of {n:,} on the same texts, which flatters it."
    if unofficial(study):
        return f"{words} These data are not the official test set. {evaluations(study)}".rstrip()
    return f"{words} {evaluations(study) or _not_evaluated(study)}"


def _not_evaluated(study: StudyRecord) -> str:
    data = study.plan.data
    if "test" not in data.n_texts:
        return "These data have no test part; search.run --test-share 0.2 holds one out."
    paper = ", on which the paper was measured," if data.is_movie_reviews else ""
    return (
        f"The test set{paper} has not been looked at: "
        f"python -m search.evaluate --study {plain(study.plan.study)} takes it there."
    )


def _against(low: float, high: float, baseline: BaselineRecord) -> str:
    where = _where(low, high, baseline.accuracy)
    yes = {"above": "yes, the whole interval is above", "below": "no, it is below"}
    said = yes.get(where, "not shown,")
    return f"{said} {percent(baseline.accuracy)} ({plain(baseline.name)})"


def _where(low: float, high: float, accuracy: float) -> str:
    """Say where an interval lies beside an accuracy."""
    if accuracy < low:
        return "above"
    return "below" if accuracy > high else "not told apart"


def _overfit(study: StudyRecord) -> str:
    if not study.candidates:
        return "There is nothing to judge yet."
    best = study.candidates[0]
    score = _score(best)
    gap = score.gap
    if gap is None:
        return "It was trained elsewhere, and its training accuracy was not told."
    half = (score.high - score.low) / 2
    yes = "Yes" if gap > half else "Not that it could be told from chance"
    words = (
        f"{yes}: at its kept epoch, {score.best_epoch} of {len(best.epochs)}, training is "
        f"{100 * abs(gap):.1f} points {'above' if gap > 0 else 'below'} validation (the interval "
        f"is {100 * half:.1f} either way)."
    )
    lost = curve(best).lost if score.best_epoch in [e.epoch for e in best.epochs] else None
    if lost is not None and score.best_epoch < len(best.epochs):
        words += f" Going on, validation {_changed(lost)}; the weights of the kept epoch count."
    if gap < 0:
        words += " (Training is measured while it learns, with dropout, so it can look worse.)"
    return words


def _changed(lost: float) -> str:
    if abs(lost) < _SAME:
        return "stayed as it was"
    return f"{'fell' if lost > 0 else 'rose'} by {100 * abs(lost):.1f} points"


def _next(study: StudyRecord) -> str:
    if not study.candidates:
        if study.count("failed"):
            return "First mend what made trials fail: Study health has the reasons."
        return "Wait for candidates, or run the study again with a larger budget."
    best = study.candidates[0]
    parts = []
    found = edges(study)
    if found:
        names = "; ".join(f"{plain(e.name)} ({e.side} edge, {said(e.value)})" for e in found)
        parts.append(f"The best lies at the edge of its range in {names}: widen what can be.")
    score = _score(best)
    if score.best_epoch == len(best.epochs) > 1:
        if best.params.get("train.schedule", "constant") == "constant":
            longer = "A larger --max-epochs with --continue 1 does."
        else:  # its step size has fallen to zero: it cannot train on (decision 97)
            longer = "--range train.epochs=LOW..HIGH searches more epochs."
        parts.append(f"Its last epoch was its best: let it train longer. {longer}")
    parts.append(_focus(study))
    ended = [trial.number for trial in study.trials if trial.has_ended]
    after = sum(number > best.number for number in ended)
    if after > _LATE * len(ended) and after >= FEWEST:
        parts.append(f"The last {after:,} trials found nothing better: more of the same may not.")
    return " ".join(parts)


def _focus(study: StudyRecord) -> str:
    n = len(study.candidates)
    known = ranked(study)
    if n < FEWEST:
        return f"With {n} of {FEWEST} candidates needed, what matters cannot be told: run more."
    if not known:
        return "What matters cannot be told from these candidates."
    value = study.candidates[0].params.get(known[0])
    if value is None:  # it is another family's
        return f"Most depends on {plain(known[0])}, which the best does not have."
    return f"Most depends on {plain(known[0])}; search finer around {said(value)}."


def _name(study: StudyRecord, trial: TrialRecord) -> str:
    return f"T{label_of(study, trial)[1:]}, {plain(trial.proposed_by)}"


def _score(trial: TrialRecord) -> ScoreRecord:
    assert trial.score is not None
    return trial.score
