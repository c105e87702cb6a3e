from datetime import date

import numpy as np
import pytest

from forewarn.calendar import weekdays
from simulator.categories import HEATING
from simulator.city import CALENDAR, MAIN_LINE, TENANT_LINE, City, simulate
from tests.simulator.conftest import LAST_DAY

SMALL = {"n_days": 130, "n_categories": 6, "n_areas": 8, "requests_per_day": 40.0}


def daily(city: City, *categories: str) -> np.ndarray:
    rows = [n for n, category in enumerate(city.categories) if not categories or category.name in categories]
    return city.counts[rows].sum(axis=(0, 1))


def test_the_same_seed_gives_the_same_city(small_city: City) -> None:
    again = simulate(7, LAST_DAY, **SMALL)
    assert again.troubles == small_city.troubles
    np.testing.assert_array_equal(again.counts, small_city.counts)
    for name, source in small_city.sources.items():
        for field in ("ids", "requested", "latitude", "request", "at", "service", "area", "closed"):
            np.testing.assert_array_equal(
                getattr(again.sources[name].population, field), getattr(source.population, field)
            )


def test_another_seed_gives_another_city(small_city: City) -> None:
    other = simulate(8, LAST_DAY, **SMALL)
    assert other.areas.names != small_city.areas.names
    assert (other.counts != small_city.counts).any()
    assert all(there != here for there, here in zip(other.troubles[:4], small_city.troubles[:4], strict=True))


def test_volumes_are_those_of_a_city(city: City) -> None:
    assert city.counts.shape == (40, 30, 1096)
    assert city.dates[-1] == np.datetime64(LAST_DAY)
    assert len(city.sources[MAIN_LINE].population.ids) == city.counts.sum() == pytest.approx(252_000, rel=0.03)
    assert len(city.sources[TENANT_LINE].population.ids) / 1096 == pytest.approx(25, rel=0.1)
    categories = np.sort(city.counts.sum(axis=(1, 2)))
    assert categories[-1] > 15 * categories[0]
    areas = np.sort(city.counts.sum(axis=(0, 2)))
    assert 2 * areas[0] < areas[-1] < 30 * areas[0]


def test_noise_belongs_to_weekends_and_potholes_to_weekdays(city: City) -> None:
    saturday, wednesday = weekdays(city.dates) == 5, weekdays(city.dates) == 2
    for name, low, high in (("Noise – residential", 1.4, 2.0), ("Pothole", 0.3, 0.6)):
        counts = daily(city, name)
        assert low < counts[saturday].mean() / counts[wednesday].mean() < high


def test_offices_hear_less_on_holidays(city: City) -> None:
    holiday = CALENDAR.holiday_names(city.dates) != ""
    workday = (weekdays(city.dates) < 5) & ~holiday
    counts = daily(city, "Illegal parking", "Pothole", "Bulky waste", "Graffiti", "Street light out")
    assert counts[holiday & (weekdays(city.dates) < 5)].mean() < 0.8 * counts[workday].mean()


def test_cold_days_bring_heating_complaints_and_rain_blocked_drains(city: City) -> None:
    heating, drains = daily(city, HEATING), daily(city, "Blocked drain")
    assert heating[city.weather.temperature < 0].mean() > 2 * heating[city.weather.temperature > 15].mean()
    assert drains[city.weather.rain > 20].mean() > 2 * drains[city.weather.rain == 0].mean()


def test_cells_scatter_more_than_poisson(city: City) -> None:
    busy = city.usual > 1.0
    residuals = (city.counts[busy] - city.expected[busy]) ** 2 / city.expected[busy]
    assert 1.1 < residuals.mean() < 2.0


def test_a_city_that_cannot_hold_its_troubles_is_refused() -> None:
    for wrong in ({"n_days": 100}, {"n_categories": 4}, {"n_categories": 41}, {"n_areas": 5}, {"n_areas": 121}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            simulate(1, date(2026, 1, 31), **wrong)
