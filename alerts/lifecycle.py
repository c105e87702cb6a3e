"""What becomes of an alert when a day has been judged, or when a person decides.

    open → acknowledged → verified | dismissed → resolved → (again found) open

Pure: alerts and findings in, changes out. Judging the same day twice changes nothing.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from alerts.belonging import alert_of, alike, is_part
from alerts.rules.evidence import NUMBERS
from forewarn.alert import Alert, AlertEvent, Change, Finding, Kind, Severity, State, Verdict

QUIET_DAYS = 3
"""So many days without a finding resolve an alert."""
QUIET_DAYS_ONCE_BACK = 7
"""An alert that has come back before waits longer: what returns every Sunday should not be over every Wednesday."""
WORSE = 1.5
"""An alert speaks again when its excess a day is so many times the last one told."""

FOREWARN = "forewarn"
JOINED = (Kind.SURGE, Kind.DROP)
"""Of these all that was found of an issue on a day is named together."""


def advance(
    alerts: Sequence[Alert],
    findings: Sequence[Finding],
    day: date,
    now: datetime,
    *,
    held: bool = False,
    is_over: bool = True,
) -> list[Change]:
    """Changes that the findings of `day` make to the alerts of one source.

    Args:
        alerts: The source's alerts of the kinds that were judged: those that live, and those that were last found
            up to `alerts.belonging.REOPEN_DAYS` before `day`.
        findings: What the rules found on `day`; empty: nothing.
        held: The source itself is in trouble (see `alerts.muting`). What is found is recorded but not told, and
            nothing resolves, since a day that was not observed is no quiet day.
        is_over: The day is over; if not, it is no quiet day either.

    A change's alert carries three more keys of evidence: `peak` (day, title, excess a day and tail at its worst),
    `told` (severity and excess a day last told to people, and `in_hours`, the day if hours of it were told; null while
    held back), and `before` (first and last day of the time before it came back; null if it never did). One that was
    held back and is not found any more when its last day is judged again is `withdrawn`: the trouble was all it was.
    One that turns out to be part of another, because both have one cause, is `merged`: the other goes on for both.
    """
    known, at_first = list(alerts), {alert.fingerprint for alert in alerts}
    issues: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda f: (_turn(alerts, f), -f.severity, -_excess(f.evidence))):
        alert = alert_of(known, finding)
        if alert is None:
            alert = _open(finding, now, held=held).alert
            known.append(alert)
        issues.setdefault(alert.fingerprint, []).append(finding)
    by_fingerprint = {alert.fingerprint: alert for alert in known}
    unseen = [alert for alert in alerts if alert.fingerprint not in issues]
    changes: list[Change] = []
    for fingerprint, of_issue in issues.items():
        finding = _with_others(*of_issue)
        if fingerprint in at_first:
            change = _found_again(by_fingerprint[fingerprint], finding, now, held=held)
        else:
            change = _open(finding, now, held=held)
        if change is not None:
            takes_in = not held and change.alert.state is not State.DISMISSED  # nothing is hidden in what is silent
            parts = [alert for alert in unseen if takes_in and is_part(alert, finding)]
            unseen = [alert for alert in unseen if alert not in parts]
            changes += _merged(change, parts, now)
    if is_over and not held:
        changes += [quiet for alert in unseen if (quiet := _not_found(alert, day, now))]
    return changes


def acknowledge(alert: Alert, who: str, at: datetime, note: str = "") -> Change:
    """Somebody takes care of it.

    Raises:
        ValueError: The alert is not open.
    """
    if alert.state is not State.OPEN:
        raise ValueError(f"only an open alert can be acknowledged, this one is {alert.state}")
    return _change(replace(alert, state=State.ACKNOWLEDGED), "acknowledged", at, who, note)


def record_verdict(alert: Alert, verdict: Verdict, who: str, at: datetime, note: str = "") -> Change:
    """What came of it: a real problem verifies an alert, any other verdict dismisses it.

    A resolved alert stays resolved.
    """
    state = State.VERIFIED if verdict is Verdict.REAL else State.DISMISSED
    if alert.state is State.RESOLVED:
        state = State.RESOLVED
    return _change(replace(alert, state=state, verdict=verdict), "verdict", at, who, note)


def resolve(alert: Alert, who: str, at: datetime, note: str = "") -> Change:
    """It is over.

    Raises:
        ValueError: The alert is resolved already.
    """
    if alert.state is State.RESOLVED:
        raise ValueError("the alert is resolved already")
    return _change(replace(alert, state=State.RESOLVED), "resolved", at, who, note)


def _with_others(largest: Finding, *others: Finding) -> Finding:
    """Of several findings of one issue the largest speaks; others of its kind are named beside it."""
    cause = _one_cause(largest.evidence, *(other.evidence for other in others))
    largest = replace(largest, evidence={**largest.evidence, **cause})
    named = [largest.evidence.get("head"), *(entry["labels"] for entry in largest.evidence.get("related", ()))]
    also = []
    for other in others:
        if other.kind is not largest.kind or other.kind not in JOINED or other.evidence["head"] in named:
            continue
        numbers = {name: other.evidence[name] for name in NUMBERS if name in other.evidence}
        also.append({"labels": other.evidence["head"], **numbers})
    if not also:
        return largest
    return replace(largest, evidence={**largest.evidence, "related": [*largest.evidence["related"], *also]})


def _merged(whole: Change, parts: Sequence[Alert], now: datetime) -> list[Change]:
    """The change of an alert, with that of others which have turned out to be parts of it."""
    first_day = min(alert.first_day for alert in (whole.alert, *parts))
    note = f"part of {whole.alert.fingerprint}, {whole.alert.title}"
    return [
        replace(whole, alert=replace(whole.alert, first_day=first_day)),
        *(_change(_closed_as_part(alert, whole.alert), "merged", now, note=note) for alert in parts),
    ]


def _closed_as_part(alert: Alert, whole: Alert) -> Alert:
    return replace(alert, state=State.RESOLVED, evidence={**alert.evidence, "part_of": whole.fingerprint})


def _one_cause(*evidences: Mapping[str, Any]) -> dict[str, Any]:
    """All scopes of which one of these tells that they have one cause, each once; nothing, where none does."""
    entries = (entry for evidence in evidences for entry in evidence.get("one_cause", ()))
    distinct = {json.dumps(entry, sort_keys=True): entry for entry in entries}
    return {"one_cause": list(distinct.values())} if distinct else {}


def _turn(alerts: Sequence[Alert], finding: Finding) -> int:
    """Which finding of an issue may speak first: a cluster only where its alert is one already, or nothing else is."""
    if finding.kind is not Kind.CLUSTER:
        return 1
    alert = alert_of(alerts, finding)
    return 0 if alert is not None and alert.kind is Kind.CLUSTER else 2


def _open(finding: Finding, now: datetime, *, held: bool) -> Change:
    alert = Alert(
        fingerprint=_fingerprint(finding),
        kind=finding.kind,
        source=finding.source,
        labels=dict(finding.labels),
        state=State.OPEN,
        severity=finding.severity,
        title=finding.title,
        first_day=finding.day,
        last_day=finding.day,
        peak_day=finding.day,
        opened_at=now,
        changed_at=now,
        revision=0,
        evidence={
            **finding.evidence,
            "peak": _peak(finding),
            "told": None if held else _told(finding.severity, finding),
            "before": None,
        },
    )
    return _change(alert, "opened", now, note="held back: the source is in trouble" if held else "")


def _fingerprint(finding: Finding) -> str:
    identity = [finding.source, finding.kind.value, dict(finding.labels), finding.day.isoformat()]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def _found_again(alert: Alert, finding: Finding, now: datetime, *, held: bool) -> Change | None:
    if alert.state is State.RESOLVED:
        return _reopen(alert, finding, now, held=held) if _came_back(alert, finding) else None
    if finding.day < alert.first_day:  # late reports show that it began earlier, or the day belongs to the time before
        return _change(replace(alert, first_day=finding.day), "continued", now) if _began(alert, finding.day) else None
    if finding.day < alert.last_day:
        return _release(alert, now) if alert.evidence["told"] is None and not held else None
    if finding.day == alert.last_day and "hours" in finding.evidence and "hours" not in alert.evidence:
        return None  # the whole day was judged
    told, excess, peak = alert.evidence["told"], _daily_excess(finding.evidence), alert.evidence["peak"]
    severity = max(alert.severity, finding.severity)
    comparable = alert.kind is finding.kind  # a cluster expects another number than a series does
    if told is not None and "hours" in alert.evidence and "in_hours" in told:
        ago = (finding.day - date.fromisoformat(told["in_hours"])).days
        comparable &= ago > ("hours" in finding.evidence)  # what was told in hours rises as they go by
    larger = comparable and told is not None and excess > WORSE * told["excess"] > 0
    worse = told is not None and (severity > told["severity"] or larger)
    what = "continued"
    if told is None and not held:
        what, told = "released", _told(severity, finding)
    elif worse and not held and alert.state is not State.DISMISSED:
        what, told = "worsened", _told(severity, finding)
    if excess > peak["excess"]:
        peak = _peak(finding)
    if told is not None and not comparable:
        told = {**told, "excess": excess}
    cause = _one_cause(alert.evidence, finding.evidence)
    after = replace(
        alert,
        kind=finding.kind,
        labels=_scope(alert, finding),
        severity=severity,
        title=finding.title,
        last_day=finding.day,
        peak_day=date.fromisoformat(peak["day"]),
        evidence={**finding.evidence, "peak": peak, "told": told, "before": alert.evidence["before"], **cause},
    )
    return None if after == alert else _change(after, what, now)


def _began(alert: Alert, day: date) -> bool:
    """Whether an alert that is known from a later day on can have begun on `day`."""
    before = alert.evidence["before"]
    return before is None or day > date.fromisoformat(before["last_day"])


def _came_back(alert: Alert, finding: Finding) -> bool:
    """Whether a finding tells of more than the days that a resolved alert has told of already."""
    first_day = finding.day - timedelta(days=finding.evidence.get("window_days", 1) - 1)
    return first_day > alert.last_day or (finding.day > alert.last_day and finding.evidence.get("day_stands_out", True))


def _reopen(alert: Alert, finding: Finding, now: datetime, *, held: bool) -> Change:
    """The same alert from a new first day on: what lies between was ordinary."""
    fresh = _open(finding, now, held=held).alert
    again = replace(
        fresh,
        fingerprint=alert.fingerprint,
        labels=_common(alert.labels, finding.labels) or dict(finding.labels),
        opened_at=alert.opened_at,
        revision=alert.revision,
        evidence={
            **fresh.evidence,
            "before": {"first_day": alert.first_day.isoformat(), "last_day": alert.last_day.isoformat()},
        },
    )
    return _change(again, "reopened", now)


def _not_found(alert: Alert, day: date, now: datetime) -> Change | None:
    if alert.state is State.RESOLVED:
        return None
    if alert.kind is Kind.SOURCE:
        return _change(replace(alert, state=State.RESOLVED), "resolved", now, note="the source is well again")
    quiet_days = QUIET_DAYS if alert.evidence["before"] is None else QUIET_DAYS_ONCE_BACK
    if (quiet := (day - alert.last_day).days) >= quiet_days:
        return _change(replace(alert, state=State.RESOLVED), "resolved", now, note=f"{quiet} quiet days")
    if alert.evidence["told"] is not None or alert.evidence.get("withdrawn"):
        return None
    if day > alert.last_day:
        return _release(alert, now)
    if day < alert.last_day:
        return None
    return _change(replace(alert, evidence={**alert.evidence, "withdrawn": True}), "withdrawn", now)


def _release(alert: Alert, now: datetime) -> Change:
    """It was held back while its source was in trouble, and is told now."""
    told = {"severity": int(alert.severity), "excess": _daily_excess(alert.evidence)}
    return _change(replace(alert, evidence={**alert.evidence, "told": told}), "released", now)


def _scope(alert: Alert, finding: Finding) -> dict[str, str]:
    """The scope of an alert that was found again: what holds both, or the area where all has one cause."""
    is_area = "one_cause" in finding.evidence and finding.labels.keys() == {"area"} != alert.labels.keys()
    if is_area or not alike(alert, finding):
        return dict(finding.labels)
    return _common(alert.labels, finding.labels) or dict(alert.labels)  # only widens, and never to the whole source


def _common(labels: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if others.get(name) == value}


def _peak(finding: Finding) -> dict[str, Any]:
    evidence = finding.evidence
    return {
        "day": finding.day.isoformat(),
        "title": finding.title,
        "excess": _daily_excess(evidence),
        "tail": evidence.get("tail"),
    }


def _excess(evidence: Mapping[str, Any]) -> float:
    return float(evidence.get("excess", 0.0))


def _daily_excess(evidence: Mapping[str, Any]) -> float:
    """Requests too many (or too few) a day: what lasts adds up from day to day, and is no worse for it."""
    return _excess(evidence) / int(evidence.get("window_days", 1))


def _told(severity: Severity, finding: Finding) -> dict[str, Any]:
    told = {"severity": int(severity), "excess": _daily_excess(finding.evidence)}
    return {**told, "in_hours": finding.day.isoformat()} if "hours" in finding.evidence else told


def _change(alert: Alert, what: str, now: datetime, who: str = FOREWARN, note: str = "") -> Change:
    after = replace(alert, revision=alert.revision + 1, changed_at=now)
    return Change(after, AlertEvent(alert.fingerprint, after.revision, now, what, who, note))
