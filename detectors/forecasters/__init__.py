"""Models that say what the coming days should bring, all behind `forewarn.contracts.Forecaster`."""

from forewarn.contracts import Forecaster
from forewarn.plugins import load

FORECASTERS = {
    "seasonal-naive": "detectors.forecasters.seasonal_naive:SeasonalNaive",
    "ets": "detectors.forecasters.ets:Ets",
    "prophet": "detectors.forecasters.prophet:ProphetForecaster",
}
"""Name in the settings → class, as text: prophet and statsmodels take seconds to import."""


def forecaster_for(name: str) -> Forecaster:
    """The forecaster called `name`, with its default configuration.

    Raises:
        ConfigError: There is no such forecaster.
    """
    forecaster: Forecaster = load(FORECASTERS, name, key="forecast.forecasters")()
    return forecaster
