"""Files of areas are read, or it is said what is wrong with them."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from detectors.zones import Zones
from flows.geography import zones_from_file
from forewarn.errors import ConfigError
from forewarn.settings import GeographySettings

AREAS = ["Alder", "Birch", "Cedar", "Dale", "Elm"]
KEY = "sources.bonn.geography"


def square(x: float) -> dict[str, object]:
    ring = [[x, 50.0], [x + 0.01, 50.0], [x + 0.01, 50.01], [x, 50.01], [x, 50.0]]
    return {"type": "Polygon", "coordinates": [ring]}


def row_of_squares(**more: object) -> str:
    """Five squares side by side, the last of them with another name."""
    features = [
        {"type": "Feature", "properties": {"district": name, **more}, "geometry": square(7 + 0.01 * place)}
        for place, name in enumerate([*AREAS[:4], "Fir"])
    ]
    return json.dumps({"type": "FeatureCollection", "features": features})


def read(folder: Path, kind: str, text: str, **more: str) -> Zones:
    (folder / "areas.txt").write_text(text, encoding="utf-8")
    geography = GeographySettings.model_validate({"kind": kind, "path": "areas.txt", **more})
    return zones_from_file(geography, AREAS, folder, KEY)


def groups(zones: Zones, size: int) -> set[frozenset[str]]:
    return {frozenset(np.array(zones.areas)[row].tolist()) for row in zones.members if row.sum() == size}


def test_centroids(tmp_path: Path) -> None:
    lines = ["area,latitude,longitude", *(f"{name},50.0,{7 + place * place / 100}" for place, name in enumerate(AREAS))]
    zones = read(tmp_path, "centroids", "\ufeff" + "\r\n".join(lines) + "\r\n")
    assert groups(zones, 2) == {frozenset(pair) for pair in pairwise(AREAS)}


def test_adjacency_and_areas_that_only_one_side_knows(tmp_path: Path) -> None:
    zones = read(tmp_path, "adjacency", "area,neighbour\nAlder,Birch\nBirch,Cedar\nElm, Fir \nFir,Gorse\n")
    assert list(zones.areas) == ["Alder", "Birch", "Cedar", "Dale", "Elm", "Fir", "Gorse"]
    assert groups(zones, 1) == {frozenset({name}) for name in zones.areas}
    assert frozenset({"Alder", "Birch", "Cedar"}) in groups(zones, 3)
    assert not any("Dale" in group for group in groups(zones, 2))


def test_boundaries(tmp_path: Path) -> None:
    zones = read(tmp_path, "boundaries", row_of_squares(), name_property="district")
    names = [*AREAS[:4], "Fir"]
    assert groups(zones, 2) == {frozenset(pair) for pair in pairwise(names)}
    assert frozenset({"Elm"}) in groups(zones, 1)


@pytest.mark.parametrize(
    ("kind", "text", "key", "words"),
    [
        ("centroids", "area,lat,lon\n", "path", "lacks the column .latitude"),
        ("centroids", "area,latitude,longitude\nElm,x,7\n", "path", "line 2: latitude 'x' is no number from -90 to 90"),
        ("centroids", "area,latitude,longitude\nElm,50,200\n", "path", "longitude '200'"),
        ("adjacency", "area;neighbour\nElm;Dale\n", "path", "lacks the column 'area'"),
        ("adjacency", "area,neighbour\nOak,Pine\n", "path", "has none of the source's areas .'Alder'.*it has 'Oak'"),
        ("adjacency", "area,neighbour\n", "path", "it has nothing"),
        ("boundaries", "{}", "path", "no GeoJSON"),
        ("boundaries", "<xml>", "path", "no GeoJSON"),
        ("boundaries", json.dumps({"features": [{"properties": {}, "geometry": {"type": "Point"}}]}), None, "name"),
        ("boundaries", row_of_squares(nam="x"), "name_property", "without the property 'name'; did you mean 'nam'"),
        ("boundaries", row_of_squares().replace("50.0", "5000.0").replace("district", "name"), "path", "WGS84"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, kind: str, text: str, key: str | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        read(tmp_path, kind, text)
    if key is not None:
        assert error.value.key == f"{KEY}.{key}"


def test_a_file_that_is_missing_or_in_another_encoding(tmp_path: Path) -> None:
    geography = GeographySettings(kind="adjacency", path="none.csv")
    with pytest.raises(ConfigError, match=r"none\.csv cannot be read: No such file"):
        zones_from_file(geography, AREAS, tmp_path, KEY)
    (tmp_path / "none.csv").write_bytes("area,neighbour\nÄlm,Elm".encode("latin-1"))
    with pytest.raises(ConfigError, match="not UTF-8"):
        zones_from_file(geography, AREAS, tmp_path, KEY)
