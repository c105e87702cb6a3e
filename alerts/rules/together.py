"""Which surges of a day have one cause, as a cluster shows by rising in all their categories at one place?

A burst main is "water leak" and "no water", often in two or three areas. Surges of two categories are one issue if
clusters of that day hold both, most of either surge lies in the areas of these clusters, and they began at about the
same time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations

import numpy as np

from alerts.rules.evidence import NUMBERS, RELATED
from alerts.rules.merging import EXPLAINS
from alerts.wording import issue_title
from forewarn.alert import Finding
from forewarn.results import Cluster

AT_ONCE_DAYS = 3
"""What has one cause begins within so many days; which span of days shows it best varies as much."""


def joined(surges: Sequence[Finding], clusters: Sequence[Cluster], day: date) -> list[Finding]:
    """The surges of `day`, those with one cause as one finding about the area that most of it lies in.

    Args:
        surges: Of one source, the largest first.
        clusters: Of the same source.
    """
    today = [one for one in clusters if one.day == np.datetime64(day, "D") and len(one.topics) > 1]
    causes: list[list[Finding]] = []
    for surge in surges:
        alike = [cause for cause in causes if any(_areas_of_both(surge, other, today) for other in cause)]
        causes = [cause for cause in causes if cause not in alike]
        causes.append([*(other for cause in alike for other in cause), surge])
    return [_one_of(cause, today) if len(cause) > 1 else cause[0] for cause in causes]


def _areas_of_both(surge: Finding, other: Finding, clusters: Sequence[Cluster]) -> set[str]:
    """Areas of the clusters that hold the topics of both; none where either surge is mostly elsewhere, or older."""
    if abs(surge.evidence["window_days"] - other.evidence["window_days"]) > AT_ONCE_DAYS:
        return set()
    holding = [one for one in clusters if len({_topic_of(finding, one) for finding in (surge, other)} - {None}) == 2]
    areas = {area for one in holding for area in one.areas}
    return areas if all(_share_in(finding, areas) >= EXPLAINS for finding in (surge, other)) else set()


def _topic_of(surge: Finding, cluster: Cluster) -> int | None:
    """Number of the cluster's topic that the surge is about; None: it is about none of them."""
    head = surge.evidence["head"].items()
    return next((number for number, topic in enumerate(cluster.topics) if topic.items() <= head), None)


def _share_in(surge: Finding, areas: set[str]) -> float:
    if "area" in surge.labels:
        return float(surge.labels["area"] in areas)
    return sum(share for area, share in _shares(surge).items() if area in areas)


def _shares(surge: Finding) -> Mapping[str, float]:
    """Share of the surge in each of its areas."""
    return {part["labels"]["area"]: part["share"] for part in surge.evidence["parts"] if "area" in part["labels"]}


def _one_of(cause: Sequence[Finding], clusters: Sequence[Cluster]) -> Finding:
    head, *others = by_size = sorted(cause, key=lambda surge: -surge.evidence["excess"])
    pairs = combinations(cause, 2)
    areas = {area for pair in pairs for area in _areas_of_both(*pair, clusters)}
    inside = {area: share for area, share in _shares(head).items() if area in areas}
    labels = {"area": head.labels.get("area") or max(inside, key=lambda area: inside[area])}
    alarms = (*head.alarms, *(alarm for other in others for alarm in other.alarms))
    also = [
        entry
        for other in others
        for entry in (
            {"labels": other.evidence["head"], **{name: other.evidence[name] for name in NUMBERS}},
            *other.evidence["related"],
        )
    ]
    so_far = head.evidence["so_far"] is not None
    return replace(
        head,
        labels=labels,
        severity=max(surge.severity for surge in cause),
        title=issue_title(labels, alarms, source=head.source, with_areas=True, so_far=so_far),
        evidence={
            **head.evidence,
            "related": [*head.evidence["related"], *also][:RELATED],
            "one_cause": [{"labels": surge.evidence["head"]} for surge in by_size],
        },
        alarms=alarms,
    )
