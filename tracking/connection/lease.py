"""A lock across machines where an MLflow server keeps the records: a lease, in tags of the study.

The holder renews it while it works. One that was killed on another machine is followed by the next
when the lease has run out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from mlflow.entities import RunTag

from tracking.connection.retry import Outage

if TYPE_CHECKING:
    from mlflow import MlflowClient

_ID, _OWNER, _UNTIL = "lease.id", "lease.owner", "lease.until"  # tags of the study's own run
_SECONDS = 60.0  # that it lasts
_RENEW_SECONDS = 15.0
_RACE_SECONDS = 0.2  # in which two that take it at the same moment have both written


class Lease:
    """A lease on a study.

    Args:
        client: which does not wait for a server that is away: who writes waits, and says so.
        find: gives the id of the study's own run, which `--fresh` replaces; None if there is none.
        own_id: the same for all who cannot work at the same moment anyway, being locked out by a
            file of this machine, so that a lease of one that was killed is still ours.
        name: of its holder, for people.
    """

    def __init__(
        self, client: MlflowClient, find: Callable[[], str | None], own_id: str, name: str
    ) -> None:
        self._client = client
        self._find = find
        self._id = own_id
        self._name = name
        self._run_id: str | None = None  # of the study that we have
        self._renew_at = 0.0  # by the clock that never goes back

    def keep(self) -> str | None:
        """Take the lease, or renew it when it is time.

        Returns:
            who else has it; None if it is ours, or there is no study yet, or no answer.
        """
        if time.monotonic() < self._renew_at:
            return None
        with suppress(Outage):
            return self._keep()
        return None

    def release(self) -> None:
        """Return the lease back, if it is ours and the server answers."""
        with suppress(Outage):
            if self._run_id is not None and self._other(self._run_id) is None:
                self._client.set_tag(self._run_id, _UNTIL, "0")
        self._run_id, self._renew_at = None, 0.0

    def _keep(self) -> str | None:
        run_id = self._find()
        if run_id is None:
            return None
        is_ours = run_id == self._run_id
        other = self._other(run_id)
        if other is not None:
            return other
        tags = {_ID: self._id, _OWNER: self._name, _UNTIL: repr(time.time() + _SECONDS)}
        self._client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])
        if not is_ours:
            time.sleep(_RACE_SECONDS)
            other = self._other(run_id)
        if other is None:
            self._run_id, self._renew_at = run_id, time.monotonic() + _RENEW_SECONDS
        return other

    def _other(self, run_id: str) -> str | None:
        """Return who else has it. Whoever took it from us has it, for how long does not matter."""
        tags = self._client.get_run(run_id).data.tags
        if tags.get(_ID, self._id) == self._id:
            return None
        try:
            runs_out = float(tags.get(_UNTIL, 0))
        except ValueError:  # it was edited
            runs_out = 0.0
        if run_id != self._run_id and runs_out < time.time():
            return None
        return tags.get(_OWNER, "another process")
