"""What the people of the simulated city report, and what drives each category (`categories.csv`).

The numbers are rough readings of published 311 statistics of large cities in the United States: which
categories are large, that noise belongs to summer nights and heating to cold days, that office-like
categories halve at weekends. They are plausible, not fitted.
"""

from csv import DictReader
from pathlib import Path
from typing import NamedTuple


class Category(NamedTuple):
    """One category. Effects are on the logarithm of the daily mean unless said otherwise.

    Args:
        share: Share of all requests, in percent.
        weekend: Saturday's mean as a multiple of a weekday's; Sunday has nine tenths of it.
        season: Amplitude of a yearly wave that is highest in the middle of `peak_month`.
        cold: Effect of ten degrees below 12 °C.
        heat: Effect of ten degrees above 22 °C.
        rain: Effect of 20 mm of rain.
        growth: Growth a year.
        holiday: Mean on a public holiday as a multiple of an ordinary day's.
        hours: When in the day people report: `office`, `evening` or `flat`.
        close_days: Median days to closing while there is no backlog.
    """

    name: str
    agency: str
    description: str
    share: float
    weekend: float
    season: float
    peak_month: int
    cold: float
    heat: float
    rain: float
    growth: float
    holiday: float
    hours: str
    close_days: float


WATER_LEAK = "Water leak"
NO_WATER = "No water"
RATS = "Rat sighting"
MISSED_COLLECTION = "Missed refuse collection"
HEATING = "Heat or hot water"


def _read() -> tuple[Category, ...]:
    with (Path(__file__).parent / "categories.csv").open(encoding="utf-8", newline="") as lines:
        kinds = Category.__annotations__
        return tuple(Category(**{name: kinds[name](text) for name, text in row.items()}) for row in DictReader(lines))


CATEGORIES = _read()
"""The five that the troubles are planted in come first, so that a small city has them too."""
