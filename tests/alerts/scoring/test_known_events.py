"""Events files, as people write them, and which alerts tell of an event."""

from datetime import date
from pathlib import Path

import pytest

from alerts.scoring.known_events import EventKind, read_events, tells_of, touching
from forewarn.alert import Kind
from forewarn.errors import ConfigError
from tests.alerts.scoring.stories import alert, event

HEADER = "event_id,dataset,kind,first_day,last_day,public_obvious_date,category\n"
GOOD = "E1,town,incident,2026-02-01,2026-02-03,2026-02-04,Rats\n"


def test_events_are_read_by_source(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text("\ufeff" + HEADER + GOOD + "E2,city,unexplained,2026-02-01,2026-02-01,,\n", encoding="utf-8")
    events = read_events(file)
    (rats,), (other,) = events["town"], events["city"]
    assert rats == event("E1", labels={"category": "Rats"}, public=date(2026, 2, 4))
    assert (other.kind, other.labels, other.public_obvious_date) == (EventKind.UNEXPLAINED, {}, None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("E2,town,incidnet,2026-02-01,2026-02-03,,", "line 3: kind 'incidnet' is not known; did you mean 'incident'"),
        ("E2,town,,2026-02-01,2026-02-03,,", "line 3: kind '' is not known.* Allowed: batch, burst"),
        ("E2,town,batch,2026-02-30,2026-02-03,,", "line 3: first_day '2026-02-30' is not a date such as"),
        ("E2,town,batch,2026-02-03,2026-02-01,,", "line 3: last_day 2026-02-01 is before first_day 2026-02-03"),
        ("E2,town,batch,2026-02-03,2026-02-03,soon,", "line 3: public_obvious_date 'soon' is not a date"),
        ("E1,town,batch,2026-02-03,2026-02-03,,", "line 3: event_id 'E1' is that of line 2"),
        (",town,batch,2026-02-03,2026-02-03,,", "line 3: event_id is empty"),
        ("E2,,batch,2026-02-03,2026-02-03,,", "line 3: dataset is empty"),
        ("E2,town", "line 3: kind '' is not known"),
    ],
)
def test_a_wrong_row_is_named_with_what_is_allowed(tmp_path: Path, row: str, message: str) -> None:
    file = tmp_path / "events.csv"
    file.write_text(f"{HEADER}{GOOD}{row}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_events(file)


def test_a_file_that_is_no_events_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no\.csv: cannot be read"):
        read_events(tmp_path / "no.csv")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00event")
    with pytest.raises(ConfigError, match=r"binary\.csv: is not text in UTF-8"):
        read_events(binary)
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(ConfigError, match="lacks the column"):
        read_events(empty)


def test_an_alert_tells_of_an_event_that_it_names_on_its_days() -> None:
    rats = event(labels={"category": "Rats"})
    assert tells_of(alert(labels={"category": "Rats", "area": "North"}, last=2), rats)
    assert not tells_of(alert(labels={"category": "Noise"}, last=2), rats)
    assert not tells_of(alert(labels={"category": "Rats"}, last=4), rats), "it ended on the third"
    related = alert(labels={}, last=2, related=[{"labels": {"category": "Rats"}}])
    assert tells_of(related, rats)
    assert not tells_of(alert(labels={}, last=2), rats), "the whole source names no rats"
    assert tells_of(alert(labels={"category": "Noise"}, last=2), event()), "the event concerns everything"


@pytest.mark.parametrize(
    ("kind", "told", "tells"),
    [
        ("incident", Kind.SURGE, True),
        ("incident", Kind.DROP, False),
        ("incident_dip", Kind.DROP, True),
        ("incident_dip", Kind.SURGE, False),
        ("incident", Kind.CLUSTER, True),
        ("batch", Kind.SURGE, True),
        ("batch", Kind.CLUSTER, True),
        ("feed_defect", Kind.DROP, True),
        ("feed_defect", Kind.SOURCE, False),
        ("unexplained", Kind.SURGE, True),
    ],
)
def test_the_kind_must_fit(kind: str, told: Kind, tells: bool) -> None:
    assert tells_of(alert(kind=told), event(kind=kind)) is tells


def test_the_numbers_that_an_event_is_in() -> None:
    events = [event(labels={"category": "Rats", "area": "North"})]
    day = date(2026, 2, 2)
    assert touching(events, {"category": "Rats", "area": "North"}, day)
    assert touching(events, {"category": "Rats"}, day), "the sum holds it"
    assert touching(events, {}, day)
    assert not touching(events, {"category": "Rats", "area": "South"}, day)
    assert not touching(events, {"category": "Rats"}, date(2026, 2, 4))
