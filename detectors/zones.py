"""Which groups of areas can a cluster cover?

A zone is an area, or a zone and one area more. Sums over all zones therefore cost one addition each, whatever their
size, and the same code serves circles, neighbours by border and single areas.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats

Integers = npt.NDArray[np.int64]

MOST_AREAS = 10
"""Areas of a zone; at most half of all, since a rise in most of a city is no cluster."""
MOST_SHAPES = 3000
"""Connected groups of one size are all tried as long as there are no more of them than this."""
EARTH_KM = 6371.0


@dataclass(frozen=True)
class Zones:
    """Groups of areas, the single areas first and then by size.

    Args:
        areas: (n_areas,) names.
        grown: For each size from 2 on two arrays: the zone that was enlarged, and the area that was added.
    """

    areas: Sequence[str]
    grown: Sequence[tuple[Integers, Integers]] = ()
    members: npt.NDArray[np.bool_] = field(init=False, repr=False)  # (n_zones, n_areas)

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", self.sums(np.eye(len(self.areas), dtype=np.int8)).astype(bool))

    def __len__(self) -> int:
        return len(self.areas) + sum(len(enlarged) for enlarged, _ in self.grown)

    def sums(self, counts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """(n_zones, …) sums over the areas of each zone, of counts (n_areas, …)."""
        out = np.empty((len(self), *counts.shape[1:]), dtype=counts.dtype)
        first = len(self.areas)
        out[:first] = counts
        for enlarged, added in self.grown:
            np.add(out[enlarged], counts[added], out=out[first : first + len(enlarged)])
            first += len(enlarged)
        return out


def single(areas: Sequence[str]) -> Zones:
    """Each area by itself."""
    return Zones(tuple(areas))


def nearest(areas: Sequence[str], latitude: Floats, longitude: Floats, most: int = MOST_AREAS) -> Zones:
    """Each area with its nearest neighbours: the areas within circles around each centre.

    Args:
        areas: (n_areas,) names; `latitude` and `longitude` their centres in degrees.
            NaN: not known; such an area stays by itself.
        most: Areas of the largest zone.
    """
    known = np.flatnonzero(np.isfinite(latitude) & np.isfinite(longitude))
    distance = distance_km(latitude[known], longitude[known], latitude[known, None], longitude[known, None])
    distance[np.arange(len(known)), np.arange(len(known))] = -1.0  # itself first, though another may share its centre
    order = known[np.argsort(distance, axis=1, kind="stable")]
    return _grown(areas, (order[:, :size] for size in range(2, _largest(len(known), most) + 1)))


def connected(areas: Sequence[str], pairs: Iterable[tuple[str, str]], most: int = MOST_AREAS) -> Zones:
    """Areas joined by borders, in any shape as long as the shapes are few, and beyond that growing around each area.

    Args:
        pairs: Names of neighbours; those that are not in `areas` are left out. One direction is enough.
        most: Areas of the largest zone.
    References:
        Tango & Takahashi (2005), Int J Health Geogr 4, 11 (zones of any connected shape).
    """
    row = {name: place for place, name in enumerate(areas)}
    neighbours: dict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        if one in row and other in row and one != other:
            neighbours[row[one]].add(row[other])
            neighbours[row[other]].add(row[one])
    sizes: list[Integers] = []
    shapes: set[frozenset[int]] = {frozenset((place,)) for place in neighbours}
    for size in range(2, _largest(len(neighbours), most) + 1):
        shapes = {shape | {near} for shape in shapes for place in shape for near in neighbours[place] - shape}
        if len(shapes) > MOST_SHAPES:
            sizes += [np.array(rings) for rings in _rings(neighbours, size, _largest(len(neighbours), most)) if rings]
            break
        if not shapes:
            break
        sizes.append(np.array(sorted(sorted(shape) for shape in shapes)))
    return _grown(areas, sizes)


def distance_km(latitude: Floats, longitude: Floats, latitudes: Floats, longitudes: Floats) -> Floats:
    """Great-circle distances, broadcast."""
    phi, other = np.radians(latitude), np.radians(latitudes)
    half = np.sin((phi - other) / 2) ** 2
    half = half + np.cos(phi) * np.cos(other) * np.sin(np.radians(longitude - longitudes) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


def _largest(n_areas: int, most: int) -> int:
    return max(1, min(most, n_areas // 2))


def _rings(neighbours: Mapping[int, set[int]], first: int, last: int) -> list[list[list[int]]]:
    """For each size from `first` to `last`: around each area the zone of that size that has the most inner borders."""
    found: list[list[list[int]]] = [[] for _ in range(first, last + 1)]
    for centre in sorted(neighbours):
        zone, hops, edge = [centre], {centre: 0}, set(neighbours[centre])
        while edge and len(zone) < last:
            for near in edge - hops.keys():
                hops[near] = 1 + min(hops[one] for one in zone if near in neighbours[one])
            added = min(edge, key=lambda near: (hops[near], -len(neighbours[near] & set(zone)), near))
            zone.append(added)
            edge = (edge | neighbours[added]) - set(zone)
            if len(zone) >= first:
                found[len(zone) - first].append(list(zone))
    return found


def _grown(areas: Sequence[str], sizes: Iterable[Integers]) -> Zones:
    """Zones from the members of each size (n, size), each kept once. A zone without a smaller one in it is left out."""
    number = {frozenset((place,)): place for place in range(len(areas))}
    grown = []
    for groups in sizes:
        enlarged, added = [], []
        for group in groups.tolist():
            shape = frozenset(group)
            parts = ((shape - {last}, last) for last in reversed(group))
            part = next(((number[rest], last) for rest, last in parts if rest in number), None)
            if shape not in number and part is not None:
                number[shape] = len(number)
                enlarged.append(part[0])
                added.append(part[1])
        grown.append((np.array(enlarged, dtype=np.int64), np.array(added, dtype=np.int64)))
    return Zones(tuple(areas), tuple(grown))
