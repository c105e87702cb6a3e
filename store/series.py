"""Series: each combination of labels that a source has ever used, with a number."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import Column, Connection, MetaData, Table, Text, and_, literal, select

from forewarn.panel import LABELS
from forewarn.request import Texts
from store.dialect import stage
from store.schema import series

Integers = npt.NDArray[np.int64]

_wanted = Table(
    "wanted_series",
    MetaData(),
    *(Column(label, Text, nullable=False) for label in LABELS),
    prefixes=["TEMPORARY"],
)
_same = and_(*(series.c[label] == _wanted.c[label] for label in LABELS))


def series_ids(conn: Connection, source: str, labels: Mapping[str, Texts]) -> Integers:
    """(n_rows,) the number of each row's series; new ones are made.

    Call it within `advance_source`'s lock: two writers must not make the same series.

    Args:
        labels: For each of `forewarn.panel.LABELS` a column, '' where unknown.
    """
    first, series_of = _distinct(labels)
    wanted = {label: labels[label][first] for label in LABELS}
    stage(conn, _wanted, wanted)
    mine = and_(series.c.source == source, _same)
    unknown = select(literal(source), *_wanted.c).where(~select(series.c.id).where(mine).exists())
    conn.execute(series.insert().from_select(["source", *LABELS], unknown))
    rows = conn.execute(select(series.c.id, *_wanted.c).join_from(_wanted, series, mine))
    number_of = {tuple(key): number for number, *key in rows}
    keys = zip(*wanted.values(), strict=True)
    return np.array([number_of[key] for key in keys], dtype=np.int64)[series_of]


def _distinct(labels: Mapping[str, Texts]) -> tuple[Integers, Integers]:
    """The first row of each combination of labels, and for each row which combination it has."""
    code = np.zeros(len(labels[LABELS[0]]), dtype=np.int64)
    for label in LABELS:
        codes, distinct = pd.factorize(labels[label])
        code, _ = pd.factorize(code * len(distinct) + codes)
    _, first = np.unique(code, return_index=True)
    return first, code
