from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from connectors import checking, connector_for
from connectors.http import HttpSource
from connectors.zendesk import Zendesk
from forewarn.contracts import Page, Window, WindowEnd
from forewarn.errors import ConfigError, SourceChanged, SourceUnavailable
from forewarn.request import Status
from forewarn.settings import SourceSettings
from simulator.open311 import Clock
from tests.servers import faults
from tests.servers.faults import Faulty
from tests.servers.zendesk import SmallZendesk

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 30, 16, tzinfo=UTC)
KIND, DISTRICT = 360012345, 360067890


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def account(clock: Clock) -> SmallZendesk:
    found = SmallZendesk(clock, ticket_fields=[{"id": KIND, "title": "Kind of noise", "type": "tagger"}])
    for number in range(250):
        at = datetime(2026, 6, 1, 6, tzinfo=UTC) + number * timedelta(hours=2, minutes=47)
        custom = [{"id": KIND, "value": "music" if number % 3 else None}, {"id": DISTRICT, "value": ["north", "old"]}]
        found.put(100 + number, at, via={"channel": "web"}, custom_fields=custom, subject=f"Call {number}")
    return found


def connector(url: str, **options: Any) -> Zendesk:
    settings = {
        "allow_http": True,
        "allow_private_hosts": True,
        "first_day": "2026-06-01",
        "page_size": 60,
        "email": "admin@example.org",
        "api_token": "k-3f9d2c71",
        "fields": {"category": f"custom_fields.{KIND}", "area": f"custom_fields.{DISTRICT}"},
        **options,
    }
    found = connector_for("desk", SourceSettings(kind="zendesk", zone="Europe/Berlin", url=url, **settings))
    assert isinstance(found, Zendesk)
    return found


def read(source: Zendesk, windows: Any) -> list[Page]:
    return [page for window in windows for page in source.fetch(window)]


def ids(pages: list[Page]) -> list[str]:
    return [request.source_record_id for page in pages for request in page.requests]


def end_of(pages: list[Page]) -> WindowEnd:
    end = pages[-1].end
    assert end is not None
    return end


def test_the_first_reading_drains_the_stream(serving: Serving, account: SmallZendesk) -> None:
    server = Faulty(account)
    source = connector(serving(server))
    pages = read(source, source.plan({}, NOW))
    assert ids(pages) == [str(100 + number) for number in range(250)]
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 29))
    assert end_of(pages).open_day == date(2026, 6, 30)
    assert {page.end.covers for page in pages[:-1] if page.end is not None} == {None}
    assert len(server.asked) == 5, "as few answers as there are pages"
    first = next(iter(pages[0].requests))
    assert (first.category, first.area, first.channel, first.status) == ("", "north", "web", Status.OPEN)
    assert {request.category for page in pages for request in page.requests} == {"music", ""}


def test_each_page_is_safe_as_soon_as_it_is_stored(serving: Serving, account: SmallZendesk) -> None:
    server = Faulty(account)
    source = connector(serving(server))
    server.queue.extend([None, None, *[faults.status("503 Service Unavailable")] * 5])
    read_so_far = []
    with pytest.raises(SourceUnavailable):
        read_so_far += [page for page in source.fetch(source.plan({}, NOW)[0]) if not read_so_far.append(page)]
    assert len(read_so_far) == 2
    state = end_of(read_so_far).state
    rest = read(source, source.plan(state, NOW))
    assert ids(read_so_far) + ids(rest) == [str(100 + number) for number in range(250)]
    assert end_of(rest).covers == (date(2026, 6, 1), date(2026, 6, 29)), "all of the first reading, not only its rest"


def test_later_runs_read_changes_and_nothing_twice(serving: Serving, account: SmallZendesk, clock: Clock) -> None:
    source = connector(serving(account))
    state = end_of(read(source, source.plan({}, NOW))).state
    clock.now = tomorrow = NOW + timedelta(days=1)
    account.put(105, NOW + timedelta(hours=2), status="solved", metric_set={"solved_at": "2026-06-30T18:00:00Z"})
    account.put(900, NOW + timedelta(hours=3), via={"channel": "email"})
    pages = read(source, source.plan(state, tomorrow))
    found = {request.source_record_id: request for page in pages for request in page.requests}
    assert found.keys() == {"105", "900"}
    assert found["105"].status is Status.CLOSED
    assert found["105"].closed_at == datetime(2026, 6, 30, 18, tzinfo=UTC)
    assert end_of(pages).covers == (date(2026, 6, 1), date(2026, 6, 30)), "from the oldest day that was touched"
    again = read(source, source.plan(end_of(pages).state, tomorrow))
    assert ids(again) == []
    assert end_of(again).covers is None


def test_a_day_touched_before_a_failure_is_judged_after_it(
    serving: Serving, account: SmallZendesk, clock: Clock
) -> None:
    server = Faulty(account)
    source = connector(serving(server), page_size=1)
    state = end_of(read(connector(serving(account)), source.plan({}, NOW))).state
    account.put(105, NOW + timedelta(hours=2), status="open")
    account.put(349, NOW + timedelta(hours=3), status="open")
    clock.now = NOW + timedelta(days=1)
    server.queue.extend([None, *[faults.cut] * 5])
    pages: list[Page] = []
    with pytest.raises(SourceUnavailable):
        pages.extend(page for page in source.fetch(source.plan(state, clock.now)[0]) if pages.append(page))
    rest = read(source, source.plan(end_of(pages).state, clock.now))
    assert end_of(rest).covers == (date(2026, 6, 1), date(2026, 6, 30))


def test_the_last_minute_is_withheld_and_arrives_later(serving: Serving, account: SmallZendesk, clock: Clock) -> None:
    source = connector(serving(account))
    account.put(900, NOW - timedelta(seconds=20))
    pages = read(source, source.plan({}, NOW))
    assert "900" not in ids(pages)
    clock.now = NOW + timedelta(minutes=15)
    assert ids(read(source, source.plan(end_of(pages).state, clock.now))) == ["900"]


def test_changes_by_the_system_arrive_though_the_time_of_update_stays(
    serving: Serving, account: SmallZendesk, clock: Clock
) -> None:
    source = connector(serving(account))
    pages = read(source, source.plan({}, NOW))
    before = next(request for page in pages for request in page.requests if request.source_record_id == "120")
    clock.now = NOW + timedelta(hours=1)
    account.put(120, NOW + timedelta(minutes=30), by_system=True, custom_fields=[{"id": KIND, "value": "barking"}])
    (request,) = read(source, source.plan(end_of(pages).state, clock.now))[0].requests
    assert request.category == "barking"
    assert request.updated_at == before.updated_at


def test_deleted_tickets_are_removals_and_no_rows(serving: Serving, account: SmallZendesk, clock: Clock) -> None:
    source = connector(serving(account))
    pages = read(source, source.plan({}, NOW))
    account.delete(130, NOW + timedelta(minutes=10))
    clock.now = NOW + timedelta(hours=1)
    pages = read(source, source.plan(end_of(pages).state, clock.now))
    assert [list(page.removed) for page in pages] == [["130"]]
    assert ids(pages) == []
    account.put(130, NOW + timedelta(hours=2), status="open")
    clock.now = NOW + timedelta(hours=3)
    assert ids(read(source, source.plan(end_of(pages).state, clock.now))) == ["130"], "restored"


def test_ten_requests_a_minute_are_kept_to(
    serving: Serving, account: SmallZendesk, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.habits.exports_a_minute = 10

    def wait(seconds: float) -> None:
        clock.now += timedelta(seconds=seconds)

    monkeypatch.setattr(HttpSource, "sleep", staticmethod(wait))
    source = connector(serving(account), page_size=7)
    pages = read(source, source.plan({}, NOW))
    assert len(ids(pages)) == 250
    assert sum(page.counters.get("retries", 0) for page in pages) == 0
    hasty = connector(serving(account), page_size=7, pause_seconds=0)
    pages = read(hasty, hasty.plan({}, NOW))
    assert len(ids(pages)) == 250
    assert sum(page.counters["retries"] for page in pages) > 0, "it waited as long as it was told"


def test_a_cursor_that_is_lost_is_replaced_by_the_time(serving: Serving, account: SmallZendesk, clock: Clock) -> None:
    source = connector(serving(account))
    state = end_of(read(source, source.plan({}, NOW))).state
    account.put(900, NOW - timedelta(minutes=3))
    account.habits.cursors_lost = True
    clock.now = NOW + timedelta(hours=1)
    pages = read(source, source.plan(state, clock.now))
    assert "900" in ids(pages)
    assert len(ids(pages)) < 10, "from an hour before the last change that was read, not from the beginning"
    assert pages[0].counters["cursors_lost"] == 1


def test_a_stream_that_stands_still_is_no_end(serving: Serving, account: SmallZendesk) -> None:
    account.habits.stands_still = True
    source = connector(serving(account))
    with pytest.raises(SourceUnavailable, match="stands still"):
        read(source, source.plan({}, NOW))


@pytest.mark.parametrize("trouble", [faults.web_page, faults.empty, faults.cut, faults.too_short, faults.broken_gzip])
def test_half_an_answer_is_asked_for_again(serving: Serving, account: SmallZendesk, trouble: faults.Fault) -> None:
    server = Faulty(account)
    server.queue.extend([None, trouble, None, trouble])
    source = connector(serving(server))
    assert len(set(ids(read(source, source.plan({}, NOW))))) == 250


def test_reading_does_not_begin_within_the_last_minute(serving: Serving, account: SmallZendesk, clock: Clock) -> None:
    clock.now = datetime(2026, 6, 30, 22, 0, 30, tzinfo=UTC)  # half a minute after midnight in Berlin
    source = connector(serving(account), first_day="2026-07-01")
    assert source.plan({}, clock.now) == []
    clock.now += timedelta(minutes=6)
    assert ids(read(source, source.plan({}, clock.now))) == []


def test_a_probe_names_the_custom_fields(serving: Serving, account: SmallZendesk) -> None:
    found = connector(serving(account)).probe()
    assert found.rows == 250
    assert found.fields[f"custom_fields.{KIND}"] == "Kind of noise (tagger)"
    assert f"custom_fields.{KIND}: Kind of noise (tagger)" in found.remarks
    assert found.mapping["category"] == (f"custom_fields.{KIND}",)
    assert checking.check(connector(serving(account), first_day="2026-06-29"), NOW).wrong == []
    wrong = checking.check(connector(serving(account), fields={"category": "subjekt"}), NOW).wrong
    assert "did you mean 'subject'" in wrong[0]


def test_reconcile_counts_what_was_created(serving: Serving, account: SmallZendesk) -> None:
    account.delete(105, NOW - timedelta(hours=1))
    source = connector(serving(account))
    midnight = datetime(2026, 5, 31, 22, tzinfo=UTC)
    assert source.reconcile(Window(midnight, midnight + timedelta(days=1))).total == 5


def test_secrets_are_never_shown(serving: Serving, account: SmallZendesk) -> None:
    url = serving(account)
    with_bearer = connector(url, email="", api_token="", bearer_token="b-77aa10e2")
    assert ids(read(with_bearer, with_bearer.plan({}, NOW)))
    wrong = connector(url, api_token="wrong-hunter2")
    assert "hunter2" not in repr(wrong)
    with pytest.raises(SourceChanged, match="authenticate") as caught:
        wrong.probe()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match="api_token"):
        connector(url, api_token="")
