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

    def check(self, key: str = "") -> None:
        """Whether the place is known.

        Args:
            key: Table of the settings that names it, for the message.

        Raises:
            ConfigError: The country or subdivision is not known to the `holidays` library.
        """
        where = f"{key}." if key else ""
        country, subdivision, known = self.country, self.subdivision, _countries()
        if country is None:
            if subdivision is not None:
                raise ConfigError(f"{where}subdivision", "has no meaning without a country")
        elif country not in known:
            problem = f"{country!r} is not the ISO 3166 code of a country with known holidays, such as 'DE'"
            raise ConfigError(f"{where}country", problem, allowed=known, value=country.upper())
        elif subdivision is not None and subdivision not in known[country]:
            problem = f"{subdivision!r} is not part of {country}"
            raise ConfigError(f"{where}subdivision", problem, allowed=known[country], value=subdivision.upper())

    def holiday_names(self, dates: Dates) -> npt.NDArray[np.str_]:
        """Name of the public holiday on each day, '' on ordinary days; shape of `dates`.

        Raises:
            ConfigError: The country or subdivision is not known to the `holidays` library.
        """
        days = dates.astype("datetime64[D]")
        self.check()
        if self.country is None or days.size == 0:
            return np.full(days.shape, "", dtype=np.str_)
        years = days.astype("datetime64[Y]").astype(int) + 1970
        known = _public_holidays(self.country, self.subdivision, int(years.min()), int(years.max()))
        return np.array([known.get(day, "") for day in days.ravel()], dtype=np.str_).reshape(days.shape)


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    found: dict[str, list[str]] = holiday_library.list_supported_countries()
    return found


@lru_cache(maxsize=64)
def _public_holidays(
    country: str, subdivision: str | None, first_year: int, last_year: int
) -> dict[np.datetime64, str]:
    found = holiday_library.country_holidays(
        country, subdiv=subdivision, years=range(first_year, last_year + 1), language="en_US"
    )
    return {np.datetime64(day, "D"): name for day, name in found.items()}


def weekdays(dates: Dates) -> npt.NDArray[np.int64]:
    """Weekday of each day, 0 is Monday; shape of `dates`."""
    return (dates.astype("datetime64[D]").astype(np.int64) + 3) % 7
