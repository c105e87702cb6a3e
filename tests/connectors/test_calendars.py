"""The calendar of a source, with what its files say."""

import os
from datetime import date
from pathlib import Path

import pytest

from connectors.calendars import calendar_of
from forewarn.calendar import EventKind
from forewarn.errors import ConfigError
from forewarn.settings import Settings
from forewarn.settings_file import parse


def settings_of(folder: Path, *files: dict[str, str]) -> Settings:
    source = {"kind": "files", "country": "DE", "subdivision": "NW", "events": list(files)}
    return parse({"sources": {"köln": source}}, folder=folder)


def test_files_lie_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("first_day,kind,name\n2026-02-16,holiday,Shrove Monday\n", encoding="utf-8")
    school = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260330\nDTEND;VALUE=DATE:20260412\nSUMMARY:Easter\nEND:VEVENT"
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{school}\nEND:VCALENDAR\n"
    (tmp_path / "school.ics").write_text(text, encoding="utf-8")
    settings = settings_of(tmp_path, {"path": "own.csv"}, {"path": "school.ics", "kind": "school_holiday"})
    calendar = calendar_of(settings, "köln", date(2026, 2, 1))
    assert (calendar.country, calendar.subdivision) == ("DE", "NW")
    assert [(event.kind, event.name) for event in calendar.events] == [
        (EventKind.HOLIDAY, "Shrove Monday"),
        (EventKind.SCHOOL_HOLIDAY, "Easter"),
    ]


def test_a_changed_file_is_read_again_and_a_day_long_ago_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("first_day,name\n2026-02-16,A\n", encoding="utf-8")
    settings = settings_of(tmp_path, {"path": "own.csv"})
    assert len(calendar_of(settings, "köln", date.min).events) == 1
    path.write_text("first_day,name\n2026-02-16,A\n2026-02-17,B\n", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert len(calendar_of(settings, "köln", date.max).events) == 2


def test_a_missing_file_and_a_wrong_key_are_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, {"path": "none.csv"})
    with pytest.raises(ConfigError, match=r"sources\.köln\.events\.0\.path: .*none\.csv cannot be read"):
        calendar_of(settings, "köln", date(2026, 1, 1))
    with pytest.raises(ConfigError, match="Allowed: kind, path"):
        settings_of(tmp_path, {"path": "a.csv", "knd": "event"})
    with pytest.raises(ConfigError, match="must be 'holiday', 'closure', 'school_holiday' or 'event'"):
        settings_of(tmp_path, {"path": "a.csv", "kind": "holidays"})
