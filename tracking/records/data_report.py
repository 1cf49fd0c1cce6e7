"""What is in a data set, before anything is trained on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class PartReportRecord:
    """One part of a data set.

    Attributes:
        classes: texts of each class.
        words: shortest, lower quartile, median, upper quartile, 95th percentile and longest of
            the lengths in words.
        n_repeated: texts that are equal to an earlier one.
        n_conflicting: different texts that occur with more than one label.
        n_wordless: texts without a word.
    """

    n_texts: int
    classes: Mapping[str, int]
    words: tuple[int, int, int, int, int, int]
    n_repeated: int
    n_conflicting: int
    n_wordless: int


@dataclass(frozen=True)
class DataReportRecord:
    """A data set as it was prepared.

    Attributes:
        parts: train, validation and, where there is one, test.
        n_unlabelled: rows that have no label.
        left_out: rows that are of no use, counted by the reason.
        in_two_parts: texts of the second part that stand in the first too, by "first, second".
        n_words: different words of the training part.
        n_words_twice: those of them that occur at least twice.
        alike: pairs of labels that differ in case or spaces alone.
    """

    parts: Mapping[str, PartReportRecord]
    n_unlabelled: int
    left_out: Mapping[str, int]
    in_two_parts: Mapping[str, int]
    n_words: int
    n_words_twice: int
    alike: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> DataReportRecord:
        """Read it back from the plain values that JSON has of it."""
        parts = {
            name: PartReportRecord(**{**part, "words": tuple(part["words"])})
            for name, part in values["parts"].items()
        }
        alike = tuple((first, second) for first, second in values["alike"])
        return cls(**{**values, "parts": parts, "alike": alike})
