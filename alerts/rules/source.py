"""Does a source deliver what it should?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from alerts.phrases import plain
from alerts.wording import source_title
from forewarn.alert import Finding, Kind, Severity
from forewarn.contracts import SourceHealth

PATIENCE = {
    SourceHealth.SILENT: timedelta(),
    SourceHealth.STALE: timedelta(),
    SourceHealth.BROKEN: timedelta(),
    SourceHealth.PARTIAL: timedelta(),
    SourceHealth.UNDETERMINED: timedelta(hours=2),  # portals fail for an hour and come back
    SourceHealth.LATE: timedelta(hours=24),  # a file that is dropped by hand is dropped the next morning
}
"""How long a source may be in each state before people must know of it; the other states are well."""


@dataclass(frozen=True)
class SourceTrouble:
    """A source in trouble is one finding, which weighs more the longer it lasts.

    Args:
        warning_after: Until then it is a notice: many portals fail for an hour and come back.
        critical_after: By then the newest days of all its series are unknown.
    """

    warning_after: timedelta = timedelta(hours=12)
    critical_after: timedelta = timedelta(days=2)
    name: str = "source"

    def evaluate(
        self,
        source: str,
        health: SourceHealth,
        message: str,
        *,
        since: datetime,
        now: datetime,
        newest_day: date | None,
        usual: float | None,
        title: str = "",
        known: bool = False,
        silent: Sequence[Mapping[str, str]] = (),
    ) -> list[Finding]:
        """One finding if the source is in trouble, none otherwise.

        Args:
            message: What the connector said, in words, without secrets.
            since: When the trouble began, in the source's zone.
            newest_day: Last day with data; None: there never was one.
            usual: Requests on an ordinary day, if known.
            title: What people call the source; its name if empty.
            known: An alert about it is open: then only a source that is well again ends it, not a lull of doubt.
            silent: Labels of its parts that are silent, if that is all that is wrong; then all else is watched.
        """
        lasts = now - since
        if health not in PATIENCE or (lasts < PATIENCE[health] and not known):
            return []
        late = (lasts >= self.warning_after) + (lasts >= self.critical_after)
        return [
            Finding(
                kind=Kind.SOURCE,
                source=source,
                labels={},
                day=now.astimezone(since.tzinfo).date(),
                severity=Severity.WARNING if silent else Severity(1 + late),
                title=source_title(title or source, health, since, silent),
                evidence={
                    "title": title or source,
                    "health": health.value,
                    "message": plain(message, 300),
                    "since": since.isoformat(),
                    "newest_day": newest_day.isoformat() if newest_day else None,
                    "usual": round(usual, 1) if usual is not None else None,
                    "silent": [dict(labels) for labels in silent],
                },
            )
        ]
