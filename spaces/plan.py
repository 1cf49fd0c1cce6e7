"""StudyPlan: the intent of a study. What happened is a record (tracking/records/)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from spaces.families import FAMILY, applies, space_of
from spaces.family import SHARED
from spaces.ranges import (
    Choice,
    Int,
    Params,
    Range,
    Space,
    Value,
    changed,
    check,
    defaults,
    fixed,
    inside,
    unknown,
)
from spaces.text import TEXT
from spaces.training import PLAIN

ENQUEUED = "enqueued"  # "enqueued-1" is the first that a person has queued
DEFAULTS = "defaults"  # the first starting point; of several families "defaults-cnn" and so on

# What a reference is trained on, and what it is tested on. The last is not the official split.
Split = Literal["official", "part-15000", "pooled-67-33"]
SPLITS: dict[Split, str] = {
    "official": "all training texts, the test part",
    "part-15000": "60 % of the training texts, the test part",
    "pooled-67-33": "67 % of all texts, the rest",
}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A published configuration.

    Attributes:
        params: the values it was published with; the space's default stands for the others.
        published: test accuracy between 0 and 1, or None where none was published.
        split: what it was trained and tested on, for its reproduction. In a search it is trained
            and validated as every trial.
        note: what a reader of the comparison must know.
    """

    name: str
    family: str
    params: Params
    published: float | None
    source: str
    split: Split = "official"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What a study asks, what it may vary, and what it may cost.

    Attributes:
        space: every hyperparameter of a trial. One of a family belongs to the trials of that
            family alone. Those not in `searched` stay at their default.
        searched: the names the sampler proposes values for. A study that searches nothing
            reproduces its references, on the test set.
        references: tried right after the defaults, before the sampler's first proposal.
        n_trials: finished trials of the study, over all its sessions.
        timeout: seconds of trials of the study, over all its sessions.
        patience: proposals in a row without a better one that end the study; None never does.
        seconds_per_million_tokens: measured cost of training an epoch, for the first estimate.
        simple_baselines: classifiers without a neural network to compare the candidates with.
        repeats: how often a reproduction trains each configuration, each time on another seed.
        only: the references that a reproduction is held to; empty is all of them.
        enqueued: trials that a person has queued, by what proposes them: their family, and the
            values that were asked for. They come first.
    """

    name: str
    question: str
    space: Space
    searched: tuple[str, ...]
    references: tuple[Reference, ...]
    n_trials: int | None
    timeout: float | None
    seconds_per_million_tokens: float
    simple_baselines: tuple[str, ...] = ()
    patience: int | None = None
    repeats: int = 1
    only: tuple[str, ...] = ()
    enqueued: Mapping[str, Params] = field(default_factory=dict)

    def __post_init__(self) -> None:
        file = f"spaces/studies/{self.name}.py"
        for name in self.searched:
            if name not in self.space:
                raise ValueError(f"{file}: {name} is not one of {sorted(self.space)}.")
        if FAMILY in self.searched[1:]:
            raise ValueError(f"{file}: {FAMILY} must be searched first, the rest depends on it.")
        for name, range_ in self.space.items():
            for other, _ in range_.when:
                if other not in self.space:
                    raise ValueError(f"{file}: {name} depends on {other}, which is not there.")
        names = [reference.name for reference in self.references]
        for reference in self.references:
            if names.count(reference.name) > 1:
                raise ValueError(f"{file}: there are two references named {reference.name}.")
            space = self.space_for(reference.family)
            check(space, reference.params, of=f"{file}, {reference.name}")

    @property
    def reproduces(self) -> bool:
        """Whether it trains its references as published, and searches nothing."""
        return not self.searched

    @property
    def families(self) -> tuple[str, ...]:
        choice = self.space.get(FAMILY)
        if isinstance(choice, Choice):
            return tuple(str(option) for option in choice.options)
        prefixes = dict.fromkeys(name.partition(".")[0] for name in self.space)
        return tuple(prefix for prefix in prefixes if prefix not in SHARED)

    def family(self, params: Params) -> str:
        """Return the family of a trial with these values; the first if they do not say."""
        return str(params.get(FAMILY, self.families[0]))

    def space_for(self, family: str) -> Space:
        """Keep the ranges that a trial of this family has."""
        return {name: range_ for name, range_ in self.space.items() if applies(name, family)}

    def searched_for(self, params: Params) -> list[str]:
        """Name the ranges to propose values for, once `params` holds the family.

        What others depend on comes before them.
        """
        space = self.space_for(self.family(params))
        return self.in_order(name for name in self.searched if name in space)

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Put hyperparameters behind those that they depend on."""

        def depth(name: str) -> int:
            return max((1 + depth(other) for other, _ in self.space[name].when), default=0)

        return sorted(names, key=depth)

    def is_active(self, name: str, params: Params) -> bool:
        """Return whether a trial has a hyperparameter, by the values of those it depends on.

        Args:
            params: all that are proposed before it; the others have their defaults.
        """
        return all(
            params.get(other, self.space[other].default) in values
            and self.is_active(other, params)
            for other, values in self.space[name].when
        )

    @property
    def fixed(self) -> dict[str, Value]:
        """The values that are the same in every trial; none of a reproduction."""
        if self.reproduces:
            return {}
        return {n: r.default for n, r in self.space.items() if n not in self.searched}

    @property
    def max_epochs(self) -> int:
        """The most epochs that a trial may have."""
        return self._epochs.high

    @property
    def _epochs(self) -> Int:
        epochs = self.space["train.epochs"]
        assert isinstance(epochs, Int)
        return epochs

    def complete(self, params: Params) -> dict[str, Value]:
        """Fill in the defaults of everything that `params` does not say, and the trial has."""
        filled = {**defaults(self.space_for(self.family(params))), **params}
        return {
            name: value
            for name, value in filled.items()
            if name in params or self.is_active(name, filled)
        }

    def values_of(self, family: str, params: Params) -> dict[str, Value] | None:
        """Return the values of a trial that was made with another space, as trials here have them.

        A hyperparameter that is new, so that the trial does not say it, has the default that it
        was brought with: what a training without it did.

        Returns:
            a value for each hyperparameter that a trial with these values has; None if one lies
            outside its range.
        """
        if family not in self.families:
            return None
        space = self.space_for(family)
        values = {**params, FAMILY: family}
        if any(name not in values for name in space):
            stock = {**defaults(space_of(family)), **PLAIN}
            new = {n: stock.get(n, range_.default) for n, range_ in space.items()}
            values = {**new, **values}
        values = {n: values[n] for n in space if self.is_active(n, values)}
        return values if all(value in space[name] for name, value in values.items()) else None

    def initial_trials(self) -> Mapping[str, Params]:
        """Return what is tried before the sampler: the defaults, then each reference once.

        What a person has queued comes before these, but for what is among them already. With
        several families, each has its defaults. A reproduction has its references only. Two
        references published with equal values (of different years) make one trial.
        """
        points: dict[str, Params] = {}
        if not self.reproduces:
            several = len(self.families) > 1
            for family in self.families:
                name = f"{DEFAULTS}-{family}" if several else DEFAULTS
                points[name] = self._of_family(family, {})
        for reference in self.references:
            params = self._of_family(reference.family, reference.params)
            known = params in points.values() and not self.reproduces
            if self.trained_as(reference) == reference.name and not known:
                points[reference.name] = params
        if not self.only:
            queued = {name: self.queued_values(v) for name, v in self.enqueued.items()}
            new = {n: params for n, params in queued.items() if params not in points.values()}
            return {**new, **points}
        chosen = {self.trained_as(r) for r in self.references if r.name in self.only}
        return {name: points[name] for name in points if name in chosen}

    def trained_as(self, reference: Reference) -> str:
        """Name the first reference with the same values and split: one trial stands for both."""
        for earlier in self.references:
            if earlier.family == reference.family and earlier.split == reference.split:
                values = [self._of_family(r.family, r.params) for r in (earlier, reference)]
                if values[0] == values[1]:
                    return earlier.name
        raise ValueError(f"{reference.name} is not a reference of study {self.name}.")

    def n_counted(self, trials: Iterable[tuple[str, Params]]) -> int:
        """Count the trials that the budget counts.

        Of a reproduction, each configuration as often as it is to be trained; one that was
        corrected since is trained again. A hyperparameter that there was not yet changes none.

        Args:
            trials: origin and hyperparameters of each.
        """
        if not self.reproduces:
            return len(list(trials))
        points = self.initial_trials()
        times = Counter(
            proposed_by
            for proposed_by, params in trials
            if proposed_by in points and params.items() <= points[proposed_by].items()
        )
        return sum(min(times[proposed_by], self.repeats) for proposed_by in points)

    def split_of(self, proposed_by: str) -> Split:
        """Return what the reference of this name is trained and tested on."""
        (split,) = (r.split for r in self.references if r.name == proposed_by)
        return split

    def with_budget(self, n_trials: int | None, timeout: float | None) -> StudyPlan:
        """Replace the budget as a whole: what is None here no longer limits."""
        return replace(self, n_trials=n_trials, timeout=timeout)

    def always(self, name: str, value: Value) -> StudyPlan:
        """Fix this value in every trial but the references, also outside the range.

        A queued trial that was to have another has this one.
        """
        range_ = self.space[name]
        match range_:
            case Choice(options=options):
                every = tuple(dict.fromkeys((*options, value)))
                range_ = replace(range_, options=every, default=value)
            case Int(low=low, high=high) if isinstance(value, int):
                range_ = replace(range_, low=min(low, value), high=max(high, value), default=value)
            case _:
                raise ValueError(f"{name} must be in {range_}, but got {value!r}.")
        searched = tuple(one for one in self.searched if one != name)
        queued = {
            queue: {**values, name: value} if name in values else values
            for queue, values in self.enqueued.items()
        }
        space = {**self.space, name: range_}
        return replace(self, space=space, searched=searched, enqueued=queued)

    def with_max_epochs(self, max_epochs: int) -> StudyPlan:
        """Cap the epochs of every trial, those of references and queued ones too."""
        epochs = self._epochs
        cap = min(epochs.high, max_epochs)
        capped = replace(
            epochs, low=min(epochs.low, cap), high=cap, default=min(epochs.default, cap)
        )
        return replace(
            self,
            space={**self.space, "train.epochs": capped},
            references=tuple(
                replace(reference, params=_capped(reference.params, cap))
                for reference in self.references
            ),
            enqueued={name: _capped(values, cap) for name, values in self.enqueued.items()},
        )

    def with_values(self, values: Mapping[str, object]) -> StudyPlan:
        """Fix hyperparameters: every trial has these values, also outside of a range.

        A reference that was published with another value is no trial of the study any more.

        Raises:
            ValueError: if there is no such hyperparameter, or the value makes no sense.
        """
        self._check_names(values)
        narrowed = {name: fixed(name, self.space[name], values[name]) for name in values}
        return self._with(narrowed, tuple(n for n in self.searched if n not in values))

    def with_defaults(self, values: Mapping[str, Value]) -> StudyPlan:
        """Change defaults, in their ranges; a reference may have another value.

        Raises:
            ValueError: if there is no such hyperparameter, or the value is not in its range.
        """
        self._check_names(values)
        check(self.space, values, of=f"study {self.name}, default")
        space = {n: replace(self.space[n], default=value) for n, value in values.items()}  # type: ignore[arg-type]
        return replace(self, space={**self.space, **space})

    def with_ranges(self, ranges: Mapping[str, Range]) -> StudyPlan:
        """Search these hyperparameters, in these ranges; others as before.

        Raises:
            ValueError: if there is no such hyperparameter, or the range makes no sense.
        """
        self._check_names(ranges)
        wanted = {name: changed(name, self.space[name], ranges[name]) for name in ranges}
        if isinstance(wanted.get("train.epochs"), Choice):
            raise ValueError("train.epochs must be a range LOW..HIGH, but got a list.")
        return self._with(wanted, (*self.searched, *(n for n in wanted if n not in self.searched)))

    def with_families(self, families: tuple[str, ...]) -> StudyPlan:
        """Try these families: of those that the study did not have, every range is searched."""
        stock = space_of(*families)
        space = {
            name: stock[name] if name == FAMILY else self.space.get(name, stock[name])
            for name in stock
        }
        known = set(self.families)
        shared = [n for n in self.searched if _family_of(n) is None and n != FAMILY and n in space]
        own = [
            name
            for name in space
            if (name in self.searched if _family_of(name) in known else _family_of(name))
        ]
        first = [FAMILY] if len(families) > 1 else []
        return replace(
            self,
            space=space,
            searched=tuple(dict.fromkeys([*first, *shared, *own])),
            references=tuple(r for r in self.references if r.family in families),
        )

    def enqueue(self, *trials: Params) -> StudyPlan:
        """Queue trials: they are tried before whatever else the study has not tried yet.

        Args:
            trials: values by hyperparameter, each in its range; the defaults stand for the others.
                With several families, "model.family" or a hyperparameter of one says which it is.

        Raises:
            ValueError: if there is no such hyperparameter, or a value lies outside its range.
        """
        queue = dict(self.enqueued)
        for trial in trials:
            family = self._family_asked_for(trial)
            space = self.space_for(family)
            names = [name for name in trial if name != FAMILY]
            for name in names:
                if name not in space:
                    raise ValueError(unknown("hyperparameter", name, set(space) - {FAMILY}))
            values = {name: inside(name, space[name], trial[name]) for name in names}
            if {FAMILY: family, **values} not in queue.values():
                number = next(n for n in count(1) if f"{ENQUEUED}-{n}" not in queue)
                queue[f"{ENQUEUED}-{number}"] = {FAMILY: family, **values}
        return replace(self, enqueued=queue)

    def _family_asked_for(self, values: Params) -> str:
        """Return the family that the values of a queued trial name."""
        own = [_family_of(name) for name in values]
        named = [str(values[FAMILY])] if FAMILY in values else [f for f in own if f is not None]
        found = tuple(dict.fromkeys(named)) or self.families
        if len(found) > 1:
            raise ValueError(
                f"a queued trial is of one family, but got {', '.join(values)}: say which of "
                f"{', '.join(found)}, such as {FAMILY}={found[0]}."
            )
        if found[0] not in self.families:
            raise ValueError(unknown("family of this study", found[0], self.families))
        return found[0]

    def queued_values(self, values: Params) -> dict[str, Value]:
        """Return all values of a queued trial: those of `enqueued`, defaults for the others."""
        family = str(values[FAMILY])
        space = self.space_for(family)  # since it was queued, a hyperparameter may have gone
        known = {n: value for n, value in values.items() if n in space and n != FAMILY}
        return self._of_family(family, known)

    def has_room_for(self, values: Params) -> bool:
        """Return whether a queued trial lies inside the ranges."""
        return self.values_of(str(values[FAMILY]), self.queued_values(values)) is not None

    def _check_names(self, names: Iterable[str]) -> None:
        for name in names:
            if name == FAMILY:
                raise ValueError(f"{FAMILY} is not set by itself: name the families.")
            if name not in self.space:
                raise ValueError(unknown("hyperparameter", name, set(self.space) - {FAMILY}))

    def _with(self, ranges: Space, searched: tuple[str, ...]) -> StudyPlan:
        """Replace ranges, and leave out the references that do not fit any more."""
        fitting = tuple(
            reference
            for reference in self.references
            if all(
                reference.params[name] in ranges[name]
                for name in ranges
                if name in reference.params
            )
        )
        space = {**self.space, **ranges}
        return replace(self, space=space, searched=searched, references=fitting)

    def with_texts(self, *, maxlen: int, longest: int, vocab_size: int, n_ids: int) -> StudyPlan:
        """Fit text length and vocabulary to own texts: defaults, and ends that none is beyond.

        A range that the study or a person has chosen stays as it is. The references, which were
        published on other texts, are left out.

        Args:
            maxlen: default of text.maxlen, in tokens.
            longest: tokens of the longest text.
            vocab_size: default of text.vocab_size.
            n_ids: of the whole vocabulary, the reserved ones among them.
        """
        space = dict(self.space)
        for name, default, most in (
            ("text.maxlen", maxlen, longest),
            ("text.vocab_size", vocab_size, n_ids),
        ):
            range_ = space[name]
            if isinstance(range_, Int) and range_ == TEXT[name]:
                high = min(range_.high, most) if most > range_.low else range_.high
                space[name] = replace(
                    range_, high=high, default=min(max(default, range_.low), high)
                )
        return replace(self, space=space, references=())

    def _of_family(self, family: str, params: Params) -> dict[str, Value]:
        chosen: Params = {FAMILY: family} if FAMILY in self.space else {}
        return self.complete({**chosen, **params})


def _family_of(name: str) -> str | None:
    """Return the family that a hyperparameter is of; None where families share it."""
    prefix = name.partition(".")[0]
    return None if prefix in SHARED else prefix


def _capped(params: Params, cap: int) -> Params:
    epochs = params.get("train.epochs")
    if not isinstance(epochs, int):
        return params  # it has the default, which is capped already
    return {**params, "train.epochs": min(epochs, cap)}
