"""Where did requests rise together over the last days?

Evidence, as JSON; `observed` to `excess`, `limit`, `window_days`, `fires_at`, `tail`, `watched`, `related`, `history`
and `missing_days` are as in `alerts.rules.evidence`, over all areas and categories of the cluster, and

head            labels of the series that rose most
since           first day of the window
topics          what rose: labels without the area; `areas`: where
parts           the five series that rose most, with their `share` of the increase
chart           counts of the last eight weeks, null where not observed, and what was `usual`
usual           of the last day alone: expected, low, high
elsewhere       further clusters of the same categories that day: their areas and numbers
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from alerts.rules.evidence import HISTORY_DAYS, PARTS, RELATED
from alerts.wording_of_clusters import cluster_title
from detectors.cluster import usual_range
from forewarn.alert import Finding, Kind, Severity
from forewarn.panel import Floats
from forewarn.results import Cluster, ClusterCell

ONCE_A_YEAR = 1 / 365
"""Chance on a day, over everything that is scanned."""


@dataclass(frozen=True)
class ClusterRise:
    """Clusters of one day, those that belong together as one finding.

    A cluster belongs to a less ordinary one if both are about the same categories, or share a category and an area.
    """

    name: str = "cluster"

    def evaluate(self, clusters: Sequence[Cluster], day: date) -> list[Finding]:
        """Findings of `day`, the least ordinary first."""
        issues: list[list[Cluster]] = []
        today = [cluster for cluster in clusters if cluster.day == np.datetime64(day, "D")]
        for cluster in sorted(today, key=lambda one: one.tail * one.scans):
            issue = next((known for known in issues if _belongs(cluster, known[0])), None)
            if issue is None:
                issues.append([cluster])
            else:
                issue.append(cluster)
        return [_finding(issue[0], issue[1:], day) for issue in issues]


def _belongs(cluster: Cluster, head: Cluster) -> bool:
    same = [topic for topic in cluster.topics if topic in head.topics]
    return len(same) == len(cluster.topics) == len(head.topics) or bool(same and set(cluster.areas) & set(head.areas))


def _finding(cluster: Cluster, others: Sequence[Cluster], day: date) -> Finding:
    first = cluster.cells[0].labels
    several = len(cluster.topics) > 1
    labels = {"area": first["area"]} if several else dict(cluster.topics[0])
    if len(cluster.areas) == 1:
        labels["area"] = cluster.areas[0]
    return Finding(
        kind=Kind.CLUSTER,
        source=cluster.source,
        labels=labels,
        day=day,
        severity=_severity(cluster),
        title=cluster_title(cluster, day),
        evidence={
            **_numbers(cluster),
            "limit": None if math.isnan(cluster.limit) else cluster.limit,
            "window_days": cluster.window_days,
            "since": (day - timedelta(days=cluster.window_days - 1)).isoformat(),
            "head": dict(first),
            "topics": [dict(topic) for topic in cluster.topics],
            "areas": list(cluster.areas),
            "fires_at": None if math.isnan(cluster.limit) else math.floor(cluster.limit) + 1,
            "tail": float(f"{cluster.tail:.6g}"),
            "watched": cluster.scans,
            "detector": "cluster",
            "parts": [_part(cell, cluster) for cell in cluster.cells[:PARTS] if cell.observed > cell.expected],
            "related": [{"labels": dict(cell.labels)} for cell in cluster.cells[:RELATED] if cell.observed],
            "history": {"last_day": day.isoformat(), "counts": _listed(cluster.history[-HISTORY_DAYS:])},
            "chart": {"counts": _listed(cluster.history), "usual": [round(float(value), 2) for value in cluster.usual]},
            "usual": _last_day(cluster),
            "missing_days": int(np.isnan(cluster.history[-HISTORY_DAYS:]).sum()),
            "elsewhere": [
                {
                    "topics": [dict(topic) for topic in other.topics],
                    "areas": list(other.areas),
                    "window_days": other.window_days,
                    **_numbers(other),
                }
                for other in others
            ],
        },
    )


def _severity(cluster: Cluster) -> Severity:
    """Critical: three times the expected number, and 30 requests more. Warning: twice, and 10 more.

    A notice if chance brings one as rare more than once a year: the most striking of many zones, windows and categories
    has always many times its expected number.
    """
    excess = cluster.observed - cluster.expected
    if cluster.tail * cluster.scans > ONCE_A_YEAR:
        return Severity.NOTICE
    if excess >= 30 and cluster.observed >= 3 * cluster.expected:
        return Severity.CRITICAL
    if excess >= 10 and cluster.observed >= 2 * cluster.expected:
        return Severity.WARNING
    return Severity.NOTICE


def _numbers(cluster: Cluster) -> dict[str, float]:
    return {
        "observed": cluster.observed,
        "expected": round(cluster.expected, 2),
        "low": cluster.low,
        "high": cluster.high,
        "excess": round(cluster.observed - cluster.expected, 2),
    }


def _part(cell: ClusterCell, cluster: Cluster) -> Mapping[str, Any]:
    excess = cell.observed - cell.expected
    return {
        "labels": dict(cell.labels),
        "observed": cell.observed,
        "expected": round(cell.expected, 2),
        "low": cell.low,
        "high": cell.high,
        "excess": round(excess, 2),
        "share": round(min(excess / (cluster.observed - cluster.expected), 1.0), 3),
    }


def _last_day(cluster: Cluster) -> dict[str, float]:
    expected = float(cluster.usual[-1])
    low, high = usual_range(expected)
    return {"expected": round(expected, 2), "low": low, "high": high}


def _listed(counts: Floats) -> list[float | None]:
    return [None if np.isnan(count) else float(count) for count in counts]
