import gzip
from collections.abc import Mapping, Sequence
from csv import DictReader
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from connectors.health import History, judge_days, judge_source
from forewarn.calendar import Calendar, Event, EventKind
from forewarn.contracts import Coverage, SourceHealth
from forewarn.errors import SourceChanged, SourceUnavailable

MONDAY = date(2026, 3, 2)
ZONE = ZoneInfo("Europe/Berlin")
OBSERVED, QUIET, MISSING, PARTIAL = Coverage.OBSERVED, Coverage.QUIET, Coverage.MISSING, Coverage.PARTIAL


def history(totals: Sequence[float], coverage: Mapping[date, Coverage] | None = None, first: date = MONDAY) -> History:
    days = [first + timedelta(days=n) for n in range(len(totals))]
    known = {day: OBSERVED for day, total in zip(days, totals, strict=True) if total > 0}
    dates = np.array(days, dtype="datetime64[D]")
    return History(dates, np.array(totals, dtype=float), known if coverage is None else coverage)


def judge(totals: Sequence[float], days: int, first: date = MONDAY, calendar: Calendar = Calendar()) -> list[Coverage]:
    """Verdicts on the last days, the others being known."""
    past = history(totals, first=first)
    last = first + timedelta(days=len(totals) - 1)
    found = judge_days(past, (last - timedelta(days=days - 1), last), calendar=calendar)
    return [found[last - timedelta(days=n)] for n in reversed(range(days))]


def test_a_busy_source_does_not_fall_quiet() -> None:
    assert judge([30.0] * 60 + [0, 28], 2) == [MISSING, OBSERVED]


def test_a_small_source_may_have_nothing_for_a_day_but_not_for_long() -> None:
    assert judge([1.0, 2.0] * 30 + [0], 1) == [QUIET]
    assert judge([1.0, 2.0] * 30 + [0] * 5, 5) == [QUIET] * 5
    assert judge([1.0, 2.0] * 30 + [0] * 9, 9) == [MISSING] * 9


def test_a_long_silence_takes_its_first_days_back() -> None:
    past = history([2.0] * 60 + [0] * 8)
    days = [MONDAY + timedelta(days=n) for n in range(60, 68)]
    known = {**past.coverage, **dict.fromkeys(days[:4], QUIET)}
    found = judge_days(History(past.dates, past.totals, known), (days[4], days[7]))
    assert found == dict.fromkeys(days, MISSING)


def test_the_first_days_are_judged_again_once_there_is_something_to_go_by() -> None:
    week = [0, 22.0, 19, 20, 21, 18, 17]
    sunday, unread = MONDAY - timedelta(days=1), [0.0] * 30
    past = history([*unread, *week * 4], first=sunday - timedelta(days=30))
    early = judge_days(replace(past, coverage={}), (sunday, sunday + timedelta(days=2)))
    assert early[sunday] is MISSING, "nothing is known to go by"
    last = sunday + timedelta(days=27)
    later = judge_days(replace(past, coverage=early), (sunday + timedelta(days=3), last))
    assert later[sunday] is QUIET
    assert min(later) == sunday, "days before were not read"
    after = judge_days(replace(past, coverage={**early, **later}), (last, last))
    assert after == {last: OBSERVED}, "what is believed already stays so"
    busy = history([*unread, 0, *[20.0] * 27], {**early, sunday: MISSING}, first=sunday - timedelta(days=30))
    assert judge_days(busy, (sunday + timedelta(days=3), last))[sunday] is MISSING


def test_an_office_closed_at_weekends_stays_quiet() -> None:
    week = [90.0, 80, 85, 90, 70, 0, 0]
    assert judge(week * 10, 70) == [OBSERVED if total else QUIET for total in week] * 10


def test_uneven_counts_make_zeros_likelier() -> None:
    assert judge([20.0] * 56 + [0], 1) == [MISSING]
    bursts = ([0.0] * 7 + [100.0] * 7) * 4
    past = history(bursts, {MONDAY + timedelta(days=n): OBSERVED for n in range(56)})
    last = MONDAY + timedelta(days=55)
    again = History(np.append(past.dates, past.dates[-1] + 1), np.append(past.totals, 0.0), past.coverage)
    assert judge_days(again, (last + timedelta(days=1),) * 2) == {last + timedelta(days=1): QUIET}


def test_a_holiday_is_compared_with_sundays() -> None:
    week = [40.0, 40, 40, 40, 40, 12, 4]
    totals = [*week * 8, *week[:4], 0]  # ends on Friday 2026-05-01, Labour Day
    first = date(2026, 5, 1) - timedelta(days=60)
    assert first.weekday() == 0
    assert judge(totals, 1, first=first) == [MISSING]
    assert judge(totals, 1, first=first, calendar=Calendar("DE")) == [QUIET]
    works = Event(EventKind.CLOSURE, date(2026, 5, 1), date(2026, 5, 1), "Works outing")
    assert judge(totals, 1, first=first, calendar=Calendar(events=(works,))) == [QUIET]
    fair = replace(works, kind=EventKind.EVENT)
    assert judge(totals, 1, first=first, calendar=Calendar(events=(fair,))) == [MISSING]


def test_nothing_at_all_is_no_quiet() -> None:
    assert judge([0.0] * 40, 40) == [MISSING] * 40


def test_an_open_day_is_partial_and_uncovered_days_have_no_verdict() -> None:
    today = MONDAY + timedelta(days=30)
    assert judge_days(history([3.0] * 31), None, open_day=today) == {today: PARTIAL}


def test_the_day_without_a_scrape_is_found_in_real_data(real_data: Path) -> None:
    with gzip.open(real_data / "daily_totals.csv.gz", "rt") as file:
        rows = [row for row in DictReader(file) if row["file"].startswith("stuttgart")]
    counts = {date.fromisoformat(row["date"]): float(row["requests"]) for row in rows}
    first, last = min(counts), max(counts)
    totals = [counts.get(first + timedelta(days=n), 0.0) for n in range((last - first).days + 1)]
    found = judge_days(history(totals, {}, first), (first, last), calendar=Calendar("DE", "BW"))
    assert [day for day, verdict in found.items() if verdict is not OBSERVED] == [date(2023, 9, 19)]


def health(totals: Sequence[float], verdicts: Mapping[int, Coverage], days_later: int = 1, **more: object) -> object:
    past = history(totals)
    coverage = dict(past.coverage) | {MONDAY + timedelta(days=n): verdict for n, verdict in verdicts.items()}
    now = datetime(2026, 3, 2, 12, tzinfo=ZONE) + timedelta(days=len(totals) - 1 + days_later)
    return judge_source(History(past.dates, past.totals, coverage), now=now, zone=ZONE, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "totals", "verdicts", "options"),
    [
        (SourceHealth.OK, [5.0] * 10, {}, {}),
        (SourceHealth.QUIET, [5.0] * 9 + [0], {9: QUIET}, {}),
        (SourceHealth.SILENT, [5.0] * 9 + [0], {9: MISSING}, {}),
        (SourceHealth.LATE, [5.0] * 10, {}, {"days_later": 3}),
        (SourceHealth.OK, [5.0] * 10, {}, {"days_later": 3, "public_delay_days": 2}),
        (SourceHealth.PARTIAL, [5.0] * 10, {9: PARTIAL}, {}),
        (SourceHealth.STALE, [5.0] * 10, {}, {"fresh_until": datetime(2026, 3, 5, tzinfo=UTC)}),
        (SourceHealth.UNDETERMINED, [0.0] * 5, {}, {}),
        (SourceHealth.BROKEN, [5.0] * 10, {}, {"error": SourceChanged("x", "the column is gone")}),
        (SourceHealth.UNDETERMINED, [5.0] * 10, {}, {"error": SourceUnavailable("x", "status 503")}),
    ],
)
def test_states(
    state: SourceHealth, totals: list[float], verdicts: dict[int, Coverage], options: dict[str, object]
) -> None:
    found, message = health(totals, verdicts, **options)  # type: ignore[misc, arg-type]
    assert found is state
    assert message.endswith(".") or "error" in options


def test_messages_name_the_day() -> None:
    _, message = health([5.0] * 9 + [0], {9: MISSING})  # type: ignore[misc]
    assert "since Tuesday 2026-03-10" in message
