"""Walks through a table of a ServiceNow instance, and believes nothing that its Table API does not prove.

Rows come in the order (stamp, sys_id), each page beginning after the last row of the one before. The limit of a page
counts rows that this user may not see, so a page that is short, or empty, is not the end: the number in
`X-Total-Count` is. A part of a query that the instance does not understand is ignored without a word, so every row
is checked against what was asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.documents import TryLater, parse_json
from connectors.http import Answer, Client
from forewarn.errors import SourceChanged

Cell = Mapping[str, str]  # `value` as stored, `display_value` as shown to people
Row = Mapping[str, Cell]
Key = tuple[str, str]

NO_ACCESS = 403


@dataclass(frozen=True)
class Question:
    """Which rows are wanted.

    Args:
        table: Name of the table.
        stamp: The column of times that is walked along.
        columns: What is wanted of a row, besides `stamp` and `sys_id`; a dot leads to a referenced record.
        where: Column → value that it must have.
        optional: The table may be closed to this user; then no page comes.
    """

    table: str
    stamp: str
    columns: frozenset[str] = frozenset()
    where: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False


def walk(
    client: Client, base: str, question: Question, since: datetime, until: datetime, *, page_size: int
) -> Iterator[tuple[Sequence[Row], Answer]]:
    """Pages of the rows from `since` on and before `until`, with the answers that brought them.

    Args:
        base: The instance's address.

    Raises:
        SourceUnavailable: The instance fails.
        SourceChanged: It refuses, or ignores what was asked.
    """
    end = _written(until)
    key: Key = (_written(since), "")
    offset = 0
    while True:
        answer = ask(client, base, question, _encoded(question, key, end), page_size, offset)
        if answer.status == NO_ACCESS:
            return
        rows: Sequence[Row] = answer.document
        _check(client.origin.source, rows, question, key, end)
        yield rows, answer
        total = total_of(answer)
        if total is None:
            problem = "it does not tell X-Total-Count, so nobody knows where a table ends; let that header through"
            raise SourceChanged(client.origin.source, problem)
        if len(rows) >= total - offset:
            return
        if rows:
            key, offset = _key(rows[-1], question.stamp), 0
            continue
        # Nobody may see these rows. Half a page on: rows that are updated meanwhile leave gaps behind them.
        offset += page_size // 2
        if offset >= total:
            return


def rows_of(client: Client, base: str, question: Question, row_ids: Sequence[str]) -> tuple[Sequence[Row], Answer]:
    """The rows with these sys_ids that this user may see.

    Raises:
        SourceUnavailable: The instance fails.
        SourceChanged: It refuses, or gives other rows: it does not understand lists of ids.
    """
    query = "^".join([f"sys_idIN{','.join(row_ids)}", *_fixed(question)])
    answer = ask(client, base, question, query, len(row_ids))
    source, rows = client.origin.source, answer.document
    for row in rows:
        if row.get("sys_id", {}).get("value") not in row_ids:
            problem = "it ignores a part of the query: there are rows with other sys_ids than were asked for"
            raise SourceChanged(source, problem)
        _check_where(source, row, question)
        check_clock(source, row, question.stamp)
    return rows, answer


def ask(client: Client, base: str, question: Question, query: str, limit: int, offset: int = 0) -> Answer:
    """One page; its document is a list of rows, of which each cell has its `value` and `display_value`."""
    wanted = {"sys_id", question.stamp, *question.columns, *question.where}
    return client.get(
        f"{base.strip().rstrip('/')}/api/now/table/{question.table}",
        {
            "sysparm_query": query,
            "sysparm_fields": ",".join(sorted(wanted)),
            "sysparm_limit": limit,
            "sysparm_offset": offset,
            "sysparm_display_value": "all",
            "sysparm_exclude_reference_link": "true",
        },
        _parse_rows,
        also_accepted=frozenset({NO_ACCESS}) if question.optional else frozenset(),
    )


def total_of(answer: Answer) -> int | None:
    """How many rows the query has, whether this user may see them or not; None: it does not tell."""
    told = answer.headers.get("X-Total-Count", "")
    return int(told) if told.isascii() and told.isdigit() else None


def check_clock(source: str, row: Row, stamp: str) -> None:
    """That times in a query are read as UTC, as they are in answers: they are read on the clock of the user.

    Raises:
        SourceChanged: The user has another clock, or another way to write times.
    """
    at = row.get(stamp, {})
    if at.get("value") != at.get("display_value"):
        problem = "its user must have the time zone GMT and the date format yyyy-MM-dd, or times are misunderstood"
        raise SourceChanged(source, problem)


def _check(source: str, rows: Sequence[Row], question: Question, key: Key, end: str) -> None:
    """That the instance did what it was asked for."""
    stamp = question.stamp
    for row in rows:
        if not {stamp, "sys_id"} <= row.keys():
            raise SourceChanged(source, f"its user may not read {stamp} or sys_id in the table {question.table}")
        check_clock(source, row, stamp)
        last, key = key, _key(row, stamp)
        if not last < key or key[0] >= end:
            problem = f"it ignores a part of the query: there are rows beside the times of {stamp} that were asked for"
            raise SourceChanged(source, problem)
        _check_where(source, row, question)


def _check_where(source: str, row: Row, question: Question) -> None:
    for column, value in question.where.items():
        if value.casefold() not in {str(text).casefold() for text in row.get(column, {}).values()}:
            problem = f"it ignores where.{column}: there are rows with other values; is that the column's name?"
            raise SourceChanged(source, problem)


def _fixed(question: Question) -> list[str]:
    return [f"{column}={value.replace('^', '^^')}" for column, value in question.where.items()]


def _key(row: Row, stamp: str) -> Key:
    return row[stamp]["value"], row["sys_id"]["value"]


def _encoded(question: Question, after: Key, end: str) -> str:
    """The query for rows behind `after`; `^NQ` joins two whole queries with OR."""
    stamp, (at, row_id) = question.stamp, after
    fixed = _fixed(question)
    if not row_id:
        parts = [[f"{stamp}>={at}", f"{stamp}<{end}", *fixed]]
    else:
        parts = [[f"{stamp}={at}", f"sys_id>{row_id}", *fixed], [f"{stamp}>{at}", f"{stamp}<{end}", *fixed]]
    return "^NQ".join("^".join(part) for part in parts) + f"^ORDERBY{stamp}^ORDERBYsys_id"


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _parse_rows(body: bytes) -> list[Row]:
    """The rows of an answer; none where it is a refusal, which its status tells."""
    found = parse_json(body)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    if "error" in found and "result" in found:  # with status 200
        raise TryLater("it gave up in the middle of its answer, as its time for a query was over")
    rows = found.get("result", [] if "error" in found else None)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("not a list of rows")
    if not all(isinstance(cell, dict) for row in rows for cell in row.values()):
        raise ValueError("not rows of cells")
    return rows
