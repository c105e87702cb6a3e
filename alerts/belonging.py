"""Which alert a finding belongs to: it goes on with what is told already, or is something new."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from alerts.rules.merging import agree
from forewarn.alert import Alert, Finding, Kind, State

MERGE_DAYS = 7
"""A finding belongs to a live alert that was last found at most so many days away."""
REOPEN_DAYS = 14
"""A resolved alert opens again when it is found within so many days; later it is a new one."""

TOPIC = ("category", "subcategory", "term")
"""Labels that tell what an issue is about."""
RISES = (Kind.SURGE, Kind.CLUSTER)
"""One issue can be found as either."""


def alert_of(alerts: Sequence[Alert], finding: Finding) -> Alert | None:
    """The alert that a finding belongs to: live before resolved, the same scope before a related one.

    What has been merged into another alert is told there.
    """
    found = _closest(alerts, finding)
    wholes = {alert.fingerprint: alert for alert in alerts}
    while found is not None and (whole := wholes.get(found.evidence.get("part_of", ""))) is not None:
        found = whole
    return found


def _closest(alerts: Sequence[Alert], finding: Finding) -> Alert | None:
    close = [a for a in alerts if a.source == finding.source and _near(a, finding.day)]
    near = [a for a in close if alike(a, finding)]
    same = [a for a in near if a.labels == finding.labels]
    related = [a for a in near if _contains(a, finding) or _continues(a, finding)]
    ranked = sorted(same or related, key=lambda a: (a.state is State.RESOLVED, -a.last_day.toordinal()))
    live_related = [a for a in related if a.state is not State.RESOLVED]
    if ranked and ranked[0].state is State.RESOLVED and live_related:
        return live_related[0]
    return next(iter(ranked or [a for a in close if _foretold(a, finding)]), None)


def alike(alert: Alert, finding: Finding) -> bool:
    return alert.kind is finding.kind or (alert.kind in RISES and finding.kind in RISES)


def _foretold(alert: Alert, finding: Finding) -> bool:
    """Whether words told of what has become a surge since: they are in its requests."""
    if alert.kind is not Kind.WORDS or finding.kind is not Kind.SURGE or alert.state is State.RESOLVED:
        return False
    related = [other["labels"] for other in alert.evidence.get("related", [])]
    terms = {scope.get("term") for scope in (alert.labels, *related)}
    return any(said["words"] in terms for said in finding.evidence.get("words", []))


def _near(alert: Alert, day: date) -> bool:
    after = REOPEN_DAYS if alert.state is State.RESOLVED else MERGE_DAYS
    if alert.kind is Kind.SOURCE and alert.state is not State.RESOLVED:
        return True
    return (day - alert.first_day).days >= -MERGE_DAYS and (day - alert.last_day).days <= after


def _contains(alert: Alert, finding: Finding) -> bool:
    """Whether one scope contains the other. The whole source is only related to itself."""
    a, b = alert.labels.items(), finding.labels.items()
    if not a or not b:
        return not a and not b
    return a <= b or b <= a


def _continues(alert: Alert, finding: Finding) -> bool:
    """Whether the finding is about what the alert is about: its topic in another area, or a contribution to it.

    Where the alert is about an area, all that was found there counts. One that is over goes on only with what had one
    cause. An alert about a topic stays with it: what was found together with it on one day does not become its story
    on the next.
    """
    if not alert.labels or not finding.labels:
        return False
    if alert.state is State.RESOLVED:
        return _comes_back(alert, finding)
    related = [other["labels"] for other in alert.evidence.get("related", [])]
    if dict(finding.labels) in related and agree(alert.labels, finding.labels):
        return True
    own, topics = _topic(alert.labels), _topics(finding.labels, finding.evidence)
    return bool(_topics(alert.labels, alert.evidence) & topics) if own is None else own in topics


def _comes_back(alert: Alert, finding: Finding) -> bool:
    """Whether the finding is of what a resolved alert had found to have one cause, and not in another area."""
    area = alert.labels.get("area")
    is_there = finding.labels.get("area", area) == area
    return is_there and bool(_causes(alert.evidence) & _topics(finding.labels, finding.evidence))


def _causes(evidence: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """Topics of which a cluster has shown that they have one cause."""
    return {topic for entry in evidence.get("one_cause", ()) if (topic := _topic(entry["labels"])) is not None}


def _topics(labels: Mapping[str, str], evidence: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """What an issue is about: its head's topic, and those of contributions that are something else than the head."""
    head = evidence.get("head", labels)
    related = [other["labels"] for other in evidence.get("related", [])]
    others = [scope for scope in related if any(head.get(name, value) != value for name, value in scope.items())]
    return _causes(evidence) | {topic for scope in (labels, head, *others) if (topic := _topic(scope)) is not None}


def is_part(alert: Alert, finding: Finding) -> bool:
    """Whether a live alert is about a part of what the finding, as a cluster shows, has found to have one cause."""
    cause = [entry["labels"] for entry in finding.evidence.get("one_cause", ())]
    if not cause or alert.source != finding.source or not alike(alert, finding):
        return False
    if alert.state is State.RESOLVED or not alert.labels or not _near(alert, finding.day):
        return False
    parts = [entry["labels"] for key in ("related", "parts") for entry in finding.evidence.get(key, ())]
    areas = {scope["area"] for scope in (finding.labels, *cause, *parts) if "area" in scope}
    is_there = "area" not in alert.labels or alert.labels["area"] in areas
    return is_there and _topics(alert.labels, alert.evidence) <= _causes(finding.evidence)


def _topic(labels: Mapping[str, str]) -> tuple[str, ...] | None:
    """What a scope tells of what it is about; None: it tells where only."""
    topic = tuple(labels.get(name, "") for name in TOPIC)
    return topic if any(topic) else None
