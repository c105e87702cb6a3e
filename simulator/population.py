"""The requests of one simulated source, each with its versions: what the source shows at which instant.

A request is seen from the moment its first version appears, which is later than the moment it was made when
it was reported late. Each later version (moved, recategorised, closed) replaces the one before. Nothing is
ever shown before its time, so a clock that is moved forward sees the source grow as it grew.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FOREVER = np.iinfo(np.int64).max


class Service(NamedTuple):
    """What people can ask for or complain about."""

    code: str
    name: str
    agency: str
    description: str


@dataclass(frozen=True)
class Population:
    """All requests of one source. Times are whole seconds since 1970 in UTC.

    Args:
        zone: The zone in which the source states its times.
        services, areas, channels: What the numbers in the arrays below point at.
        ids: (n_requests,) as are the next seven; requests stand in the order of `requested`.
        requested: When the request was made.
        parent: The request of which this is a duplicate, -1: of none.
        request: (n_versions,) as are the next four; which request this is a version of, ascending.
        at: When the version appeared, ascending within a request.
        closed: Whether the request is closed in this version.
    """

    zone: ZoneInfo
    services: tuple[Service, ...]
    areas: tuple[str, ...]
    channels: tuple[str, ...]
    ids: npt.NDArray[np.str_]
    requested: Ints
    channel: Ints
    parent: Ints
    latitude: Floats
    longitude: Floats
    street: npt.NDArray[np.str_]
    request: Ints
    at: Ints
    service: Ints
    area: Ints
    closed: Bools

    def visible(
        self, now: datetime, requested_from: datetime | None = None, requested_to: datetime | None = None
    ) -> Ints:
        """Versions that the source shows at `now`, one a request, in the order of `requested`.

        Args:
            requested_from, requested_to: First and last instant of the request that is wanted.
        """
        first, stop = 0, len(self.ids)
        if requested_from is not None:
            first = int(np.searchsorted(self.requested, _seconds(requested_from)))
        if requested_to is not None:
            stop = int(np.searchsorted(self.requested, _seconds(requested_to), side="right"))
        begin, end = (int(edge) for edge in np.searchsorted(self.request, np.array([first, stop])))
        shown = (self.at[begin:end] <= _seconds(now)) & (self._until[begin:end] > _seconds(now))
        found: Ints = np.flatnonzero(shown) + begin
        return found

    def changed(self, now: datetime, since: datetime | None = None, until: datetime | None = None) -> Ints:
        """Versions shown at `now` that appeared from `since` to `until`, in the order of their appearance."""
        first = 0 if since is None else np.searchsorted(self._at_in_order, _seconds(since))
        last = now if until is None else min(now, until)
        stop = np.searchsorted(self._at_in_order, _seconds(last), side="right")
        versions = self._by_at[first:stop]
        return versions[self._until[versions] > _seconds(now)]

    def find(self, request_id: str, now: datetime) -> int | None:
        """The version of one request that is shown at `now`; None: there is no such request yet."""
        position = self._position.get(request_id)
        if position is None:
            return None
        begin, end = np.searchsorted(self.request, [position, position + 1])
        appeared = int(np.searchsorted(self.at[begin:end], _seconds(now), side="right"))
        return int(begin) + appeared - 1 if appeared else None

    @cached_property
    def _until(self) -> Ints:
        """When the next version of the same request appears, (n_versions,)."""
        until = np.full(len(self.at), _FOREVER)
        same = self.request[1:] == self.request[:-1]
        until[:-1][same] = self.at[1:][same]
        return until

    @cached_property
    def _by_at(self) -> Ints:
        return np.argsort(self.at, kind="stable")

    @cached_property
    def _at_in_order(self) -> Ints:
        return self.at[self._by_at]

    @cached_property
    def _position(self) -> dict[str, int]:
        return {str(request_id): position for position, request_id in enumerate(self.ids)}


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
