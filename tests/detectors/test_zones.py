"""Zones hold what they say, and sums over them equal plain sums."""

from itertools import combinations

import numpy as np
import pytest

from detectors.zones import MOST_SHAPES, Zones, connected, distance_km, nearest, single
from tests.detectors.towns import around, circles, map_of

GRID = [f"{x},{y}" for x in range(4) for y in range(4)]
BORDERS = [(f"{x},{y}", f"{x + dx},{y + dy}") for x in range(4) for y in range(4) for dx, dy in ((0, 1), (1, 0))]


def groups(zones: Zones) -> list[frozenset[str]]:
    return [frozenset(np.array(zones.areas)[row]) for row in zones.members]


def test_sums_over_zones_are_sums_over_their_members() -> None:
    zones = circles(30)
    counts = np.random.default_rng(0).poisson(3.0, (30, 5, 2))
    naive = np.zeros((len(zones), 5, 2))
    for zone, row in enumerate(zones.members):
        for area in np.flatnonzero(row):
            naive[zone] += counts[area]
    np.testing.assert_array_equal(zones.sums(counts), naive)


def test_circles_hold_the_nearest_areas() -> None:
    zones = circles(30)
    names = np.array(zones.areas)
    expected = {frozenset(names[list(around(centre, 30, size))]) for centre in range(30) for size in range(1, 11)}
    assert set(groups(zones)) == expected
    assert len(groups(zones)) == len(expected)  # each once


def test_no_zone_holds_more_than_half_of_the_areas() -> None:
    assert max(map(len, groups(nearest(*map_of(7))))) == 3
    assert max(map(len, groups(nearest(*map_of(1))))) == 1


def test_an_area_whose_place_is_not_known_stays_by_itself() -> None:
    names, latitude, longitude = map_of(12)
    latitude[4] = np.nan
    with_it = [group for group in groups(nearest(names, latitude, longitude)) if names[4] in group]
    assert with_it == [{names[4]}]


def test_two_areas_at_one_place_are_both_there() -> None:
    names, latitude, longitude = map_of(12)
    latitude[3], longitude[3] = latitude[7], longitude[7]
    assert frozenset({names[3], names[7]}) in groups(nearest(names, latitude, longitude))


def test_connected_zones_are_all_shapes_that_hang_together() -> None:
    zones = connected(GRID, BORDERS, most=4)
    neighbours = {frozenset(pair) for pair in BORDERS if set(pair) <= set(GRID)}

    def hangs_together(group: tuple[str, ...]) -> bool:
        reached = {group[0]}
        for _ in group:
            reached |= {b for a in reached for b in group if frozenset({a, b}) in neighbours}
        return reached == set(group)

    expected = {frozenset(g) for size in range(1, 5) for g in combinations(GRID, size) if hangs_together(g)}
    assert set(groups(zones)) == expected
    assert len(zones) == len(expected)


def test_where_shapes_are_too_many_zones_grow_around_each_area() -> None:
    side = range(25)
    names = [f"{x},{y}" for x in side for y in side]
    borders = [(f"{x},{y}", f"{x + dx},{y + dy}") for x in side for y in side for dx, dy in ((0, 1), (1, 0))]
    zones = connected(names, borders)
    sizes = np.bincount(zones.members.sum(axis=1))
    assert sizes[2] == 2 * 25 * 24  # every border
    assert (sizes[3:] <= MOST_SHAPES).all()
    assert frozenset({"5,5", "4,5", "6,5", "5,4", "5,6"}) in groups(zones)
    assert sizes.size == 11


def test_neighbours_that_are_no_areas_and_islands_are_no_trouble() -> None:
    zones = connected(["x", "y", "z", "island"], [("x", "y"), ("y", "x"), ("y", "nowhere"), ("z", "z")])
    assert groups(zones) == [{"x"}, {"y"}, {"z"}, {"island"}]
    assert frozenset({"x", "y"}) in groups(connected(["x", "y", "z", "w"], [("x", "y"), ("z", "w")]))


def test_single_areas() -> None:
    assert groups(single(["x", "y"])) == [{"x"}, {"y"}]
    assert len(single([])) == 0


def test_distance() -> None:
    bonn_to_cologne = distance_km(np.array(50.7374), np.array(7.0982), np.array(50.9375), np.array(6.9603))
    assert float(bonn_to_cologne) == pytest.approx(24.3, abs=0.3)
