"""A simulated city with two sources of requests, its weather, its growth and five troubles.

Everything is drawn from the seed: the same seed gives the same city, another seed another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from forewarn.calendar import Calendar, Dates
from simulator import troubles
from simulator.categories import CATEGORIES, Category
from simulator.demand import draw_counts, expected_counts
from simulator.filing import file_requests
from simulator.places import Areas, simulate_areas
from simulator.population import Floats, Ints, Population
from simulator.troubles import Trouble
from simulator.weather import Weather, simulate_weather

MAIN_LINE = "city-311"
TENANT_LINE = "tenant-line"
ZONE = ZoneInfo("America/New_York")
CALENDAR = Calendar("US", "NY")
TENANT_SHARE = 0.11  # requests of the tenant line as a share of the main line's; about 25 a day by default
TENANT_AGENCY = "Buildings"


@dataclass(frozen=True)
class Source:
    """One source of the city; serve it with `open311_app(source.population, clock, freeze_at=source.freeze_at)`."""

    name: str
    title: str
    population: Population
    freeze_at: datetime | None = None


@dataclass(frozen=True)
class City:
    """A simulated city.

    Args:
        usual: Mean counts of the main line without troubles, (n_categories, n_areas, n_days), as are
        expected: the means with them, and
        counts: the requests that were made, under their true category and area.
        sources: By name: the main line, and the tenant line that falls silent.
        troubles: The ground truth.
    """

    dates: Dates
    categories: tuple[Category, ...]
    areas: Areas
    weather: Weather
    usual: Floats
    expected: Floats
    counts: Ints
    sources: Mapping[str, Source]
    troubles: tuple[Trouble, ...]


def simulate(
    seed: int,
    last_day: date,
    *,
    n_days: int = 1096,
    n_categories: int = 40,
    n_areas: int = 30,
    requests_per_day: float = 230.0,
) -> City:
    """A city up to the end of `last_day`.

    Raises:
        ValueError: The city is too small for its troubles or larger than its names.
    """
    if n_days < troubles.EARLIEST + 40:
        raise ValueError(f"n_days must be at least {troubles.EARLIEST + 40}, not {n_days}")
    if not 5 <= n_categories <= len(CATEGORIES):
        raise ValueError(f"n_categories must be 5 to {len(CATEGORIES)}, not {n_categories}")
    rng = np.random.default_rng(seed)
    dates = np.datetime64(last_day, "D") + np.arange(1 - n_days, 1)
    categories = CATEGORIES[:n_categories]
    areas = simulate_areas(rng, n_areas)
    cold_day = troubles.cold_snap_day(rng, n_days)
    weather = simulate_weather(rng, dates).with_cold_snap(cold_day, troubles.COLD_SNAP)
    usual = expected_counts(rng, categories, areas, dates, weather, CALENDAR, requests_per_day)
    site = troubles.Site(MAIN_LINE, categories, areas, dates)
    expected = usual.copy()
    planted = [
        troubles.burst_main(rng, site, expected),
        troubles.rats(rng, site, expected),
        troubles.missed_round(rng, site, expected),
        troubles.heating_failure(rng, site, expected, cold_day),
        troubles.silence(rng, troubles.Site(TENANT_LINE, categories, areas, dates)),
    ]
    counts = draw_counts(rng, usual, expected)
    main = file_requests(rng, counts, usual, categories, areas, dates, ZONE)
    return City(
        dates=dates,
        categories=categories,
        areas=areas,
        weather=weather,
        usual=usual,
        expected=expected,
        counts=counts,
        sources={
            MAIN_LINE: Source(MAIN_LINE, "City 311", main),
            TENANT_LINE: _tenant_line(rng, site, usual, expected, planted[-1].first_day),
        },
        troubles=tuple(planted),
    )


def _tenant_line(
    rng: np.random.Generator, site: troubles.Site, usual: Floats, expected: Floats, silent_from: date
) -> Source:
    """A smaller line for tenants; they have the same troubles at home."""
    rows = [number for number, category in enumerate(site.categories) if category.agency == TENANT_AGENCY]
    share = TENANT_SHARE * usual.sum() / usual[rows].sum()
    population = file_requests(
        rng,
        draw_counts(rng, usual[rows] * share, expected[rows] * share),
        usual[rows] * share,
        tuple(site.categories[row] for row in rows),
        site.areas,
        site.dates,
        ZONE,
    )
    freeze_at = datetime(silent_from.year, silent_from.month, silent_from.day, tzinfo=ZONE)
    return Source(TENANT_LINE, "Tenant line", population, freeze_at)
