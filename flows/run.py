"""The whole chain once: ingest, detect, forecast, notify."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow

from alerts.dispatch import DeliveryReport
from flows.detect import DetectReport, detect
from flows.forecast import ForecastReport, forecast
from flows.ingest import IngestReport, ingest
from flows.notify import notify
from flows.reporting import FlowFailed
from forewarn.alert import Change
from forewarn.settings_file import DEFAULT_FILE


@dataclass(frozen=True)
class RunReport:
    """What each step came to; what failed is said in `failures`, and what did not fail was done."""

    ingested: Sequence[IngestReport]
    detected: Sequence[DetectReport]
    forecast: Sequence[ForecastReport]
    delivered: DeliveryReport | None
    failures: Sequence[str]

    @property
    def changes(self) -> list[Change]:
        """What happened to alerts, in order."""
        return [
            *(change for read in self.ingested for change in read.changes),
            *(change for judged in self.detected for change in judged.changes),
            *(change for ahead in self.forecast for change in ahead.changes),
        ]


@flow(name="run")
def run(settings_file: Path = DEFAULT_FILE, now: datetime | None = None) -> RunReport:
    """Do every step even if an earlier one failed for some source: the others' data are there to be judged."""
    now = now or datetime.now(UTC)
    results, failures = list[Any](), list[str]()
    for step in (ingest, detect, forecast, notify):
        result: Any = step(settings_file, now, return_state=True).result(raise_on_failure=False)
        if isinstance(result, BaseException):
            failures.append(str(result))
            result = result.results if isinstance(result, FlowFailed) else None
        results.append(result)
    ingested, detected, forecasts, delivered = results
    return RunReport(ingested or (), detected or (), forecasts or (), delivered, failures)
