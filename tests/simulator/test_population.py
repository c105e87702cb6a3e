from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from simulator.city import MAIN_LINE, ZONE, City
from simulator.filing import DAY, LATEST
from simulator.population import Population

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
FOREVER = datetime(2100, 1, 1, tzinfo=UTC)


def line(city: City) -> Population:
    return city.sources[MAIN_LINE].population


def shown_by_hand(population: Population, now: datetime) -> dict[int, int]:
    """Request → version, one by one."""
    shown: dict[int, int] = {}
    for version, (request, at) in enumerate(zip(population.request.tolist(), population.at.tolist(), strict=True)):
        if at <= now.timestamp():
            shown[request] = version
    return shown


def test_what_is_shown_is_the_latest_version_of_what_has_appeared(small_city: City) -> None:
    population = line(small_city)
    expected = shown_by_hand(population, NOW)
    assert 0 < len(expected) < len(population.ids)
    assert population.visible(NOW).tolist() == [expected[request] for request in sorted(expected)]
    for request in (0, len(population.ids) - 1):
        assert population.find(str(population.ids[request]), NOW) == expected.get(request)
    assert population.find("no such", NOW) is None


def test_a_window_is_a_part_of_the_whole(small_city: City) -> None:
    population = line(small_city)
    start, end = NOW - timedelta(days=20), NOW - timedelta(days=10)
    requested = population.requested[population.request[population.visible(NOW)]]
    inside = (requested >= start.timestamp()) & (requested <= end.timestamp())
    assert population.visible(NOW, start, end).tolist() == population.visible(NOW)[inside].tolist()


def test_changes_since_yesterday_turn_yesterdays_view_into_todays(small_city: City) -> None:
    population = line(small_city)
    yesterday = NOW - timedelta(days=1)
    view = shown_by_hand(population, yesterday)
    changed = population.changed(NOW, yesterday)
    assert (np.diff(population.at[changed]) >= 0).all()
    view.update(zip(population.request[changed].tolist(), changed.tolist(), strict=True))
    assert view == shown_by_hand(population, NOW)
    until = NOW - timedelta(hours=6)
    assert set(population.changed(NOW, yesterday, until)) == {
        version for version in changed if population.at[version] <= until.timestamp()
    }


def test_versions_follow_each_other_and_nothing_precedes_its_request(city: City) -> None:
    population = line(city)
    same = population.request[1:] == population.request[:-1]
    assert (np.diff(population.requested) >= 0).all()
    assert (np.diff(population.request) >= 0).all()
    assert (np.diff(population.at)[same] > 0).all()
    assert (population.at >= population.requested[population.request]).all()
    assert not (population.closed[:-1] & same).any()  # closing is the last that happens


def test_most_requests_appear_at_once_and_the_last_after_ten_days(city: City) -> None:
    population = line(city)
    first = np.concatenate([[True], np.diff(population.request) > 0])
    delay = population.at[first] - population.requested
    assert 0.78 < (delay == 0).mean() < 0.82
    assert 0.01 < (delay > 2 * DAY).mean() < 0.10
    assert delay.max() <= LATEST


def test_a_few_are_edited_and_nearly_all_are_closed(city: City) -> None:
    population = line(city)
    last = population.visible(FOREVER)
    first = np.concatenate([[True], np.diff(population.request) > 0])
    moved = (population.service[last] != population.service[first]) | (population.area[last] != population.area[first])
    assert 0.02 < moved.mean() < 0.06
    assert 0.9 < population.closed[last].mean() < 0.99


def test_the_requests_are_the_counts_by_civil_day_once_all_is_put_right(city: City) -> None:
    population = line(city)
    last = population.visible(FOREVER)
    settled = population.closed[last]
    requested = pd.DatetimeIndex(population.requested.astype("datetime64[s]")).tz_localize("UTC").tz_convert(ZONE)
    days = requested.tz_localize(None).to_numpy().astype("datetime64[D]")
    np.testing.assert_array_equal(
        np.bincount((days - city.dates[0]).astype(int), minlength=len(city.dates)), city.counts.sum(axis=(0, 1))
    )
    by_category = np.bincount(population.service[last][settled], minlength=40)
    assert (by_category <= city.counts.sum(axis=(1, 2))).all()


def test_closing_takes_longer_while_much_is_waiting(city: City) -> None:
    population = line(city)
    names = [service.name for service in population.services]
    last = population.visible(FOREVER)
    drains = last[population.closed[last] & (population.service[last] == names.index("Blocked drain"))]
    days = (population.at[drains] - population.requested[population.request[drains]]) / DAY
    day = np.searchsorted(
        city.dates.astype("datetime64[s]").astype(int), population.requested[population.request[drains]]
    )
    arrived = city.counts[names.index("Blocked drain")].sum(axis=0)
    recent = np.convolve(arrived, np.ones(7))[: len(arrived)][day - 1]
    busy = recent > np.quantile(recent, 0.8)
    assert np.median(days[busy]) > 1.15 * np.median(days[~busy])


def test_a_duplicate_stands_at_the_place_of_an_earlier_request(city: City) -> None:
    population = line(city)
    repeated = np.flatnonzero(population.parent >= 0)
    parents = population.parent[repeated]
    assert 0.01 < len(repeated) / len(population.ids) < 0.06
    assert (population.requested[parents] <= population.requested[repeated]).all()
    assert (population.parent[parents] == -1).all()
    np.testing.assert_array_equal(population.latitude[repeated], population.latitude[parents])
    np.testing.assert_array_equal(population.street[repeated], population.street[parents])
