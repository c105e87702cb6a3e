"""A seeded population of requests with a movable clock: what a public server shows, and what it showed before.

Requests arrive in the daytime, some are published late, most are closed and some reopened, a few are edited or
deleted, and one category gets another name for all that comes from then on. Everything is an event with the instant
from which on it can be seen, so `at(now)` is the truth at any `now`. What tests add by hand (`edit`, `delete`,
`rename`, `hide`, `move_to_new_ids`) are events like the others.

Nothing happens within ten minutes of a full hour: a test that reads at full hours need not think of the minutes that
connectors leave for the next run. Nothing happens in the first hours after midnight, of which some servers do not say
which of two it is when the clocks go back.
"""

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

CATEGORIES = ("Rats", "Noise", "Street light", "Graffiti")
AREAS = ("North", "South", "Harbour")
CHANNELS = ("phone", "web")
OPEN_HOURS = 7, 21  # of the town's own clock
QUIET_UNTIL = 4
LATE, VERY_LATE, CLOSED, REOPENED, EDITED, DELETED = 0.08, 0.02, 0.6, 0.1, 0.05, 0.02  # shares of all requests


class Shown(NamedTuple):
    """One request as it is shown; times are aware and in UTC."""

    record_id: str
    requested_at: datetime
    category: str
    area: str
    channel: str
    closed_at: datetime | None
    updated_at: datetime  # as the record itself says: a late one was updated long before it could be seen
    loaded_at: datetime  # when the server took this version in

    @property
    def status(self) -> str:
        return "open" if self.closed_at is None else "closed"


class Event(NamedTuple):
    """From `at` on `record_id` is `shown`; None: it is gone."""

    at: datetime
    record_id: str
    shown: Shown | None


@dataclass
class Population:
    """All that ever happens to the requests of one town, in the order of its events."""

    zone: ZoneInfo
    events: list[Event] = field(default_factory=list)

    @classmethod
    def drawn(
        cls,
        seed: int,
        first_day: date,
        n_days: int,
        *,
        per_day: int,
        zone: ZoneInfo,
        renamed_on: date | None = None,
    ) -> "Population":
        """A town that asks `per_day` times, a few more or less, on every day but Sunday.

        Args:
            renamed_on: From this day on requests of the first category come under another name.
        """
        rng = Random(seed)
        town = cls(zone)
        number = 26_000_000
        for day in (first_day + timedelta(days=n) for n in range(n_days)):
            for _ in range(0 if day.weekday() == 6 else per_day + rng.randint(-4, 4)):
                number += 1
                category = rng.choice(CATEGORIES)
                local = datetime.combine(day, time(rng.randrange(*OPEN_HOURS)), zone)
                if renamed_on is not None and day >= renamed_on and category == CATEGORIES[0]:
                    category = f"{category} (new form)"
                town._live(rng, f"{number:09d}", town._when(rng, local), category)
        town.events.sort(key=lambda event: event.at)
        return town

    def at(self, now: datetime) -> list[Shown]:
        """What can be seen at `now`, oldest request first."""
        last = {event.record_id: event.shown for event in self._until(now)}
        return sorted((shown for shown in last.values() if shown), key=lambda shown: (shown.requested_at, shown[0]))

    def ever(self, now: datetime) -> frozenset[str]:
        """Ids of everything that could be seen at some time up to `now`."""
        return frozenset(event.record_id for event in self._until(now))

    def edit(self, now: datetime, pick: int, change: Callable[[Shown], Shown]) -> None:
        """One request is changed just after `now`."""
        if visible := self.at(now):
            shown = change(visible[pick % len(visible)])
            self._add(_soon(now), shown.record_id, shown)

    def close(self, now: datetime, pick: int) -> None:
        self.edit(now, pick, lambda shown: shown._replace(closed_at=_soon(now)))

    def reopen(self, now: datetime, pick: int) -> None:
        self.edit(now, pick, lambda shown: shown._replace(closed_at=None))

    def recategorise(self, now: datetime, pick: int) -> None:
        self.edit(now, pick, lambda shown: shown._replace(category=f"{shown.category}, other"))

    def delete(self, now: datetime, pick: int) -> None:
        if visible := self.at(now):
            self._add(_soon(now), visible[pick % len(visible)].record_id, None)

    def hide(self, now: datetime, pick: int, back: datetime) -> None:
        """One request is deleted and comes back later as it was."""
        if visible := self.at(now):
            shown = visible[pick % len(visible)]
            self._add(_soon(now), shown.record_id, None)
            self._add(_soon(back), shown.record_id, shown)

    def rename(self, now: datetime, category: str, to: str) -> None:
        """A category gets another name in all requests that are there, as when a portal is mended as a whole."""
        for shown in self.at(now):
            if shown.category == category:
                self._add(_soon(now), shown.record_id, shown._replace(category=to))

    def move_to_new_ids(self, now: datetime) -> None:
        """Every request gets another id, as when the data set is built anew; what happens to it later does not."""
        for shown in self.at(now):
            self._add(_soon(now), shown.record_id, None)
            self._add(_soon(now), f"N{shown.record_id}", shown._replace(record_id=f"N{shown.record_id}"))

    def _live(self, rng: Random, record_id: str, requested: datetime, category: str) -> None:
        """The events of one request, from its publication to its end."""
        published, chance = requested, rng.random()
        if chance < VERY_LATE:
            published = self._when(rng, requested + timedelta(days=rng.randint(5, 9)))
        elif chance < VERY_LATE + LATE:
            published = self._when(rng, requested + timedelta(hours=rng.randint(1, 60)))
        shown = Shown(
            record_id, requested, category, rng.choice(AREAS), rng.choice(CHANNELS), None, requested, published
        )
        self.events.append(Event(published, record_id, shown))
        at = published
        if rng.random() < EDITED:
            at = self._when(rng, at + timedelta(hours=rng.randint(1, 200)))
            shown = self._then(at, shown._replace(area=rng.choice(AREAS), category=rng.choice(CATEGORIES)))
        if rng.random() < CLOSED:
            at = self._when(rng, at + timedelta(hours=1 + rng.expovariate(1 / 72)))
            shown = self._then(at, shown._replace(closed_at=at))
            if rng.random() < REOPENED:
                at = self._when(rng, at + timedelta(hours=rng.randint(5, 100)))
                shown = self._then(at, shown._replace(closed_at=None))
        if rng.random() < DELETED:
            self.events.append(Event(self._when(rng, at + timedelta(days=rng.randint(1, 10))), record_id, None))

    def _then(self, at: datetime, shown: Shown) -> Shown:
        shown = shown._replace(updated_at=at, loaded_at=at)
        self.events.append(Event(at, shown.record_id, shown))
        return shown

    def _add(self, at: datetime, record_id: str, shown: Shown | None) -> None:
        """One more event; what was to happen to the request later no longer does, but for its own next events."""
        self.events = [event for event in self.events if event.record_id != record_id or event.at <= at]
        news = Event(at, record_id, shown and shown._replace(updated_at=at, loaded_at=at))
        insort(self.events, news, key=lambda event: event.at)

    def _when(self, rng: Random, moment: datetime) -> datetime:
        """The moment, moved to where something may happen."""
        if moment.astimezone(self.zone).hour < QUIET_UNTIL:
            moment += timedelta(hours=QUIET_UNTIL)
        return moment.astimezone(UTC).replace(minute=rng.randint(10, 49), second=rng.randint(0, 59), microsecond=0)

    def _until(self, now: datetime) -> Sequence[Event]:
        return [event for event in self.events if event.at <= now]


def _soon(now: datetime) -> datetime:
    """The next instant at which something may happen."""
    return now.replace(minute=20, second=0, microsecond=0)
