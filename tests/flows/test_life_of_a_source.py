"""Whatever a source does, the store tells the truth: lives of sources drawn by Hypothesis, for every kind of server.

A population lives behind a server; runs of ingest meet faults of the network, habits of servers and doings of
publishers in any order. After each run

    a day that shows zero was empty in truth, a day that became known has all that was served of it, and
    a run that went well has the newest state of everything within its reach;

and when the faults are over

    the store is what the server shows, every day is known, what was known on each past day is still told as it was,
    and no more than three times as many requests were sent as were needed.

`FOREWARN_LIVES=100 pytest tests/flows/test_life_of_a_source.py` lives so many lives of each kind.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture.providers import HypothesisProvider
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import integers, lists, sampled_from
from sqlalchemy import Connection, select

from connectors.database import Database
from connectors.http import HttpSource
from flows.ingest import ingest_source
from simulator.open311 import serve
from store.cells import read_cells
from store.counts import COVERED, daily_totals, read_coverage
from store.engine import open_store, snapshot
from store.schema import series, service_request
from store.sources import read_runs
from tests.flows.towns import installed, settings_of
from tests.servers import faults
from tests.servers.faults import Fault, Faulty
from tests.servers.population import CATEGORIES, Population, Shown
from tests.servers.served import SERVED, ZONE, Served

LIVES = int(os.environ.get("FOREWARN_LIVES", "6"))
FIRST_DAY = date(2026, 9, 20)
BEGIN = datetime(2026, 10, 26, 10, tzinfo=UTC)  # six in the morning; the clocks go back on 1 November
LIFE_DAYS = 110
MONDAY = 0
NEVER = datetime.max.replace(tzinfo=UTC)
BLIPS: Mapping[str, Fault | None] = {
    "cut": faults.cut,
    "too short": faults.too_short,
    "web page": faults.web_page,
    "empty": faults.empty,
    "broken gzip": faults.broken_gzip,
    "not gzip": faults.not_gzip,
    "429": faults.status("429 Too Many Requests", Retry_After="7"),
    "500": faults.status("500 Internal Server Error"),
    "fine": None,
}
OUTAGES: Mapping[str, Fault] = {
    "down": faults.status("503 Service Unavailable"),
    "refused": faults.status("403 Forbidden"),
    "web pages": faults.web_page,
}
NOT_ALL = ("failed", "partial")
ENCIRCLING = 120
"""Requests that it may cost to find the second over which a server stumbles: 17 times half of a day, each half tried
twice where it fails, and the seconds around it."""
SOON = sampled_from([1, 1, 2, 7, 24, 24, 24, 49])  # hours


class Life(RuleBasedStateMachine):
    """One source and its server, from the first reading on."""

    def __init__(self, kind: Callable[[], Served], folder: Path) -> None:
        super().__init__()
        self.served, self.now, self.frozen_at = kind(), BEGIN, NEVER
        self.stack, self.server = ExitStack(), Faulty(self.served.app, clock=lambda: self.now)
        self.known: dict[date, tuple[dict[tuple[int, int], int], dict[date, Any]]] = {}
        self.first_known = self.good_on = date.min
        self.ideal, self.reloaded = 0, False
        self.sound = True
        address = self.stack.enter_context(serve(self.server))
        source = {**self.served.source(address, folder), "first_day": str(FIRST_DAY), "zone": ZONE.key}
        engine = open_store(f"sqlite:///{folder / uuid4().hex}.db")
        self.stack.callback(engine.dispose)
        self.installation = installed(engine, settings_of(folder, {"town": source}))
        self.served.join(self.installation, address)

    @initialize(seed=integers(0, 99), renamed=integers(20, 60))
    def a_town(self, seed: int, renamed: int) -> None:
        day = FIRST_DAY + timedelta(days=renamed)
        self.town = Population.drawn(seed, FIRST_DAY, LIFE_DAYS, per_day=20, zone=ZONE, renamed_on=day)

    @rule(hours=SOON)
    def time_passes_and_it_is_read(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.run()

    @rule(blips=lists(sampled_from(sorted(BLIPS)), min_size=1, max_size=8), hours=SOON)
    def answers_fail(self, blips: list[str], hours: int) -> None:
        self.server.queue.extend(BLIPS[name] for name in blips)
        self.time_passes_and_it_is_read(hours)
        self.server.queue.clear()

    @rule(name=sampled_from(sorted(OUTAGES)), hours=SOON)
    def it_fails_for_a_while(self, name: str, hours: int) -> None:
        self.server.standing.append(OUTAGES[name])
        self.time_passes_and_it_is_read(hours)
        self.server.standing.clear()

    @rule(pick=integers(0, 10**6), hours=SOON)
    def one_row_makes_it_stumble(self, pick: int, hours: int) -> None:
        newest = self.shown()[-20:]
        self.server.standing.append(faults.poisoned(newest[pick % len(newest)].record_id))
        self.time_passes_and_it_is_read(hours)
        self.server.standing.clear()

    @rule(what=sampled_from(["close", "reopen", "recategorise", "delete"]), pick=integers(0, 10**6), hours=SOON)
    def somebody_works(self, what: str, pick: int, hours: int) -> None:
        getattr(self.town, what)(self.now, pick)
        self.time_passes_and_it_is_read(hours)

    @rule(pick=integers(0, 10**6), days=integers(1, 20), hours=SOON)
    def a_request_is_away_for_some_days(self, pick: int, days: int, hours: int) -> None:
        self.town.hide(self.now, pick, self.now + timedelta(days=days))
        self.time_passes_and_it_is_read(hours)

    @rule(category=sampled_from(CATEGORIES[1:]), hours=SOON)
    def a_category_is_renamed(self, category: str, hours: int) -> None:
        self.town.rename(self.now, category, f"{category}, renamed")
        self.time_passes_and_it_is_read(hours)

    @precondition(lambda self: not self.reloaded)
    @rule(hours=SOON)
    def everything_is_put_in_anew(self, hours: int) -> None:
        self.reloaded = True
        self.served.reload(self.shown(), self.now)
        self.time_passes_and_it_is_read(hours)

    @precondition(lambda self: self.frozen_at > self.now)
    @rule(hours=SOON)
    def it_freezes(self, hours: int) -> None:
        self.served.show(self.shown(), self.now)
        self.frozen_at = self.now
        self.time_passes_and_it_is_read(hours)

    @precondition(lambda self: self.frozen_at <= self.now)
    @rule(hours=SOON)
    def it_thaws(self, hours: int) -> None:
        self.frozen_at = NEVER
        self.time_passes_and_it_is_read(hours)

    @rule(number=integers(0, 9), hours=SOON)
    def it_takes_on_a_habit(self, number: int, hours: int) -> None:
        self.served.switch(self.served.troubles[number % len(self.served.troubles)], on=True)
        self.time_passes_and_it_is_read(hours)

    @rule(hours=SOON)
    def it_drops_its_habits(self, hours: int) -> None:
        for trouble in self.served.troubles:
            self.served.switch(trouble, on=False)
        self.time_passes_and_it_is_read(hours)

    def teardown(self) -> None:
        try:
            if self.sound and hasattr(self, "town"):
                self.recover()
        finally:
            self.stack.close()

    def shown(self) -> list[Shown]:
        return self.town.at(min(self.now, self.frozen_at))

    def run(self) -> None:
        self.sound = False  # until all checks have passed: nothing is gained by a recovery after a failure
        asked, met = len(self.server.asked), self.server.met
        if self.frozen_at > self.now:
            self.served.show(self.shown(), self.now)
        with snapshot(self.installation.engine) as conn:
            covered_before = covered(conn)
        ingest_source(self.installation, "town", self.now)
        with snapshot(self.installation.engine) as conn:
            (last_run,) = read_runs(conn, "town", 1)
            self.check_zeros(conn)
            self.check_new_days(conn, covered(conn) - covered_before)
            if last_run.outcome not in NOT_ALL and not self.served.is_behind:
                self.check_reach(conn)
            elif last_run.outcome == "partial" and self.served.reaches_once:
                self.good_on = self.day_read_into()
            self.known[self.today()] = known(conn)
        count = Counter(last_run.counters)
        rows = count["new"] + count["changed"] + count["unchanged"] + count["stale"] + count["control_actual"]
        needed = self.served.fixed_requests + -(-rows // self.served.page_rows) + self.server.met - met
        sent = len(self.server.asked) - asked
        if last_run.outcome == "partial":
            assert sent <= 3 * needed + ENCIRCLING
        self.ideal += needed if last_run.outcome not in NOT_ALL else sent
        self.sound = True

    def today(self) -> date:
        return self.now.astimezone(ZONE).date()

    def day_read_into(self) -> date:
        return (self.now - self.served.lag).astimezone(ZONE).date()

    def check_zeros(self, conn: Connection) -> None:
        asked_on = Counter(day_of(row) for row in self.town.at(self.now))
        dates, totals = daily_totals(conn, "town", FIRST_DAY, self.today())
        empty = {day for day, total in zip(dates.astype(object).tolist(), totals, strict=True) if total == 0}
        assert not [day for day in covered(conn) & empty if asked_on[day]], "a zero was shown that was not observed"

    def check_new_days(self, conn: Connection, days: set[date]) -> None:
        served = {row.record_id for row in self.shown() if day_of(row) in days}
        assert served <= stored(conn, self.served.told).keys(), "a day counts as known, and rows of it are missing"

    def check_reach(self, conn: Connection) -> None:
        """The first good run of a day has everything that is within reach, and each of them if all is."""
        if self.first_known == date.min:
            self.first_known = self.today()
        reach = self.served.reach_days
        if reach is not None and self.good_on == self.day_read_into():
            return
        self.good_on = self.day_read_into()
        since = FIRST_DAY if reach is None else self.today() - timedelta(days=reach)
        self.assert_same(conn, since)

    def assert_same(self, conn: Connection, since: date) -> None:
        held = stored(conn, self.served.told)
        wanted = {row.record_id: told(row, self.served.told) for row in self.shown() if day_of(row) >= since}
        assert {key: held.get(key) for key in wanted} == wanted
        assert held.keys() <= self.town.ever(self.now), "requests were made up"

    def recover(self) -> None:
        """All is well again, and weeks pass in which the store is compared with the source."""
        self.frozen_at = NEVER
        self.it_drops_its_habits(1)
        self.now = datetime.combine(self.now.date() + timedelta(days=1), BEGIN.timetz())
        if self.now.weekday() == MONDAY:  # nobody asks on Sundays, and some sources show that one is over by newer rows
            self.now += timedelta(days=1)
        for days in (0, 7, 7):
            self.now += timedelta(days=days)
            self.run()
        yesterday = self.today() - timedelta(days=1)
        with snapshot(self.installation.engine) as conn:
            n_days = (yesterday - FIRST_DAY).days + 1
            assert covered(conn) == {FIRST_DAY + timedelta(days=n) for n in range(n_days)}
            self.assert_same(conn, FIRST_DAY)
            before = self.now - timedelta(days=15)
            back = {row.record_id for when in (before, self.now) for row in self.town.at(when)}
            gone = self.town.ever(before) - back
            assert not gone & stored(conn, self.served.told).keys(), "what was deleted is still counted"
            for day, was_known in self.known.items():
                if day >= self.first_known:
                    assert known(conn, as_of=day) == was_known, f"what was known on {day} is told otherwise now"
        assert len(self.server.asked) <= 3 * self.ideal


def day_of(row: Shown) -> date:
    return row.requested_at.astimezone(ZONE).date()


def covered(conn: Connection) -> set[date]:
    return {day for day, what in read_coverage(conn, "town", date.min, date.max).items() if what in COVERED}


def known(conn: Connection, as_of: date | None = None) -> tuple[dict[tuple[int, int], int], dict[date, Any]]:
    """Requests of each series and day, and what is known of each day."""
    cells = read_cells(conn, "town", FIRST_DAY, date(2028, 1, 1), as_of=as_of, public_delay_days=0, where={})
    pairs = zip(cells.series_id.tolist(), cells.day.tolist(), strict=True)
    return dict(zip(pairs, cells.opened.tolist(), strict=True)), read_coverage(
        conn, "town", date.min, date.max, as_of=as_of
    )


def stored(conn: Connection, fields: Any) -> dict[str, tuple[Any, ...]]:
    columns = [series.c[name] if name in series.c else service_request.c[name] for name in fields]
    statement = select(service_request.c.source_record_id, *columns).join(
        series, series.c.id == service_request.c.series_id
    )
    statement = statement.where(service_request.c.deleted_at.is_(None))
    return {record_id: tuple(rest) for record_id, *rest in conn.execute(statement)}


def told(row: Shown, fields: Any) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in fields)


@pytest.fixture(autouse=True)
def never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))


@pytest.fixture(autouse=True)
def no_database_has_a_clock_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Database, "now", lambda *_: NEVER)


@pytest.fixture(autouse=True)
def draws_the_same_in_every_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Constants of whichever modules are loaded would be mixed in, and so earlier tests would change the lives."""
    monkeypatch.setattr(HypothesisProvider, "_maybe_draw_constant", lambda *_, **__: None)


@pytest.mark.parametrize("kind", SERVED)
def test_the_store_tells_the_truth(kind: str, tmp_path: Path) -> None:
    run_state_machine_as_test(
        lambda: Life(SERVED[kind], tmp_path),
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=12,
            phases=[Phase.generate],  # a failing life is short enough to be read, and shrinking it would take minutes
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
