"""Sources that have a data set for each year: which are read, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

CLOSING = timedelta(days=90)
"""So long after its end a year's data set is still read, as requests of its last weeks are still changed."""


@dataclass(frozen=True, slots=True)
class Part:
    """One data set, and the days of the requests that are in it (both included; None: it is the only one)."""

    key: str
    name: str
    first: date
    last: date | None

    def is_closed(self, today: date) -> bool:
        return self.last is not None and today > self.last + CLOSING


def parts_of(name: str, years: Mapping[int, str], first: date, today: date) -> list[Part]:
    """The data sets from the day `first` on: the one `name`, or those of `years` that have begun."""
    if not years:
        return [Part("", name, first, None)]
    begun = [year for year in sorted(years) if first.year <= year <= today.year]
    return [Part(str(year), years[year], max(first, date(year, 1, 1)), date(year, 12, 31)) for year in begun]
