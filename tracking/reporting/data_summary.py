"""What is in a data set, in words: for the console and for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from tracking.commandline.formatting import plain
from tracking.records import DataRecord, DataReportRecord, PartReportRecord

HEAD = ("part", "texts", "classes", "words: median", "middle half", "95 % at most", "longest")
# Below these, a person is told: an accuracy that is known to 5 points, and a class that is learnt
# from a handful of texts.
_FEW_POINTS, _FEW_OF_A_CLASS = 5.0, 50
_SHOWN = 8  # classes; there may be hundreds


def rows(data: DataRecord) -> list[tuple[str, ...]]:
    """Return a row under HEAD for each part; none for records that do not say."""
    if data.report is None:
        return []
    return [
        (name, f"{part.n_texts:,}", _classes(part.classes), *_lengths(part))
        for name, part in data.report.parts.items()
    ]


def lines(data: DataRecord) -> list[str]:
    """Say what is there, a line for each part and for whatever deserves attention."""
    found = data.report
    if found is None:
        return []
    return [
        *(
            f"{name}: {_n(part.n_texts, 'text')}; {_classes(part.classes)}; "
            f"{_lengths_in_words(part)}"
            for name, part in found.parts.items()
        ),
        f"words: {found.n_words:,} different ones in train, {found.n_words_twice:,} of them at "
        "least twice",
        *remarks(data),
    ]


def remarks(data: DataRecord) -> list[str]:
    """Say what deserves attention before anything is trained."""
    found = data.report
    if found is None:
        return []
    return [*_rows_without(found), *_equal_texts(found), *_labels(found), *_few(found)]


def _classes(classes: Mapping[str, int]) -> str:
    n_texts = max(1, sum(classes.values()))
    by_size = sorted(classes.items(), key=lambda item: (-item[1], item[0]))
    said = [f"{plain(name)} {100 * n / n_texts:.0f} %" for name, n in by_size[:_SHOWN]]
    more = [f"{len(by_size) - _SHOWN:,} more"] if len(by_size) > _SHOWN else []
    return ", ".join([*said, *more])


def _lengths(part: PartReportRecord) -> tuple[str, str, str, str]:
    _, lower, median, upper, most, longest = part.words
    return f"{median:,}", f"{lower:,} to {upper:,}", f"{most:,}", f"{longest:,}"


def _lengths_in_words(part: PartReportRecord) -> str:
    median, middle, most, longest = _lengths(part)
    return f"words: median {median}, half of them {middle}, 95 % at most {most}, longest {longest}"


def _rows_without(found: DataReportRecord) -> list[str]:
    said = [f"{_n(n, 'row')} {why}: left out" for why, n in found.left_out.items()]
    if found.n_unlabelled:
        said.append(f"{_n(found.n_unlabelled, 'row')} without a label")
    return said


def _equal_texts(found: DataReportRecord) -> list[str]:
    said = []
    for name, part in found.parts.items():
        if part.n_repeated:
            n = part.n_repeated
            said.append(f"{name}: {_n(n, 'text')} {'repeats' if n == 1 else 'repeat'} another one")
        if part.n_conflicting:
            n = part.n_conflicting
            said.append(
                f"{name}: {n:,} {'text has' if n == 1 else 'texts have'} more than one label, "
                "so no model can be right on all of them"
            )
        if part.n_wordless:
            said.append(f"{name}: {_n(part.n_wordless, 'text')} without a word")
    for both, n in found.in_two_parts.items():
        first, second = both.split(", ")
        said.append(
            f"{_n(n, 'text')} of {second} in {first} too, so accuracy on {second} looks "
            "better than it is"
        )
    return said


def _labels(found: DataReportRecord) -> list[str]:
    return [
        f"labels {plain(first)!r} and {plain(second)!r} differ in case or spaces alone, and count "
        "as two classes"
        for first, second in found.alike
    ]


def _few(found: DataReportRecord) -> list[str]:
    said = []
    for name in ("validation", "test"):
        part = found.parts.get(name)
        points = 98 / sqrt(part.n_texts) if part and part.n_texts else 0.0
        if part is not None and points > _FEW_POINTS:
            said.append(
                f"few: with {_n(part.n_texts, 'text')} for {name} an accuracy is known to about "
                f"{points:.1f} points either way (95 % interval); {_enough():,} make it "
                f"{_FEW_POINTS:.1f}"
            )
    train = found.parts["train"].classes
    small = {name: n for name, n in train.items() if n < _FEW_OF_A_CLASS}
    if small:
        said.append(
            f"few: fewer than {_FEW_OF_A_CLASS} training texts of {_classes_counted(small)}"
        )
    return said


def _enough() -> int:
    return round((98 / _FEW_POINTS) ** 2)


def _classes_counted(classes: Mapping[str, int]) -> str:
    by_size: Sequence[tuple[str, int]] = sorted(classes.items(), key=lambda item: item[1])
    said = [f"{plain(name)} ({n:,})" for name, n in by_size[:_SHOWN]]
    more = f" and {len(by_size) - _SHOWN:,} more" if len(by_size) > _SHOWN else ""
    return f"{', '.join(said)}{more}"


def _n(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
