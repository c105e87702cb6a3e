"""How well each forecaster does on real cities: python -m benchmarks.forecasters [forecaster … | chosen]

FOREWARN_DATA names the folder that holds the recorded requests (Parquet, one row a request). Each dataset is
forecast 28 days ahead from 8 origins, 42 days apart, as a whole and for its 8 busiest categories or areas.

    MASE      mean absolute error / that of "as a week ago" within the first history
    pinball   mean pinball loss at 10, 50 and 90 %, in per cent of the mean count
    coverage  share of days inside the 80 % range
    seconds   CPU time a series and origin: of one fit, and with `chosen` of the whole back-test
"""

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from detectors.forecasters import FORECASTERS, forecaster_for
from detectors.forecasters.selection import forecast_panel
from detectors.limits import nb_quantile
from forewarn.calendar import Calendar
from forewarn.contracts import Forecaster
from forewarn.panel import Floats, Panel
from forewarn.results import Forecast

HORIZON = 28
ORIGINS = 8
STEP = 42
BUSIEST = 8


class Dataset(NamedTuple):
    """A recorded city, with the days on which it is known to be whole."""

    path: str
    split: str
    first_day: str
    last_day: str
    calendar: Calendar
    missing: tuple[str, ...] = ()


DATASETS = {
    "stuttgart": Dataset(
        "stuttgart_gelbe_karten/reports_2020-12_2023-12.parquet",
        "category",
        "2020-12-29",
        "2023-12-31",
        Calendar("DE", "BW"),
        ("2023-09-19",),
    ),
    "nyc-council": Dataset(
        "nyc_council_cases/cases_2015_2019.parquet",
        "category",
        "2015-01-01",
        "2019-12-31",
        Calendar("US", "NY"),
    ),
    "chicago": Dataset(
        "chicago_sanitation/requests_2011_2012.parquet",
        "area",
        "2011-01-01",
        "2012-12-31",
        Calendar("US", "IL"),
    ),
    "boston": Dataset(
        "boston_animal_pest/requests_2013_2019.parquet",
        "area",
        "2013-10-15",
        "2019-12-31",
        Calendar("US", "MA"),
    ),
    "nyc-illegal-animals": Dataset(
        "nyc_illegal_animals/requests_2010_2019.parquet",
        "area",
        "2010-01-07",
        "2019-12-28",
        Calendar("US", "NY"),
    ),
}


def panel_of(folder: Path, dataset: Dataset, level: tuple[str, ...]) -> Panel:
    """Daily counts of the dataset at `level`, its busiest series only."""
    rows = pd.read_parquet(folder / dataset.path, columns=["created_at", dataset.split])
    dates = pd.date_range(dataset.first_day, dataset.last_day)
    day = rows["created_at"].dt.normalize()
    if level:
        names = rows[dataset.split].value_counts().index[:BUSIEST].sort_values()
        wide = pd.crosstab(day, rows[dataset.split]).reindex(dates, fill_value=0)[names].astype(float)
        labels = pd.DataFrame({level[0]: wide.columns.astype(str)})
    else:
        wide = day.value_counts().reindex(dates, fill_value=0).astype(float).to_frame()
        labels = pd.DataFrame(index=[0])
    wide.loc[list(dataset.missing)] = np.nan
    as_of = datetime.combine(dates[-1].date(), datetime.min.time(), UTC)
    return Panel(wide.to_numpy().T, dates.to_numpy(), labels, as_of, calendar=dataset.calendar)


def pinball(observed: Floats, forecast: Forecast) -> Floats:
    """(n_series, horizon) mean loss at 10, 50 and 90 %."""
    levels = np.array([0.1, 0.5, 0.9])[:, np.newaxis, np.newaxis]
    error = observed - nb_quantile(levels, forecast.mean, forecast.variance)
    return np.asarray(np.maximum(levels * error, (levels - 1) * error).mean(axis=0))


def measure(forecaster: Forecaster, panel: Panel) -> dict[str, float]:
    """The four numbers of one forecaster on one panel, means over series, origins and days."""
    n_days = len(panel.dates)
    starts = n_days - HORIZON - STEP * np.arange(ORIGINS)
    earliest = panel.counts[:, : starts.min()]
    week_ago = np.nanmean(np.abs(earliest[:, 7:] - earliest[:, :-7]), axis=1, keepdims=True)
    errors, losses, inside, seconds = [], [], [], 0.0
    for start in starts:
        began = time.process_time()
        children = os.times().children_user
        forecast = forecaster.forecast(panel.until(int(start)), HORIZON)
        seconds += time.process_time() - began + os.times().children_user - children
        observed = panel.counts[:, start : start + HORIZON]
        known = np.isfinite(observed)
        errors.append(np.abs(observed - forecast.mean) / week_ago)
        losses.append(pinball(observed, forecast) / np.nanmean(panel.counts, axis=1, keepdims=True))
        inside.append(np.where(known, (observed >= forecast.low) & (observed <= forecast.high), np.nan))
    return {
        "MASE": float(np.nanmean(errors)),
        "pinball": 100 * float(np.nanmean(losses)),
        "coverage": float(np.nanmean(inside)),
        "seconds": seconds / ORIGINS / len(panel.labels),
    }


@dataclass(frozen=True)
class Chosen:
    """The forecaster that the back-test chooses for each series, calibrated: what an installation uses."""

    name: str = "chosen"

    def forecast(self, panel: Panel, horizon: int) -> Forecast:
        return forecast_panel(panel, list(FORECASTERS), horizon)


def main() -> None:
    """Prints one line a dataset, level and forecaster."""
    folder = Path(os.environ["FOREWARN_DATA"])
    names = sys.argv[1:] or [*FORECASTERS, Chosen.name]
    forecasters = [Chosen() if name == Chosen.name else forecaster_for(name) for name in names]
    print(f"{'dataset':22}{'level':10}{'forecaster':16}{'MASE':>7}{'pinball':>9}{'coverage':>10}{'seconds':>9}")
    for name, dataset in DATASETS.items():
        for level in ((), (dataset.split,)):
            panel = panel_of(folder, dataset, level)
            for forecaster in forecasters:
                m = measure(forecaster, panel)
                print(
                    f"{name:22}{''.join(level) or 'whole':10}{forecaster.name:16}"
                    f"{m['MASE']:7.3f}{m['pinball']:9.2f}{m['coverage']:10.3f}{m['seconds']:9.4f}"
                )


if __name__ == "__main__":
    main()
