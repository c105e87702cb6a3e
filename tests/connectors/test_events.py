"""What is planned in a place, from iCalendar and CSV files."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.events import read_events
from forewarn.calendar import Event, EventKind
from forewarn.errors import ConfigError

BERLIN = ZoneInfo("Europe/Berlin")


def ics(*entries: str) -> str:
    events = "".join(f"BEGIN:VEVENT\r\nUID:{n}\r\n{entry}\r\nEND:VEVENT\r\n" for n, entry in enumerate(entries))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{events}END:VCALENDAR\r\n"


def read(folder: Path, text: str, name: str, kind: EventKind = EventKind.EVENT) -> tuple[Event, ...]:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return read_events(path, kind, key="sources.bonn.events.0", zone=BERLIN, until=2029)


def test_rows_of_a_csv_file(tmp_path: Path) -> None:
    text = "first_day,last_day,kind,name\n2026-07-09,2026-08-21,school_holiday,Summer\n2026-05-04,,closure,\n"
    assert read(tmp_path, text, "days.csv") == (
        Event(EventKind.CLOSURE, date(2026, 5, 4), date(2026, 5, 4), "closure"),
        Event(EventKind.SCHOOL_HOLIDAY, date(2026, 7, 9), date(2026, 8, 21), "Summer"),
    )
    plain = read(tmp_path, "name,first_day\nStreet  fair,2026-06-06\n", "plain.csv", EventKind.CLOSURE)
    assert plain == (Event(EventKind.CLOSURE, date(2026, 6, 6), date(2026, 6, 6), "Street fair"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day,name\n", r"line 1 lacks the column 'first_day'.*Allowed: first_day, kind, last_day, name"),
        ("first_day,name\n2026-01-01,A\n1.2.2026,B\n", r"line 3: first_day '1\.2\.2026' is no day"),
        ("first_day,kind,name\n2026-01-01,holidays,A\n", r"line 2: 'holidays' is no kind.*'holiday'.*school_holiday"),
        ("first_day,last_day,name\n2026-01-02,2026-01-01,A\n", r"line 2: it ends on 2026-01-01, before"),
        ("first_day,name\n0026-01-02,A\n", r"line 2: its days 0026-01-02 to .* must lie from 1990"),
    ],
)
def test_a_wrong_row_names_its_line_and_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        read(tmp_path, text, "days.csv")


def test_days_and_hours_of_an_ics_file(tmp_path: Path) -> None:
    whole = "SUMMARY:Fair\\, large\r\nDTSTART;VALUE=DATE:20260501\r\nDTEND;VALUE=DATE:20260504"
    night = "SUMMARY:Night\r\nDTSTART;TZID=Europe/Berlin:20260509T200000\r\nDTEND;TZID=Europe/Berlin:20260510T000000"
    in_utc = "SUMMARY:Late\r\nDTSTART:20260610T223000Z\r\nDURATION:PT1H\r\nCATEGORIES:Town,Closure"
    off = "SUMMARY:Off\r\nDTSTART;VALUE=DATE:20260601\r\nSTATUS:CANCELLED"
    assert read(tmp_path, ics(whole, night, in_utc, off), "days.ics") == (
        Event(EventKind.EVENT, date(2026, 5, 1), date(2026, 5, 3), "Fair, large"),
        Event(EventKind.EVENT, date(2026, 5, 9), date(2026, 5, 9), "Night"),
        Event(EventKind.CLOSURE, date(2026, 6, 11), date(2026, 6, 11), "Late"),
    )


def test_what_recurs_is_repeated_but_for_what_was_moved_or_left_out(tmp_path: Path) -> None:
    rule = "RRULE:FREQ=YEARLY;BYMONTH=6;BYDAY=2SA\r\nEXDATE;VALUE=DATE:20240608"
    moved = "UID:0\r\nRECURRENCE-ID;VALUE=DATE:20250614\r\nSUMMARY:Fair\r\nDTSTART;VALUE=DATE:20250621"
    text = ics(f"SUMMARY:Fair\r\nDTSTART;VALUE=DATE:20230610\r\n{rule}", moved).replace("UID:1\r\n", "")
    days = [event.first for event in read(tmp_path, text, "fair.ics")]
    assert days == [
        date(2023, 6, 10),
        date(2025, 6, 21),
        date(2026, 6, 13),
        date(2027, 6, 12),
        date(2028, 6, 10),
        date(2029, 6, 9),
    ]


def test_a_rule_without_end_stops(tmp_path: Path) -> None:
    weekly = "SUMMARY:Market\r\nDTSTART;VALUE=DATE:20200106\r\nRRULE:FREQ=WEEKLY;BYDAY=MO"
    events = read(tmp_path, ics(weekly), "market.ics")
    assert {event.first.weekday() for event in events} == {0}
    assert max(event.first for event in events) == date(2029, 12, 31)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "not a whole iCalendar file"),
        (ics("SUMMARY:A").replace("END:VCALENDAR\r\n", ""), "not a whole iCalendar file"),
        (ics("SUMMARY:A"), "line 4: the event has no DTSTART"),
        (ics("SUMMARY:A\r\nDTSTART:tomorrow"), "line 4: DTSTART cannot be read"),
        (ics("DTSTART;VALUE=DATE:20240101\r\nRRULE:FREQ=FORTNIGHTLY"), "line 4: RRULE cannot be read"),
        (ics("DTSTART:20240101T000000\r\nRRULE:FREQ=HOURLY"), "line 4: it recurs HOURLY.*Allowed: DAILY"),
    ],
)
def test_a_wrong_ics_file_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text, "days.ics")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Allowed: \.csv, \.ics"):
        read(tmp_path, "", "days.xlsx")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_events(tmp_path / "none.csv", EventKind.EVENT, key="k", zone=BERLIN, until=2029)
