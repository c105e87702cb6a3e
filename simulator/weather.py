"""Daily weather that keeps its mood: mild spells, cold snaps and storms last for days."""

from dataclasses import dataclass

import numpy as np

from forewarn.calendar import Dates
from simulator.population import Floats


@dataclass(frozen=True)
class Weather:
    """Mean temperature in °C and rain in mm, each (n_days,)."""

    temperature: Floats
    rain: Floats

    def with_cold_snap(self, first: int, degrees: Floats) -> "Weather":
        """The same weather, but colder by `degrees` (n,) on the n days from `first`."""
        temperature = self.temperature.copy()
        temperature[first : first + len(degrees)] -= degrees
        return Weather(temperature, self.rain)


def simulate_weather(rng: np.random.Generator, dates: Dates) -> Weather:
    """Weather of a coastal city: 0 °C in late January, 25 °C in late July, a storm about every two weeks."""
    usual = 12.5 - 12.5 * np.cos(2 * np.pi * (day_of_year(dates) - 25) / 365.25)
    temperature = usual + autocorrelated(rng, len(dates), memory=0.75, deviation=4.0)
    wetness = autocorrelated(rng, len(dates), memory=0.5, deviation=1.0)
    rain = np.where(wetness > 0.45, 6.0 * (np.exp(np.maximum(wetness - 0.45, 0.0)) - 1.0) + 1.0, 0.0)
    storm = rng.random(len(dates)) < 0.07
    return Weather(temperature, rain + storm * rng.gamma(3.0, 9.0, len(dates)))


def autocorrelated(rng: np.random.Generator, n_days: int, *, memory: float, deviation: float) -> Floats:
    """A first-order autoregressive series (n_days,) with mean 0: x_t = memory * x_{t-1} + shock_t."""
    shocks = rng.normal(0.0, deviation * np.sqrt(1.0 - memory**2), n_days)
    series = np.empty(n_days)
    level = rng.normal(0.0, deviation)
    for day, shock in enumerate(shocks):
        level = memory * level + shock
        series[day] = level
    return series


def day_of_year(dates: Dates) -> Floats:
    """0 on the first of January, (n_days,)."""
    days: Floats = (dates - dates.astype("datetime64[Y]")).astype("timedelta64[D]").astype(np.float64)
    return days
