"""Reads daily weather from a CSV or Parquet file that somebody keeps up to date."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from connectors.days import civil_day
from connectors.tables import FileFault, open_table
from connectors.weather import checked, day_of
from forewarn.errors import SourceChanged
from forewarn.weather import WeatherDay

FIELDS = ("date", "high", "low", "precipitation", "snow")
MM_PER_INCH, CM_PER_INCH = 25.4, 2.54


@dataclass(frozen=True, kw_only=True)
class WeatherFile:
    """One row a day, or one a day and station, of which the mean is taken.

    Args:
        folder: Where a relative path starts.
        path: The file.
        fields: `date`, `high`, `low`, `precipitation`, `snow` → its column; what it has under that very name, or not at
            all, need not be named.
        units: `metric`: degrees Celsius, mm, and cm of snow; `us`: degrees Fahrenheit and inches.
    """

    source: str
    zone: str
    folder: Path
    path: Path
    fields: Mapping[str, str] = field(default_factory=dict)
    units: Literal["metric", "us"] = "metric"

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.fields) - set(FIELDS)):
            raise ValueError(f"fields has {unknown[0]!r}; allowed: {', '.join(FIELDS)}")

    @property
    def place(self) -> str:
        return f"file {self.path}"

    def read(self, first: date, now: datetime) -> list[WeatherDay]:
        """As `WeatherReader`; days to come are forecasts."""
        rows = self._rows()
        today = civil_day(now, ZoneInfo(self.zone))
        values = {name: self._numbers(rows, name) for name in FIELDS[1:]}
        by_day = pd.DataFrame(values).groupby([day_of(day, self.source) for day in rows["date"]]).mean()
        rows_of_days = zip(by_day.index, by_day.to_numpy(dtype=np.float64).tolist(), strict=True)
        days = [WeatherDay(day, high, low, wet, snow, day >= today) for day, (high, low, wet, snow) in rows_of_days]
        return checked(self.source, (day for day in days if day.day >= first))

    def _rows(self) -> pd.DataFrame:
        try:
            table = open_table(self.folder / self.path, encoding="utf-8")
            rows: pd.DataFrame = pa.Table.from_batches(list(table.batches)).to_pandas()
        except (FileFault, pa.ArrowInvalid, ValueError) as error:
            raise SourceChanged(self.source, f"the weather in {self.path} cannot be read: {error}") from None
        except OSError as error:
            raise SourceChanged(self.source, f"the weather in {self.path} cannot be read: {error.strerror}") from None
        columns = {name: self.fields.get(name, name) for name in FIELDS}
        for name, column in columns.items():
            if column not in rows and (name in self.fields or name == "date"):
                there = ", ".join(map(str, rows.columns))
                raise SourceChanged(self.source, f"the weather in {self.path} has no column {column!r}, but {there}")
        return rows.rename(columns={column: name for name, column in columns.items()})

    def _numbers(self, rows: pd.DataFrame, name: str) -> pd.Series:
        if name not in rows:
            return pd.Series(math.nan, index=rows.index)
        values = pd.to_numeric(rows[name], errors="coerce").astype(float)
        if self.units == "metric":
            return values
        if name in ("high", "low"):
            return (values - 32) / 1.8
        return values * (CM_PER_INCH if name == "snow" else MM_PER_INCH)
