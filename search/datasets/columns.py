"""Which column of a table holds what: named by the person, or known by its usual names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracking.commandline.errors import UserError, unknown
from tracking.commandline.formatting import plain

if TYPE_CHECKING:
    from tracking.records import DataRecord

NONE = "none"  # given as a column's name: the table is read as if it had none
NEEDED = ("text", "label")
ROLES = (*NEEDED, "group", "split")

# Compared without case, spaces and signs; the first that a table has is taken.
_USUAL: Mapping[str, tuple[str, ...]] = {
    "text": (
        "text",
        "review",
        "sentence",
        "content",
        "comment",
        "tweet",
        "message",
        "phrase",
        "body",
        "document",
        "reviewtext",
        "reviewbody",
        "commenttext",
        "tweettext",
        "fulltext",
        "description",
        "headline",
        "question",
        "title",
    ),
    "label": (
        "label",
        "labels",
        "sentiment",
        "category",
        "target",
        "class",
        "rating",
        "stars",
        "score",
        "polarity",
        "emotion",
        "topic",
        "intent",
        "classindex",
    ),
    "group": (
        "group",
        "groupid",
        "movie",
        "movieid",
        "film",
        "product",
        "productid",
        "documentid",
        "sentenceid",
    ),
    "split": ("split",),
}
_SHOWN = 20  # names in an error; a table may have thousands


@dataclass(frozen=True)
class TableOptions:
    """How a table is to be read.

    Attributes:
        text: name of the column with the texts; empty where it is to be guessed.
        label: the same of the labels.
        group: the same of what a split keeps together; "none" for none.
        split: the same of the parts; "none" for none.
        encoding: empty for UTF-8.
        test_share: share of the texts that is held out as a test part; 0 holds out none.
    """

    text: str = ""
    label: str = ""
    group: str = ""
    split: str = ""
    encoding: str = ""
    test_share: float = 0.0

    def given(self, role: str) -> str:
        """Return the name that was given for a column; empty where there is none."""
        return {
            "text": self.text,
            "label": self.label,
            "group": self.group,
            "split": self.split,
        }[role]


GUESSED = TableOptions()  # nothing was given


def as_recorded(data: DataRecord) -> TableOptions:
    """Return how the table of a study was read, so that it is read so again."""
    return TableOptions(**data.columns, encoding=data.encoding, test_share=data.test_share)


def choose(names: Sequence[str], options: TableOptions, source: str) -> dict[str, str]:
    """Choose the column of each role that the table has.

    Args:
        names: of all columns, in their order.
        source: how the table is named in an error.

    Raises:
        UserError: if a needed one is not there, or what was given is not, or is there twice.
    """
    chosen: dict[str, str] = {}
    for role in ROLES:
        name = options.given(role) or guess(role, names)
        if name and name != NONE:
            chosen[role] = _checked(name, role, names, source)
    missing = [role for role in NEEDED if role not in chosen]
    if missing:
        raise _lacking(missing, names, source)
    taken = list(chosen.values())
    for name in taken:
        if taken.count(name) > 1:
            both = " and ".join(role for role in chosen if chosen[role] == name)
            raise UserError(f"{both} must be two columns, but both are {plain(name)!r}.")
    return chosen


def n_known(names: Sequence[str], options: TableOptions) -> int:
    """Count the roles that columns of these names have."""
    return sum(
        (options.given(role) in names) if options.given(role) else bool(guess(role, names))
        for role in ROLES
    )


def in_words(columns: Mapping[str, str]) -> str:
    """Say which columns were read: "text: review, label: sentiment"."""
    return ", ".join(f"{role}: {plain(name)}" for role, name in columns.items() if name != NONE)


def whole(chosen: Mapping[str, str]) -> dict[str, str]:
    """Return a name for each role, so that nothing is guessed the next time."""
    return {role: chosen.get(role, NONE) for role in ROLES}


def guess(role: str, names: Sequence[str]) -> str:
    """Return the column that has a usual name for what it holds; empty if none has."""
    known = {_bare(name): name for name in reversed(names)}  # of equals the first
    return next((known[usual] for usual in _USUAL[role] if usual in known), "")


def _bare(name: str) -> str:
    return "".join(one for one in name.casefold() if one.isalnum())


def _checked(name: str, role: str, names: Sequence[str], source: str) -> str:
    if name not in names:
        if len(names) > _SHOWN:
            raise UserError(
                f"--{role}-column must name one of the {len(names):,} columns of {source}, "
                f"but got {plain(name)!r}."
            )
        raise unknown(f"column for --{role}-column", name, names)
    if names.count(name) > 1:
        raise UserError(
            f"the {role} must be one column, but {source} has {names.count(name)} called "
            f"{plain(name)!r}."
        )
    return name


def _lacking(missing: Sequence[str], names: Sequence[str], source: str) -> UserError:
    shown = ", ".join(map(plain, names[:_SHOWN])) or "none"
    more = f", and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    options = " and ".join(f"--{role}-column" for role in missing)
    return UserError(
        f"a data file needs the columns text and label, but {source} lacks "
        f"{' and '.join(missing)}. Its columns: {shown}{more}. "
        f"{options} {'say' if missing[1:] else 'says'} which {'are' if missing[1:] else 'is'} "
        "meant; a CSV or TSV file names its columns in its first line."
    )
