"""Stores that were filled with made-up daily counts, so that a test knows what is ordinary in them."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine

from flows.installation import Installation
from forewarn.contracts import Coverage
from forewarn.request import DailyCount
from store.counts import write_counts, write_coverage
from store.engine import transaction
from tests.flows.towns import installed, settings_of

LAST_DAY = date(2026, 6, 30)
SOURCE = "town"


def ordinary(
    mean: float | np.ndarray, n_series: int, n_days: int, *, seed: int = 1, dispersion: float = 1.6
) -> np.ndarray:
    """(n_series, n_days) negative binomial counts (variance / mean: `dispersion`) with the rhythm of a week only."""
    rng = np.random.default_rng(seed)
    days = np.asarray(mean) * np.where(np.arange(n_days) % 7 < 5, 1.2, 0.5) * np.ones((n_series, 1))
    return rng.poisson(rng.gamma(days / (dispersion - 1), dispersion - 1))


def counted(
    engine: Engine, folder: Path, counts: np.ndarray, *, source: str = SOURCE, sources: int = 1, **detection: Any
) -> Installation:
    """An installation whose source holds `counts` (n_series, n_days) up to `LAST_DAY`, one category a series."""
    names = [source, *(f"other {number}" for number in range(sources - 1))]
    tables: Mapping[str, Any] = {
        name: {"kind": "files", "path": str(folder), "levels": [["category"]]} for name in names
    }
    installation = installed(engine, settings_of(folder, tables, detection=detection))
    dates = [LAST_DAY - timedelta(days=ago) for ago in range(counts.shape[1] - 1, -1, -1)]
    rows = [
        DailyCount(dates[n], f"Category {row}", "", "", "", "", int(counts[row, n]), 0)
        for row, n in zip(*np.nonzero(counts), strict=True)
    ]
    seen = LAST_DAY + timedelta(days=1)
    with transaction(engine) as conn:
        write_counts(conn, source, rows, seen_day=seen, backfill=True)
        write_coverage(conn, source, dict.fromkeys(dates, Coverage.OBSERVED), seen_day=seen, backfill=True)
    return installation
