"""A small simulated city behind its Open311 endpoint, whose clock is moved by hand."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from simulator.city import MAIN_LINE, TENANT_LINE, ZONE, City, simulate
from simulator.open311 import Clock, open311_app, serve
from tests.flows.towns import settings_of

LAST_DAY = date(2026, 11, 21)


def small_city() -> City:
    return simulate(3, LAST_DAY, n_days=200, n_categories=6, n_areas=8, requests_per_day=40)


def morning(day: date) -> datetime:
    """When `day` is over and the next one has begun."""
    return datetime.combine(day + timedelta(days=1), time(6), ZONE).astimezone(UTC)


@dataclass(frozen=True)
class ServedCity:
    """The endpoints of a city: source → address."""

    city: City
    clock: Clock
    addresses: Mapping[str, str]

    def settings(self, folder: Path, *names: str, **more: Any) -> dict[str, Any]:
        """Settings that read the sources `names`."""
        sources = {
            name: {
                "kind": "open311",
                "dialect": "extended",
                "title": self.city.sources[name].title,
                "url": self.addresses[name],
                "allow_http": True,
                "allow_private_hosts": True,
                "pause_seconds": 0,
                "first_day": str(self.city.dates[0]),
                "zone": ZONE.key,
                "country": "US",
                "levels": [[], ["category"]] if name == MAIN_LINE else [[]],
                "fields": {"area": "extended_attributes.area"},
            }
            for name in names
        }
        return settings_of(folder, sources, **more)


@contextmanager
def served(city: City) -> Iterator[ServedCity]:
    """Serves both sources; the tenant line falls silent as planned."""
    clock = Clock(morning(LAST_DAY))
    main, tenants = city.sources[MAIN_LINE], city.sources[TENANT_LINE]
    with (
        serve(open311_app(main.population, clock)) as main_address,
        serve(open311_app(tenants.population, clock, freeze_at=tenants.freeze_at)) as tenants_address,
    ):
        yield ServedCity(city, clock, {MAIN_LINE: main_address, TENANT_LINE: tenants_address})
