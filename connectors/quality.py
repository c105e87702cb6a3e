"""What the counters of pulls say of a source's data, in words that are the same everywhere."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from forewarn.panel import Floats

ENOUGH_PLACES = 200
"""From so many on it is known where a source's places are."""

WORDS = {
    "fetched": "were read",
    "new": "were new",
    "changed": "had changed",
    "unchanged": "had not",
    "late_rows": "new ones were of days that were known already",
    "stale": "were older copies, and not taken over",
    "restored": "were older copies that the source has gone back to",
    "revived": "had been deleted, and are there again",
    "renumbered": "had been stored under another id",
    "removed": "are gone",
    "aged_out": "are older than what the source keeps",
    "duplicates": "came more than once",
    "relisted": "were listed again",
    "rejected": "could not be used",
    "unmapped_status": "had a status that is not known",
    "closed_before_requested": "were closed before they were made",
    "updated_before_requested": "were updated before they were made",
    "ambiguous_time": "were of the hour that comes twice",
    "skipped_time": "were of the hour that does not exist",
    "no_place": "had no place",
    "null_island": "were placed at 0, 0",
    "bad_coordinates": "were placed nowhere on Earth",
    "out_of_area": "were placed far away from all others",
    "other_services": "were of services that were not asked for",
    "changes_without_request": "changes were of requests that are not there",
    "partial_days": "days could not be read wholly",
    "control_missing": "were stored, and not there any more in a comparison",
    "control_unknown": "were there in a comparison, and had never been read",
    "not_reconciled": "comparisons failed",
    "retries": "questions had to be asked again",
    "clock_skew": "answers came from a clock that is off",
}
"""Counter → what so many rows, or what else it counts, were or did; in the order in which they are told."""


class Quality(NamedTuple):
    """One number of a source's data."""

    number: int
    words: str
    of: int | None = None  # rows that could have been so


def quality_of(counters: Mapping[str, int]) -> list[Quality]:
    """The counters that are not zero: those of rows, why some could not be used, and which fields were empty."""
    found = []
    for name, words in WORDS.items():
        if counters.get(name):
            found.append(Quality(counters[name], words))
        if name == "rejected":
            reasons = _of(counters, "rejected.")
            found += [Quality(number, f"for: {reason.replace('_', ' ')}") for reason, number in reasons]
    rows = counters.get("rows", 0)
    return found + [Quality(number, f"had no {name}", rows) for name, number in _of(counters, "empty.")]


def out_of_area(lat: Floats, lon: Floats, usual_lat: Floats, usual_lon: Floats) -> int:
    """How many places lie far from all usual ones: thrice as far from their middle as 99 of 100 of them."""
    if len(usual_lat) < ENOUGH_PLACES:
        return 0
    middle = float(np.median(usual_lat)), float(np.median(usual_lon))
    usual = np.quantile(_degrees(usual_lat, usual_lon, *middle), 0.99)
    return int((_degrees(lat, lon, *middle) > 3 * usual).sum())


def _degrees(lat: Floats, lon: Floats, middle_lat: float, middle_lon: float) -> Floats:
    """Distances in degrees of latitude; near enough within one city."""
    east: Floats = (lon - middle_lon) * np.cos(np.radians(middle_lat))
    return np.hypot(lat - middle_lat, east)


def _of(counters: Mapping[str, int], prefix: str) -> list[tuple[str, int]]:
    """The counters of this kind, the largest first."""
    named = [(name.removeprefix(prefix), number) for name, number in counters.items() if name.startswith(prefix)]
    return sorted((one for one in named if one[1]), key=lambda one: (-one[1], one[0]))
