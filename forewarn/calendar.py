"""Which days are not like other days: weekdays, public holidays, school holidays and what is on in a place."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

import holidays as holiday_library
import numpy as np
import numpy.typing as npt

from forewarn.errors import ConfigError

Dates = npt.NDArray[np.datetime64]


class EventKind(StrEnum):
    """What a planned event does to requests."""

    HOLIDAY = "holiday"  # as a public holiday, though the law knows it not: Shrove Monday in Cologne
    CLOSURE = "closure"  # offices or lines are shut
    SCHOOL_HOLIDAY = "school_holiday"
    EVENT = "event"  # a fair, a march, a match


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is known beforehand to fall on the days from `first` to `last`, both included."""

    kind: EventKind
    first: date
    last: date
    name: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """The civil calendar of one place.

    Args:
        country: ISO 3166 code such as `US` or `DE`; None: no holidays are known.
        subdivision: State or province such as `NY` or `BW`.
        events: What is planned, past and to come.
    """

    country: str | None = None
    subdivision: str | None = None
    events: tuple[Event, ...] = ()

    def check(self, key: str = "") -> None:
        """Whether the place is known.

        Args:
            key: Table of the settings that names it, for the message.

        Raises:
            ConfigError: The country or subdivision is not known to the `holidays` library.
        """
        where = f"{key}." if key else ""
        country, subdivision, known = self.country, self.subdivision, _countries()
        if country is None:
            if subdivision is not None:
                raise ConfigError(f"{where}subdivision", "has no meaning without a country")
        elif country not in known:
            problem = f"{country!r} is not the ISO 3166 code of a country with known holidays, such as 'DE'"
            raise ConfigError(f"{where}country", problem, allowed=known, value=country.upper())
        elif subdivision is not None and subdivision not in known[country]:
            problem = f"{subdivision!r} is not part of {country}"
            raise ConfigError(f"{where}subdivision", problem, allowed=known[country], value=subdivision.upper())

    def holiday_names(self, dates: Dates) -> npt.NDArray[np.str_]:
        """Name of the holiday on each day, '' on ordinary days; shape of `dates`.

        A planned event of kind `holiday` is one where the law knows none.

        Raises:
            ConfigError: The country or subdivision is not known to the `holidays` library.
        """
        days = dates.astype("datetime64[D]")
        self.check()
        own = self.event_names(days, EventKind.HOLIDAY)
        if self.country is None or days.size == 0:
            return own
        years = days.astype("datetime64[Y]").astype(int) + 1970
        known = _public_holidays(self.country, self.subdivision, int(years.min()), int(years.max()))
        public = np.array([known.get(day, "") for day in days.ravel()], dtype=np.str_).reshape(days.shape)
        return np.where(public == "", own, public)

    def event_names(self, dates: Dates, kind: EventKind) -> npt.NDArray[np.str_]:
        """Names of the planned events of this kind on each day, '' where there are none; shape of `dates`."""
        days = dates.astype("datetime64[D]")
        names = np.full(days.shape, "", dtype=object)
        span = (days.min().item(), days.max().item()) if days.size else (date.max, date.min)
        for event in self.of_kind(kind):
            if event.last < span[0] or event.first > span[1]:
                continue
            on = (days >= np.datetime64(event.first, "D")) & (days <= np.datetime64(event.last, "D"))
            names[on] = [f"{name}, {event.name}" if name else event.name for name in names[on]]
        return names.astype(np.str_)

    def is_off(self, dates: Dates) -> npt.NDArray[np.bool_]:
        """Whether each day is a holiday or a planned closure; shape of `dates`."""
        closed = self.event_names(dates, EventKind.CLOSURE) != ""
        return np.asarray((self.holiday_names(dates) != "") | closed)

    def of_kind(self, kind: EventKind) -> list[Event]:
        """The planned events of this kind, by day, each name on a day once."""
        found = {event for event in self.events if event.kind is kind}
        return sorted(found, key=lambda event: (event.first, event.last, event.name))


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    found: dict[str, list[str]] = holiday_library.list_supported_countries()
    return found


@lru_cache(maxsize=64)
def _public_holidays(
    country: str, subdivision: str | None, first_year: int, last_year: int
) -> dict[np.datetime64, str]:
    found = holiday_library.country_holidays(
        country, subdiv=subdivision, years=range(first_year, last_year + 1), language="en_US"
    )
    return {np.datetime64(day, "D"): name for day, name in found.items()}


def weekdays(dates: Dates) -> npt.NDArray[np.int64]:
    """Weekday of each day, 0 is Monday; shape of `dates`."""
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7
