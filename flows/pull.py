"""One pull of one source while it goes on: writes what was read, and with it what it proves."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from threading import Event
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine

from connectors.contents import Change, Contents, changed
from connectors.field_news import fresh_news, joined, noted
from connectors.health import History, judge_days
from connectors.normalise import STATUS_COUNTER, add_up
from connectors.quality import out_of_area
from flows.gone import take_snapshot
from flows.holes import holes_of
from forewarn.calendar import Calendar
from forewarn.contracts import Connector, Coverage, Page, TellsTime, Window
from forewarn.errors import SourceChanged
from forewarn.panel import Floats
from forewarn.request import DeletionReason, Requests
from forewarn.settings import SourceSettings
from store import sources
from store.counts import daily_totals, read_coverage, write_counts, write_coverage
from store.engine import transaction
from store.removals import remove
from store.requests import write_requests

NOWHERE: tuple[Floats, Floats] = (np.empty(0), np.empty(0))
PLACES = 2000
"""Last places that tell where a source's requests are from."""
BATCH_ROWS = 50_000
"""Pages are written together up to so many rows: a transaction a page would spend its time on committing."""
SLOW_ROWS, SLOW_SECONDS = 1000, 5.0
"""… or so many that took so long to read: of a slow source no more is lost if it fails or the reading is stopped."""
LOOK_BACK = timedelta(days=120)
"""Days of history that judging a source's silence needs: eight of each weekday, and holidays."""


NEW_IDS = Change("source_record_id", "requests have come under other ids than before; they are counted once")


class Reached(NamedTuple):
    """How far a pull is: rows stored so far, the newest day among the last ones, and the share of what it will read."""

    rows: int
    newest_day: date | None
    share: float


@dataclass
class Pull:
    """One run of one source while it goes on."""

    name: str
    settings: SourceSettings
    calendar: Calendar
    now: datetime
    run_id: int
    backfill: bool  # nothing was read before, so nobody knows when these rows were published
    texts_from: date = date.min  # of requests of earlier days no text is kept
    counters: Counter[str] = field(default_factory=Counter)
    fresh_until: datetime | None = None  # as the source says
    partial_days: set[date] = field(default_factory=set)  # of these it would not give everything
    left_out: list[str] = field(default_factory=list)  # what could not be used as a whole, such as files that were cut
    usual: Sequence[Contents] = ()  # what earlier runs held, the newest first
    known_until: date | None = None  # the last day that was known before this run
    new_days: Counter[date] = field(default_factory=Counter)  # of which days the new requests are
    places: tuple[Floats, Floats] = NOWHERE  # latitudes and longitudes of requests that were stored before
    told_shape: dict[str, str] = field(default_factory=dict)  # field of the source → type, as it says
    seen_shape: dict[str, str] = field(default_factory=dict)  # as its rows show
    remarks: list[str] = field(default_factory=list)  # what is new about the source, in words

    @property
    def today(self) -> date:
        return self.now.astimezone(self.settings.tz).date()


class Batch(NamedTuple):
    """Pages that are stored together, and the share of all windows that is read with them."""

    pages: Sequence[Page]
    share: float


def batches(connector: Connector, state: Mapping[str, Any], now: datetime) -> Iterator[Batch]:
    """What the connector has to read, each batch read in a thread while the one before it is stored.

    Raises:
        SourceError: As the connector does.
    """
    stopped = Event()
    reading = _batches(connector, state, now, stopped)
    with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
        try:
            coming = reader.submit(next, reading, None)
            while (batch := coming.result()) is not None:
                coming = reader.submit(next, reading, None)
                yield batch
        finally:
            stopped.set()


def _batches(connector: Connector, state: Mapping[str, Any], now: datetime, stopped: Event) -> Iterator[Batch]:
    reading = _pages(connector, connector.plan(state, now))
    begun = [read for read in (next(reading, None),) if read is not None]
    if begun and isinstance(connector, TellsTime) and (ahead := connector.clock_ahead(now)):  # as its answer shows
        reading, begun = _pages(connector, connector.plan(state, now - ahead)), []
    pages: list[Page] = []
    rows, share, began = 0, 0.0, monotonic()
    for page, portion in chain(begun, reading):
        if stopped.is_set():
            return
        pages.append(page)
        rows += len(page.requests) + len(page.counts)
        share = max(share, portion)
        says_all = page.end is not None and page.end.everything is not None
        is_slow = rows >= SLOW_ROWS and monotonic() - began >= SLOW_SECONDS
        if rows >= BATCH_ROWS or is_slow or says_all:  # what the next windows bring must be stored after it
            yield Batch(pages, share)
            pages, rows, began = [], 0, monotonic()
    if pages:
        yield Batch(pages, share)


def _pages(connector: Connector, windows: Sequence[Window]) -> Iterator[tuple[Page, float]]:
    """The pages of all windows, and the share of all that is read with each."""
    for number, window in enumerate(windows):
        for page in connector.fetch(window):
            yield page, (number + _share_of(window, page)) / len(windows)


def _share_of(window: Window, page: Page) -> float:
    """How much of a window is read with this page, by the time of its newest request."""
    if page.end is not None:
        return 1.0
    if window.since is None or window.until is None or not len(page.requests):
        return 0.0
    newest = page.requests.requested_at.max().item().replace(tzinfo=UTC)
    share: float = (newest - window.since) / (window.until - window.since)
    return min(max(share, 0.0), 1.0)


def write(conn: Connection, pull: Pull, batch: Sequence[Page]) -> None:
    """Rows, and with them what they prove: the connector's state and the days that are now known."""
    requests = [page.requests for page in batch if len(page.requests)]
    counts = [count for page in batch for count in page.counts]
    if requests:
        pull.counters["out_of_area"] += sum(out_of_area(rows.lat, rows.lon, *pull.places) for rows in requests)
        written = write_requests(
            conn,
            Requests.join(requests).with_texts_from(pull.texts_from),
            seen_at=pull.now,
            seen_day=pull.today,
            backfill=pull.backfill,
            new_days=pull.new_days,
            known_until=pull.known_until,
        )
        pull.counters.update(written._asdict())
    if counts:
        written = write_counts(conn, pull.name, counts, seen_day=pull.today, backfill=pull.backfill)
        pull.counters.update(written._asdict())
    gone = _removed(batch)
    pull.counters["removed"] += remove(
        conn, pull.name, gone, DeletionReason.SOURCE_DELETED, at=pull.now, seen_day=pull.today
    )
    rejects = [reject for page in batch for reject in page.rejects]
    sources.write_rejects(conn, pull.name, pull.run_id, rejects)
    pull.counters["rejected"] += len(rejects)
    pull.counters.update(f"rejected.{reject.reason}" for reject in rejects)
    for page in batch:
        pull.counters.update({name: n for name, n in page.counters.items() if not name.startswith(STATUS_COUNTER)})
        pull.seen_shape = joined(pull.seen_shape, page.shape)
    ends = [page.end for page in batch if page.end is not None]
    for end in ends:
        pull.told_shape.update(end.shape)
    if ends:
        sources.commit_state(conn, pull.name, ends[-1].state)
        note_fields(conn, pull)
        pull.fresh_until = ends[-1].fresh_until
    pull.partial_days.update(*(end.partial_days for end in ends))
    pull.left_out += [end.left_out for end in ends if end.left_out]
    pull.counters["partial_days"] += sum(len(end.partial_days) for end in ends)
    for end in ends:
        if end.everything is not None and end.covers is not None:
            take_snapshot(conn, pull, end.covers, end.everything)
    for covered in _joined([end.covers for end in ends if end.covers is not None]):
        _cover(conn, pull, covered, None)
    if open_days := [end.open_day for end in ends if end.open_day is not None]:
        _cover(conn, pull, None, max(open_days))


def note_fields(conn: Connection, pull: Pull, worse: Sequence[Change] | None = None) -> None:
    """Keeps what was found out about the source's fields so far, in the transaction of the rows that show it.

    Args:
        worse: Fields of ours that hold less than they did; None: the run goes on.
    """
    found = [*(worse or ()), *([NEW_IDS] if pull.counters["renumbered"] else ())]
    known = sources.read_shape(conn, pull.name)
    told = pull.told_shape or pull.seen_shape
    is_all, is_over = bool(pull.told_shape), worse is not None
    now = noted(known, told, found, pull.today, is_all=is_all, is_over=is_over)
    if now != known:
        sources.set_shape(conn, pull.name, now)
    pull.remarks += fresh_news(known, now)


def check_contents(engine: Engine, pull: Pull, batch: Sequence[Page]) -> None:
    """That the rows hold what rows of this source hold; of those that do not, only the rejects are kept.

    Raises:
        SourceChanged: A field has changed, and nothing that the rows say of it can be believed.
    """
    now = add_up(page.counters for page in batch)
    earlier = [pull.counters, *pull.usual] if pull.counters["rows"] else pull.usual
    if change := changed(now, earlier):
        with transaction(engine) as conn:
            sources.write_rejects(conn, pull.name, pull.run_id, [reject for page in batch for reject in page.rejects])
        raise SourceChanged(
            pull.name,
            f"{change.words}. None of it is stored. Mend fields.{change.field}, or, if this is what it should hold "
            f"from now on, say so with `forewarn sources accept {pull.name}`.",
        )


def _removed(batch: Sequence[Page]) -> set[str]:
    """Ids that the source says are gone, unless a later page has them."""
    gone: set[str] = set()
    for page in batch:
        if gone:
            gone.difference_update(page.requests.source_record_id.tolist())
        gone.update(page.removed)
    return gone


def _joined(spans: Sequence[tuple[date, date]]) -> list[tuple[date, date]]:
    """Spans that touch, made one."""
    joined: list[tuple[date, date]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + timedelta(days=1):
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _cover(conn: Connection, pull: Pull, covered: tuple[date, date] | None, open_day: date | None) -> None:
    first, last = covered or (pull.today, pull.today)
    history = history_of(conn, pull.name, first - LOOK_BACK, last)
    verdicts = judge_days(history, covered, open_day=open_day, calendar=pull.calendar)
    verdicts |= dict.fromkeys(pull.partial_days & verdicts.keys(), Coverage.PARTIAL)
    if not pull.backfill:
        observed = {day for day, what in verdicts.items() if what is Coverage.OBSERVED}
        fresh = sorted(observed - {day for day, what in history.coverage.items() if what is Coverage.OBSERVED})
        holes = holes_of(conn, pull.name, pull.settings, pull.calendar, history, fresh)
        verdicts |= dict.fromkeys(holes, Coverage.PARTIAL)
    end_of = pull.settings.counted_steps.end_of  # what is known of a week is known of all its days
    verdicts = {day: verdicts.get(end_of(day), what) for day, what in verdicts.items()}
    write_coverage(conn, pull.name, verdicts, seen_day=pull.today, backfill=pull.backfill)


def history_of(conn: Connection, name: str, first: date, last: date) -> History:
    dates, totals = daily_totals(conn, name, first, last)
    return History(dates, totals, read_coverage(conn, name, first, last))
