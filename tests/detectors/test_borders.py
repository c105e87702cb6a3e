"""Areas touch where their boundaries meet, however these were drawn."""

import numpy as np

from detectors.borders import touching
from forewarn.panel import Floats

METRE = 1 / 111_195  # degrees of latitude


def box(west: float, south: float, east: float, north: float) -> Floats:
    """A ring in degrees, from metres east and north of Bonn."""
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    shrink = np.cos(np.radians(50.7))
    return np.array([(7.1 + x * METRE / shrink, 50.7 + y * METRE) for x, y in corners])


def pairs(**shapes: list[Floats]) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in touching(shapes)}


def test_a_shared_side_a_corner_and_a_small_gap_touch_and_a_street_between_does_not() -> None:
    found = pairs(
        home=[box(0, 0, 1000, 1000)],
        beside=[box(1000, 0, 2000, 1000)],
        corner=[box(-500, -500, 0, 0)],
        near=[box(0, 1010, 900, 2000)],
        apart=[box(2040, 0, 3000, 1000)],
    )
    assert found == {frozenset({"home", other}) for other in ("beside", "corner", "near")}


def test_a_side_that_meets_a_longer_one_in_its_middle_touches() -> None:
    assert pairs(long=[box(0, 0, 5000, 100)], short=[box(2000, 100, 2200, 300)]) == {frozenset({"long", "short"})}


def test_an_area_of_several_parts_touches_with_any_of_them() -> None:
    assert pairs(parts=[box(0, 0, 100, 100), box(5000, 0, 5100, 100)], other=[box(5100, 0, 5200, 100)]) == {
        frozenset({"parts", "other"})
    }


def test_empty_shapes_touch_nothing() -> None:
    assert pairs(none=[], point=[np.array([(7.1, 50.7)])], home=[box(0, 0, 10, 10)]) == set()
    assert touching({}) == []
