"""What clusters are looked for in: the counts of a source by area, and which areas lie together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from detectors.cluster import SpaceTimePermutation
from detectors.cube import areas_of
from detectors.grid import Grid
from detectors.past import PAST_DAYS
from detectors.zones import Zones, nearest, single
from flows.geography import zones_from_file
from flows.installation import Installation
from flows.reading import Reading, topic_of
from forewarn.irregularity import Cause, Irregularity
from forewarn.panel import Floats, Panel
from forewarn.results import Cluster
from store import counts
from store.points import Points, read_points

ENTERED = (Cause.BATCH, Cause.UNLABELLED, Cause.BURST)
"""What is in the points although it is left out of the counts."""
MARGIN_DAYS = 100
"""Baseline and window before the first day of the past that is looked at."""


@dataclass(frozen=True)
class Ground:
    """Counts by topic and area, and the groups of areas that a cluster can cover, for the days from `first` on."""

    first: date
    panel: Panel
    zones: Zones

    @property
    def last(self) -> date:
        day: date = self.panel.dates[-1].item()
        return day


def read_grounds(
    conn: Connection, installation: Installation, name: str, reading: Reading, first: date, last: date, as_of: date
) -> list[Ground]:
    """What is needed to judge the days from `first` to `last`, as known on `as_of`; []: the source has no areas.

    The squares of points are set anew each month, by the places of the year before.

    Args:
        reading: The source's counts until `last`.

    Raises:
        ConfigError: The file of the areas cannot be used.
    """
    source, panel = installation.source(name), reading.by_area
    topic, kind = topic_of(source), source.geography.kind if source.geography else ""
    if topic is None or source.steps.days > 1 or (panel is None and kind != "points"):
        return []
    begin, delay = first - timedelta(days=PAST_DAYS + MARGIN_DAYS), source.public_delay_days
    if kind in ("requests", "points"):
        points = read_points(conn, name, topic, begin, last, as_of=as_of, zone=source.tz, public_delay_days=delay)
    if panel is None or kind == "points":
        known = counts.read_coverage(conn, name, begin, last, as_of=as_of, public_delay_days=delay)
        covered = {day for day, what in known.items() if what in counts.COVERED}
        plane = Plane(name, topic, points, covered, reading.irregularities, as_of)
        return [plane.ground(since, until) for since, until in _months(first, last)]
    areas = areas_of(panel)
    if kind == "requests":
        zones = _around_middles(areas, points)
    elif source.geography is not None:
        key = f"sources.{name}.geography"
        zones = zones_from_file(source.geography, areas, installation.settings.folder, key)
    else:
        zones = single(areas)
    return [Ground(first, panel, zones)]


def clusters_of(
    grounds: Sequence[Ground],
    alpha: float,
    min_requests: int,
    first: date,
    last: date,
    scanned: dict[bytes, Floats] | None = None,
) -> list[Cluster]:
    """Clusters that end on a day from `first` to `last`, the oldest day first.

    Args:
        alpha: Chance at which an ordinary day may show one.
        min_requests: Fewer are no cluster.
        scanned: As the detector's.
    """
    found: list[Cluster] = []
    for ground in grounds:
        n_days = (min(last, ground.last) - max(first, ground.first)).days + 1
        if n_days > 0:
            scan = SpaceTimePermutation(alpha, ground.zones, min_requests=min_requests).scan
            later = max((ground.last - last).days, 0)
            found += scan(ground.panel.until(len(ground.panel.dates) - later), n_days, scanned)
    return found


def _months(first: date, last: date) -> list[tuple[date, date]]:
    """The span cut at each month's first day."""
    starts = pd.date_range(first, last, freq="MS").date
    cuts = [first, *(day for day in starts if day > first)]
    return list(zip(cuts, [*(day - timedelta(days=1) for day in cuts[1:]), last], strict=True))


def _around_middles(areas: Sequence[str], points: Points) -> Zones:
    """Zones around the middle of each area's requests."""
    table = pd.DataFrame({"area": points.area, "latitude": points.latitude, "longitude": points.longitude})
    middle = table.groupby("area").median().reindex(list(areas))
    return nearest(areas, middle["latitude"].to_numpy(), middle["longitude"].to_numpy())


@dataclass(frozen=True)
class Plane:
    """The points of a source, to be gathered into squares.

    Args:
        covered: Days that were completely read.
        irregularities: What the public did not do: such a topic is not known on such a day.
    """

    source: str
    topic: str
    points: Points
    covered: set[date]
    irregularities: Sequence[Irregularity]
    as_of: date

    def ground(self, first: date, last: date) -> Ground:
        """The counts by squares of the days up to `last`, of which those from `first` on will be judged."""
        begin = first - timedelta(days=PAST_DAYS + MARGIN_DAYS)
        dates = np.arange(np.datetime64(begin, "D"), np.datetime64(last, "D") + 1)
        place = self.points.day - dates[0].astype(np.int64)
        month = (first.replace(day=1) - begin).days
        before = (place >= month - PAST_DAYS) & (place < month)
        if not before.any():  # the first month of a source
            before = place < len(dates)
        grid = Grid.of(self.points.latitude[before], self.points.longitude[before])
        wanted = (place >= 0) & (place < len(dates)) & (self.points.topic != "")
        topics, topic = np.unique(self.points.topic[wanted].astype(str), return_inverse=True)
        square = grid.square_of(self.points.latitude[wanted], self.points.longitude[wanted])
        table = np.zeros((len(topics), len(grid.names), len(dates)))
        np.add.at(table, (topic, square, place[wanted]), 1.0)
        table[:, :, [day not in self.covered for day in dates.tolist()]] = np.nan
        for one in self.irregularities:
            day = (one.day - begin).days
            if one.cause in ENTERED and 0 <= day < len(dates):
                named = one.labels.get(self.topic)
                table[[named in (None, name) for name in topics], :, day] = np.nan
        labels = pd.MultiIndex.from_product([topics, grid.names], names=[self.topic, "area"]).to_frame(index=False)
        known_at = datetime.combine(self.as_of, time.max, UTC)
        panel = Panel(table.reshape(len(labels), len(dates)), dates, labels.astype(str), known_at, self.source)
        return Ground(first, panel, nearest(grid.names, grid.latitude, grid.longitude))
