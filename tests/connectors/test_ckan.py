import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from wsgiref.types import WSGIApplication
from zoneinfo import ZoneInfo

import pytest

from connectors import connector_for
from connectors.ckan import Ckan
from forewarn.contracts import Page, Window
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.settings import SourceSettings
from tests.servers import faults
from tests.servers.ckan import Habits, Resource, SmallCkan, Values
from tests.servers.faults import Faulty

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")
FIELDS = {"source_record_id": "case_id", "requested_at": "open_dt", "category": "case topic", "closed_at": "closed_dt"}
TYPES = {"case_id": "int", "open_dt": "timestamp", "case topic": "text", "closed_dt": "timestamp"}


def row(number: int, opened: datetime, **values: Any) -> Values:
    local = opened.astimezone(ZONE).replace(tzinfo=None).isoformat()
    return {"case_id": number, "open_dt": local, "case topic": "Rodent", "closed_dt": None, **values}


def many(count: int, until: datetime = NOW, first: int = 101_000_000_000) -> list[Values]:
    """One every two hours up to `until`, in no order."""
    made = [row(first + n, until - n * timedelta(hours=2)) for n in range(count)]
    Random(5).shuffle(made)
    return made


def portal(rows: list[Values], modified: str | None = "2026-06-30T15:00:00.123456", **habits: Any) -> SmallCkan:
    return SmallCkan({"new": Resource("Requests 2026", dict(TYPES), modified, rows)}, Habits(**habits))


def connector(address: str, **options: Any) -> Ckan:
    settings: dict[str, Any] = {
        "url": address,
        "allow_http": True,
        "allow_private_hosts": True,
        "first_day": "2026-06-01",
        "page_size": 50,
        "fields": FIELDS,
        "resources": ["new"],
        **options,
    }
    found = connector_for("boston", SourceSettings(kind="ckan", zone=str(ZONE), **settings))
    assert isinstance(found, Ckan)
    return found


def read(source: Ckan, state: Any, now: datetime = NOW) -> list[Page]:
    return [page for window in source.plan(state, now) for page in source.fetch(window)]


def ids(pages: list[Page]) -> set[str]:
    return {request.source_record_id for page in pages for request in page.requests}


def end_of(pages: list[Page]) -> Any:
    return pages[-1].end


def searches(server: Faulty) -> list[str]:
    """Questions for rows."""
    return [asked for asked in server.asked if "datastore_search" in asked and "limit=0" not in asked]


@pytest.mark.parametrize("takes_sql", [False, True])
@pytest.mark.parametrize("habits", [{}, {"rows_max": 20}, {"rows_max": 20, "tells_limit": False}])
def test_the_first_reading_has_everything_since_the_first_day(
    serving: Serving, takes_sql: bool, habits: dict[str, Any]
) -> None:
    source = connector(serving(portal(many(400), takes_sql=takes_sql, **habits)))
    pages = read(source, {})
    since_first_day = {str(101_000_000_000 + n) for n in range(355)}  # from June 1, 00:00, in New York
    assert since_first_day <= ids(pages)
    assert takes_sql == (ids(pages) == since_first_day)
    end = end_of(pages)
    assert end.covers == (date(2026, 6, 1), date(2026, 6, 29))
    assert end.open_day == date(2026, 6, 30)
    assert end.fresh_until == datetime(2026, 6, 30, 15, 0, 0, 123456, tzinfo=UTC)
    assert end.state["sql"] is takes_sql


@pytest.mark.parametrize("takes_sql", [False, True])
def test_later_runs_read_seven_days_and_once_a_week_all(serving: Serving, takes_sql: bool) -> None:
    app = portal(many(400), takes_sql=takes_sql)
    server = Faulty(app)
    source = connector(serving(server))
    state = end_of(read(source, {})).state
    tomorrow = NOW + timedelta(days=1)
    closed = {"closed_dt": "2026-07-01T09:00:00"}
    late = row(7, NOW - timedelta(days=5, hours=1), **closed)
    app.load("new", [late, *many(412, tomorrow)], "2026-07-01T15:00:00")
    server.asked.clear()
    pages = read(source, state, tomorrow)
    assert "7" in ids(pages)
    assert len(ids(pages)) < 160
    assert len(searches(server)) <= 4
    end = end_of(pages)
    assert end.covers == (date(2026, 6, 23), date(2026, 6, 30))  # what is read again is judged again
    assert "SELECT" not in "".join(server.asked) or takes_sql

    old = NOW - timedelta(days=20)
    edited = row(8, old, **{"case topic": "Rats"})  # long ago, and nothing tells
    app.load("new", [edited, *many(412, tomorrow)])
    assert "Rats" not in {request.category for page in read(source, end.state, tomorrow) for request in page.requests}
    a_week_later = read(source, end.state, NOW + timedelta(days=7))
    assert "Rats" in {request.category for page in a_week_later for request in page.requests}


def test_days_before_the_first_reading_are_known_once_every_table_was_read_from_there(serving: Serving) -> None:
    """One of the tables is read as a whole by every run, as its dates are texts."""
    app = portal(many(400), takes_sql=True)
    texts = {**TYPES, "open_dt": "text"}
    app.resources["old"] = Resource("Requests by phone", texts, "2026-06-30T15:00:00", many(9, first=7))
    url = serving(app)
    state = end_of(read(connector(url, first_day="2026-06-20", resources=["new", "old"]), {})).state
    again = read(connector(url, first_day="2026-06-01", resources=["new", "old"]), state, NOW + timedelta(hours=1))
    assert end_of(again).covers == (date(2026, 6, 1), date(2026, 6, 29))
    assert {str(101_000_000_000 + n) for n in range(355)} <= ids(again), "so nothing of these days is missing"


def test_a_statement_that_is_no_longer_taken_is_replaced_by_a_search(serving: Serving) -> None:
    app = portal(many(400), takes_sql=True)
    source = connector(serving(app))
    state = end_of(read(source, {})).state
    app.habits.takes_sql = False
    pages = read(source, state, NOW + timedelta(hours=2))
    assert len(ids(pages)) >= 84
    assert end_of(pages).state["sql"] is False


def test_a_server_that_does_not_sort_is_read_to_its_end(serving: Serving) -> None:
    app = portal(many(400), ignores_sort=True)
    source = connector(serving(app))
    state = end_of(read(source, {})).state
    assert len(ids(read(source, state, NOW + timedelta(hours=2)))) == 400


def test_dates_that_are_texts_are_never_sorted(serving: Serving) -> None:
    opened = [datetime(2026, month, day, 9, tzinfo=ZONE) for month in (6, 9, 10, 11) for day in (2, 9, 10, 29)]
    rows: list[Values] = [
        {**row(n, at), "open_dt": f"{at.month}/{at.day}/{at.year} 9:00:00 AM"} for n, at in enumerate(opened)
    ]
    app = SmallCkan({"new": Resource("SanJose", {**TYPES, "open_dt": "text"}, "2026-11-30T08:00:00", rows)})
    app.habits.takes_sql = True
    server = Faulty(app)
    source = connector(serving(server), page_size=4)
    now = datetime(2026, 12, 1, 12, tzinfo=UTC)
    pages = read(source, end_of(read(source, {}, now)).state, now + timedelta(hours=1))
    assert len(ids(pages)) == 16
    assert not [asked for asked in searches(server) if "open_dt" in asked and "sort=%22open_dt" in asked]
    assert end_of(pages).covers[1] == date(2026, 11, 29)
    assert "a text" in " ".join(source.probe().remarks)


@pytest.mark.parametrize("takes_sql", [False, True])
def test_a_table_that_changes_while_it_is_read_is_read_again(serving: Serving, takes_sql: bool) -> None:
    app = portal(many(300), takes_sql=takes_sql)
    source = connector(serving(app))
    left = 3

    def reload() -> None:
        nonlocal left
        left -= 1
        if left == 0:  # rows go, rows come, all are numbered anew
            app.load("new", [row(n, NOW - n * timedelta(minutes=30)) for n in range(320)], "2026-06-30T15:30:00")

    app.meanwhile = reload
    assert ids(read(source, {})) >= {str(n) for n in range(320)}

    app.meanwhile = lambda: app.resources["new"].rows.append(row(9, NOW))
    with pytest.raises(SourceUnavailable, match="changes while it is read"):
        read(source, {})


def test_a_count_from_memory_stops_nothing(serving: Serving) -> None:
    for remembered in (60, 500):
        source = connector(serving(portal(many(300), old_total=remembered)))
        assert len(ids(read(source, {}))) == 300


def test_a_table_that_is_being_loaded_is_not_gone_and_not_empty(serving: Serving) -> None:
    app = portal(many(300))
    source = connector(serving(app))
    state = end_of(read(source, {})).state
    app.habits.reloading = True
    with pytest.raises(SourceUnavailable, match="may be being loaded"):
        read(source, state)
    del app.resources["new"]
    with pytest.raises(SourceChanged, match="no resource 'new' any more"):
        read(source, state)


def test_a_table_that_is_half_loaded_proves_nothing(serving: Serving) -> None:
    app = portal(many(300))
    source = connector(serving(app))
    state = end_of(read(source, {})).state
    app.load("new", many(300)[200:])
    window = source.plan(state, NOW + timedelta(hours=1))[0]
    pages: list[Page] = []
    with pytest.raises(SourceUnavailable, match="100 rows and had 300"):
        pages.extend(source.fetch(window))
    state = next(source.fetch(window)).end.state  # type: ignore[union-attr]
    with pytest.raises(SourceUnavailable):
        read(source, state, NOW + timedelta(hours=20))
    app.load("new", many(300))
    assert end_of(read(source, state, NOW + timedelta(hours=21))).covers is not None
    app.load("new", many(300)[200:])
    assert end_of(read(source, state, NOW + timedelta(hours=27))).covers is not None  # so it is meant


def test_tables_of_a_package_and_its_next_year(serving: Serving) -> None:
    last_year = many(40, datetime(2025, 12, 31, 22, tzinfo=UTC), first=1000)
    old = Resource("Requests 2025", dict(TYPES), "2026-01-02T08:00:00", last_year)
    app = portal(many(100))
    app.resources = {"old": old, "notes": Resource("How to read", {}), **app.resources}
    server = Faulty(app)
    source = connector(
        serving(server), package="requests", resources=[], resource_pattern=r"^Requests \d{4}", first_day="2025-12-29"
    )
    first = read(source, {})
    assert len(ids(first)) == 140
    end = end_of(first)
    assert end.covers == (date(2025, 12, 29), date(2026, 6, 29))  # the old table no longer holds it back
    assert set(end.state["tables"]) == {"old", "new"}

    app.resources["next"] = Resource("Requests 2027", dict(TYPES), "2026-07-01T06:00:00", [row(5, NOW)])
    server.asked.clear()
    later = read(source, end.state, NOW + timedelta(hours=1))
    assert "5" in ids(later)
    assert len(searches(server)) <= 4
    with pytest.raises(SourceChanged, match="no resource of package"):
        read(connector(serving(server), package="requests", resources=[], resource_pattern="2031"), {})


def test_a_category_that_moves_to_another_table_is_read_in_both(serving: Serving) -> None:
    app = portal(many(30))
    types = {"id": "text", "open_date": "timestamp", "service": "text", "close_date": "timestamp"}
    moved: list[Values] = [{"id": "BCS-1", "open_date": "2026-06-30T08:00:00", "service": "Rodent", "close_date": None}]
    app.resources["other"] = Resource("New system", types, "2026-06-28T06:00:00", moved)
    fields = {
        "source_record_id": ["case_id", "id"],
        "requested_at": ["open_dt", "open_date"],
        "category": ["case topic", "service"],
        "closed_at": ["closed_dt", "close_date"],
    }
    source = connector(serving(app), resources=["new", "other"], fields=fields)
    pages = read(source, {})
    assert "BCS-1" in ids(pages)
    assert {request.category for page in pages for request in page.requests} == {"Rodent"}
    assert end_of(pages).covers[1] == date(2026, 6, 29)  # as far as both are known: the other has a row of the 30th
    moved[0] = {**moved[0], "open_date": "2026-06-29T08:00:00"}
    assert end_of(read(source, {})).covers[1] == date(2026, 6, 28)


def test_an_interrupted_first_reading_goes_on_with_the_next_table(serving: Serving) -> None:
    app = portal(many(100))
    app.resources["other"] = Resource("Other", dict(TYPES), None, many(40))
    server = Faulty(app)
    source = connector(serving(server), resources=["new", "other"])
    pages = source.fetch(source.plan({}, NOW)[0])
    state = next(page.end.state for page in pages if page.end is not None)
    server.asked.clear()
    end = end_of(read(source, state))
    assert end.covers == (date(2026, 6, 1), date(2026, 6, 29))
    assert [asked.count("resource_id=new") for asked in searches(server)].count(1) == 2  # seven days of it


def test_without_a_word_on_freshness_the_newest_request_tells_it(serving: Serving) -> None:
    rows = [row(1, datetime(2026, 6, 28, 20, tzinfo=UTC)), row(2, datetime(2925, 1, 1, tzinfo=UTC))]
    source = connector(serving(portal(rows, modified=None)))
    pages = read(source, {})
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 27))
    assert [reject.reason for page in pages for reject in page.rejects] == ["sentinel_date"]
    assert end_of(read(connector(serving(portal([], modified=None))), {})).covers is None


def test_errors_of_every_form(serving: Serving) -> None:
    app = portal(many(60), token="right")
    with pytest.raises(SourceChanged, match="look at token") as caught:
        read(connector(serving(app), token="wrong-hunter2"), {})
    assert "hunter2" not in str(caught.value)
    assert len(ids(read(connector(serving(app), token="right"), {}))) == 60

    slow = b'{"help": "", "success": false, "error": {"__type": "Validation Error", "query": ["Search took too long"]}}'
    too_long: faults.Fault = lambda _: ("409 Conflict", [("Content-Type", "application/json")], slow)  # noqa: E731
    server = Faulty(portal(many(60)))
    server.queue.extend([None, too_long, faults.web_page, faults.cut])
    assert len(ids(read(connector(serving(server)), {}))) == 60

    server.queue.extend([None, *[faults.web_page] * 5])
    with pytest.raises(SourceUnavailable):
        read(connector(serving(server)), {})

    gone = portal(many(60))
    del gone.resources["new"].types["case topic"]
    with pytest.raises(SourceChanged, match="no column 'case topic'; it has: _id, case_id"):
        read(connector(serving(gone)), {})


def test_rows_without_id_or_date_are_kept_aside(serving: Serving) -> None:
    rows = [*many(60), {**row(1, NOW), "case_id": None}, {**row(2, NOW), "open_dt": None}]
    pages = read(connector(serving(portal(rows))), {})
    rejects = [reject for page in pages for reject in page.rejects]
    assert sorted(reject.reason for reject in rejects) == ["no_date", "no_id"]
    assert all(re.fullmatch(r"row 6\d of new", reject.position) for reject in rejects)
    assert len(ids(pages)) == 60


def test_probe_and_reconcile(serving: Serving) -> None:
    app = portal(many(400))
    source = connector(serving(app))
    found = source.probe()
    assert found.rows == 400
    assert found.fields["open_dt"] == "timestamp"
    assert "takes no SQL statements" in found.remarks
    span = Window(NOW - timedelta(days=3), NOW - timedelta(days=2))
    assert source.reconcile(span).record_ids == frozenset(str(101_000_000_000 + n) for n in range(25, 37))
    app.load("new", [each for each in many(400) if each["case_id"] != 101_000_000_030])
    assert source.reconcile(span).total == 11


def test_single_rows_are_read_again_from_whichever_table_has_them(serving: Serving) -> None:
    app = portal(many(130))
    types = {**TYPES, "case_id": "text"}
    app.resources["old"] = Resource("Requests 2025", types, None, [{**row(7, NOW), "case_id": "old-7"}])
    source = connector(serving(app), resources=["new", "old"])
    wanted = [str(101_000_000_000 + n) for n in range(120)]
    pages = list(source.read_again([*wanted, "old-7", "never'there", "9"], NOW))
    assert ids(pages) == {*wanted, "old-7"}
    assert not any(page.removed for page in pages)
    app.habits.ignores_filters = True
    with pytest.raises(SourceChanged, match="ignores filters"):
        list(source.read_again(wanted[:2], NOW))
    app.habits.reloading = True
    with pytest.raises(SourceUnavailable):
        list(source.read_again(wanted[:2], NOW))


def test_settings_that_cannot_work() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"resources": []}, "resources or package"),
        ({"fields": {"source_record_id": "id"}}, "requested_at"),
        ({"resource_pattern": "("}, "regular expression"),
        ({"page_size": 50_000}, "page_size"),
    ]
    for options, message in wrong:
        with pytest.raises(ConfigError, match=message):
            connector("https://example.org", **options)


def test_what_a_table_brings_after_it_stood_still_is_read(serving: Serving) -> None:
    app = portal(many(300))
    source = connector(serving(app))
    state = end_of(read(source, {})).state
    for hours in (24 * 6, 24 * 12, 24 * 13):
        end = end_of(read(source, state, NOW + timedelta(hours=hours)))
        assert end.covers[1] == date(2026, 6, 29)
        state = end.state
    later = NOW + timedelta(days=13, hours=2)
    app.load("new", [*many(300), *(row(n, NOW + n * timedelta(hours=2)) for n in range(157))], later.isoformat()[:19])
    pages = read(source, state, later)
    assert ids(pages) >= {str(n) for n in range(157)}
    assert end_of(pages).covers[1] == date(2026, 7, 12)
