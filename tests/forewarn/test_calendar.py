"""Holidays of a place, and weekdays."""

import numpy as np
import pytest

from forewarn.calendar import Calendar, weekdays
from forewarn.errors import ConfigError

DAYS = np.array(["2025-07-03", "2025-07-04", "2025-10-03"], dtype="datetime64[D]")


def test_each_place_has_its_own_holidays() -> None:
    assert Calendar("US").holiday_names(DAYS).tolist() == ["", "Independence Day", ""]
    assert Calendar("DE", "BW").holiday_names(DAYS).tolist() == ["", "", "German Unity Day"]
    assert Calendar().holiday_names(DAYS).tolist() == ["", "", ""]


@pytest.mark.parametrize(("country", "subdivision"), [("XX", None), ("DE", "Bavaria")])
def test_an_unknown_place_is_named(country: str, subdivision: str | None) -> None:
    with pytest.raises(ConfigError, match=subdivision or country):
        Calendar(country, subdivision).holiday_names(DAYS)


def test_monday_is_nought() -> None:
    assert weekdays(np.array(["1970-01-05", "2026-11-22"], dtype="datetime64[D]")).tolist() == [0, 6]
