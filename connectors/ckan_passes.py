"""Ways through one table of a CKAN datastore, each with a proof that it saw all it should.

A table is replaced as a whole and while it is read: rows are numbered anew, offsets shift. Its size is therefore
compared on every page, and a way that saw it change is no proof of anything.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from connectors.ckan_api import Api, Records, Shape, Table
from connectors.times import Instants

Moments = Callable[[Sequence[Mapping[str, Any]], str], Instants]
"""Rows and a column → its times in UTC, NaT where there is none."""


class Moved(Exception):
    """The table changed while it was read.

    Args:
        rows: How many were read; None: it was seen before the end.
    """

    def __init__(self, rows: int | None = None) -> None:
        self.rows = rows
        super().__init__("the table changes while it is read")


def newest_first(
    api: Api,
    table: Table,
    shape: Shape,
    columns: Sequence[str],
    order: str,
    since: np.datetime64,
    page_size: int,
    moments: Moments,
) -> Iterator[Records]:
    """Pages from the newest row down to `since`, or to the end if the server does not sort as it is asked.

    Raises:
        Moved: Its size is not what it was.
    """
    offset, limit, newest, is_sorted = 0, page_size, None, True
    for answer in _pages(api, table, shape, columns, f'"{order}" desc,"_id" desc', limit):
        yield answer
        offset += len(answer.rows)
        times = moments(answer.rows, order)
        times = times[~np.isnat(times)]
        if len(times):
            falling = bool((times[1:] <= times[:-1]).all()) and (newest is None or times[0] <= newest)
            is_sorted, newest = is_sorted and falling, times[-1]
            if is_sorted and newest < since:
                return


def whole(api: Api, table: Table, shape: Shape, columns: Sequence[str], page_size: int) -> Iterator[Records]:
    """All pages, in the order of the rows' numbers.

    Raises:
        Moved: Its size is not what it was.
    """
    yield from _pages(api, table, shape, columns, '"_id"', page_size)


def by_statement(
    api: Api, table: Table, columns: Sequence[str], order: str, since: str, page_size: int
) -> Iterator[Records]:
    """Pages from `since` on, each beginning behind the last row of the one before, until one is empty or shorter than
    what the server can give.

    Raises:
        Refused: The portal does not take statements.
        Moved: It gives the same page again.
    """
    names = ", ".join(f'"{name}"' for name in dict.fromkeys(["_id", order, *columns]))
    after: tuple[str, int] | None = None
    given = 0
    while True:
        behind = ""
        if after is not None:
            value = after[0].replace("'", "''")
            behind = f""" AND ("{order}" > '{value}' OR ("{order}" = '{value}' AND "_id" > {after[1]}))"""
        answer = api.sql(
            f"""SELECT {names} FROM "{table.id}" WHERE "{order}" >= '{since}'{behind} """  # noqa: S608 - it only reads
            f"""ORDER BY "{order}", "_id" LIMIT {page_size}"""
        )
        if not answer.rows:
            return
        yield answer
        last = str(answer.rows[-1][order]), int(answer.rows[-1]["_id"])
        if last == after:
            raise Moved
        if len(answer.rows) < given and not answer.truncated:
            return
        after, given = last, len(answer.rows)


def _pages(
    api: Api, table: Table, shape: Shape, columns: Sequence[str], sort: str, page_size: int
) -> Iterator[Records]:
    offset, limit = 0, page_size
    while True:
        answer = api.search(table, ["_id", *columns], sort, limit, offset)
        if answer.total is not None and answer.total != shape.total:
            raise Moved
        if not answer.rows:
            break
        yield answer
        offset += len(answer.rows)
        limit = min(limit, answer.limit or limit)  # lowered without a word
        if len(answer.rows) < limit and offset == shape.total:
            return
    if offset != shape.total:
        raise Moved(offset)
