"""Which areas touch, given their boundaries?"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from detectors.zones import EARTH_KM
from forewarn.panel import Floats

GAP_METRES = 15.0
"""Boundaries that come nearer than this touch: maps of different offices seldom agree to the metre."""


def touching(shapes: Mapping[str, Sequence[Floats]]) -> list[tuple[str, str]]:
    """Pairs of areas that share a border or a corner.

    Args:
        shapes: Area → its rings, (n_points, 2) longitudes and latitudes in degrees.
    """
    rings = {name: [ring for ring in parts if len(ring) > 1] for name, parts in shapes.items()}
    rings = {name: parts for name, parts in rings.items() if parts}
    if not rings:
        return []
    middle = np.concatenate([ring for parts in rings.values() for ring in parts]).mean(axis=0)
    scale = np.radians(1.0) * 1000 * EARTH_KM * np.array([np.cos(np.radians(middle[1])), 1.0])
    starts, ends, boxes = {}, {}, {}
    for name, parts in rings.items():  # metres from the middle
        starts[name] = np.concatenate([(ring[:-1] - middle) * scale for ring in parts])
        ends[name] = np.concatenate([(ring[1:] - middle) * scale for ring in parts])
        points = np.concatenate([starts[name], ends[name]])
        boxes[name] = points.min(axis=0) - GAP_METRES, points.max(axis=0) + GAP_METRES
    found = []
    for one, other in combinations(rings, 2):
        low, high = np.maximum(boxes[one][0], boxes[other][0]), np.minimum(boxes[one][1], boxes[other][1])
        if (low <= high).all():
            sides = [_within(starts[name], ends[name], low, high) for name in (one, other)]
            if _near(*sides[0], *sides[1]) or _near(*sides[1], *sides[0]):
                found.append((one, other))
    return found


def _within(start: Floats, end: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """The segments that may reach into a box."""
    reaches = ((np.minimum(start, end) <= high) & (np.maximum(start, end) >= low)).all(axis=1)
    return start[reaches], end[reaches]


def _near(start: Floats, end: Floats, others_start: Floats, others_end: Floats) -> bool:
    """Whether some corner of the first segments comes near the others."""
    corners = np.concatenate([start, end])
    along = others_end - others_start
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    for few in np.array_split(corners, max(1, len(corners) * len(along) // 1_000_000)):
        away = few[:, None] - others_start
        share = np.clip((away * along).sum(axis=2) / length, 0.0, 1.0)
        distance = ((away - share[..., None] * along) ** 2).sum(axis=2)
        if distance.size and distance.min() <= GAP_METRES**2:
            return True
    return False
