"""Reads where the areas of a source lie, and which are neighbours, from a file of the settings.

| kind | the file |
| --- | --- |
| centroids | CSV with the columns `area`, `latitude`, `longitude` |
| adjacency | CSV with the columns `area`, `neighbour` |
| boundaries | GeoJSON, polygons in WGS84 |
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from detectors.borders import touching
from detectors.zones import Zones, connected, nearest
from forewarn.errors import ConfigError
from forewarn.panel import Floats
from forewarn.settings import GeographySettings

LISTED = 10
"""Names that a message lists at most."""


def zones_from_file(geography: GeographySettings, areas: Sequence[str], folder: Path, key: str) -> Zones:
    """The zones of the file's areas. An area that the file lacks stays by itself.

    Args:
        areas: Names as the source has them.
        folder: From which a relative path starts.
        key: The setting, such as `sources.bonn.geography`, for messages.

    Raises:
        ConfigError: The file cannot be read, is not what it should be, or knows none of the areas.
    """
    path = folder / geography.path
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{key}.path", f"{path} cannot be read: {reason}") from None
    if geography.kind == "adjacency":
        pairs = [(row["area"], row["neighbour"]) for row in _rows(text, ("area", "neighbour"), path, key)]
        _check_known(areas, {name for pair in pairs for name in pair}, path, key)
        return connected(_all(areas, {name for pair in pairs for name in pair}), pairs)
    if geography.kind == "boundaries":
        shapes = _shapes(text, geography.name_property, path, key)
        _check_known(areas, set(shapes), path, key)
        return connected(_all(areas, shapes), touching(shapes))
    centres = dict(_centres(text, path, key))
    _check_known(areas, set(centres), path, key)
    every = _all(areas, centres)
    places = np.array([centres.get(area, (np.nan, np.nan)) for area in every]).reshape(len(every), 2)
    return nearest(every, places[:, 0], places[:, 1])


def _all(areas: Iterable[str], known: Iterable[str]) -> list[str]:
    return sorted({*areas, *known} - {""})


def _rows(text: str, columns: Sequence[str], path: Path, key: str) -> list[dict[str, str]]:
    rows = csv.DictReader(text.splitlines())
    if missing := [column for column in columns if column not in (rows.fieldnames or ())]:
        raise ConfigError(f"{key}.path", f"{path} lacks the column {missing[0]!r}", allowed=columns)
    return [{name: (row[name] or "").strip() for name in columns} for row in rows]


def _centres(text: str, path: Path, key: str) -> Iterator[tuple[str, tuple[float, float]]]:
    columns = ("area", "latitude", "longitude")
    for number, row in enumerate(_rows(text, columns, path, key), start=2):
        place = []
        for column, most in (("latitude", 90.0), ("longitude", 180.0)):
            try:
                degrees = float(row[column])
            except ValueError:
                degrees = math.nan
            if not abs(degrees) <= most:
                problem = f"{path} line {number}: {column} {row[column]!r} is no number from -{most:.0f} to {most:.0f}"
                raise ConfigError(f"{key}.path", problem)
            place.append(degrees)
        yield row["area"], (place[0], place[1])


def _shapes(text: str, name_property: str, path: Path, key: str) -> dict[str, list[Floats]]:
    """Area → its rings, (n_points, 2) longitudes and latitudes."""
    try:
        features = json.loads(text)["features"]
        shapes: dict[str, list[Floats]] = {}
        for feature in features:
            properties = feature["properties"] or {}
            if name_property not in properties:
                raise ConfigError(
                    f"{key}.name_property",
                    f"{path} has features without the property {name_property!r}",
                    allowed=map(str, properties),
                    value=name_property,
                )
            name = str(properties[name_property]).strip()
            shapes.setdefault(name, []).extend(_rings(feature["geometry"] or {"type": "Polygon", "coordinates": []}))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise ConfigError(f"{key}.path", f"{path} is no GeoJSON collection of polygons") from None
    if any((np.abs(ring) > (180.0, 90.0)).any() for rings in shapes.values() for ring in rings):
        raise ConfigError(f"{key}.path", f"{path} is not in degrees of longitude and latitude (WGS84)")
    return shapes


def _rings(geometry: dict[str, Any]) -> list[Floats]:
    coordinates = geometry["coordinates"]
    polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}[geometry["type"]]
    return [np.array([point[:2] for point in ring], dtype=np.float64) for polygon in polygons for ring in polygon]


def _check_known(areas: Sequence[str], known: set[str], path: Path, key: str) -> None:
    if areas and not known & set(areas):
        there, here = (", ".join(map(repr, sorted(some)[:LISTED])) for some in (known, areas))
        raise ConfigError(f"{key}.path", f"{path} has none of the source's areas ({here}); it has {there or 'nothing'}")
