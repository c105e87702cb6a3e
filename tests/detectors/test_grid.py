"""Points are gathered into squares that are fixed to the Earth."""

import numpy as np

from detectors.grid import MOST_SQUARES, Grid
from detectors.zones import distance_km


def points(n: int, spread: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return 48.7 + rng.uniform(0, spread, n), 9.1 + rng.uniform(0, spread, n)


def test_few_squares_hold_all_points_and_each_point_is_near_the_middle_of_its_own() -> None:
    latitude, longitude = points(5000, 0.2)
    grid = Grid.of(latitude, longitude)
    assert 20 < len(grid.names) <= MOST_SQUARES
    assert grid.names == sorted(set(grid.names))
    square = grid.square_of(latitude, longitude)
    away = distance_km(latitude, longitude, grid.latitude[square], grid.longitude[square])
    side = 4.0  # for 22 × 15 km
    assert away.max() <= side * np.sqrt(0.5) * 1.02
    assert set(square.tolist()) == set(range(len(grid.names)))


def test_a_village_has_smaller_squares_than_a_city() -> None:
    village, city = (Grid.of(*points(2000, spread)) for spread in (0.02, 0.4))

    def nearest_km(grid: Grid) -> float:
        away = distance_km(grid.latitude, grid.longitude, grid.latitude[:, None], grid.longitude[:, None])
        return float(away[away > 1e-6].min())

    assert nearest_km(village) < 0.3 < nearest_km(city)


def test_squares_do_not_move_with_the_points() -> None:
    latitude, longitude = points(800, 0.02)
    assert set(Grid.of(latitude[:400], longitude[:400]).names) <= set(Grid.of(latitude, longitude).names)


def test_a_new_place_counts_with_the_nearest_square_and_no_points_are_no_squares() -> None:
    grid = Grid.of(np.array([48.70, 48.80]), np.array([9.10, 9.20]))
    assert grid.square_of(np.array([48.81]), np.array([9.21])) == grid.square_of(np.array([48.80]), np.array([9.20]))
    assert Grid.of(np.array([]), np.array([])).names == []
