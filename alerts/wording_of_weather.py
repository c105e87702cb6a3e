"""What the weather of a day explains, in plain words."""

from collections.abc import Mapping

from alerts.phrases import listed, number

TELLING = 1.1
"""Factor from which on the weather is said to explain something."""
WET_MM, SNOWY_CM = 1.0, 1.0


def weather_text(weather: Mapping[str, float | None]) -> str:
    """`With its weather (-4 to 1 °C, 12 cm of snow), 40 % more than usual was expected; that is allowed for.`

    Args:
        weather: As in the evidence of an alert.
    """
    factor, what = weather["factor"], _described(weather)
    if not what:
        return "Its weather is not known."
    if factor is None or 1 / TELLING < factor < TELLING:
        return f"Its weather ({what}) explains nothing of it."
    change = f"{factor - 1:.0%} more" if factor > 1 else f"{1 - factor:.0%} fewer"
    return (
        f"With its weather ({what}) and that of the day before, {change.replace('%', ' %')} than is usual at this time "
        "of the year were expected; that is allowed for."
    )


def _described(weather: Mapping[str, float | None]) -> str:
    high, low, wet, snow = (weather[name] for name in ("high", "low", "precipitation", "snow"))
    parts = []
    if high is not None and low is not None:
        parts.append(f"{_degrees(low)} to {_degrees(high)} °C")
    if snow is not None and snow >= SNOWY_CM:
        parts.append(f"{number(round(snow))} cm of snow")
    elif wet is not None:
        parts.append(f"{number(round(wet))} mm of rain" if wet >= WET_MM else "dry")
    return listed(parts)


def _degrees(value: float) -> str:
    return str(round(value)).replace("-", "−")
