"""Alarms, forecasts and breaches, each kept with the day and the version that made it, to be scored later."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, and_, delete, select

from forewarn.alert import Alarm, Kind
from forewarn.calendar import Dates
from forewarn.panel import Floats
from forewarn.results import Breach, Forecast
from store.dialect import insert
from store.schema import alarm, breach, judged
from store.schema import forecast as forecasts
from store.sources import ensure_source


class ForecastRow(NamedTuple):
    """The forecast of one series; NaN where the history was too short."""

    made_on: date
    forecaster: str
    dates: Dates  # (horizon,), as are the next three
    mean: Floats
    low: Floats
    high: Floats


class BreachRow(NamedTuple):
    """A limit that is likely to be crossed, and the day on which that was said."""

    made_on: date
    breach: Breach


def write_alarms(conn: Connection, source: str, day: date, alarms: Sequence[Alarm], version: str) -> None:
    """Makes these the alarms of the source on `day`; those of an earlier judgement go."""
    if wrong := {(found.source, found.day) for found in alarms} - {(source, day)}:
        raise ValueError(f"alarms of {sorted(wrong)} cannot be written as those of {source!r} on {day}")
    ensure_source(conn, source)
    conn.execute(delete(alarm).where(alarm.c.source == source, alarm.c.day == day))
    rows = [
        {
            "source": source,
            "labels": found.labels,
            "day": day,
            "kind": found.kind.value,
            "detector": found.detector,
            "observed": found.observed,
            "expected": found.expected,
            "low": found.low,
            "high": found.high,
            "limit": found.limit,
            "tail": found.tail,
            "window_days": found.window_days,
            "version": version,
        }
        for found in alarms
    ]
    if rows:
        conn.execute(alarm.insert(), rows)


def read_alarms(
    conn: Connection, source: str, first: date, last: date, labels: Mapping[str, str] | None = None
) -> list[Alarm]:
    """Alarms of these days, oldest first; with `labels` only those of that one series ({}: the whole source)."""
    table = alarm.c
    statement = select(
        table.source,
        table.labels,
        table.day,
        table.kind,
        table.detector,
        table.observed,
        table.expected,
        table.low,
        table.high,
        table.limit,
        table.tail,
        table.window_days,
    ).where(table.source == source, table.day.between(first, last))
    if labels is not None:
        statement = statement.where(table.labels == labels)
    rows = conn.execute(statement.order_by(table.day, table.id))
    return [Alarm(name, its, day, Kind(kind), *rest) for name, its, day, kind, *rest in rows]


def judged_until(conn: Connection, source: str) -> date | None:
    """The last day whose alarms are decided; None: no day is."""
    return conn.execute(select(judged.c.until).where(judged.c.source == source)).scalar()


def set_judged(conn: Connection, source: str, day: date) -> None:
    """Notes that `day`, and all before it, are decided; belongs in the transaction of the decision."""
    _note_judged(conn, source, "until", day)


def write_forecasts(conn: Connection, source: str, made_on: date, forecast: Forecast, version: str) -> None:
    """Keeps the forecasts of all series that have one; made again on the same day, they replace the former."""
    ensure_source(conn, source)
    first_day = forecast.dates[0].item()
    rows = [
        {
            "source": source,
            "labels": labels,
            "made_on": made_on,
            "forecaster": str(forecast.forecaster[row]),
            "first_day": first_day,
            "mean": _listed(forecast.mean[row]),
            "low": _listed(forecast.low[row]),
            "high": _listed(forecast.high[row]),
            "version": version,
        }
        for row, labels in enumerate(forecast.labels.to_dict("records"))
        if not np.isnan(forecast.mean[row]).all()
    ]
    if rows:
        statement = insert(conn, forecasts)
        changes = {name: statement.excluded[name] for name in rows[0] if name not in ("source", "labels", "made_on")}
        conn.execute(
            statement.on_conflict_do_update(index_elements=["source", "labels", "made_on"], set_=changes), rows
        )


def read_forecast(conn: Connection, source: str, labels: Mapping[str, str]) -> ForecastRow | None:
    """The latest forecast of one series."""
    table = forecasts.c
    statement = (
        select(forecasts).where(table.source == source, table.labels == labels).order_by(table.made_on.desc()).limit(1)
    )
    row = conn.execute(statement).one_or_none()
    if row is None:
        return None
    mean, low, high = (np.array(numbers, dtype=np.float64) for numbers in (row.mean, row.low, row.high))
    dates = np.arange(np.datetime64(row.first_day, "D"), np.datetime64(row.first_day + timedelta(len(mean)), "D"))
    return ForecastRow(row.made_on, row.forecaster, dates, mean, low, high)


def write_breaches(conn: Connection, source: str, made_on: date, breaches: Sequence[Breach]) -> None:
    """Makes these the breaches that were foreseen on `made_on`; none is an answer, too."""
    _note_judged(conn, source, "breaches_on", made_on)
    conn.execute(delete(breach).where(breach.c.source == source, breach.c.made_on == made_on))
    rows = [
        {
            "source": source,
            "labels": found.labels,
            "made_on": made_on,
            "limit": found.limit,
            "window_days": found.window_days,
            "day": found.day.item(),
            "probability": found.probability,
            "expected": found.expected,
            "low": found.low,
            "high": found.high,
            "forecaster": found.forecaster,
        }
        for found in breaches
    ]
    if rows:
        conn.execute(breach.insert(), rows)


def read_breaches(conn: Connection, source: str | None = None) -> list[BreachRow]:
    """What the latest look ahead foresaw, the nearest day first; of all sources, or of one."""
    latest = and_(judged.c.source == breach.c.source, judged.c.breaches_on == breach.c.made_on)
    statement = select(breach).join(judged, latest).order_by(breach.c.day, breach.c.id)
    if source is not None:
        statement = statement.where(breach.c.source == source)
    return [
        BreachRow(
            row.made_on,
            Breach(
                source=row.source,
                labels=row.labels,
                limit=row.limit,
                window_days=row.window_days,
                day=np.datetime64(row.day, "D"),
                probability=row.probability,
                expected=row.expected,
                low=row.low,
                high=row.high,
                forecaster=row.forecaster,
            ),
        )
        for row in conn.execute(statement)
    ]


def _note_judged(conn: Connection, source: str, column: str, day: date) -> None:
    ensure_source(conn, source)
    noted = insert(conn, judged).values({"source": source, column: day})
    conn.execute(noted.on_conflict_do_update(index_elements=["source"], set_={column: day}))


def _listed(numbers: Floats) -> list[float | None]:
    return [None if np.isnan(number) else float(number) for number in numbers]
