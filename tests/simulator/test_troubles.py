from datetime import timedelta

import numpy as np
import pytest

from simulator.categories import CATEGORIES, HEATING
from simulator.city import TENANT_LINE, City, simulate
from simulator.troubles import EARLIEST, Trouble
from tests.simulator.conftest import LAST_DAY


@pytest.fixture(scope="module", params=[1, 2, 3, 4])
def some_city(request: pytest.FixtureRequest) -> City:
    return simulate(request.param, LAST_DAY, n_days=500)


def cells(city: City, trouble: Trouble) -> tuple[np.ndarray, ...]:
    """Index of the trouble's categories, areas and days."""
    names = [category.name for category in city.categories]
    first, last = ((np.datetime64(day) - city.dates[0]).astype(int) for day in (trouble.first_day, trouble.last_day))
    return np.ix_(
        [names.index(name) for name in trouble.categories],
        [city.areas.names.index(name) for name in trouble.areas],
        np.arange(first, last + 1),
    )


def planted(city: City) -> list[Trouble]:
    return [trouble for trouble in city.troubles if trouble.kind != "silence"]


def test_there_are_five_within_the_last_weeks(some_city: City) -> None:
    assert [trouble.name for trouble in some_city.troubles] == [
        "Burst main", "Rats", "Missed collection round", "Heating failure", "Silent source",
    ]  # fmt: skip
    for trouble in some_city.troubles:
        assert LAST_DAY - timedelta(EARLIEST) < trouble.first_day < trouble.peak_day < LAST_DAY
        assert trouble.peak_day <= trouble.last_day <= LAST_DAY


def test_counts_are_raised_where_the_truth_says_and_nowhere_else(some_city: City) -> None:
    elsewhere = np.ones(some_city.counts.shape, dtype=bool)
    for trouble in planted(some_city):
        where = cells(some_city, trouble)
        elsewhere[where] = False
        usual = some_city.usual[where].sum()
        assert some_city.counts[where].sum() > usual + 5 * np.sqrt(usual)
    np.testing.assert_array_equal(some_city.expected[elsewhere], some_city.usual[elsewhere])
    assert some_city.counts[elsewhere].sum() == pytest.approx(some_city.usual[elsewhere].sum(), rel=0.03)


def test_each_is_worst_on_its_peak_day(some_city: City) -> None:
    for trouble in planted(some_city):
        where = cells(some_city, trouble)
        extra = (some_city.expected[where] - some_city.usual[where]).sum(axis=(0, 1))
        peak = (trouble.peak_day - trouble.first_day).days
        if trouble.kind == "spike":
            assert extra[peak] > 0.95 * extra.max()
        else:  # the ramp keeps the rhythm of the week, so weeks are compared
            weeks = np.convolve(extra, np.ones(7), mode="valid")
            assert abs(int(np.argmax(weeks)) + 3 - peak) <= 4


def test_the_rats_come_slowly(some_city: City) -> None:
    rats = some_city.troubles[1]
    where = cells(some_city, rats)
    extra = (some_city.expected[where] - some_city.usual[where]).sum(axis=(0, 1))
    assert (rats.peak_day - rats.first_day).days >= 35
    assert extra[:7].mean() < 0.15 * extra.max()


def test_the_round_fails_on_working_days(some_city: City) -> None:
    missed = some_city.troubles[2]
    assert all(day.weekday() < 5 for day in (missed.first_day, missed.peak_day, missed.last_day))


def test_the_heating_fails_while_it_is_cold_everywhere(some_city: City) -> None:
    failure = some_city.troubles[3]
    (row,), (area,), days = (axis.ravel() for axis in cells(some_city, failure))
    assert some_city.categories[row].name == HEATING
    assert (some_city.expected[row, area, days] >= 4 * some_city.usual[row, area, days] - 1e-9).all()
    before = np.arange(days[0] - 14, days[0])
    assert some_city.weather.temperature[days].mean() < some_city.weather.temperature[before].mean()


def test_the_silent_source_stops_at_midnight_of_its_first_day(some_city: City) -> None:
    silent = some_city.troubles[4]
    freeze_at = some_city.sources[TENANT_LINE].freeze_at
    assert silent.source == TENANT_LINE
    assert freeze_at is not None
    assert (freeze_at.date(), freeze_at.hour) == (silent.first_day, 0)


def test_the_table_holds_forty_different_categories() -> None:
    assert len({category.name for category in CATEGORIES}) == 40
