"""Eastings and northings of a national grid as degrees of WGS84.

The transverse Mercator projection is undone by Redfearn's series, and the datum shifted by seven parameters, as the
Ordnance Survey describes both ("A guide to coordinate systems in Great Britain", annexes B and C); good to 5 metres.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connectors.texts import as_text
from forewarn.panel import Floats

WGS84_AXES = 6378137.0, 6356752.314245  # metres: equator, pole


@dataclass(frozen=True, slots=True)
class Grid:
    """A transverse Mercator grid on its own ellipsoid; metres and degrees.

    Args:
        shift: To WGS84: x, y, z in metres, scale in parts per million, rotations in seconds of arc.
        bounds: First easting, last easting, first northing, last northing that can be on the grid.
    """

    axes: tuple[float, float]
    scale: float
    origin: tuple[float, float]  # latitude, longitude
    false_origin: tuple[float, float]  # easting, northing
    shift: tuple[float, float, float, float, float, float, float]
    bounds: tuple[float, float, float, float]


GRIDS = {
    "osgb36": Grid(  # the British National Grid
        axes=(6377563.396, 6356256.909),
        scale=0.9996012717,
        origin=(49.0, -2.0),
        false_origin=(400_000.0, -100_000.0),
        shift=(446.448, -125.157, 542.060, -20.4894, 0.1502, 0.2470, 0.8421),
        bounds=(0.0, 700_000.0, 0.0, 1_300_000.0),
    ),
}


def to_wgs84(grid: str, eastings: pa.Array, northings: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Latitudes and longitudes; what is not on the grid stays as it is, to be told as no place."""
    spec = GRIDS[grid]
    east, north = _numbers(eastings), _numbers(northings)
    first_east, last_east, first_north, last_north = spec.bounds
    on_grid = (east > first_east) & (east < last_east) & (north > first_north) & (north < last_north)
    lat, lon = _shifted(spec, *_unprojected(spec, np.where(on_grid, east, np.nan), np.where(on_grid, north, np.nan)))
    return pa.array(np.where(on_grid, lat, north)), pa.array(np.where(on_grid, lon, east))


def _unprojected(grid: Grid, east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """Latitudes and longitudes in radians, on the grid's own ellipsoid."""
    a, b = (axis * grid.scale for axis in grid.axes)
    lat0, lon0 = np.radians(grid.origin)
    e2, n = 1 - (b / a) ** 2, (a - b) / (a + b)

    def meridian(lat: Floats) -> Floats:
        """Metres along the meridian from the origin's latitude."""
        less, more = lat - lat0, lat + lat0
        arc: Floats = b * (
            (1 + n + 5 / 4 * n**2 + 5 / 4 * n**3) * less
            - (3 * n + 3 * n**2 + 21 / 8 * n**3) * np.sin(less) * np.cos(more)
            + (15 / 8 * n**2 + 15 / 8 * n**3) * np.sin(2 * less) * np.cos(2 * more)
            - 35 / 24 * n**3 * np.sin(3 * less) * np.cos(3 * more)
        )
        return arc

    distance = north - grid.false_origin[1]
    lat = lat0 + distance / a
    for _ in range(8):  # each round is a thousand times as near
        lat = lat + (distance - meridian(lat)) / a
    sin2, tan, cos = np.sin(lat) ** 2, np.tan(lat), np.cos(lat)
    nu, rho = a / np.sqrt(1 - e2 * sin2), a * (1 - e2) / (1 - e2 * sin2) ** 1.5
    eta2, de = nu / rho - 1, east - grid.false_origin[0]
    lat = (
        lat
        - tan / (2 * rho * nu) * de**2
        + tan / (24 * rho * nu**3) * (5 + 3 * tan**2 + eta2 - 9 * tan**2 * eta2) * de**4
        - tan / (720 * rho * nu**5) * (61 + 90 * tan**2 + 45 * tan**4) * de**6
    )
    lon = (
        lon0
        + de / (cos * nu)
        - (nu / rho + 2 * tan**2) / (6 * cos * nu**3) * de**3
        + (5 + 28 * tan**2 + 24 * tan**4) / (120 * cos * nu**5) * de**5
        - (61 + 662 * tan**2 + 1320 * tan**4 + 720 * tan**6) / (5040 * cos * nu**7) * de**7
    )
    return lat, lon


def _shifted(grid: Grid, lat: Floats, lon: Floats) -> tuple[Floats, Floats]:
    """Degrees of WGS84 of radians on the grid's ellipsoid; heights of a few metres do not matter."""
    a, b = grid.axes
    e2 = 1 - (b / a) ** 2
    nu = a / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    x, y, z = nu * np.cos(lat) * np.cos(lon), nu * np.cos(lat) * np.sin(lon), nu * (1 - e2) * np.sin(lat)
    tx, ty, tz, ppm, *seconds = grid.shift
    rx, ry, rz = np.radians(np.array(seconds) / 3600)
    s = 1 + ppm * 1e-6
    x, y, z = tx + s * x - rz * y + ry * z, ty + rz * x + s * y - rx * z, tz - ry * x + rx * y + s * z
    a, b = WGS84_AXES
    e2, across = 1 - (b / a) ** 2, np.hypot(x, y)
    lat = np.arctan2(z, across * (1 - e2))
    for _ in range(5):
        nu = a / np.sqrt(1 - e2 * np.sin(lat) ** 2)
        lat = np.arctan2(z + e2 * nu * np.sin(lat), across)
    return np.degrees(lat), np.degrees(np.arctan2(y, x))


def _numbers(column: pa.Array) -> npt.NDArray[np.float64]:
    texts: list[Any] = as_text(column).to_pylist()
    return np.array([_number(text) for text in texts], dtype=np.float64)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan
