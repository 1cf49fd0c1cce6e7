"""What came out of a study, in words: the same on console, page, card and in MLflow."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean, stdev

from tracking.commandline.formatting import duration, percent
from tracking.records import DifferenceRecord, FinalLookRecord, RepeatRecord, StudyRecord
from tracking.reporting.comparison import against_controls

_NAMED = 5  # runs; the doctor names all
NOT_OFFICIAL = "not the official test set"


def verdict(study: StudyRecord) -> str:
    """Say in a few sentences what came out: of the search, then of the finals, then of test."""
    return f"{_verdict(study)} {left_out(study)}".rstrip()


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
    if study.finals is None:
        return _of_search(study)
    looks = latest_look(study)
    said = [*(_of_look(study, looks) if looks else _of_finals(study)), *_cheapest(study)]
    first = _winner(study)
    if looks and first is not None and first != looks[0].of:
        said.append(
            f"Since that look {named(study, first)} has become the first on validation, and was "
            "not looked at"
        )
    if study.n_sealed > len({look.n for look in study.final_looks}):
        said.append("A look at the test set was begun and cut short; it counts")
    mark = f" ({unofficial(study)})" if unofficial(study) else ""
    return " ".join(f"{sentence}{mark}." for sentence in said)


def unofficial(study: StudyRecord) -> str:
    """Say that the data are other reviews than those that published accuracies are of.

    Empty for the official data, and for data that nothing published is held against.
    """
    plan = study.plan
    if plan.data.official or not (plan.baselines or study.reproduces):
        return ""
    return f"{plan.data.name}: {NOT_OFFICIAL}"


def count_of_looks(study: StudyRecord) -> str:
    """Say how often the test set was looked at after the search."""
    n = study.n_sealed
    return f"{n or 'no'} {'look' if n < 2 else 'looks'} at the test set"


def latest_look(study: StudyRecord) -> list[FinalLookRecord]:
    """Give what the last finished look scored, the winner first; empty where none was taken."""
    last = max((look.n for look in study.final_looks), default=0)
    return [look for look in study.final_looks if look.n == last]


def named(study: StudyRecord, of: int | str) -> str:
    """Name what was trained again."""
    for trial in study.trials:
        if trial.number == of:
            return f"trial {trial.number}{study.family_of(trial)} ({trial.origin})"
    return str(of)


def repeats_of(study: StudyRecord, of: int | str) -> list[RepeatRecord]:
    """Give the repeats that were completed, by index."""
    own = [r for r in study.repeats if r.of == of and r.score is not None]
    return sorted(own, key=lambda repeat: repeat.index)


def ranking(study: StudyRecord) -> list[int | str]:
    """Give what was trained again, the best first, as far as its repeats still count."""
    ranked = study.finals.ranking if study.finals else ()
    return [of for of in ranked if repeats_of(study, of)]


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
        f"{_not_looked(study)}." + (f" ({unofficial(study)}.)" if unofficial(study) else "")
    )


def _not_looked(study: StudyRecord) -> str:
    if study.n_sealed:
        return f"{count_of_looks(study)} so far"
    return "the test set has not been looked at"


def _winner(study: StudyRecord) -> int | str | None:
    """Give the first of the ranking that is no control."""
    return next((of for of in ranking(study) if of not in _controls(study)), None)


def _controls(study: StudyRecord) -> set[int | str]:
    return {repeat.of for repeat in study.repeats if repeat.role == "control"}


def _of_finals(study: StudyRecord) -> Iterator[str]:
    """Say who is first on fresh seeds, before test was looked at."""
    first = _winner(study)
    if first is None:
        yield "None of the finalists could be trained again: all seeds failed"
        return
    yield (
        f"Trained again on fresh seeds, {named(study, first)} is first: "
        f"{spread(_on_validation(study, first))}, on validation; {_not_looked(study)}"
    )
    yield from _searched(study, first)


def _on_validation(study: StudyRecord, of: int | str) -> list[float]:
    """Give the validation accuracy of each seed."""
    return [repeat.score.val_accuracy for repeat in repeats_of(study, of) if repeat.score]


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


def _of_look(study: StudyRecord, looks: list[FinalLookRecord]) -> Iterator[str]:
    """Say what the look saw of the first, and what its reference and the control make of it."""
    first = looks[0]
    low, high = first.interval
    data, who = study.plan.data, named(study, first.of)
    test = "the official test set" if first.look.official else f"the test part of {data.name}"
    by = "movie" if study.plan.baselines else "group"
    seen = (
        f"{who} has {percent(first.look.accuracy)} on {test}, 95 % interval {100 * low:.2f} to "
        f"{100 * high:.2f}{'' if first.cluster_low is None else f' by {by}'}; "
        f"{spread(first.accuracies)}; {count_of_looks(study)}"
    )
    if study.plan.baselines and first.look.official:
        yield f"{_beside(study.plan.baselines[0].accuracy, low, high)} of Maas et al. 2011: {seen}"
    else:
        yield f"{seen[0].upper()}{seen[1:]}"
    for look in looks[1:]:
        for difference in first.differences:
            if difference.second == look.of:
                yield _against(study, look, difference)
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


def _against(study: StudyRecord, look: FinalLookRecord, found: DifferenceRecord) -> str:
    """Say how far the winner is from its reference, or from the control.

    The interval alone decides. McNemar's test, which is recorded too, knows one model of each and
    so nothing of the spread over seeds: it can differ.
    """
    if found.low > 0:
        shown = "ahead of"
    else:
        shown = "behind" if found.high < 0 else "not shown to differ from"
    return (
        f"It is {shown} the {look.role} {named(study, look.of)}, {spread(look.accuracies)}: "
        f"{100 * found.difference:+.2f} points, 95 % interval {100 * found.low:+.2f} to "
        f"{100 * found.high:+.2f} over texts and seeds"
    )


def _cheapest(study: StudyRecord) -> Iterator[str]:
    """Name the cheapest finalist that is not shown to be worse than the first, on validation."""
    assert study.finals is not None
    first = _winner(study)
    if first is None:
        return
    worse: set[int | str] = _controls(study)
    for found in study.finals.differences:
        if found.first == first and found.low > 0:
            worse.add(found.second)
        if found.second == first and found.high < 0:
            worse.add(found.first)
    equal = [of for of in ranking(study) if of not in worse]
    cost = {of: mean(r.seconds for r in repeats_of(study, of)) for of in equal}
    cheapest = min(cost, key=lambda of: cost[of])
    if cheapest != first:
        yield (
            f"The cheapest that is not shown to be worse on validation is "
            f"{named(study, cheapest)}: {duration(cost[cheapest])} a training instead of "
            f"{duration(cost[first])}"
        )
    elif set(ranking(study)) - _controls(study) != {first}:
        yield "No cheaper finalist is as good on validation"
