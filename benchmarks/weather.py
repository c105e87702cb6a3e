"""Does the weather help? Expectations of recorded cities with and without it, on days that taught them nothing.

    FOREWARN_DATA=… python -m benchmarks.weather

The default detector judges the last two years of each series twice. Cells: Poisson deviance of the counts from what was
expected with the weather, over that without; alarms at a chance of 1e-3 without and with.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import xlogy

from detectors.scan import Scan
from forewarn.calendar import Calendar
from forewarn.panel import Floats, Panel
from forewarn.weather import Weather

JUDGED_DAYS = 728
MIN_REQUESTS = 1000
"""Over the whole record; rarer series tell little."""
SHOWN = 5


def cities(data: Path) -> Iterator[tuple[str, Panel]]:
    """Recorded cities with their weather, as a whole and by kind of request."""
    cases = pd.read_parquet(data / "nyc_council_cases" / "cases_2015_2019.parquet")
    counties = pd.read_parquet(data / "weather" / "nyc_nclimgrid_daily_2010-01_2025-07.parquet")
    animals = pd.read_parquet(data / "boston_animal_pest" / "requests_2013_2019.parquet")
    station = pd.read_csv(data / "weather" / "boston_daily_2013-03_2023-03.csv")
    for level in ("", "category", "subcategory"):
        yield "New York council", panel_of(cases, level, "2015-01-01", "2019-12-31", Calendar("US", "NY"), counties)
    for level in ("", "subcategory"):
        yield "Boston animals", panel_of(animals, level, "2014-01-01", "2019-12-31", Calendar("US", "MA"), station)


def panel_of(
    requests: pd.DataFrame, level: str, first: str, last: str, calendar: Calendar, weather: pd.DataFrame
) -> Panel:
    """Counts a day of each series, and the mean weather of all stations."""
    days = pd.date_range(first, last)
    day = requests["created_at"].dt.normalize()
    inside = (day >= days[0]) & (day <= days[-1])
    kind = requests[level].fillna("").astype(str) if level else pd.Series("all", index=requests.index)
    wide = pd.crosstab(kind[inside], day[inside]).reindex(columns=days, fill_value=0)
    wide = wide[wide.sum(axis=1) >= MIN_REQUESTS]
    numbers = weather.groupby(pd.to_datetime(weather["date"]))[["tmax", "tmin", "prcp"]].mean().reindex(days)
    labels = pd.DataFrame({"category": wide.index.to_numpy()}, index=pd.RangeIndex(len(wide), name="series_id"))
    return Panel(
        wide.to_numpy(dtype=np.float64),
        days.to_numpy().astype("datetime64[D]"),
        labels,
        datetime(2026, 1, 1, tzinfo=UTC),
        calendar=calendar,
        title=level or "all",
        weather=Weather(*(numbers[name].to_numpy() for name in numbers), np.full(len(days), np.nan)),
    )


def deviance(observed: Floats, expected: Floats) -> Floats:
    """(n_series,) Poisson deviance over the days with a verdict."""
    return np.asarray(2 * np.nansum(xlogy(observed, observed / expected) - observed + expected, axis=1))


def main() -> None:
    """Prints a row for each city and level, and the series that gained and lost the most."""
    print("| city | level | series | deviance | least | median | most | alarms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    extremes = []
    for city, panel in cities(Path(os.environ["FOREWARN_DATA"])):
        plain, watched = (Scan().detect(one, JUDGED_DAYS) for one in (replace(panel, weather=None), panel))
        before, after = (deviance(found.observed, found.expected) for found in (plain, watched))
        ratio = after / before
        shares = (after.sum() / before.sum(), ratio.min(), np.median(ratio), ratio.max())
        cells = " | ".join(f"{share:.3f}" for share in shares)
        alarms = f"{plain.alarms().sum()}, {watched.alarms().sum()}"
        print(f"| {city} | {panel.title} | {len(ratio)} | {cells} | {alarms} |", flush=True)
        order = np.argsort(ratio)
        extremes += [(city, str(panel.labels["category"].iloc[row]), ratio[row]) for row in order[:SHOWN]]
    print("\nSeries that gained the most:\n")
    for city, name, share in sorted(extremes, key=lambda one: one[2])[: 2 * SHOWN]:
        print(f"- {city}, {name}: {share:.3f}")


if __name__ == "__main__":
    main()
