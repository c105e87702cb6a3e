"""Which threshold keeps to a budget of alerts a week? The same days are lived through at many thresholds side by side.

The methods judge once; at another threshold those cells alarm whose tails are below it (`alerts.scoring.thresholds`),
and rules and the life of alerts run anew. A budget only tightens: chance may never raise more than
`false_alarms_per_week`, however quiet the past was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from alerts.scoring.report import Budget, BudgetPoint, HeldBack
from alerts.scoring.scores import says_found
from alerts.scoring.thresholds import at_alpha
from flows.allowance import CLUSTERS, HOURS, WORDS, Allowance
from flows.hours import Hours
from flows.replay import JudgedDay, Life
from forewarn.alert import Alert, Change, Kind
from forewarn.results import Detection
from forewarn.settings import DetectionSettings

FACTORS = tuple(2.0**power for power in range(2, -21, -1))
"""Of `false_alarms_per_week`. Those above 1 show what a looser setting would bring, words aside, and are not chosen."""

Scope = tuple[frozenset[tuple[str, str]], date]


@dataclass
class Rung:
    """One threshold, the alerts told at it, and what alarmed (series and day)."""

    false_alarms_per_week: float
    life: Life
    told: dict[str, Alert] = field(default_factory=dict)
    made_of: dict[str, set[Scope]] = field(default_factory=dict)
    alarmed: set[Scope] = field(default_factory=set)

    def live(self, judged: JudgedDay) -> None:
        """One day more."""
        decision = self.life.live(judged)
        self.alarmed |= {(frozenset(alarm.labels.items()), alarm.day) for alarm in decision.alarms}
        for change in filter(says_found, decision.changes):
            self.told[change.alert.fingerprint] = change.alert
            self.made_of.setdefault(change.alert.fingerprint, set()).update(_scopes(change))
            if change.alert.kind is Kind.WORDS or _in_hours(change.alert):  # no alarms of a day
                self.alarmed |= _scopes(change)


class Ladder:
    """One source, lived through at each of `FACTORS` times the setting, the loosest first."""

    def __init__(self, detection: DetectionSettings) -> None:
        """`detection` holds the settings that the days to come are judged with."""
        self.rungs = [Rung(factor * detection.false_alarms_per_week, Life(detection)) for factor in FACTORS]
        self._judged: Sequence[Detection] = ()
        self._moved: list[list[Detection]] = []
        self._allowed: list[Allowance] = []
        self._hours: list[Hours] = []
        self.last: JudgedDay | None = None

    def live(self, judged: JudgedDay) -> None:
        """One day more, on every rung."""
        if judged.detections is not self._judged:  # the days of a chunk share their verdicts
            self._judged, self.last = judged.detections, judged
            judged_at = judged.allowance.alpha(judged.chances)
            rates = [rung.false_alarms_per_week for rung in self.rungs]
            self._allowed = [replace(judged.allowance, false_alarms_per_week=rate) for rate in rates]
            alphas = [allowed.alpha(judged.chances) for allowed in self._allowed]
            self._moved = [[at_alpha(d, alpha, judged_at=judged_at) for d in judged.detections] for alpha in alphas]
            self._hours = [_hours_at(judged, allowed) for allowed in self._allowed]
        for rung, allowed, detections, hours in zip(self.rungs, self._allowed, self._moved, self._hours, strict=True):
            spoken = judged.spoken and judged.spoken.at(allowed.alpha_of_words)
            clusters = [one for one in judged.clusters if one.tail * one.scans < allowed.alpha_of_clusters]
            rung.live(judged._replace(detections=detections, clusters=clusters, spoken=spoken, hours=hours))


def _hours_at(judged: JudgedDay, allowed: Allowance) -> Hours:
    """The verdicts on hours at another threshold."""
    n_series = judged.hours.n_series
    alpha, judged_at = allowed.alpha_of_hours(n_series), judged.allowance.alpha_of_hours(n_series)
    return Hours([at_alpha(d, alpha, judged_at=judged_at) for d in judged.hours.detections], n_series)


def _in_hours(alert: Alert) -> bool:
    return "hours" in alert.evidence


def budget_of(
    ladders: Mapping[str, Ladder],
    detection: DetectionSettings,
    spans: Mapping[str, tuple[date, date]],
    n_sources: int,
) -> Budget:
    """The loosest threshold, no looser than the setting, at which all sources together kept to `alerts_per_week`.

    Args:
        ladders: Source → what it lived through in the days of its span.
    """
    weeks = {name: ((last - first).days + 1) / 7 for name, (first, last) in spans.items()}
    curve = [
        BudgetPoint(
            factor * detection.false_alarms_per_week,
            sum(len(ladder.rungs[place].told) / weeks[name] for name, ladder in ladders.items()),
        )
        for place, factor in enumerate(FACTORS)
    ]
    allowed = detection.alerts_per_week
    strict = [place for place, factor in enumerate(FACTORS) if factor <= 1]
    kept = [place for place in strict if allowed is None or curve[place].alerts_per_week <= allowed]
    chosen = kept[0] if kept else strict[-1]
    needed = 7 * n_sources / curve[chosen].false_alarms_per_week
    held_back = [
        _held_back(source, alert, ladder.last, needed)
        for source, ladder in ladders.items()
        if ladder.last is not None
        for fingerprint, alert in ladder.rungs[strict[0]].told.items()
        if not ladder.rungs[strict[0]].made_of[fingerprint] & ladder.rungs[chosen].alarmed
    ]
    return Budget(
        asked_per_week=allowed,
        kept=bool(kept),
        alerts_per_week=curve[chosen].alerts_per_week,
        false_alarms_per_week=curve[chosen].false_alarms_per_week,
        curve=curve,
        held_back=sorted(held_back, key=lambda one: -one.once_in_days),
    )


def _scopes(change: Change) -> set[Scope]:
    evidence, day = change.alert.evidence, change.alert.last_day
    scopes = [evidence["head"], *(related["labels"] for related in evidence["related"])]
    return {(frozenset(labels.items()), day) for labels in scopes}


def _held_back(source: str, alert: Alert, judged: JudgedDay, needed: float) -> HeldBack:
    """`judged` holds what the source's verdicts shared; `needed` is how rare what takes all of it must be, in days."""
    peak = alert.evidence["peak"]
    share = HOURS if _in_hours(alert) else {Kind.WORDS: WORDS, Kind.CLUSTER: CLUSTERS}.get(alert.kind)
    tail = peak["tail"]
    a_day = judged.chances.expected(tail) if share is None else tail * alert.evidence["watched"]
    return HeldBack(
        source=source,
        first_day=alert.first_day,
        last_day=alert.last_day,
        title=peak["title"],
        severity=alert.severity,
        once_in_days=1 / max(a_day, 1e-12),
        needed_days=needed / (judged.allowance.of_series if share is None else share),
    )
