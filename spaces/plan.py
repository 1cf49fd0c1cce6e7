"""StudyPlan: the intent of a study. What happened is a record (tracking/records.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from spaces.ranges import Int, Params, Space, Value, check, defaults, free

DEFAULTS = "defaults"  # the name of a study's first starting point


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A published configuration.

    Attributes:
        params: the values it was published with; the space's default stands for the others.
        published: test accuracy between 0 and 1, or None where none was published.
    """

    name: str
    params: Params
    published: float | None
    source: str


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What a study asks, what it may vary, and what it may cost.

    Attributes:
        space: every hyperparameter of a trial; those not in `searched` stay at their default.
        searched: the names the sampler proposes values for.
        references: tried right after the defaults, before the sampler's first proposal.
        n_trials: finished trials of the study, over all its sessions.
        timeout: seconds of trials of the study, over all its sessions.
        seconds_per_million_tokens: measured cost of training an epoch, for the first estimate.
    """

    name: str
    question: str
    family: str
    space: Space
    searched: tuple[str, ...]
    references: tuple[Reference, ...]
    n_trials: int | None
    timeout: float | None
    seconds_per_million_tokens: float

    def __post_init__(self) -> None:
        for name in self.searched:
            if name not in self.space:
                raise ValueError(f"study {self.name}: {name} is not one of {sorted(self.space)}.")
        for reference in self.references:
            check(self.space, reference.params, of=f"study {self.name}, {reference.name}")

    @property
    def searched_space(self) -> Space:
        return free(self.space, self.searched)

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
        """Fill in the defaults of everything that `params` does not say."""
        return {**defaults(self.space), **params}

    def starting_points(self) -> Mapping[str, Params]:
        """Give what is tried before the sampler: the defaults, then each reference once.

        Two references published with equal values (of different years) make one trial.
        """
        points: dict[str, Params] = {DEFAULTS: self.complete({})}
        for reference in self.references:
            params = self.complete(reference.params)
            if params not in points.values():
                points[reference.name] = params
        return points

    def with_budget(self, n_trials: int | None, timeout: float | None) -> StudyPlan:
        """Replace the budget as a whole: what is None here no longer limits."""
        return replace(self, n_trials=n_trials, timeout=timeout)

    def with_max_epochs(self, max_epochs: int) -> StudyPlan:
        """Cap the epochs of every trial, those of the references too."""
        epochs = self._epochs
        cap = min(epochs.high, max_epochs)
        capped = replace(
            epochs, low=min(epochs.low, cap), high=cap, default=min(epochs.default, cap)
        )
        return replace(
            self,
            space={**self.space, "train.epochs": capped},
            references=tuple(_cap_epochs(reference, cap) for reference in self.references),
        )


def _cap_epochs(reference: Reference, cap: int) -> Reference:
    epochs = reference.params.get("train.epochs")
    if not isinstance(epochs, int):
        return reference  # it has the default, which is capped already
    return replace(reference, params={**reference.params, "train.epochs": min(epochs, cap)})
