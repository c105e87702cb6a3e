from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from connectors import checking, connector_for
from connectors.servicenow import ServiceNow
from connectors.updates import BACKFILL
from forewarn.contracts import Page, Window, WindowEnd
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.request import Status
from forewarn.settings import SourceSettings
from simulator.open311 import Clock
from tests.servers import faults
from tests.servers.faults import Faulty
from tests.servers.servicenow import SmallServiceNow

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
ROWS = 250


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def instance(clock: Clock) -> SmallServiceNow:
    found = SmallServiceNow(
        clock,
        shown={("state", "1"): "New", ("state", "7"): "Closed", ("category", "noise"): "Noise & vibration"},
        referenced={("location", "loc-1", "name"): "Old Town"},
    )
    for number in range(ROWS):
        at = datetime(2026, 6, 1, 6, tzinfo=UTC) + number * timedelta(hours=2, minutes=47)
        found.put(number, at, category="noise", location="loc-1", active="true" if number % 2 else "false")
    return found


def connector(url: str, **options: Any) -> ServiceNow:
    settings = {
        "allow_http": True,
        "allow_private_hosts": True,
        "first_day": "2026-06-01",
        "table": "incident",
        "page_size": 40,
        "user": "forewarn",
        "password": "pw-51c8aa",
        "fields": {"area": "location.name"},
        **options,
    }
    found = connector_for("desk", SourceSettings(kind="servicenow", zone="Europe/Berlin", url=url, **settings))
    assert isinstance(found, ServiceNow)
    return found


def read(source: ServiceNow, windows: Any) -> list[Page]:
    return [page for window in windows for page in source.fetch(window)]


def ids(pages: list[Page]) -> list[str]:
    return [request.source_record_id for page in pages for request in page.requests]


def end_of(pages: list[Page]) -> WindowEnd:
    end = pages[-1].end
    assert end is not None
    return end


def test_the_first_reading_drains_everything_week_by_week(serving: Serving, instance: SmallServiceNow) -> None:
    source = connector(serving(instance))
    windows = source.plan({}, NOW)
    assert [window.name for window in windows] == [BACKFILL] * 4 + [""]
    pages = read(source, windows)
    assert sorted(ids(pages)) == sorted(instance.tables["incident"])
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 29))
    assert end_of(pages).open_day == date(2026, 6, 30)
    assert [page.end.covers for page in pages[:-1] if page.end is not None] == [None] * 4
    first = next(iter(pages[0].requests))
    assert (first.category, first.area, first.status) == ("Noise & vibration", "Old Town", Status.OPEN)
    assert first.requested_at == datetime(2026, 6, 1, 6, tzinfo=UTC)


def test_an_interrupted_first_reading_goes_on(serving: Serving, instance: SmallServiceNow) -> None:
    source = connector(serving(instance))
    windows = source.plan({}, NOW)
    again = source.plan(windows[1].state, NOW)
    assert again[0].since == windows[1].until - timedelta(minutes=10)  # type: ignore[operator]
    pages = read(source, windows[:2]) + read(source, again)
    assert set(ids(pages)) == set(instance.tables["incident"])
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 29)), "all of the first reading"


@pytest.mark.parametrize("page_size", [8, 1000])
@pytest.mark.parametrize("visible_every", [2, 30, 400])
def test_hidden_rows_make_pages_short_or_empty_and_are_no_end(
    serving: Serving, instance: SmallServiceNow, visible_every: int, page_size: int
) -> None:
    numbered = {row_id: number for number, row_id in enumerate(instance.tables["incident"])}
    instance.habits.hidden = lambda row: bool(numbered.get(row["sys_id"], 0) % visible_every)
    source = connector(serving(instance), page_size=page_size)
    wanted = {row_id for row_id, number in numbered.items() if number % visible_every == 0}
    assert set(ids(read(source, source.plan({}, NOW)))) == wanted


def test_a_silent_cap_loses_nothing(serving: Serving, instance: SmallServiceNow) -> None:
    instance.habits.rows_at_most = 9
    source = connector(serving(instance), page_size=1000)
    assert set(ids(read(source, source.plan({}, NOW)))) == set(instance.tables["incident"])


def test_many_rows_of_one_second(serving: Serving, instance: SmallServiceNow) -> None:
    for number in range(ROWS):
        instance.put(number, NOW - timedelta(hours=1), state="7")  # a bulk update
    source = connector(serving(instance))
    pages = read(source, source.plan({}, NOW))
    assert sorted(ids(pages)) == sorted(instance.tables["incident"])
    assert {request.status for page in pages for request in page.requests} == {Status.CLOSED}


def test_rows_updated_while_they_are_read_are_not_skipped(
    serving: Serving, instance: SmallServiceNow, clock: Clock
) -> None:
    source = connector(serving(instance))
    found: list[Page] = []
    clock.now = NOW + timedelta(minutes=1)
    for window in source.plan({}, NOW):
        for page in source.fetch(window):
            found.append(page)
            for number in range(0, 30, 3):
                instance.put(number + len(found), clock.now, state="7")
    state = end_of(found).state
    clock.now = NOW + timedelta(hours=1)
    found += read(source, source.plan(state, clock.now))
    newest = {request.source_record_id: request for page in found for request in page.requests}
    assert newest.keys() == instance.tables["incident"].keys()
    closed = {row_id for row_id, row in instance.tables["incident"].items() if row["state"] == "7"}
    assert {row_id for row_id, request in newest.items() if request.status is Status.CLOSED} == closed


def test_later_runs_read_what_was_updated_with_ten_minutes_of_overlap(
    serving: Serving, instance: SmallServiceNow, clock: Clock
) -> None:
    source = connector(serving(instance))
    state = end_of(read(source, source.plan({}, NOW))).state
    clock.now = tomorrow = NOW + timedelta(days=1)
    changed = instance.put(5, NOW + timedelta(hours=2), state="7", closed_at="2026-06-30 18:00:00")
    late = instance.put(900, NOW - timedelta(minutes=12))  # committed after its time had been read
    windows = source.plan(state, tomorrow)
    pages = read(source, windows)
    assert len(windows) == 1
    assert set(ids(pages)) == {changed, late}
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 30)), "from the oldest day that was touched"


def test_an_ignored_part_of_the_query_is_noticed(serving: Serving, instance: SmallServiceNow) -> None:
    active = connector(serving(instance), where={"active": "true"})
    assert len(ids(read(active, active.plan({}, NOW)))) == 125
    source = connector(serving(instance), where={"activ": "true"})
    with pytest.raises(SourceChanged, match=r"where\.activ"):
        read(source, source.plan({}, NOW))


def test_a_filter_by_what_people_see(serving: Serving, instance: SmallServiceNow) -> None:
    source = connector(serving(instance), where={"location.name": "Old Town", "category": "noise"})
    assert len(ids(read(source, source.plan({}, NOW)))) == ROWS
    source = connector(serving(instance), where={"category": "noise^ORactive=false"})
    assert ids(read(source, source.plan({}, NOW))) == [], "a value cannot add a condition"


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin"])
def test_a_user_with_another_clock_is_refused(serving: Serving, instance: SmallServiceNow, zone: str) -> None:
    instance.habits.user_zone = zone
    source = connector(serving(instance))
    with pytest.raises(SourceChanged, match="time zone GMT"):
        read(source, source.plan({}, NOW))
    with pytest.raises(SourceChanged, match="time zone GMT"):
        source.probe()


def test_what_was_deleted_and_put_back_is_there(serving: Serving, instance: SmallServiceNow, clock: Clock) -> None:
    source = connector(serving(instance))
    state = end_of(read(source, source.plan({}, NOW))).state
    (kept,) = [row for row in instance.tables["incident"].values() if row["number"] == "INC0000017"]
    gone = instance.delete(17, NOW + timedelta(minutes=10))
    instance.tables["incident"][gone] = kept  # with the time of update that it had
    clock.now = NOW + timedelta(hours=1)
    pages = read(source, source.plan(state, clock.now))
    places = [number for number, page in enumerate(pages) if gone in page.removed]
    again = [number for number, page in enumerate(pages) if gone in page.requests.source_record_id.tolist()]
    assert max(again) > max(places)


def test_deletions_come_from_the_audit_where_it_can_be_read(
    serving: Serving, instance: SmallServiceNow, clock: Clock
) -> None:
    source = connector(serving(instance))
    state = end_of(read(source, source.plan({}, NOW))).state
    gone = instance.delete(17, NOW + timedelta(minutes=10))
    instance.tables["other"] = {}
    instance.put(1, NOW, "other")
    instance.delete(1, NOW + timedelta(minutes=11), "other")
    clock.now = NOW + timedelta(hours=1)
    pages = read(source, source.plan(state, clock.now))
    assert [row_id for page in pages for row_id in page.removed] == [gone]
    instance.habits.audit_readable = False
    pages = read(source, source.plan(state, clock.now))
    assert [row_id for page in pages for row_id in page.removed] == []
    assert end_of(pages).state["watermark"] == (clock.now - timedelta(minutes=5)).isoformat()
    assert any("deleted rows are not told" in remark for remark in source.probe().remarks)


def test_no_total_is_no_end(serving: Serving, instance: SmallServiceNow) -> None:
    instance.habits.tells_total = False
    source = connector(serving(instance))
    with pytest.raises(SourceChanged, match="X-Total-Count"):
        read(source, source.plan({}, NOW))


def test_an_answer_that_was_given_up_is_asked_for_again(serving: Serving, instance: SmallServiceNow) -> None:
    instance.habits.gives_up_after = 10
    source = connector(serving(instance))
    pages = read(source, source.plan({}, NOW))
    assert set(ids(pages)) == set(instance.tables["incident"])
    assert sum(page.counters.get("retries", 0) for page in pages) == 1


def test_a_rate_limit_is_waited_for(serving: Serving, instance: SmallServiceNow, waits: list[float]) -> None:
    instance.habits.answers_an_hour = 4
    source = connector(serving(instance))
    assert set(ids(read(source, source.plan({}, NOW)))) == set(instance.tables["incident"])
    assert 60.0 in waits


@pytest.mark.parametrize("trouble", [faults.web_page, faults.empty, faults.cut, faults.too_short])
def test_half_an_answer_is_asked_for_again(serving: Serving, instance: SmallServiceNow, trouble: faults.Fault) -> None:
    server = Faulty(instance)
    server.queue.extend([None, trouble, None, trouble])
    source = connector(serving(server))
    assert set(ids(read(source, source.plan({}, NOW)))) == set(instance.tables["incident"])
    server.queue.extend([trouble] * 5)
    with pytest.raises(SourceUnavailable):
        read(source, source.plan({}, NOW))


def test_columns_that_are_gone(serving: Serving, instance: SmallServiceNow) -> None:
    instance.habits.closed_columns = frozenset({"subcategory"})
    source = connector(serving(instance))
    assert len(ids(read(source, source.plan({}, NOW)))) == ROWS, "a usual column need not be there"
    assert any("subcategory" in remark for remark in source.probe().remarks)
    assert checking.check(source, NOW).wrong == []
    named = connector(serving(instance), fields={"subcategory": "subcategory"})
    assert "no such field" in checking.check(named, NOW).wrong[0]
    with pytest.raises(SourceChanged, match="subcategory"):
        read(named, named.plan({}, NOW))
    instance.habits.closed_columns = frozenset({"sys_updated_on"})
    with pytest.raises(SourceChanged, match="sys_updated_on"):
        read(source, source.plan({}, NOW))


def test_reconcile_lists_the_ids_of_a_span(serving: Serving, instance: SmallServiceNow) -> None:
    source = connector(serving(instance))
    midnight = datetime(2026, 5, 31, 22, tzinfo=UTC)
    found = source.reconcile(Window(midnight, midnight + timedelta(days=1)))
    assert found.total == 6
    assert found.record_ids == frozenset(list(instance.tables["incident"])[:6])


def test_single_rows_are_read_again(serving: Serving, instance: SmallServiceNow) -> None:
    rows = list(instance.tables["incident"])
    instance.put(3, NOW, state="7", closed_at="2026-06-30 10:00:00")
    instance.habits.hidden = lambda row: row["sys_id"] == rows[5]
    source = connector(serving(instance), where={"active": "true"})
    wanted = [*rows[:120], "0" * 32, "no id^ORsys_idISNOTEMPTY"]
    pages = list(source.read_again(wanted, NOW))
    found = {request.source_record_id: request for page in pages for request in page.requests}
    assert set(found) == {rows[number] for number in range(1, 120, 2)} - {rows[5]}, "only active ones"
    assert len(pages) == 3
    source = connector(serving(instance))
    pages = list(source.read_again(wanted, NOW))
    found = {request.source_record_id: request for page in pages for request in page.requests}
    assert set(found) == set(rows[:120]) - {rows[5]}
    assert found[rows[3]].status == "closed"
    assert not any(page.removed for page in pages), "what this user may not see is not deleted"


def test_an_instance_that_does_not_know_lists_is_not_believed(serving: Serving, instance: SmallServiceNow) -> None:
    instance.habits.knows_lists = False
    with pytest.raises(SourceChanged, match="other sys_ids"):
        list(connector(serving(instance)).read_again(list(instance.tables["incident"])[5:7], NOW))


def test_secrets_are_never_shown(serving: Serving, instance: SmallServiceNow) -> None:
    source = connector(serving(instance), password="wrong-hunter2")
    assert "hunter2" not in repr(source)
    with pytest.raises(SourceChanged, match="Not Authenticated") as caught:
        source.probe()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match="password"):
        connector("https://example.org", password="")
    with pytest.raises(ConfigError, match=r"fields\.source_record_id"):
        connector("https://example.org", fields={"source_record_id": "number"})
