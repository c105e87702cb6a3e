"""The areas of the simulated city: where they lie, how many live there, and how readily they report."""

from itertools import product
from typing import NamedTuple

import numpy as np

from simulator.population import Floats, Ints

CENTRE = (40.05, -72.45)  # in the open sea, so that nobody mistakes the city for a real one
SPACING = 0.012  # degrees, roughly a kilometre

_FIRST = ("Amber", "Copper", "Lantern", "Willow", "Harbour", "Granite", "Juniper", "Mill", "Orchard", "Saffron")
_SECOND = ("Hill", "Quay", "Row", "Green", "Heights", "Yard", "Bridge", "Meadow", "Point", "Gate", "Park", "Landing")
_STREETS = ("Alder", "Baker", "Canal", "Dover", "Elm", "Foundry", "Garden", "Hazel", "Ivy", "Jetty", "King", "Linden")


class Areas(NamedTuple):
    """All areas; the arrays are (n_areas,)."""

    names: tuple[str, ...]
    latitude: Floats
    longitude: Floats
    residents: Ints
    propensity: Floats  # requests per resident, as a multiple of the city's
    nearest: Ints  # (n_areas, n_areas): for each area all areas, the nearest first, beginning with itself

    @property
    def weights(self) -> Floats:
        """Share of the city's requests, (n_areas,)."""
        volume: Floats = self.residents * self.propensity
        shares: Floats = volume / volume.sum()
        return shares


def simulate_areas(rng: np.random.Generator, n_areas: int) -> Areas:
    """Areas on a jittered grid; a few are large, and some report half as much as others in the same need."""
    names = [f"{first} {second}" for first, second in product(_FIRST, _SECOND)]
    if not 6 <= n_areas <= len(names):
        raise ValueError(f"n_areas must be 6 to {len(names)}, not {n_areas}")
    columns = int(np.ceil(np.sqrt(n_areas)))
    grid = np.stack(np.divmod(np.arange(n_areas), columns)) - (columns - 1) / 2
    places = (grid + rng.uniform(-0.3, 0.3, grid.shape)) * SPACING
    distance = np.hypot(places[0][:, None] - places[0], places[1][:, None] - places[1])
    return Areas(
        names=tuple(rng.permutation(names)[:n_areas].tolist()),
        latitude=CENTRE[0] + places[0],
        longitude=CENTRE[1] + places[1],
        residents=(rng.lognormal(0.0, 0.45, n_areas) * 16_000).astype(np.int64),
        propensity=rng.lognormal(0.0, 0.3, n_areas),
        nearest=np.argsort(distance, axis=1),
    )


def addresses() -> list[str]:
    """Invented addresses such as `12 Canal Street`."""
    return [f"{number} {street} Street" for street in _STREETS for number in range(1, 180, 2)]
