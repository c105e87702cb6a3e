"""Counters in words."""

import numpy as np

from connectors.quality import out_of_area, quality_of


def test_counters_are_told_in_words_and_zeros_are_not() -> None:
    counters = {
        "rows": 200,
        "new": 12,
        "changed": 0,
        "rejected": 3,
        "rejected.no_id": 1,
        "rejected.bad_date": 2,
        "empty.area": 50,
        "form.area.text": 9,
        "backfill": 1,
    }
    assert [tuple(one) for one in quality_of(counters)] == [
        (12, "were new", None),
        (3, "could not be used", None),
        (2, "for: bad date", None),
        (1, "for: no id", None),
        (50, "had no area", 200),
    ]


def test_places_far_from_all_others_are_counted() -> None:
    random = np.random.default_rng(1)
    lat, lon = 52.5 + 0.05 * random.standard_normal(500), 13.4 + 0.08 * random.standard_normal(500)
    there, far = np.array([52.51, np.nan, 52.45]), np.array([48.1, -33.9, 0.5])
    assert out_of_area(there, np.array([13.4, np.nan, 13.3]), lat, lon) == 0
    assert out_of_area(far, np.array([11.6, 151.2, 0.5]), lat, lon) == 3
    assert out_of_area(far, far, lat[:50], lon[:50]) == 0, "it is not known yet where they are"
