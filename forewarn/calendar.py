"""Which days are not like other days: weekdays, public holidays and the days around them."""

from dataclasses import dataclass
from functools import lru_cache

import holidays as holiday_library
import numpy as np
import numpy.typing as npt

from forewarn.errors import ConfigError

Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The civil calendar of one place.

    Args:
        country: ISO 3166 code such as `US` or `DE`; None: no holidays are known.
        subdivision: State or province such as `NY` or `BW`.
    """

    country: str | None = None
    subdivision: str | None = None

    def holiday_names(self, dates: Dates) -> npt.NDArray[np.str_]:
        """Name of the public holiday on each day, '' on ordinary days; shape of `dates`.

        Raises:
            ConfigError: The country or subdivision is not known to the `holidays` library.
        """
        days = dates.astype("datetime64[D]")
        if self.country is None or days.size == 0:
            return np.full(days.shape, "", dtype=np.str_)
        years = days.astype("datetime64[Y]").astype(int) + 1970
        known = _public_holidays(self.country, self.subdivision, int(years.min()), int(years.max()))
        return np.array([known.get(day, "") for day in days.ravel()], dtype=np.str_).reshape(days.shape)


@lru_cache(maxsize=64)
def _public_holidays(
    country: str, subdivision: str | None, first_year: int, last_year: int
) -> dict[np.datetime64, str]:
    supported = holiday_library.list_supported_countries()
    if country not in supported:
        raise ConfigError("country", f"{country!r} has no known public holidays", allowed=supported, value=country)
    if subdivision is not None and subdivision not in supported[country]:
        raise ConfigError(
            "subdivision",
            f"{subdivision!r} is not part of {country}",
            allowed=supported[country],
            value=subdivision,
        )
    found = holiday_library.country_holidays(
        country, subdiv=subdivision, years=range(first_year, last_year + 1), language="en_US"
    )
    return {np.datetime64(day, "D"): name for day, name in found.items()}


def weekdays(dates: Dates) -> npt.NDArray[np.int64]:
    """Weekday of each day, 0 is Monday; shape of `dates`."""
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7
