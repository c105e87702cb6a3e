"""An alert tells what the weather explains."""

import json
from dataclasses import replace

import numpy as np
import pytest

from alerts.rules.surge import Surge
from alerts.wording import explanation
from alerts.wording_of_weather import weather_text
from forewarn.results import Detection
from forewarn.weather import Weather
from tests.alerts.drawing import TUESDAY, drawn
from tests.alerts.test_wording import opened


def weather(high: float, low: float, wet: float, snow: float, factor: float) -> dict[str, float]:
    return {"high": high, "low": low, "precipitation": wet, "snow": snow, "factor": factor}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            weather(1.4, -3.6, 14, 12.2, 1.4),
            "(−4 to 1 °C and 12 cm of snow) and that of the day before, 40 % more than",
        ),
        (weather(9, 4, 31.2, 0, 0.78), "(4 to 9 °C and 31 mm of rain) and that of the day before, 22 % fewer than"),
        (weather(0.3, -0.3, 0, 0, 1.02), "Its weather (0 to 0 °C and dry) explains nothing of it."),
    ],
)
def test_what_the_weather_explains(told: dict[str, float], words: str) -> None:
    assert words in weather_text(told)


def test_unknown_weather_is_said() -> None:
    unknown = dict.fromkeys(("high", "low", "precipitation", "snow", "factor"))
    assert weather_text(unknown) == "Its weather is not known."
    assert weather_text({**unknown, "precipitation": 3.0}) == "Its weather (3 mm of rain) explains nothing of it."


def raining(detection: Detection, factor: float) -> Detection:
    n_days = len(detection.panel.dates)
    of_panel = Weather(*(np.full(n_days, value) for value in (9.0, 4.0, 25.0, np.nan)))
    panel = replace(detection.panel, weather=of_panel)
    return replace(detection, panel=panel, weather=np.full_like(detection.observed, factor))


def test_an_alert_tells_it() -> None:
    surge = drawn(({"category": "Sewers"}, 50, 13.2, 22.7))
    (finding,) = Surge().evaluate([raining(surge, 1.5)], TUESDAY)
    evidence = json.loads(json.dumps(finding.evidence, allow_nan=False))
    assert evidence["weather"] == {"factor": 1.5, "high": 9, "low": 4, "precipitation": 25, "snow": None}
    (considered,) = [line for line in explanation(opened(finding)) if line.startswith("What else")]
    assert "With its weather (4 to 9 °C and 25 mm of rain) and that of the day before, 50 % more" in considered
    (plain,) = Surge().evaluate([surge], TUESDAY)
    assert plain.evidence["weather"] is None
    assert "eather" not in " ".join(explanation(opened(plain)))
