"""From detections to findings: what surges and drops have in common."""

from collections.abc import Sequence
from datetime import date

from alerts.rules.cells import crossed, is_provisional, severity_of
from alerts.rules.chances import chances_of
from alerts.rules.evidence import areas_watched, evidence_of
from alerts.rules.merging import merge
from alerts.wording import issue_title
from forewarn.alert import Finding, Kind
from forewarn.results import Detection


def findings_of(detections: Sequence[Detection], day: date, kind: Kind, *, floor: float) -> list[Finding]:
    """Issues of one source on one day, the largest first; `floor` as in `crossed`."""
    cells = {frozenset(cell.alarm.labels.items()): cell for cell in crossed(detections, day, kind, floor)}
    if not cells:
        return []
    least = floor if kind is Kind.SURGE else 0.0
    chances = chances_of([detection.panel for detection in detections], least)
    findings = []
    for issue in merge([cell.alarm for cell in cells.values()]):
        head = cells[frozenset(issue.head.labels.items())]
        evidence = evidence_of(
            issue,
            head,
            detections,
            watched=chances.watched(head.alarm.tail),
            floor=least,
        )
        findings.append(
            Finding(
                kind=kind,
                source=issue.head.source,
                labels=issue.labels,
                day=day,
                severity=severity_of(issue.head),
                title=issue_title(
                    issue.labels,
                    issue.alarms,
                    source=head.detection.panel.title or issue.head.source,
                    with_areas=areas_watched(detections),
                    so_far=is_provisional(head),
                ),
                evidence=evidence,
                alarms=issue.alarms,
            )
        )
    return findings
