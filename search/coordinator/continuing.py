"""Which finished trials train on when a person asks for more epochs: `--continue N`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tracking.commandline.errors import UserError
from tracking.records import TrialRecord, ranked


def can_train_on(trial: TrialRecord) -> bool:
    """Return whether a finished trial ended because it had all of its epochs.

    One that was trained elsewhere has none of our epochs. One that early stopping has ended would
    be ended again at once. One whose step size fell to
    zero over its epochs is not the beginning of a longer training.
    """
    if trial.state != "complete" or trial.score is None or "train.patience" not in trial.params:
        return False
    if trial.params.get("train.schedule", "constant") != "constant":
        return False
    n_after_best = len(trial.epochs) - trial.score.best_epoch
    return bool(trial.epochs) and n_after_best < int(trial.params["train.patience"])


def to_continue(
    history: Sequence[TrialRecord], n: int, max_epochs: int, finalists: Collection[int | str]
) -> list[int]:
    """Return the numbers of the trials that are to train on, the best first.

    Args:
        n: how many of the study are to have been continued to this limit, by earlier sessions too.
        max_epochs: the limit.
        finalists: what search.evaluate has trained again. It keeps its values.

    Raises:
        UserError: if there are not so many that can.
    """
    n_done = sum(trial.continued_to == max_epochs for trial in history)
    possible = [
        trial.number
        for trial in ranked(history)
        if can_train_on(trial)
        and int(trial.params["train.epochs"]) < max_epochs
        and trial.number not in finalists
    ]
    if n_done + len(possible) < n:
        raise UserError(
            f"--continue {n} needs {n} finished trials that can train on up to {max_epochs} "
            f"epochs (--max-epochs), but there are {n_done + len(possible)}. Others have had as "
            "many, were ended by early stopping, have a train.schedule that spans their own "
            "epochs, or are those of search.evaluate."
        )
    return possible[: max(0, n - n_done)]
