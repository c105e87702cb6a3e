"""Points gathered into squares, so that a scan over areas scans points."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from detectors.zones import EARTH_KM, Integers
from forewarn.panel import Floats

SIDES_KM = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
MOST_SQUARES = 250
"""Squares with points; the smallest side that needs no more of them is taken."""


@dataclass(frozen=True)
class Grid:
    """The squares of a town in which there were points; (n_squares,) each.

    Args:
        names: Such as `square 48.7758, 9.1829`, latitude and longitude of the middle; sorted.
    """

    names: list[str]
    latitude: Floats
    longitude: Floats

    @classmethod
    def of(cls, latitude: Floats, longitude: Floats) -> "Grid":
        """The finest squares of which few hold points. They are fixed to the Earth, not to the points."""
        if not len(latitude):
            return cls([], latitude, longitude)
        degree_km = np.radians(1.0) * EARTH_KM
        shrink = max(float(np.cos(np.radians(np.round(np.median(latitude))))), 0.01)
        for side in SIDES_KM:
            steps = np.array([side / degree_km, side / (degree_km * shrink)])
            squares = np.unique(np.floor(np.column_stack([latitude, longitude]) / steps), axis=0)
            if len(squares) <= MOST_SQUARES:
                break
        middle = (squares + 0.5) * steps
        names = [f"square {row:.4f}, {column:.4f}" for row, column in middle.tolist()]
        order = np.argsort(names)
        return cls([names[place] for place in order], middle[order, 0], middle[order, 1])

    def square_of(self, latitude: Floats, longitude: Floats) -> Integers:
        """(n_points,) number of the square with the nearest middle: a place that is new counts with its neighbours."""
        if not self.names:
            return np.zeros(0, dtype=np.int64)
        shrink = np.cos(np.radians(np.median(self.latitude)))
        tree = cKDTree(np.column_stack([self.latitude, self.longitude * shrink]))
        return np.asarray(tree.query(np.column_stack([latitude, longitude * shrink]))[1], dtype=np.int64)
