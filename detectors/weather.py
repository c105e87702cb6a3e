"""Weather as regression columns: few, smooth, and each the departure from what is usual at that time of the year.

    column_t = f(weather_t) - normal(day of the year)          0 where the weather is not known

`f` is one of warmth and cold (degree days, as engineers count them), rain and snow (logarithms, so that a cloudburst is
not fifty drizzles), of the day and of the day before. The normal is that of the past alone. So a day of unknown weather
is a day of usual weather, and the season stays with the columns of the season.
"""

from collections.abc import Iterator

import numpy as np

from forewarn.calendar import Dates
from forewarn.panel import Floats
from forewarn.weather import Weather

WARM_FROM, COLD_FROM = 18.0, 16.0
"""Mean temperature, degrees Celsius, above and below which degree days are counted."""
FREEZING = (-2.0, 4.0)
"""Mean temperature at which all, and none, of the precipitation is snow, where nobody measured it."""
TYPICAL_DEGREES, TYPICAL_RAIN_MM, TYPICAL_SNOW_CM = 10.0, 10.0, 10.0
"""What counts as 1."""

WEATHER_SD = 0.3
"""Prior standard deviation of the effect of ten degrees, 10 mm or 10 cm, on the log scale."""

TRUST = 2.0
"""Evidence below which an effect is none, in units of what chance brings: days that follow each other tell less than
they seem to."""

MOST_RISE = 2.0
"""By so much weather may multiply what is expected. A storm's usual harvest is no surprise and has to be dealt with all
the same: what goes beyond a doubling is told. Falls are expected however deep they are."""

MIN_KNOWN_DAYS = 56
"""Known days of the past below which nothing is made of the weather."""
NORMAL_HARMONICS = 2
ANNUAL_FROM_DAYS = 365
"""Known days from which on the normal follows the season."""


def weather_columns(weather: Weather | None, dates: Dates, n_taught: int) -> Floats:
    """(n_days, n_columns) departures from what is usual; (n_days, 0) where too little is known.

    Args:
        dates: (n_days,) consecutive days.
        n_taught: Number of first days whose weather says what is usual.
    """
    columns = [np.zeros((len(dates), 0))]
    for measure in [] if weather is None else _measures(weather):
        departure = _departure(measure, dates, n_taught)
        if departure is not None:
            columns += [departure, np.concatenate([[0.0], departure[:-1]])]
    return np.column_stack(columns)


def _measures(weather: Weather) -> Iterator[Floats]:
    mean = (weather.high + weather.low) / 2
    yield np.maximum(mean - WARM_FROM, 0.0) / TYPICAL_DEGREES
    yield np.maximum(COLD_FROM - mean, 0.0) / TYPICAL_DEGREES
    yield np.log1p(weather.precipitation) / np.log1p(TYPICAL_RAIN_MM)
    yield np.log1p(fresh_snow(weather)) / np.log1p(TYPICAL_SNOW_CM)


def trusted(coefficients: Floats, covariance: Floats, dispersion: Floats, prior_sd: Floats) -> tuple[Floats, Floats]:
    """The fit with the effects of the weather drawn to none as far as chance could have made them, series by series.

        share = max(0, 1 - TRUST * k / (b' C⁻¹ b / dispersion))         of the k effects b with covariance C

    What is left of an effect's variance is the same share of it, and of the rest what the data could not tell: snow
    that never fell keeps the width of its prior. The departures are next to independent of season and weekday, so
    that these need no other fit.

    Args:
        coefficients, covariance, dispersion: As in `Season`.
        prior_sd: (k,) of the last columns, those of the weather.

    References:
        James & Stein (1961), Proc 4th Berkeley Symp Math Stat Prob 1, 361-379.
    """
    k = len(prior_sd)
    if not k:
        return coefficients, covariance
    effects, spread = coefficients[:, -k:, None], covariance[:, -k:, -k:]
    evidence = (effects * np.linalg.solve(spread, effects)).sum(axis=(1, 2)) / dispersion
    share = np.maximum(1 - TRUST * k / np.maximum(evidence, 1e-9), 0.0)[:, None]
    untold = np.minimum(np.diagonal(spread, axis1=1, axis2=2) * dispersion[:, None] / prior_sd**2, 1.0)
    n_others = coefficients.shape[1] - k
    shrunk = np.pad(np.broadcast_to(share, untold.shape), ((0, 0), (n_others, 0)), constant_values=1.0)
    kept = np.pad(np.sqrt(share + (1 - share) * untold), ((0, 0), (n_others, 0)), constant_values=1.0)
    return coefficients * shrunk, covariance * kept[:, :, None] * kept[:, None, :]


def fresh_snow(weather: Weather) -> Floats:
    """(n_days,) cm; where nobody measured it, precipitation of freezing days, a millimetre of water being a cm."""
    none_above, all_below = FREEZING[1], FREEZING[0]
    share = np.clip((none_above - (weather.high + weather.low) / 2) / (none_above - all_below), 0.0, 1.0)
    estimated = np.where(share == 0, 0.0, share * weather.precipitation)
    return np.where(np.isnan(weather.snow), estimated, weather.snow)


def _departure(values: Floats, dates: Dates, n_taught: int) -> Floats | None:
    """(n_days,) from what is usual, 0 where not known; None: too little is known to say what is usual."""
    known = ~np.isnan(values)
    taught = np.flatnonzero(known[:n_taught])
    if len(taught) < MIN_KNOWN_DAYS:
        return None
    season = _season(dates, annual=len(taught) >= ANNUAL_FROM_DAYS)
    normal = season @ np.linalg.lstsq(season[taught], values[taught], rcond=None)[0]
    return np.where(known, values - normal, 0.0)


def _season(dates: Dates, *, annual: bool) -> Floats:
    columns = [np.ones(len(dates))]
    if annual:
        angle = 2 * np.pi * dates.astype("datetime64[D]").astype(np.float64) / 365.25
        for harmonic in range(1, NORMAL_HARMONICS + 1):
            columns += [np.sin(harmonic * angle), np.cos(harmonic * angle)]
    return np.column_stack(columns)
