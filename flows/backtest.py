"""Replay history as it was known on each day: which alerts would have come, how many a week, how early."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from alerts.phrases import plain
from alerts.scoring.known_events import KnownEvent, read_events
from alerts.scoring.power import PowerPoint, power_of
from alerts.scoring.report import Backtest, BacktestReport, Budget
from alerts.scoring.scores import Exposure, score_alerts, score_events, scores_of
from flows.allowance import allowance_of, chances_for
from flows.budget import Ladder, budget_of
from flows.detect import verdicts
from flows.installation import Installation, open_installation
from flows.reading import read_ordinary
from flows.replay import Life, judged_days, replayed_spans
from forewarn.alert import Change, Kind
from forewarn.panel import Panel
from forewarn.settings import DetectionSettings
from forewarn.settings_file import DEFAULT_FILE
from store.engine import snapshot, transaction
from store.thresholds import Threshold, write_threshold

MOST_ROWS = 100
"""Of alerts in the artifact."""
OnDay = Callable[[], None]
"""Called whenever a day of a replay is done."""


def backtest_source(
    installation: Installation,
    name: str,
    span: tuple[date, date],
    detection: DetectionSettings,
    events: Sequence[KnownEvent] = (),
    ladder: Ladder | None = None,
    on_day: OnDay | None = None,
) -> Backtest:
    """Replay the days of `span` and score the alerts against the known events that begin in it.

    Args:
        detection: The settings to judge with.
        ladder: Lives through the same days at other thresholds.
    """
    first, last = span
    seen = [event for event in events if first <= event.first_day <= last]
    life, exposure = Life(detection), Exposure(seen)
    story, panels = list[Change](), dict[int, Panel]()
    for judged in judged_days(installation, name, first, last, detection):
        decision = life.live(judged)
        story += decision.changes
        exposure.add(judged.day, judged.detections, decision.alarms)
        panels = {id(found.panel): found.panel for found in judged.detections}
        if ladder is not None:
            ladder.live(judged)
        if on_day is not None:
            on_day()
    alerts, scored = score_alerts(story, seen), score_events(story, seen)
    scores = scores_of(alerts, scored, exposure, n_days=(last - first).days + 1)
    series = sum(len(panel.labels) for panel in panels.values())
    notices = {change.alert.fingerprint: change.alert for change in story if change.alert.kind is Kind.DATA}
    return Backtest(name, first, last, series, alerts, scored, scores, list(notices.values()))


def backtest_sources(
    installation: Installation,
    names: Sequence[str] | None = None,
    first: date | None = None,
    last: date | None = None,
    events_file: Path | None = None,
    on_day: OnDay | None = None,
    *,
    with_power: bool = False,
) -> BacktestReport:
    """Replay several sources; None: all of them, the year before their last day.

    Args:
        with_power: Whether to try what made-up troubles in these days would have raised.

    With a budget of alerts a week the threshold for it is found first, and the report is that of the days at it.
    """
    events: Mapping[str, list[KnownEvent]] = read_events(events_file) if events_file else {}
    spans, without = replayed_spans(installation, names, first, last)
    settings = installation.settings.detection
    n_sources = len(installation.settings.sources)
    ladders = {name: Ladder(settings) for name in spans}
    reports = [
        backtest_source(installation, name, span, settings, events.get(name, ()), ladders[name], on_day)
        for name, span in spans.items()
    ]
    budget = budget_of(ladders, settings, spans, n_sources)
    found = settings.model_copy(update={"false_alarms_per_week": budget.false_alarms_per_week})
    if found != settings:
        reports = [
            backtest_source(installation, name, span, found, events.get(name, ())) for name, span in spans.items()
        ]
    if with_power:
        reports = [
            replace(one, power=power_of_source(installation, one.source, spans[one.source], found)) for one in reports
        ]
    return BacktestReport(reports, budget, without)


def power_of_source(
    installation: Installation, name: str, span: tuple[date, date], detection: DetectionSettings
) -> list[PowerPoint]:
    """What made-up troubles that begin within `span` would have raised, at the thresholds of the installation."""
    settings, source, first = installation.settings, installation.source(name), span[0]
    last = source.steps.last_over(span[1])
    with snapshot(installation.engine) as conn:
        as_of = last + timedelta(days=1 + source.public_delay_days)
        panels = read_ordinary(conn, installation, name, detection, last, as_of).panels
    alpha = allowance_of(settings, name, detection, clusters=True).alpha(chances_for(panels, detection))
    return power_of(
        panels,
        lambda panel, n_days: verdicts([panel], detection, alpha, n_days),
        min_requests=detection.min_requests,
        judged_days=len(source.steps.ends(first, last)),
    )


def keep_threshold(installation: Installation, report: BacktestReport, now: datetime) -> None:
    """From now on `detect` judges with the threshold that the report found for the budget, if there is a budget."""
    budget: Budget = report.budget
    if budget.asked_per_week is None:
        return
    first, last = min(one.first for one in report.sources), max(one.last for one in report.sources)
    found = Threshold(now, first, last, budget.alerts_per_week, budget.false_alarms_per_week)
    with transaction(installation.engine) as conn:
        write_threshold(conn, installation.version, found)


def _markdown(report: BacktestReport) -> str:
    """The report for people who look at Prefect: what it came to, and the worst of what was told and held back."""
    lines = [f"- {one.summary()}" for one in report.sources]
    lines += [f"- {name}: {why}" for name, why in report.without.items()]
    if budget := report.budget.summary():
        lines.append(f"- {budget}")
    told = [("told", one.source, scored.alert.title) for one in report.sources for scored in one.alerts]
    rows = told + [("held back", held.source, held.title) for held in report.budget.held_back]
    lines += ["", "| | Source | Alert |", "| --- | --- | --- |"]
    lines += [f"| {what} | {_cell(source)} | {_cell(title)} |" for what, source, title in rows[:MOST_ROWS]]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """What a source sent, as text and never as markup."""
    return re.sub(r"([\\`*_{}\[\]()<>#+!|~-])", r"\\\1", plain(text, 200))


@flow(name="backtest")
def backtest(settings_file: Path = DEFAULT_FILE) -> BacktestReport:
    """Replay the last year of every source, report alerts a week, and set the threshold for the budget of alerts."""
    installation = open_installation(settings_file)
    report = backtest_sources(installation)
    keep_threshold(installation, report, datetime.now(UTC))
    create_markdown_artifact(key="backtest", markdown=_markdown(report), description="The last year, replayed")
    return report


if __name__ == "__main__":
    backtest()
