"""What came out of a study, in words: the same on console, page, card and in MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean, stdev

from tracking.commandline.formatting import duration, percent
from tracking.records import DifferenceRecord, RerunRecord, SealedEvaluationRecord, StudyRecord
from tracking.reporting.comparison import against_simple_baselines, evaluations_as_text

_NAMED = 5  # runs; the doctor names all
NOT_OFFICIAL = "not the official test set"


def verdict(study: StudyRecord) -> str:
    """Describe in a few sentences the result of the search, the final evaluation, and test.

    Of a reproduction, how it compares with what was published.
    """
    came_out = evaluations_as_text(study) if study.reproduces else _verdict(study)
    return f"{came_out} {left_out(study)}".rstrip()


def left_out(study: StudyRecord) -> str:
    """Name the runs that cannot be read, and so count for nothing; empty where there are none."""
    names = [one.name for one in study.unreadable]
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    runs = "1 run is" if len(names) == 1 else f"{len(names)} runs are"
    return (
        f"{runs} left out because their records are damaged: {', '.join(names[:_NAMED])}{more}. "
        f"python -m search.doctor --study {study.plan.study} says what is wrong."
    )


def _verdict(study: StudyRecord) -> str:
    if not study.candidates:
        return "No trial has finished yet, so there is nothing to compare."
    if study.final_ranking is None:
        return _of_search(study)
    evaluations = latest_evaluation(study)
    said = [
        *(_of_evaluation(study, evaluations) if evaluations else _of_evaluations(study)),
        *_cheapest(study),
    ]
    first = _winner(study)
    if evaluations and first is not None and first != evaluations[0].of:
        said.append(
            f"Since that test evaluation {named(study, first)} has become the first on "
            "validation, and was not evaluated"
        )
    if study.n_sealed > len({evaluation.n for evaluation in study.sealed_evaluations}):
        said.append("A test evaluation was begun and cut short; it counts")
    mark = f" ({unofficial(study)})" if unofficial(study) else ""
    return " ".join(f"{sentence}{mark}." for sentence in said)


def unofficial(study: StudyRecord) -> str:
    """Say that the data are other reviews than those that published accuracies are of.

    Empty for the official data, and for data that nothing published is held against.
    """
    plan = study.plan
    if plan.data.official or not (plan.data.is_movie_reviews or study.reproduces):
        return ""
    return f"{plan.data.name}: {NOT_OFFICIAL}"


def count_of_evaluations(study: StudyRecord) -> str:
    """Say how often the test set was used after the search."""
    n = study.n_sealed
    return f"{n or 'no'} {'test evaluation' if n < 2 else 'test evaluations'}"


def latest_evaluation(study: StudyRecord) -> list[SealedEvaluationRecord]:
    """Return what the last finished test evaluation scored, the winner first; empty if none."""
    last = max((evaluation.n for evaluation in study.sealed_evaluations), default=0)
    return [evaluation for evaluation in study.sealed_evaluations if evaluation.n == last]


def named(study: StudyRecord, of: int | str) -> str:
    """Name what was trained again."""
    for trial in study.trials:
        if trial.number == of:
            return f"trial {trial.number}{study.family_of(trial)} ({trial.proposed_by})"
    return str(of)


def reruns_of(study: StudyRecord, of: int | str) -> list[RerunRecord]:
    """Return the reruns that were completed, by index."""
    own = [r for r in study.reruns if r.of == of and r.score is not None]
    return sorted(own, key=lambda rerun: rerun.index)


def ranking(study: StudyRecord) -> list[int | str]:
    """Return what was trained again, the best first, as far as its reruns still count."""
    ranked = study.final_ranking.ranking if study.final_ranking else ()
    return [of for of in ranked if reruns_of(study, of)]


def spread(accuracies: list[float] | tuple[float, ...]) -> str:
    """Say the accuracies of several seeds: mean ± standard deviation, and how many."""
    n = len(accuracies)
    if n == 1:
        return f"{percent(accuracies[0])} on one seed"
    return f"{percent(mean(accuracies))} ± {100 * stdev(accuracies):.2f} over {n} seeds"


def _of_search(study: StudyRecord) -> str:
    best = study.candidates[0]
    assert best.score is not None
    score = best.score
    said = (
        f"The best candidate is trial {best.number}{study.family_of(best)} ({best.proposed_by}): "
        f"{percent(score.val_accuracy)} on {study.plan.data.n_texts['validation']:,} validation "
        f"texts, 95 % interval {percent(score.low)} to {percent(score.high)}."
    )
    said = f"{said} {against_simple_baselines(study)}".rstrip()
    if not study.plan.baselines:
        return said
    baseline = study.plan.baselines[0]
    if baseline.accuracy < score.low:
        where = "above"
    else:
        where = "below" if baseline.accuracy > score.high else "not shown to differ from"
    of = f"the test accuracy of {baseline.whose}" if baseline.is_published else baseline.whose
    return (
        f"{said} That is {where} {percent(baseline.accuracy)}, {of}. "
        "It was chosen on validation, so it looks a little better than it is; "
        f"{_not_evaluated(study)}." + (f" ({unofficial(study)}.)" if unofficial(study) else "")
    )


def _not_evaluated(study: StudyRecord) -> str:
    if study.n_sealed:
        return f"{count_of_evaluations(study)} so far"
    if "test" not in study.plan.data.n_texts:
        return "there is no test part to look at"
    return "the test set has not been used"


def _winner(study: StudyRecord) -> int | str | None:
    """Return the first of the ranking that is no simple baseline."""
    return next((of for of in ranking(study) if of not in _simple_baselines(study)), None)


def _simple_baselines(study: StudyRecord) -> set[int | str]:
    return {rerun.of for rerun in study.reruns if rerun.role == "simple baseline"}


def _of_evaluations(study: StudyRecord) -> Iterator[str]:
    """Say who is first on fresh seeds, before test was used."""
    first = _winner(study)
    if first is None:
        yield "None of the finalists could be trained again: all seeds failed"
        return
    yield (
        f"Trained again on fresh seeds, {named(study, first)} is first: "
        f"{spread(_on_validation(study, first))}, on validation; {_not_evaluated(study)}"
    )
    yield from _searched(study, first)


def _on_validation(study: StudyRecord, of: int | str) -> list[float]:
    """Return the validation accuracy of each seed."""
    return [rerun.score.val_accuracy for rerun in reruns_of(study, of) if rerun.score]


def _searched(study: StudyRecord, first: int | str) -> Iterator[str]:
    """Say how much of what the search saw was luck."""
    fresh = _on_validation(study, first)
    for trial in study.trials:
        if trial.number == first and trial.score is not None and fresh:
            seen = trial.score.val_accuracy
            yield (
                f"On validation the search had seen {percent(seen)} of it, and fresh seeds "
                f"{spread(fresh)}: {100 * (mean(fresh) - seen):+.2f} points"
            )


def _of_evaluation(study: StudyRecord, evaluations: list[SealedEvaluationRecord]) -> Iterator[str]:
    """Describe the first on test, and how it compares with its reference and simple baseline."""
    first = evaluations[0]
    low, high = first.interval
    data, who = study.plan.data, named(study, first.of)
    test = "the official test set" if first.result.official else f"the test part of {data.name}"
    by = "movie" if data.is_movie_reviews else "group"
    seen = (
        f"{who} has {percent(first.result.accuracy)} on {test}, 95 % interval {100 * low:.2f} to "
        f"{100 * high:.2f}{'' if first.cluster_low is None else f' by {by}'}; "
        f"{spread(first.accuracies)}; {count_of_evaluations(study)}"
    )
    if study.plan.baselines and (first.result.official or not data.is_movie_reviews):
        line = study.plan.baselines[0]
        yield f"{_beside(line.accuracy, low, high)} of {line.whose}: {seen}"
    else:
        yield f"{seen[0].upper()}{seen[1:]}"
    for evaluation in evaluations[1:]:
        for difference in first.differences:
            if difference.second == evaluation.of:
                yield _against(study, evaluation, difference)
    if first.n_seen and first.accuracy_unseen is not None:
        yield (
            f"Without the {first.n_seen} texts that are in training too it has "
            f"{percent(first.accuracy_unseen)}"
        )
    yield from _searched(study, first.of)


def _beside(published: float, low: float, high: float) -> str:
    """Hold an interval against a published accuracy, which is taken as a fixed number."""
    where = "Better than" if low > published else "Not shown to be better than"
    return f"{'Worse than' if high < published else where} the {percent(published)}"


def _against(
    study: StudyRecord, evaluation: SealedEvaluationRecord, found: DifferenceRecord
) -> str:
    """Say how far the winner is from its reference, or from the simple baseline.

    The interval alone decides. McNemar's test, which is recorded too, knows one model of each and
    so nothing of the spread over seeds: it can differ.
    """
    if found.low > 0:
        shown = "ahead of"
    else:
        shown = "behind" if found.high < 0 else "not shown to differ from"
    return (
        f"It is {shown} the {evaluation.role} {named(study, evaluation.of)}, "
        f"{spread(evaluation.accuracies)}: {100 * found.difference:+.2f} points, "
        f"95 % interval {100 * found.low:+.2f} to "
        f"{100 * found.high:+.2f} over texts and seeds"
    )


def _cheapest(study: StudyRecord) -> Iterator[str]:
    """Name the cheapest finalist that is not shown to be worse than the first, on validation."""
    assert study.final_ranking is not None
    first = _winner(study)
    if first is None:
        return
    worse: set[int | str] = _simple_baselines(study)
    for found in study.final_ranking.differences:
        if found.first == first and found.low > 0:
            worse.add(found.second)
        if found.second == first and found.high < 0:
            worse.add(found.first)
    equal = [of for of in ranking(study) if of not in worse]
    cost = {of: mean(r.seconds for r in reruns_of(study, of)) for of in equal}
    cheapest = min(cost, key=lambda of: cost[of])
    if cheapest != first:
        yield (
            f"The cheapest that is not shown to be worse on validation is "
            f"{named(study, cheapest)}: {duration(cost[cheapest])} a training instead of "
            f"{duration(cost[first])}"
        )
    elif set(ranking(study)) - _simple_baselines(study) != {first}:
        yield "No cheaper finalist is as good on validation"
