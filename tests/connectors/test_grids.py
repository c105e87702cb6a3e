import numpy as np
import pyarrow as pa
import pytest

from connectors.grids import GRIDS, _unprojected, to_wgs84


def test_the_worked_example_of_the_ordnance_survey() -> None:
    """Easting 651 409.903 m, northing 313 177.270 m is 52° 39' 27.2531" N, 1° 43' 4.5177" E on the Airy ellipsoid."""
    lat, lon = _unprojected(GRIDS["osgb36"], np.array([651409.903]), np.array([313177.270]))
    assert np.degrees(lat[0]) == pytest.approx(52 + 39 / 60 + 27.2531 / 3600, abs=1e-8)
    assert np.degrees(lon[0]) == pytest.approx(1 + 43 / 60 + 4.5177 / 3600, abs=1e-8)


def test_places_in_degrees_of_wgs84() -> None:
    """The same point there, and the Royal Observatory, whose prime meridian lies 102 m west of that of WGS84."""
    east, north = pa.array(["651409.903", "538890", None, "1.5", "x"]), pa.array([313177.270, 177320, 5, 0.0, 1.0])
    lat, lon = (column.to_pylist() for column in to_wgs84("osgb36", east, north))
    assert (lat[0], lon[0]) == pytest.approx((52.657977, 1.716052), abs=3e-5)
    assert (lat[1], lon[1]) == pytest.approx((51.4779, -0.0015), abs=3e-4)
    assert np.isnan(lon[2])
    assert (lat[3], lon[3]) == (0.0, 1.5), "what is not on the grid stays as it is"
