"""Weather of a place, day by day, as far as it was known."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class WeatherDay(NamedTuple):
    """Weather on one day, in the units of `Weather`; NaN: not told.

    Args:
        forecast: The day was not over when this was said of it.
    """

    day: date
    high: float
    low: float
    precipitation: float
    snow: float
    forecast: bool


@dataclass(frozen=True)
class Weather:
    """Weather on consecutive days; NaN: not known.

    Args:
        high, low: (n_days,) highest and lowest temperature, degrees Celsius.
        precipitation: (n_days,) rain and melted snow, mm.
        snow: (n_days,) fresh snow, cm.
    """

    high: Floats
    low: Floats
    precipitation: Floats
    snow: Floats

    def __post_init__(self) -> None:
        n_days = len(self.high)
        for name, values in self._parts():
            if values.shape != (n_days,):
                raise ValueError(f"{name} must have shape {(n_days,)}, found {values.shape}")

    def _parts(self) -> Iterator[tuple[str, Floats]]:
        return ((part.name, getattr(self, part.name)) for part in fields(self))

    def on(self, days: slice) -> "Weather":
        """The same with only these days, by position."""
        return Weather(**{name: values[days] for name, values in self._parts()})
