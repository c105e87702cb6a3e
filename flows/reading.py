"""The counts that are judged: without what the public did not do, and with how complete they are."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pandas as pd
from sqlalchemy import Connection

from connectors.calendars import calendar_of
from detectors.bursts import Reports, find_bursts, suspects
from detectors.irregularities import ordinary
from detectors.nowcast import completeness, tells_delays
from flows.installation import Installation
from flows.weather import with_weather
from forewarn.entries import Entries, Integers
from forewarn.irregularity import Irregularity
from forewarn.panel import Level, Panel
from forewarn.settings import DetectionSettings, SourceSettings
from forewarn.triangle import Triangle
from store.cells import History
from store.counts import read_entries
from store.panels import in_steps, panels_of
from store.places import read_places
from store.triangle import read_triangles

EPOCH = date(1970, 1, 1)


class Reading(NamedTuple):
    """The source's counts at all its levels, and what is not in them."""

    panels: Sequence[Panel]
    irregularities: Sequence[Irregularity]
    by_area: Panel | None  # every topic in every area, however quiet; None: the source has no areas, or has weeks


def read_ordinary(
    conn: Connection,
    installation: Installation,
    name: str,
    detection: DetectionSettings,
    last_day: date,
    as_of: date,
    history: History | None = None,
) -> Reading:
    """The counts until `last_day`, as they were known on `as_of`, and how complete.

    What is irregular is worked out anew from what was known then, so it is never out of date, and a replay sees what
    a run would have seen.

    Args:
        history: The source's cells as they ever were, if they were read before.
    """
    source, calendar = installation.source(name), calendar_of(installation.settings, name, last_day)
    entries = read_entries(
        conn,
        name,
        last_day=last_day,
        history_days=detection.history_days,
        as_of=as_of,
        public_delay_days=source.public_delay_days,
        history=history,
    )
    entries, bursts = without_bursts(conn, entries, detection.min_requests)
    left = ordinary(entries, detection.min_requests, calendar.is_off(entries.dates))
    panels = panels_of(
        left.entries,
        source.levels,
        calendar=calendar,
        min_mean=detection.min_weekly_mean,
        blanks=left.blanks,
    )
    panels = [replace(panel, title=source.title) for panel in panels]
    if source.steps.days > 1:
        return Reading([in_steps(panel, source.steps) for panel in panels], [*bursts, *left.irregularities], None)
    panels = with_weather(conn, installation.settings, name, panels, as_of)
    delays = read_delays(conn, name, source, as_of)
    if delays:
        panels = [replace(panel, completeness=completeness(delays[panel.level[:1]], panel)) for panel in panels]
    by_area = None
    topic = topic_of(source)
    if topic is not None and any("area" in level for level in source.levels):
        by_area = next((panel for panel in panels if panel.level == (topic, "area")), None)
        if by_area is None or detection.min_weekly_mean:
            (by_area,) = panels_of(left.entries, [(topic, "area")], calendar=calendar, blanks=left.blanks)
    return Reading(panels, [*bursts, *left.irregularities], by_area)


def topic_of(source: SourceSettings) -> str | None:
    """The label that tells what requests of a source are about."""
    watched = {label for level in source.levels for label in level}
    return next((label for label in ("category", "subcategory") if label in watched), None)


def without_bursts(conn: Connection, entries: Entries, least: int) -> tuple[Entries, list[Irregularity]]:
    """The entries without many reports from one hand, which are told."""
    asked = suspects(entries, least)
    if not asked:
        return entries, []
    days = sorted({suspect.day for suspect in asked})
    placed = read_places(conn, entries.source, [entries.date_of(day) for day in days])
    row: Integers = entries.series.index.get_indexer(pd.Index(placed.series_id))
    known = row >= 0
    since = (entries.first_day - EPOCH).days
    reports = Reports(row, placed.day - since, placed.hour, placed.lat, placed.lon)
    return find_bursts(entries, reports.at(known), asked, least)


def read_delays(conn: Connection, name: str, source: SourceSettings, as_of: date) -> dict[Level, Triangle]:
    """How late reports came, as known on `as_of`, by each level's first label; {} if too little was watched live.

    A source that is judged in weeks waits for its declared delay.
    """
    if source.steps.days > 1:
        return {}
    levels = list(dict.fromkeys(level[:1] for level in source.levels))
    triangles = read_triangles(conn, name, levels, as_of=as_of, zone=source.tz)
    if not triangles or not tells_delays(triangles[0]):
        return {}
    return dict(zip(levels, triangles, strict=True))
