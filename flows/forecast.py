"""Forecast the coming days of every source and warn of limits that are about to be crossed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from alerts.lifecycle import advance
from alerts.rules.breach import LimitBreach
from alerts.telling import record
from detectors.breach import find_breaches
from detectors.forecasters.selection import forecast_panel
from flows.alerting import announce
from flows.installation import Installation, open_installation
from flows.reading import read_ordinary
from flows.reporting import outcome
from forewarn.alert import Change, Kind
from forewarn.results import Breach
from forewarn.settings_file import DEFAULT_FILE
from store import alerts as alert_store
from store.counts import covered_span
from store.detections import write_breaches, write_forecasts
from store.engine import snapshot, transaction


@dataclass(frozen=True)
class ForecastReport:
    """What one forecast of one source came to."""

    source: str
    series: int
    breaches: Sequence[Breach]
    changes: Sequence[Change]


def forecast_source(installation: Installation, name: str, now: datetime) -> ForecastReport:
    """Forecast the source at all levels, hold the forecasts against its limits, and store both."""
    settings, source = installation.settings, installation.source(name)
    if source.steps.days > 1:  # forecasts are of days
        return ForecastReport(name, 0, (), ())
    limits = [limit for limit in settings.limits if limit.source == name]
    horizon = max([settings.forecast.horizon_days, *(limit.horizon_days for limit in limits)])
    with snapshot(installation.engine) as conn:
        span = covered_span(conn, name)
        if span is None:
            return ForecastReport(name, 0, (), ())
        as_of = now.astimezone(source.tz).date()
        panels = read_ordinary(conn, installation, name, settings.detection, span[1], as_of).panels
    wanted = {tuple(limit.labels) for limit in limits}
    panels = [panel.whole for panel in panels if len(panel.level) <= 1 or panel.level in wanted]
    forecasts = [forecast_panel(panel, settings.forecast.forecasters, horizon) for panel in panels]
    breaches = [
        breach
        for panel, forecast in zip(panels, forecasts, strict=True)
        for breach in find_breaches(panel, forecast, limits)
    ]
    with transaction(installation.engine) as conn:
        for forecast in forecasts:
            write_forecasts(conn, name, span[1], forecast, installation.version)
        write_breaches(conn, name, span[1], breaches)
        alerts = alert_store.read_alerts(conn, source=name, kinds=[Kind.BREACH])
        findings = LimitBreach().evaluate(breaches, span[1])
        changes = advance(alerts, findings, span[1], now)
        record(conn, settings, changes, now)
    return ForecastReport(name, sum(len(panel.labels) for panel in panels), breaches, changes)


@task(cache_policy=NO_CACHE, task_run_name="forecast-{name}")
def forecast_task(installation: Installation, name: str, now: datetime) -> ForecastReport:
    return forecast_source(installation, name, now)


@flow(name="forecast")
def forecast(settings_file: Path = DEFAULT_FILE, now: datetime | None = None) -> list[ForecastReport]:
    """Forecast every source; one source's failure does not stop the others."""
    now = now or datetime.now(UTC)
    installation = open_installation(settings_file)
    names = installation.require_sources()
    reports = outcome("forecast", {name: forecast_task.submit(installation, name, now) for name in names})
    create_table_artifact(
        key="breaches",
        description="Limits that are likely to be crossed",
        table=[
            {
                "source": breach.source,
                "series": ", ".join(breach.labels.values()) or "all",
                "limit": breach.limit,
                "from": str(breach.day),
                "chance": round(breach.probability, 2),
            }
            for report in reports
            for breach in report.breaches
        ],
    )
    for report in reports:
        announce(report.changes)
    return reports


if __name__ == "__main__":
    forecast()
