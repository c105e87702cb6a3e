"""One city for all tests of the simulator."""

from datetime import date

import pytest

from simulator.city import City, simulate

LAST_DAY = date(2026, 11, 21)


@pytest.fixture(scope="session")
def city() -> City:
    return simulate(7, LAST_DAY)


@pytest.fixture(scope="session")
def small_city() -> City:
    return simulate(7, LAST_DAY, n_days=130, n_categories=6, n_areas=8, requests_per_day=40)
