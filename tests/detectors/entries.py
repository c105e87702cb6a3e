"""Hand-made entries: a town of several offices that each enter the same categories."""

from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from forewarn.entries import Entries
from forewarn.panel import LABELS

FIRST = date(2025, 1, 1)
AS_OF = datetime(2027, 1, 1, tzinfo=UTC)
Row = tuple[int, str, str, str, str, int]  # day, agency, category, subcategory, area, count


def entries_of(rows: list[Row], n_days: int, missing: tuple[int, ...] = ()) -> Entries:
    """Entries of these rows, in the order given; all days are covered but the `missing` ones."""
    table = pd.DataFrame(rows, columns=["day", "agency", "category", "subcategory", "area", "count"])
    table["channel"] = ""
    series = table[list(LABELS)].drop_duplicates(ignore_index=True)
    series.index.name = "series_id"
    number = {tuple(labels): place for place, labels in enumerate(series.itertuples(index=False, name=None))}
    covered = np.ones(n_days, dtype=np.bool_)
    covered[list(missing)] = False
    return Entries(
        source="town",
        first_day=FIRST,
        covered=covered,
        series=series.astype(object),
        row=np.array([number[key] for key in table[list(LABELS)].itertuples(index=False, name=None)], dtype=np.int64),
        day=table["day"].to_numpy(np.int64),
        count=table["count"].to_numpy(np.int64),
        as_of=AS_OF,
    )


def no_day_off(entries: Entries) -> npt.NDArray[np.bool_]:
    """(n_days,) a place without holidays."""
    return np.zeros(len(entries.covered), dtype=np.bool_)


def offices_town(n_days: int, seed: int = 0, n_offices: int = 12) -> list[Row]:
    """Every office enters a few of everything, and none has a topic of its own; snow is nobody's in summer."""
    random = np.random.default_rng(seed)
    topics = [("Streets", "Pot holes"), ("Streets", "Lights"), ("Housing", "Repairs"), ("Housing", "Rent")]
    rows = []
    for day in range(n_days):
        for office in range(n_offices):
            for (category, kind), count in zip(topics, random.poisson(0.5, len(topics)), strict=True):
                if count:
                    rows.append((day, f"Office {office}", category, kind, f"Ward {office}", int(count)))
    return rows
